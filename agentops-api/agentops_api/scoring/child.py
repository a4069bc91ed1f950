"""The process that runs the detector: answers come in on standard input, what was found goes out on standard output.

It imports the detector and the standard library only, so it starts fast and stays small, and ends when its server does:
the pipe is closed then. Each message is its length in four bytes, then JSON.
"""

import json
import os
import sys
from typing import Any, BinaryIO, cast

from agentops_api.detect import LocalDetector, Recalibration
from agentops_api.detect.calibration import Isotonic, Platt
from agentops_api.detect.wire import sent

LENGTH_BYTES = 4
_NICE = 5
"""Whoever sends evaluations goes before whoever has them judged."""


def recalibration_of(told: dict[str, Any]) -> Recalibration:
    """The recalibration that `dataclasses.asdict` made this of."""
    method: dict[str, Any] = told["method"]
    if "slope" in method:
        return Recalibration(Platt(method["slope"], method["intercept"]), told["labels"])
    return Recalibration(Isotonic(tuple(method["scores"]), tuple(method["probabilities"])), told["labels"])


def detect(asked: dict[str, Any]) -> dict[str, Any]:
    """What the detector says, as the fields of an evaluation."""
    told = asked["recalibration"]
    detector = LocalDetector(
        profile=asked["profile"],
        scoring=asked["scoring"],
        recalibration=recalibration_of(told) if told else None,
    )
    found = detector.detect(asked["prompt"], asked["response"], asked["documents"])
    return {
        "semantic_drift": found.semantic_drift,
        "uncertainty": found.uncertainty,
        "factual_support": found.factual_support,
        "hallucination_probability": found.probability,
        "hallucinated": found.hallucinated,
        "mode": found.mode,
        "status": found.status,
        "scoring": found.scoring,
        "detector": found.detector,
        "claims": sent(found.claims),
    }


def main() -> None:
    """Answers until nobody asks any more."""
    os.nice(_NICE)
    asking, answering = sys.stdin.buffer, sys.stdout.buffer
    while (asked := _read(asking)) is not None:
        answer = json.dumps(detect(asked)).encode()
        answering.write(len(answer).to_bytes(LENGTH_BYTES) + answer)
        answering.flush()


def _read(asking: BinaryIO) -> dict[str, Any] | None:
    head = asking.read(LENGTH_BYTES)
    if len(head) < LENGTH_BYTES:
        return None
    return cast("dict[str, Any]", json.loads(asking.read(int.from_bytes(head))))


if __name__ == "__main__":
    main()
