"""Semantic drift by embeddings, instead of by hashed words. The result names the method; a failure falls back."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol, cast

from agentops.detect import Detection, Detector
from agentops.judge.endpoint import Endpoint, Failed
from agentops.judge.spending import Spending
from agentops.notices import warn


class Embeddings(Protocol):
    """Makes vectors of texts."""

    name: str

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector for each, all of one length."""
        ...


class EndpointEmbeddings:
    """Asks an endpoint for `/embeddings`, as OpenAI's has it."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self.name = f"embeddings {endpoint.model}"

    @property
    def spending(self) -> Spending:
        """What was asked, and what that cost."""
        return self._endpoint.spending

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector for each text. Raises Failed."""
        body = {"model": self._endpoint.model, "input": list(texts), "encoding_format": "float"}
        answer = self._endpoint.ask("/embeddings", body, until=self._endpoint.patience.until(), output_tokens=0)
        items = answer.get("data")
        try:
            found = {
                int(item["index"]): [float(each) for each in item["embedding"]] for item in cast("list[Any]", items)
            }
            vectors = [found[at] for at in range(len(texts))]
        except (TypeError, KeyError, ValueError, OverflowError):
            raise Failed("the endpoint's answer has no embeddings") from None
        if len({len(vector) for vector in vectors}) > 1:
            raise Failed("the endpoint's embeddings have different lengths")
        return vectors


class MeasuredDrift:
    """A detector whose `semantic_drift` is 1 - cosine of the embeddings of prompt and answer, cut to [0, 1].

    Drift is reported and is no sign of hallucination, however it is measured; with the formula `legacy` the probability
    keeps the drift by hashed words.
    """

    def __init__(self, detector: Detector, embeddings: Embeddings) -> None:
        self._detector = detector
        self._embeddings = embeddings

    def detect(self, prompt: str, response: str, documents: Sequence[str] | None = None) -> Detection:
        """The detector's result; where there are no embeddings to be had, with its own drift and a note."""
        found = self._detector.detect(prompt, response, documents)
        if not (prompt.strip() and response.strip()):
            return found
        try:
            one, other = self._embeddings.embed([prompt, response])
            drift = _drift(one, other)
        except Exception as error:  # noqa: BLE001 - whatever a model's library raises, the other drift is there
            warn("drift", f"Semantic drift is measured by hashed words, because the embeddings failed: {error!r}")
            note = f"Semantic drift is by {found.drift_method}: {self._embeddings.name} failed."
            return replace(found, notes=(*found.notes, note))
        return replace(found, semantic_drift=drift, drift_method=self._embeddings.name)


def _drift(one: Sequence[float], other: Sequence[float]) -> float:
    """1 - cosine, to three places. Raises ValueError for vectors without a direction."""
    norm = math.hypot(*one) * math.hypot(*other)
    cosine = math.fsum(a * b for a, b in zip(one, other, strict=True)) / norm if norm else math.nan
    if not math.isfinite(cosine):
        raise ValueError("an embedding has no direction")
    return round(min(1.0, max(0.0, 1 - cosine)), 3)
