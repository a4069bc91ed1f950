"""What is measured of one claim. Each number is larger the less the evidence supports the claim.

A claim's weight is that of its distinct words. A word counts as covered by what it stems from; a longer word also, in
part, by another that begins the same (`Canada`, `Canadian`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

from . import joins
from .conflicts import Conflicts, Suspect
from .evidence import Evidence, Window
from .lexicon import ABOUT
from .negations import without_negations
from .text import Sentence, Token, stem
from .wordings import Wordings

_JOINED_UNCOVERED_MAX = 0.25
"""A claim of which more is nowhere is not one that joins what the documents say."""
_ABOUT = frozenset(stem(word) for word in ABOUT)


class Prompt:
    """What was asked, read once."""

    def __init__(self, asked: Iterable[Sentence], sought: Wordings) -> None:
        """`sought`: of the claims that are measured."""
        self.wordings = Wordings(sought)
        for sentence in asked:
            self.wordings.add(sentence)
        self.stems = self.wordings.stems


def sought(claims: Iterable[Sentence]) -> Wordings:
    """What is looked up in documents and prompt to measure how these claims are worded."""
    found = Wordings()
    for claim in claims:
        found.add(claim)
        for tokens in without_negations(claim.tokens):
            stems = tuple([token.stem for token in tokens])
            found.add(claim._replace(stems=stems, content=tuple([token.stem for token in tokens if token.weight])))
    return found


@dataclass(frozen=True, slots=True)
class Measured:
    """One claim, measured."""

    grounding: dict[str, float]
    """How little of it is in the documents, in six ways."""
    conflict: float
    """How much speaks against it, in its words and in its window."""
    conflicts: Conflicts
    window: Window | None
    weight: float
    uncovered: tuple[str, ...]
    """Its words that no document has, as it writes them."""

    overlap: float
    """Which share of its weight stands in its window."""


def measure(claim: Sentence, text: str, evidence: Evidence, prompt: Prompt) -> Measured | None:
    """The measures of a claim of that text; None if no word of it says anything, but for what it says of itself. It
    may repeat the prompt without having that from a document."""
    suspect = Suspect(claim, text, evidence, prompt.stems)
    weights, weight = suspect.weights, suspect.weight
    if _ABOUT.issuperset(weights):
        return None
    missing = {stem: by * (1 - evidence.coverage(stem)) for stem, by in weights.items() if stem not in prompt.stems}
    uncovered = sum(missing.values())
    window, spoken = suspect.rest()
    conflicts = suspect.conflicts(window)
    if spoken > joins.COST and uncovered <= _JOINED_UNCOVERED_MAX * weight:
        joined = joins.joined(claim, text, evidence, prompt.stems, below=spoken)
        if joined:
            spoken = joined.cost
            conflicts = replace(
                joined.conflicts, missing_numbers=conflicts.missing_numbers, missing_names=conflicts.missing_names
            )
    return Measured(
        grounding={
            "uncovered": uncovered / weight,
            "uncovered_weight": uncovered,
            **_wording(claim, evidence.wordings, prompt.wordings, otherwise=uncovered / weight),
        },
        conflict=suspect.missing + spoken,
        conflicts=conflicts,
        window=window,
        weight=weight,
        overlap=suspect.shared(window) / weight,
        uncovered=tuple({token.stem: token.text for token in claim.tokens if missing.get(token.stem)}.values()),
    )


def _wording(claim: Sentence, documents: Wordings, prompt: Wordings, otherwise: float) -> dict[str, float]:
    """How little of the claim's wording is copied. A negation that is worded as elsewhere makes no claim better, unless
    all of the claim is."""
    whole = _sequences(claim.tokens, documents, prompt, otherwise)
    is_copied = whole["copied_run"] == 0
    if is_copied or True not in [token.negates for token in claim.tokens]:
        return whole
    others = [_sequences(tokens, documents, prompt, otherwise) for tokens in without_negations(claim.tokens)]
    return {name: max([value, *[other[name] for other in others]]) for name, value in whole.items()}


def _sequences(tokens: Sequence[Token], documents: Wordings, prompt: Wordings, otherwise: float) -> dict[str, float]:
    """`otherwise` stands where there are too few tokens to tell."""
    stems = [token.stem for token in tokens]
    content = [token.stem for token in tokens if token.weight]
    pairs = [pair in documents.bigrams or pair in prompt.bigrams for pair in pairwise(stems)]
    triples = [
        triple in documents.trigrams or triple in prompt.trigrams
        for triple in zip(stems, stems[1:], stems[2:], strict=False)
    ]
    content_pairs = [pair in documents.content_bigrams or pair in prompt.content_bigrams for pair in pairwise(content)]
    run = max((sum(1 for _ in same) for is_known, same in groupby(pairs) if is_known), default=0)
    bigrams = _share_false(pairs, otherwise)
    return {
        "bigrams": bigrams,
        "trigrams": _share_false(triples, bigrams),
        "content_bigrams": _share_false(content_pairs, otherwise),
        "copied_run": 1 - run / len(pairs) if pairs else otherwise,
    }


def _share_false(facts: list[bool], otherwise: float) -> float:
    return 1 - sum(facts) / len(facts) if facts else otherwise
