"""A quick detector first, and a thorough one where the first is undecided."""

import hashlib
from collections.abc import Sequence
from typing import Protocol

from agentops.detect import Detection, Detector
from agentops.judge.merge import degraded
from agentops.notices import warn

_HASHES = 1 << 64


class Reviewer(Protocol):
    """Looks again at an answer that another detector has looked at."""

    def review(self, prompt: str, response: str, documents: Sequence[str] | None, found: Detection) -> Detection: ...


class Cascade:
    """Asks the second detector where the first one's probability lies within a band, or it has none, or by sampling."""

    def __init__(
        self,
        first: Detector,
        second: Reviewer,
        *,
        band: tuple[float, float] = (0.2, 0.8),
        sample_rate: float = 0.0,
    ) -> None:
        """`sample_rate` is the share of all other answers that the second sees too, chosen by their content: the same
        answer always, or never. Raises ValueError."""
        if not (0 <= band[0] <= band[1] <= 1 and 0 <= sample_rate <= 1):
            raise ValueError("the band must rise within [0, 1], and the sample rate lie there")
        self._first = first
        self._second = second
        self._band = band
        self._sample_rate = sample_rate

    @property
    def concurrency_max(self) -> int:
        """How many answers may be looked at together: as many as the second detector says."""
        return getattr(self._second, "concurrency_max", 1)

    def detect(self, prompt: str, response: str, documents: Sequence[str] | None = None) -> Detection:
        """The first detector's result, or what the second makes of it."""
        return self.review(prompt, response, documents, self._first.detect(prompt, response, documents))

    def review(self, prompt: str, response: str, documents: Sequence[str] | None, found: Detection) -> Detection:
        """The same, of an answer that the first detector has looked at already: so cascades can be nested."""
        low, high = self._band
        is_undecided = found.probability is None or low <= found.probability <= high
        if not (is_undecided or self._is_sampled(prompt, response, documents or ())):
            return found
        try:
            return self._second.review(prompt, response, documents, found)
        except Exception as error:  # noqa: BLE001 - the first result is there, and better than none
            warn("cascade", f"The second detector failed: {error!r}", error=error)
            return degraded(found, f"The second detector failed: {type(error).__name__}.")

    def _is_sampled(self, prompt: str, response: str, documents: Sequence[str]) -> bool:
        text = "\0".join((prompt, response, *documents)).encode("utf-8", "surrogatepass")
        return int.from_bytes(hashlib.sha256(text).digest()[:8]) < self._sample_rate * _HASHES
