"""Where a claim says something else than the window of evidence that it stands closest to."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from .aliases import written
from .contraries import Contraries
from .evidence import Evidence, Window
from .negations import negations
from .opposites import opposites
from .said import NOTHING, Said
from .text import Sentence

_COUNT_MAX = 3
"""More missing numbers than that make a claim no worse."""
APART = 1.0
"""What it costs to share no weight with the window. As much as the dearest conflict: else a window that speaks of
something else would be a way out of it."""
WEIGHTS = {
    "missing_numbers": 0.5,
    "misplaced_numbers": 0.25,
    "missing_names": 0.4,
    "misplaced_names": 0.1,
    "opposites": 0.25,
    "negated": 1.0,
    "contraries": 1.0,
}


@dataclass(frozen=True, slots=True)
class Conflicts:
    """What speaks against a claim. Words are as the claim writes them."""

    missing_numbers: tuple[str, ...]
    """In no document."""
    misplaced_numbers: tuple[str, ...]
    """In the documents, but not in the window."""
    missing_names: tuple[str, ...]
    misplaced_names: tuple[str, ...]
    opposites: tuple[tuple[str, str], ...]
    """A word of the claim, and its opposite, which stands in the window instead of it; both as they are written."""
    negated: bool
    """The claim negates what the window does not."""
    negated_word: str | None
    """A word that both have, and that only the claim negates."""
    denied: tuple[str, ...]
    """Words of the claim with the negations that the window has before them, as it writes them."""
    contraries: tuple[tuple[str, str], ...]
    """A word of the claim and the opposite in its place in the window; or a number that both have, with other units."""
    other_numbers: bool
    """The window has numbers that the claim has not."""


class Suspect:
    """A claim, read for what may speak against it."""

    def __init__(
        self, claim: Sentence, text: str, evidence: Evidence, prompt: AbstractSet[str], *, whole: float | None = None
    ) -> None:
        """`claim` is a sentence of that text; `whole`: the weight of the claim that it is a part of."""
        self.weights = {token.stem: token.weight for token in claim.tokens if token.weight}
        self.weight = sum(self.weights.values())
        self._whole = whole or self.weight
        distinct = {token.stem: token for token in claim.tokens if token.weight}
        self._numbers = [token for token in distinct.values() if token.is_number]
        self._names = [token for token in distinct.values() if token.is_name]
        self._number_stems = frozenset([token.stem for token in self._numbers])
        self._name_stems = frozenset([token.stem for token in self._names])
        own = frozenset(claim.stems)
        self._opposed = [
            (token, others) for token in distinct.values() if (others := (opposites(token.stem) & evidence.stems) - own)
        ]
        self._negations = negations(claim.tokens)
        self._contraries = Contraries(claim, text, evidence.stems, evidence.wordings.content_bigrams)
        self._distinct = distinct
        # What the prompt says already is not the answer's invention.
        self._missing_numbers = [t for t in self._numbers if t.stem not in evidence and t.stem not in prompt]
        self._missing_names = [t for t in self._names if not evidence.coverage(t.stem) and t.stem not in prompt]
        self._evidence = evidence
        self.missing = _cost("missing_numbers", len(self._missing_numbers)) + _cost(
            "missing_names", len(self._missing_names)
        )

    def rest(self) -> tuple[Window | None, float]:
        """The window that it rests on, and what speaks against it there; at most what it costs to rest on none."""
        alone = APART * self.weight / self._whole + _cost("misplaced_numbers", len(self._numbers))
        alone += _cost("misplaced_names", len(self._names))
        window = self._evidence.closest(self.weights, self.price)
        if window is None:
            return None, alone
        return window, min(alone, self.price(window.said, self.shared(window)))

    def shared(self, window: Window | None) -> float:
        """How much of its weight stands in the window."""
        return sum([by for stem, by in self.weights.items() if stem in window.said.stems]) if window else 0.0

    def price(self, said: Said, shared: float) -> float:
        """What speaks against it in a window, whose words it shares by that weight."""
        cost = APART * (self.weight - shared) / self._whole
        stems = said.stems
        if not stems:
            return cost
        # One kind after the other: this is done for each window.
        if self._numbers:
            cost += _cost("misplaced_numbers", len(self._number_stems - stems))
        if self._names:
            cost += _cost("misplaced_names", len(self._name_stems - stems))
        if self._opposed:
            found = [token.stem not in stems and not others & stems <= said.negated for token, others in self._opposed]
            cost += _cost("opposites", sum(found))
        if self._negations and self._unanswered(stems, said.negated):
            cost += _cost("negated", 1)
        cost += _cost("contraries", self._contraries.count(said))
        return cost

    def _unanswered(self, stems: AbstractSet[str], negated: AbstractSet[str]) -> list[frozenset[str]]:
        """Its negations of what the window says without one."""
        return [
            each for each in self._negations if not negated or ((shared := each & stems) and shared.isdisjoint(negated))
        ]

    def conflicts(self, window: Window | None) -> Conflicts:
        """What there is to tell of them, given its window."""
        said = window.said if window else NOTHING
        stems = said.stems
        unanswered = self._unanswered(stems, said.negated)
        tokens = [token for sentence in window.sentences for token in sentence.tokens] if window else []
        evidence = self._evidence
        return Conflicts(
            missing_numbers=tuple(token.text for token in self._missing_numbers),
            misplaced_numbers=tuple(
                token.text for token in self._numbers if token.stem in evidence and token.stem not in stems
            ),
            missing_names=tuple(token.text for token in self._missing_names),
            misplaced_names=tuple(
                token.text for token in self._names if token.stem in evidence and token.stem not in stems
            ),
            opposites=tuple(
                (token.text, written(min(there), tokens))
                for token, others in self._opposed
                if token.stem not in stems and (there := others & stems - said.negated)
            ),
            negated=bool(unanswered),
            negated_word=next(
                (
                    token.text
                    for stem, token in self._distinct.items()
                    if stem in stems and any(stem in each for each in unanswered)
                ),
                None,
            ),
            denied=tuple(each.quote for each in self._contraries.denied(said)),
            contraries=(*self._contraries.reversed(said).items(), *self._contraries.other_units(said).items()),
            other_numbers=any(token.is_number and token.stem not in self._distinct for token in tokens),
        )


def _cost(kind: str, count: int) -> float:
    return min(count, _COUNT_MAX) * WEIGHTS[kind]
