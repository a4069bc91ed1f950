"""What a detector says of an answer. Frozen, plain values: easily stored, sent and compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Status = Literal["verified", "unverified", "degraded"]
"""`verified`: compared with evidence or, where the mode is `self-check`, with other answers of the model, which are
no evidence. `unverified`: there was nothing to compare with, so there is no verdict. `degraded`: a better check was
wanted and could not be had."""

Label = Literal["supported", "unsupported", "contradicted", "not_checkable"]


@dataclass(frozen=True, slots=True)
class Quote:
    """A stretch of one document."""

    document: int
    """Its position among the documents, from 0."""
    start: int
    end: int
    """Offsets in that document, in characters."""
    text: str


@dataclass(frozen=True, slots=True)
class Claim:
    """One sentence of the answer."""

    start: int
    end: int
    """Offsets in the answer, in characters."""
    text: str
    label: Label
    probability: float | None
    """That the evidence does not support it; None where there is nothing to check."""
    evidence: Quote | None
    """Where the documents come closest to it; None where they have none of its words."""
    reasons: tuple[str, ...]
    """What speaks against it, for a person to read: `missing number "2019"`."""


@dataclass(frozen=True, slots=True)
class Detection:
    """What was found out about one answer."""

    status: Status
    probability: float | None
    """That something in it is not supported: that of its worst claim. None unless checked."""
    hallucinated: bool | None
    """Whether the probability is at or above the threshold. None unless checked: no verdict is not a good one."""
    semantic_drift: float
    """1 - cosine of prompt and answer as vectors, by `drift_method`: how other they are. No sign of hallucination."""
    uncertainty: float
    """0.2 for each hedge such as `perhaps` that the answer uses, at most 1. Not a sign of hallucination either."""
    factual_support: float | None
    """How much of the answer is supported: the mean over its claims, by their length. None unless checked."""
    claims: tuple[Claim, ...]
    mode: str
    """`retrieved-doc entailment` with documents, else `unverified`."""
    scoring: str
    """Which formula made the probability."""
    detector: str
    """Who says so: name and version of the detector, and the profile that it used."""
    notes: tuple[str, ...] = ()
    """What the reader should know besides, such as that a long text was cut."""
    drift_method: str = "hashed words"
    """What `semantic_drift` was measured by."""


class Detector(Protocol):
    """Anything that judges answers."""

    def detect(self, prompt: str, response: str, documents: Sequence[str] | None = None) -> Detection:
        """What was found out about the answer to the prompt, given these documents. Threads may call it together."""
        ...
