"""What a sentence of the documents denies outright: `The drug is not safe`, `no evidence of poison was found`.

Narrow on purpose, for it is held against whatever says the same without the negation. A question, a condition, a limit,
a part of the whole, advice and a contrast deny nothing: `if it is not safe`, `not before 1965`, `not always safe`, `do
not open it`, `red and not blue`.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from .lexicon import words
from .negations import scope
from .text import Sentence, Token

_CONDITIONS = words("if whether unless")
_LIMITS = words("until till before except than without unless")
_CLAUSES = words("""
that which who whom whose where when while because since but although though if so and or nor
i you he she it we they there this these those
""")
"""Where they begin, what a negation bears on ends."""
_PARTLY = words("""
only just merely simply solely necessarily always all every both entirely fully completely quite exactly even more less
fewer later yet really too very primarily mainly mostly
""")
_SUBJECTS = words("i he she it we they this that these those there")
_ABSOLUTE = words("no none nobody nothing")
"""These deny where a sentence begins. Other negations are advice, where there is no subject before them."""
_DENIED_WORDS_MAX = 3
_SUBJECT_WORDS = 2


class Denial(NamedTuple):
    """A word that a sentence has and nowhere asserts."""

    stem: str
    shared: frozenset[str]
    """Stems that a claim must have to speak of the same: all that is denied, and the subject of one word."""
    scope: frozenset[str]
    """Stems that the negation stands before."""
    quote: str
    """The negation and the word, as they are written."""


def denials(sentence: Sentence, text: str) -> tuple[Denial, ...]:
    """What that sentence of the text denies. A word that is negated twice is not denied."""
    tokens = sentence.tokens
    if True not in [token.negates for token in tokens] or "?" in text[sentence.end - 2 : sentence.end]:
        return ()
    found: list[Denial] = []
    denied_at: set[int] = set()
    for at, token in enumerate(tokens):
        if not token.negates or token.weight or not _is_outright(tokens, at):
            continue
        places = list(islice(_denied(tokens, at), _DENIED_WORDS_MAX))
        # "No, Acme has 40 of them."
        if not places or (token.stem == "no" and (tokens[places[0]].is_name or tokens[places[0]].is_number)):
            continue
        denied_at ^= {places[0]}
        quote = " ".join(each.text for each in tokens[at : places[0] + 1])
        word, bears_on = tokens[places[0]], frozenset(scope(tokens[at + 1 :]))
        found.append(Denial(word.stem, _shared(tokens, at, places), bears_on, quote))
    asserted = {token.stem for at, token in enumerate(tokens) if at not in denied_at}
    return tuple([each for each in found if each.stem not in asserted])


def _is_outright(tokens: Sequence[Token], at: int) -> bool:
    """Whether the negation there says that something is not so."""
    before, after = [token.stem for token in tokens[:at]], [token.stem for token in tokens[at + 1 :]]
    is_advice = (
        tokens[at].stem not in _ABSOLUTE
        and _SUBJECTS.isdisjoint(before)
        and not any(token.weight for token in tokens[:at])
    )
    is_contrast = tokens[at].stem == "without" or before[-1:] in (["or"], ["and"])
    is_limited = not (_CONDITIONS.isdisjoint(before) and _LIMITS.isdisjoint(after))
    is_partly = not _PARTLY.isdisjoint(after[:1]) or after[:2] == ["have", "to"] or after[:1] == ["help"]
    return not (is_advice or is_contrast or is_limited or is_partly)


def _denied(tokens: Sequence[Token], at: int) -> Iterator[int]:
    """Where the words stand that the negation there bears on."""
    is_over = tokens[at + 1 : at + 2] and tokens[at + 1].stem == "longer"
    for place in range(at + (2 if is_over else 1), len(tokens)):
        token = tokens[place]
        if token.stem in _CLAUSES or (token.negates and place > at + 1):
            return
        if token.weight and not token.negates:
            yield place


def _shared(tokens: Sequence[Token], at: int, places: Sequence[int]) -> frozenset[str]:
    denied = frozenset([tokens[place].stem for place in places])
    subject = [token.stem for token in tokens[:at] if token.weight and not token.negates]
    return denied if len(denied) > 1 else denied.union(subject[-_SUBJECT_WORDS:])
