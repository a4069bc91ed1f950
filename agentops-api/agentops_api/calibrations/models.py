"""What people say of answers, and how that corrects the detector's probabilities. Pure."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, Strict, StringConstraints

LABELS_A_REQUEST_MAX = 1_000
LABELS_MIN = 50
"""With fewer, a correction would follow chance."""
OF_EACH_KIND_MIN = 5
"""So that each of the five parts that are held out has one."""
LABELS_MAX = 2_000
"""The newest are used: each answer is judged anew, which takes milliseconds."""
FOLDS = 5

_Truth = Annotated[bool, Strict()]
_Note = Annotated[str, StringConstraints(max_length=2_000)]


class LabelRequest(BaseModel):
    """What a person says of an answer."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={"examples": [{"hallucinated": True, "note": "It was 30 days, not 90."}]},
    )

    hallucinated: _Truth
    """Whether something in it is not so."""
    note: _Note | None = None
    """Why, for people."""


class LabelItem(BaseModel):
    """A label with the evaluation that it is for."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    evaluation_id: UUID
    """Which evaluation."""
    hallucinated: _Truth
    """Whether something in the answer is not so."""
    note: _Note | None = None
    """Why, for people."""


class LabelsRequest(BaseModel):
    """Up to 1,000 labels."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [{"labels": [{"evaluation_id": "019ab3f5-22b0-7e4d-8f16-7a9b1c3d5e07", "hallucinated": True}]}]
        },
    )

    labels: Annotated[list[LabelItem], Field(min_length=1, max_length=LABELS_A_REQUEST_MAX)]
    """Each takes the place of the one that its evaluation had; of several for one evaluation the last counts."""


class Label(BaseModel):
    """What a person said of an answer."""

    model_config = ConfigDict(
        frozen=True,
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [
                {
                    "evaluation_id": "019ab3f5-22b0-7e4d-8f16-7a9b1c3d5e07",
                    "hallucinated": True,
                    "note": "It was 30 days, not 90.",
                    "labelled_at": "2026-11-24T13:00:00Z",
                }
            ]
        },
    )

    evaluation_id: UUID
    """Which evaluation."""
    hallucinated: bool
    """Whether something in the answer is not so."""
    note: str | None
    """Why."""
    labelled_at: datetime
    """When it was said."""


class LabelsAnswer(BaseModel):
    """What became of many labels."""

    model_config = ConfigDict(
        frozen=True, use_attribute_docstrings=True, json_schema_extra={"examples": [{"labelled": 1, "missing": []}]}
    )

    labelled: int
    """How many evaluations have the label now."""
    missing: list[UUID]
    """Evaluations that there are not."""


class ReliabilityBin(BaseModel):
    """Answers with a like probability; a point of the reliability plot."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    count: int
    """How many they are."""
    probability: float
    """Their mean probability."""
    rate: float
    """Which share of them is labelled a hallucination. Calibrated means: about the same."""


class Reliability(BaseModel):
    """How far probabilities can be believed."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    ece: float
    """Expected calibration error: how far probability and rate are apart, on average over ten bins; 0 is best."""
    brier: float
    """Mean squared difference of probability and label; 0 is best."""
    bins: list[ReliabilityBin]
    """Of equal width, ascending; empty ones are left out."""


class Calibration(BaseModel):
    """A correction of the detector's probabilities by a project's labels."""

    model_config = ConfigDict(
        frozen=True,
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [
                {
                    "id": "019ab3f5-22b0-7e4d-8f16-7a9b1c3d5e07",
                    "created_at": "2026-11-24T13:00:00Z",
                    "detector": "local/4",
                    "method": "platt",
                    "labels": 120,
                    "parameters": {"method": {"slope": 0.8, "intercept": -0.4}, "labels": 120},
                    "before": {
                        "ece": 0.14,
                        "brier": 0.21,
                        "bins": [{"count": 60, "probability": 0.25, "rate": 0.1}],
                    },
                    "after": {"ece": 0.05, "brier": 0.17, "bins": [{"count": 60, "probability": 0.12, "rate": 0.1}]},
                    "validation": "5-fold cross-validation",
                }
            ]
        },
    )

    id: UUID
    """Stable. The newest is in use."""
    created_at: datetime
    """When it was made."""
    detector: str
    """Whose probabilities it corrects: a detector's name and version."""
    method: Literal["platt", "isotonic"]
    """Platt's, a curve of two numbers; from 500 labels on isotonic regression."""
    labels: int
    """How many labels it follows."""
    parameters: dict[str, object]
    """The correction itself."""
    before: Reliability
    """Of the detector alone."""
    after: Reliability
    """Of the correction, on answers that it was not made from."""
    validation: Literal["5-fold cross-validation"] = "5-fold cross-validation"
    """How `after` was measured: each fifth of the labels by a correction that was made from the others."""
