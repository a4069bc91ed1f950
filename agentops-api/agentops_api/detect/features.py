"""What is measured of one claim. Each number is larger the less the evidence supports the claim.

A claim's weight is that of its distinct words. A word counts as covered by what it stems from; a longer word also, in
part, by another that begins the same (`Canada`, `Canadian`).
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import groupby, pairwise

from .conflicts import Conflicts, conflicts
from .evidence import Evidence, Window
from .text import Sentence, Token

_COUNT_MAX = 3
"""More missing numbers than that make a claim no worse."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One claim, measured."""

    grounding: dict[str, float]
    """How much of it is in the documents, in nine ways."""
    conflict: dict[str, float]
    """How often it says something else than they do, by kind."""
    conflicts: Conflicts
    window: Window | None
    weight: float
    uncovered: tuple[str, ...]
    """Its words that no document has, as it writes them."""

    @property
    def overlap(self) -> float:
        """Which share of its weight stands in its window."""
        return 1 - self.grounding["window"]


def measure(claim: Sentence, evidence: Evidence, prompt: AbstractSet[str]) -> Measured | None:
    """The claim's measures; None if no word of it says anything. `prompt`: the stems of the prompt, which a claim may
    repeat without having them from a document."""
    weights = {token.stem: token.weight for token in claim.tokens if token.weight}
    weight = sum(weights.values())
    if not weight:
        return None
    window = evidence.best_window(weights)
    missing = {stem: by * (1 - evidence.coverage(stem)) for stem, by in weights.items()}
    uncovered = sum(missing.values())
    news = sum(by for stem, by in missing.items() if stem not in prompt)
    seen = sum(by for stem, by in weights.items() if window and stem in window.stems)
    found = conflicts(claim, window, evidence)
    return Measured(
        grounding={
            "uncovered": uncovered / weight,
            "uncovered_weight": uncovered,
            "new": news / weight,
            "new_weight": news,
            "window": 1 - seen / weight,
            **_wording(claim, evidence, otherwise=uncovered / weight),
        },
        conflict=_counts(found),
        conflicts=found,
        window=window,
        weight=weight,
        uncovered=tuple({token.stem: token.text for token in claim.tokens if missing.get(token.stem)}.values()),
    )


def _wording(claim: Sentence, evidence: Evidence, *, otherwise: float) -> dict[str, float]:
    """How little of the claim's wording is copied. A "not" that is worded as elsewhere makes no claim better."""
    whole = _sequences(claim.tokens, evidence, otherwise)
    positive = [token for token in claim.tokens if token.text.lower() != "not"]
    if len(positive) in (0, len(claim.tokens)):
        return whole
    without = _sequences(positive, evidence, otherwise)
    return {name: max(value, without[name]) for name, value in whole.items()}


def _sequences(tokens: Sequence[Token], evidence: Evidence, otherwise: float) -> dict[str, float]:
    """`otherwise` stands where there are too few tokens to tell."""
    stems = [token.stem for token in tokens]
    content = [token.stem for token in tokens if token.weight]
    known = [pair in evidence.bigrams for pair in pairwise(stems)]
    triples = [triple in evidence.trigrams for triple in zip(stems, stems[1:], stems[2:], strict=False)]
    content_known = [pair in evidence.content_bigrams for pair in pairwise(content)]
    run = max((sum(1 for _ in same) for is_known, same in groupby(known) if is_known), default=0)
    bigrams = _share_false(known, otherwise)
    return {
        "bigrams": bigrams,
        "trigrams": _share_false(triples, bigrams),
        "content_bigrams": _share_false(content_known, otherwise),
        "copied_run": 1 - run / len(known) if known else otherwise,
    }


def _share_false(facts: list[bool], otherwise: float) -> float:
    return 1 - sum(facts) / len(facts) if facts else otherwise


def _counts(found: Conflicts) -> dict[str, float]:
    counts = {
        "missing_numbers": len(found.missing_numbers),
        "misplaced_numbers": len(found.misplaced_numbers),
        "missing_names": len(found.missing_names),
        "misplaced_names": len(found.misplaced_names),
        "opposites": len(found.opposites),
        "negated": int(found.negated),
    }
    return {kind: float(min(count, _COUNT_MAX)) for kind, count in counts.items()}
