"""Where the documents say the contrary of a claim about the same thing.

What stands in the claim stands in the window, too, but for one word: it is denied there, its opposite stands in its
place, or its number is of something else.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from .aliases import written
from .denials import Denial
from .lexicon import words
from .negations import negations
from .opposites import BOUND_WORDS, BOUNDS, FUNCTION_WORDS, IMPLIED, Place, bound_written, opposites, places
from .said import Said
from .synonyms import SYNONYMS
from .text import Sentence, Token, stem
from .units import BARE, units

_NEGATIVE = frozenset(
    stem(word)
    for word in words("""
    absence absent avoid deny fail failure forbid forbidden free lack need prevent prohibit refrain refuse stop unable
    """)
)
"""How a claim may say without a negation what the documents say with one."""


@dataclass(frozen=True, slots=True)
class Reversible:
    """A word of the claim whose opposite some document has."""

    place: Place
    same: frozenset[Place]
    """What may stand there instead."""
    contrary: frozenset[str]
    text: str


class Contraries:
    """What the contrary of a claim would be."""

    def __init__(
        self, claim: Sentence, text: str, stems: frozenset[str], bigrams: AbstractSet[tuple[str, str]]
    ) -> None:
        """`stems`: of all documents; `bigrams`: their words that say something, side by side."""
        self._stems = frozenset(claim.content)
        # Whoever has a word and its opposite speaks of both.
        own = frozenset(claim.stems)
        self._negations = negations(claim.tokens)
        is_positive = self._stems.isdisjoint(_NEGATIVE) and text[claim.end - 1] != "?"
        self._deniable = self._stems if is_positive else frozenset[str]()
        self._units = {number: ours for number, ours in units(claim, text).items() if BARE not in ours}
        self._reversible = [
            Reversible(place, _same(place), contrary, _written(place[0], place[1], claim.tokens))
            for place in _opposed(claim, stems)
            if (contrary := _contrary(place, stems, bigrams) - own)
        ]

    def denied(self, said: Said) -> list[Denial]:
        """What it asserts and the window denies. A negation of its own that bears on the same words answers for it."""
        return [
            each
            for each in said.denials
            if each.shared <= self._deniable and all(each.scope.isdisjoint(own) for own in self._negations)
        ]

    def reversed(self, said: Said) -> dict[str, str]:
        """Its words in whose place the window has an opposite, and those; both as they are written."""
        near = [
            each
            for each in self._reversible
            if each.place[1] in said.stems
            and not (each.contrary.isdisjoint(said.stems) and each.contrary.isdisjoint(BOUNDS))
        ]
        if not near:
            return {}
        found: dict[str, str] = {}
        tokens = [token for sentence, _ in said.sentences for token in sentence.tokens]
        there = {place for sentence, _ in said.sentences for place in places(sentence.tokens)}
        for each in near:
            word, beside, follows = each.place
            if not each.same.isdisjoint(there):
                continue
            for other in sorted(each.contrary - said.negated):
                if (other, beside, follows) in there and word not in IMPLIED.get(other, ()):
                    found[each.text] = _written(other, beside, tokens)
        return found

    def other_units(self, said: Said) -> dict[str, str]:
        """Its numbers that are of something else in all their places in the window; both as they are written."""
        found: dict[str, str] = {}
        for number, ours in self._units.items():
            if number in said.stems:
                theirs: dict[str, str] = {}
                for sentence, text in said.sentences:
                    theirs |= units(sentence, text).get(number, {})
                if theirs and BARE not in theirs and theirs.keys().isdisjoint(ours):
                    found[min(ours.values())] = min(theirs.values())
        return found

    def count(self, said: Said) -> int:
        """How often the window says the contrary."""
        count = 0
        # One kind after the other: this is done for each window.
        if said.denials and self._deniable:
            count += len(self.denied(said))
        if self._reversible:
            count += len(self.reversed(said))
        if self._units:
            count += len(self.other_units(said))
        return count


def _opposed(claim: Sentence, stems: frozenset[str]) -> list[Place]:
    """The places of words with an opposite in some document, beside a word that one has, too. Most claims have none."""
    able = {each for each in claim.stems if not opposites(each).isdisjoint(stems)}
    if not BOUND_WORDS.isdisjoint(claim.stems):
        able |= BOUNDS
    if not able:
        return []
    return sorted([place for place in places(claim.tokens) if place[0] in able and place[1] in stems])


def _contrary(place: Place, stems: frozenset[str], bigrams: AbstractSet[tuple[str, str]]) -> frozenset[str]:
    """What some document may have in that place instead."""
    word, beside, follows = place
    return frozenset(
        [
            other
            for other in opposites(word)
            if other in BOUNDS
            or (
                other in stems
                and (other in FUNCTION_WORDS or ((other, beside) if follows else (beside, other)) in bigrams)
            )
        ]
    )


def _same(place: Place) -> frozenset[Place]:
    word, beside, follows = place
    return frozenset((each, beside, follows) for each in (word, *SYNONYMS.get(word, ())))


def _written(word: str, beside: str, tokens: Sequence[Token]) -> str:
    is_bound = word in BOUNDS and bound_written(word, beside, tokens)
    return is_bound or written(word, tokens)
