"""The plain functions of SDK 0.2, for programs that call them."""

from collections.abc import Sequence

from agentops.detect import LocalDetector
from agentops.results import Evaluation
from agentops.scoring import evaluate

_detector = LocalDetector()


def detect_hallucination(
    prompt: str,
    response: str,
    retrieved_docs: Sequence[str] | None = None,
    track_throughput: bool = True,  # noqa: FBT001, FBT002 - SDK 0.2 takes it by position
) -> Evaluation:
    """Judges an answer by its documents. Nothing is sent; unlike a client's method, this raises what goes wrong."""
    return evaluate(_detector, prompt, response, retrieved_docs or (), track_throughput=track_throughput)
