"""Between a detector and what callers get of it."""

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

from agentops.results import EVALUATION_ITEMS, Evaluation
from agentops.throughput import tracker

_LATENCY_S_MIN = 1e-6
"""The clock's resolution: nothing takes no time, and the server refuses 0."""


class Detection(Protocol):
    """What a detector found. Probabilities and scores lie in [0, 1]; None: it cannot say."""

    @property
    def status(self) -> str: ...
    @property
    def probability(self) -> float | None: ...
    @property
    def hallucinated(self) -> bool | None: ...
    @property
    def semantic_drift(self) -> float | None: ...
    @property
    def uncertainty(self) -> float | None: ...
    @property
    def factual_support(self) -> float | None: ...
    @property
    def claims(self) -> Sequence[object]: ...
    @property
    def mode(self) -> str: ...
    @property
    def scoring(self) -> str: ...
    @property
    def detector(self) -> str: ...


class Detector(Protocol):
    """Judges an answer. `agentops.detect.LocalDetector` is one; any object with this method is."""

    def detect(self, prompt: str, response: str, documents: Sequence[str]) -> Detection:
        """Judges the answer by these documents."""
        ...


def evaluate(
    detector: Detector,
    prompt: str,
    response: str,
    documents: Sequence[str],
    *,
    track_throughput: bool,
    latency_s: float | None = None,
) -> Evaluation:
    """What the detector found, with its latency: the given one, else what the detector itself took."""
    began = time.perf_counter()
    found = detector.detect(prompt, response, documents)
    took_s = latency_s or max(_LATENCY_S_MIN, round(time.perf_counter() - began, 6))
    qps = tracker.add(took_s) if track_throughput else round(1 / took_s, 3)
    return Evaluation(
        scores_of(found),
        latency_sec=took_s,
        throughput_qps=qps,
        status=found.status,
        claims=[_plain(claim) for claim in found.claims],
        scoring=found.scoring,
        detector=found.detector,
        id=None,
    )


def scores_of(found: Detection) -> dict[str, Any]:
    """The findings as the server names them."""
    return {
        "semantic_drift": found.semantic_drift,
        "uncertainty": found.uncertainty,
        "factual_support": found.factual_support,
        "hallucination_probability": found.probability,
        "hallucinated": found.hallucinated,
        "mode": found.mode,
    }


def degraded() -> Evaluation:
    """What is answered where the detector itself failed: no score and no verdict."""
    return Evaluation(dict.fromkeys(EVALUATION_ITEMS), status="degraded", claims=[])


def _plain(claim: object) -> dict[str, Any]:
    if dataclasses.is_dataclass(claim) and not isinstance(claim, type):
        return dataclasses.asdict(claim)
    return dict(cast("Mapping[str, Any]", claim))
