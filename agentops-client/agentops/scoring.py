"""Between a detector and what callers get of it."""

import time
from collections.abc import Sequence
from typing import Any

from agentops.detect import Detection, Detector
from agentops.detect.wire import sent
from agentops.results import EVALUATION_ITEMS, Evaluation
from agentops.throughput import qps_of, tracker

_LATENCY_S_MIN = 1e-6
"""The clock's resolution: nothing takes no time, and the server refuses 0."""


def evaluate(
    detector: Detector,
    prompt: str,
    response: str,
    documents: Sequence[str],
    *,
    track_throughput: bool,
    latency_s: float | None = None,
) -> Evaluation:
    """What the detector found, with its latency: the given one, else what the detector itself took.

    A given one has been checked: NaN would stay in the figures of the whole process.
    """
    began = time.perf_counter()
    found = detector.detect(prompt, response, documents)
    took_s = latency_s or max(_LATENCY_S_MIN, round(time.perf_counter() - began, 6))
    qps = tracker.add(took_s) if track_throughput else qps_of(1, took_s)
    return Evaluation(
        scores_of(found),
        latency_sec=took_s,
        throughput_qps=qps,
        notes=list(found.notes),
        drift_method=found.drift_method,
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
        "status": found.status,
        "claims": sent(found.claims),
        "scoring": found.scoring,
        "detector": found.detector,
    }


def degraded(error: Exception) -> Evaluation:
    """What is answered where the judging itself failed: no score, no verdict, and a note that says why."""
    note = f"The answer could not be judged: {type(error).__name__}: {error}"
    return Evaluation(dict.fromkeys(EVALUATION_ITEMS), status="degraded", claims=[], notes=[note])
