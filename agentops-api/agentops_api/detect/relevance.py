"""Which documents have to do with a claim, so that one that has not makes no difference."""

from collections.abc import Iterable

from .evidence import Evidence
from .scoring import LONG_EVIDENCE_WORDS, PROFILES, Profile, asks_for_summary, between
from .text import Sentence

_SHARED_WEIGHT_MIN = 1.5
"""Two words that say something, of which one may be a common one."""


class Relevance:
    """Chooses the profile for each claim. Padding an answer changes nothing for its other claims."""

    def __init__(self, evidence: Evidence, asked: Iterable[Sentence], chosen: Profile | None) -> None:
        self._evidence = evidence
        asked = list(asked)
        is_summary = asks_for_summary([stem for sentence in asked for stem in sentence.stems])
        self._chosen = chosen or (PROFILES["summary"] if is_summary else None)
        weights = {token.stem: token.weight for sentence in asked for token in sentence.tokens if token.weight}
        self._asked = {} if self._chosen else evidence.shared(weights)
        self._always = [document for document, shared in self._asked.items() if shared >= _SHARED_WEIGHT_MIN]
        """Those that have to do with the prompt."""
        self._words = evidence.length(self._always, LONG_EVIDENCE_WORDS)

    @property
    def without_claims(self) -> Profile:
        """The profile of an answer that claims nothing."""
        return self._chosen or between(self._words)

    def profile(self, claim: Sentence) -> Profile:
        """By how many words the documents have that have to do with the prompt or the claim."""
        if self._chosen:
            return self._chosen
        if self._words >= LONG_EVIDENCE_WORDS:
            return between(self._words)
        # Any document may have its numbers.
        weights = {token.stem: token.weight for token in claim.tokens if token.weight and not token.is_number}
        shared = self._evidence.shared(weights)
        found = {each for each, by in shared.items() if by + self._asked.get(each, 0.0) >= _SHARED_WEIGHT_MIN}
        return between(self._evidence.length(found.union(self._always), LONG_EVIDENCE_WORDS))
