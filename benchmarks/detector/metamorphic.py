"""What must hold of any detector, whatever it thinks of an answer: changes, and where the probability may go.

Harmless changes must not move the verdict; changes that make a supported answer wrong must not lower the probability,
and should raise it. Begins at answers that people called supported.
"""

import random
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

from agentops.detect import Detection, LocalDetector

from benchmarks.detector.results import Held, Kind
from benchmarks.detector.sets import Row

Change = Callable[[Row, Detection, random.Random], Row | None]
"""The row, changed; None if it has nothing to change."""

_NUMBER = re.compile(r"(?<![\w.,])\d{1,6}(?![\w.,]*\w)")
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]{3,}\b")
_VERB = re.compile(r"\b(?:is|are|was|were|has|have|will|can)\b")
_NAMES = ("Kowalski", "Tanzania", "Pemberton", "Osaka", "Lindqvist", "Honduras", "Brennan", "Zagreb")
_LONGER_NAMES = ("New South Wales", "Procter and Gamble", "van Rijn", "eBay", "St. Louis", "Republic of the Congo")
_SIDES = (
    *(("increased", "decreased"), ("increase", "decrease"), ("higher", "lower"), ("first", "last"), ("large", "small")),
    *(("before", "after"), ("more", "less"), ("all", "none"), ("high", "low"), ("new", "old"), ("north", "south")),
    *(("good", "bad"), ("won", "lost"), ("best", "worst"), ("early", "late"), ("most", "least"), ("never", "always")),
)
_OPPOSITE = {word: other for pair in _SIDES for word, other in (pair, pair[::-1])}
_UNRELATED = " ".join(
    f"Boat {each} of Lisbon left harbour {each} with {each} tons of salted fish aboard." for each in range(12)
)
"""168 words: as many as long evidence has."""
_END = re.compile(r"[.!?](?=\s)")
_ROOM = 1e-9


def hold(name: str, rows: list[Row], *, seed: int, cases_max: int = 150) -> list[Held]:
    """Each change, on that many supported answers of a set."""
    detector = LocalDetector()
    drawn = random.Random(seed)
    supported = [row for row in rows if not row.label]
    before = [
        (row, found)
        for row in drawn.sample(supported, min(len(supported), cases_max))
        if (found := detector.detect(row.prompt, row.response, row.retrieved_docs)).probability is not None
    ]
    return [_held(detector, what, change, name, before, seed) for what, change in CHANGES.items()]


def _held(
    detector: LocalDetector,
    what: tuple[str, Kind],
    change: Change,
    name: str,
    before: list[tuple[Row, Detection]],
    seed: int,
) -> Held:
    drawn = random.Random(seed)
    cases = violations = raised = 0
    for row, was in before:
        changed = change(row, was, drawn)
        if changed is None:
            continue
        now = detector.detect(changed.prompt, changed.response, changed.retrieved_docs)
        if was.probability is None or now.probability is None:
            continue
        cases += 1
        rise = now.probability - was.probability
        raised += rise > _ROOM
        violations += {
            "same verdict": now.hallucinated != was.hallucinated,
            "not higher": rise > _ROOM,
            "not lower": rise < -_ROOM,
        }[what[1]]
    return Held(what[0], what[1], name, cases, violations, raised)


def _repeated(row: Row, _was: Detection, _drawn: random.Random) -> Row:
    return replace(row, retrieved_docs=[*row.retrieved_docs, *row.retrieved_docs])


def _reordered(row: Row, _was: Detection, _drawn: random.Random) -> Row | None:
    return replace(row, retrieved_docs=row.retrieved_docs[::-1]) if len(row.retrieved_docs) > 1 else None


def _respaced(row: Row, _was: Detection, _drawn: random.Random) -> Row:
    """An empty line stays one: it ends a sentence."""
    response = re.sub(r"\s+", lambda found: _space(found[0], "\n  "), row.response)
    documents = [re.sub(r"\s+", lambda found: _space(found[0], " \n"), doc) for doc in row.retrieved_docs]
    return replace(row, response=response, retrieved_docs=documents)


def _space(was: str, other: str) -> str:
    return "\n \n\t" if was.count("\n") > 1 else other


def _diluted(row: Row, _was: Detection, _drawn: random.Random) -> Row:
    """With a document that has nothing to do with it."""
    return replace(row, retrieved_docs=[*row.retrieved_docs, _UNRELATED])


def _padded(row: Row, _was: Detection, drawn: random.Random) -> Row | None:
    """Behind a whole sentence: what follows half a sentence belongs to it."""
    document = drawn.choice(row.retrieved_docs)
    found = [each for each in re.findall(r"(?<=[.!?] )[A-Z][^.!?]{30,200}[.](?= )", document) if '"' not in each]
    if not found or not re.search(r"[.!?]$", row.response.rstrip()):
        return None
    return replace(row, response=f"{row.response.rstrip()} {drawn.choice(found)}")


def _bereft(row: Row, was: Detection, drawn: random.Random) -> Row | None:
    """Without a document that a claim rests on."""
    used = sorted({claim.evidence.document for claim in was.claims if claim.evidence})
    if not used or len(row.retrieved_docs) < 2:
        return None
    gone = drawn.choice(used)
    return replace(row, retrieved_docs=[doc for at, doc in enumerate(row.retrieved_docs) if at != gone])


def _halved(row: Row, _was: Detection, _drawn: random.Random) -> Row | None:
    """Without the second half of each document, from a sentence's end on."""
    kept = [doc[: end.end()] for doc in row.retrieved_docs if (end := _END.search(doc, len(doc) // 2))]
    return replace(row, retrieved_docs=kept) if kept else None


def _renumbered(row: Row, _was: Detection, drawn: random.Random) -> Row | None:
    """With a number that the documents have exchanged for one near it that they have not."""
    text = " ".join(row.retrieved_docs)
    found = [each for each in _NUMBER.finditer(row.response) if re.search(rf"\b{each.group()}\b", text)]
    if not found:
        return None
    spot = drawn.choice(found)
    near = (int(spot.group()) + step for step in range(1, 100))
    other = next((str(each) for each in near if not re.search(rf"\b{each}\b", text)), None)
    return replace(row, response=_put(row.response, spot, other)) if other else None


def _reshaped(row: Row, _was: Detection, drawn: random.Random) -> Row | None:
    """With a number that the documents have exchanged for a new one in another form."""
    text = " ".join(row.retrieved_docs)
    found = [each for each in _NUMBER.finditer(row.response) if re.search(rf"\b{each.group()}\b", text)]
    made = (f"{drawn.uniform(1, 99):.1f}", f"{drawn.randrange(1_000, 99_999):,}", f"{drawn.randrange(2, 99)} million")
    others = [each for each in (*made, "fourteen", "twenty-three") if each not in text]
    return replace(row, response=_put(row.response, drawn.choice(found), drawn.choice(others))) if found else None


def _misnumbered(row: Row, _was: Detection, drawn: random.Random) -> Row | None:
    """With a number exchanged for another one of the documents."""
    text = " ".join(row.retrieved_docs)
    found = [each for each in _NUMBER.finditer(row.response) if re.search(rf"\b{each.group()}\b", text)]
    others = sorted(set(_NUMBER.findall(text)) - set(_NUMBER.findall(row.response)))
    return (
        replace(row, response=_put(row.response, drawn.choice(found), drawn.choice(others)))
        if found and others
        else None
    )


def _renamed(row: Row, _was: Detection, drawn: random.Random) -> Row | None:
    text = " ".join(row.retrieved_docs)
    found = [each for each in _NAME.finditer(row.response) if each.group() in text]
    return replace(row, response=_put(row.response, drawn.choice(found), drawn.choice(_NAMES))) if found else None


def _renamed_longer(row: Row, _was: Detection, drawn: random.Random) -> Row | None:
    """The new name has several words, or begins with a small letter."""
    text = " ".join(row.retrieved_docs)
    found = [each for each in _NAME.finditer(row.response) if each.group() in text]
    others = [each for each in _LONGER_NAMES if each not in text]
    return replace(row, response=_put(row.response, drawn.choice(found), drawn.choice(others))) if found else None


def _misnamed(row: Row, _was: Detection, drawn: random.Random) -> Row | None:
    text = " ".join(row.retrieved_docs)
    found = [each for each in _NAME.finditer(row.response) if each.group() in text]
    others = sorted(set(_NAME.findall(text)) - set(re.findall(r"\w+", row.response)))
    return (
        replace(row, response=_put(row.response, drawn.choice(found), drawn.choice(others)))
        if found and others
        else None
    )


def _exchanged(row: Row, _was: Detection, drawn: random.Random) -> Row | None:
    """With two names of one sentence in each other's place."""
    pairs = [
        (one, other)
        for one, other in pairwise(_NAME.finditer(row.response))
        if one.group() != other.group() and not re.search(r"[.!?]", row.response[one.end() : other.start()])
    ]
    if not pairs:
        return None
    one, other = drawn.choice(pairs)
    return replace(row, response=_put(_put(row.response, other, one.group()), one, other.group()))


def _negated(word: str) -> Change:
    def change(row: Row, _was: Detection, drawn: random.Random) -> Row | None:
        found = list(_VERB.finditer(row.response))
        if not found:
            return None
        spot = drawn.choice(found)
        return replace(row, response=_put(row.response, spot, f"{spot.group()} {word}"))

    return change


def _contracted(row: Row, _was: Detection, drawn: random.Random) -> Row | None:
    found = list(_VERB.finditer(row.response))
    if not found:
        return None
    spot = drawn.choice(found)
    verb = {"will": "wo", "can": "ca"}.get(spot.group(), spot.group())
    return replace(row, response=_put(row.response, spot, f"{verb}n't"))


def _opposed(row: Row, _was: Detection, drawn: random.Random) -> Row | None:
    text = " ".join(row.retrieved_docs)
    found = [
        each for each in re.finditer(r"\b[a-z]+\b", row.response) if each.group() in _OPPOSITE and each.group() in text
    ]
    if not found:
        return None
    spot = drawn.choice(found)
    return replace(row, response=_put(row.response, spot, _OPPOSITE[spot.group()]))


def _put(text: str, spot: re.Match[str], other: str) -> str:
    return text[: spot.start()] + other + text[spot.end() :]


CHANGES: dict[tuple[str, Kind], Change] = {
    ("documents repeated", "not higher"): _repeated,
    ("documents in another order", "same verdict"): _reordered,
    ("other white space, empty lines apart", "same verdict"): _respaced,
    ("an unrelated document added", "same verdict"): _diluted,
    ("padded with a sentence of the documents", "same verdict"): _padded,
    ("without a supporting document", "not lower"): _bereft,
    ("without half of each document", "not lower"): _halved,
    ("a number exchanged for a new one", "not lower"): _renumbered,
    ("a number exchanged for a new one in another form", "not lower"): _reshaped,
    ("a number exchanged for another of the documents", "not lower"): _misnumbered,
    ("a name exchanged for a new one", "not lower"): _renamed,
    ("a name exchanged for a new one of several words", "not lower"): _renamed_longer,
    ("a name exchanged for another of the documents", "not lower"): _misnamed,
    ("two names in each other's place", "not lower"): _exchanged,
    ('"not" inserted', "not lower"): _negated("not"),
    ('"never" inserted', "not lower"): _negated("never"),
    ('"is", "can", ... made "isn\'t", "can\'t", ...', "not lower"): _contracted,
    ("a word exchanged for its opposite", "not lower"): _opposed,
}
