"""An evaluation of an LLM answer: what agents send, what people read, the rules between. Knows no HTTP and no SQL."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    StrictBool,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic.config import JsonDict

from agentops_api import ids
from agentops_api.detect import Status as Verification
from agentops_api.errors import Invalid
from agentops_api.evaluations.claims import CLAIMS_EXAMPLE, Claim, Claims

BATCH_ITEMS_MAX = 1_000
NAME_CHARS_MAX = 200
TEXT_CHARS_MAX = 1_000_000
METADATA_ITEMS_MAX = 64
METADATA_CHARS_MAX = 2_000

Score = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
# In JSON a number is a number: `true` is no probability of 1, and "0.5" is a mistake of its sender.
SentScore = Annotated[Score, Strict()]
Latency = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False, strict=True)]
Throughput = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False, strict=True)]
Name = Annotated[str, StringConstraints(max_length=NAME_CHARS_MAX), AfterValidator(lambda text: text or None)]
Text = Annotated[str, StringConstraints(max_length=TEXT_CHARS_MAX)]
MetadataKey = Annotated[str, StringConstraints(min_length=1, max_length=NAME_CHARS_MAX)]
# Integers that fit 64 bits stay integers; larger ones become doubles, as in every JSON reader that knows only those.
MetadataValue = (
    bool
    | Annotated[int, Field(ge=-(2**63), lt=2**63)]
    | Annotated[float, Field(allow_inf_nan=False)]
    | Annotated[str, StringConstraints(max_length=METADATA_CHARS_MAX)]
    | None
)


def _flat(value: object, read: ValidatorFunctionWrapHandler) -> object:
    # The errors of a union name each of its kinds, and the sender's own keys, which are not repeated to anybody.
    try:
        return read(value)
    except ValidationError:
        raise ValueError(
            f"must be a flat object of at most {METADATA_ITEMS_MAX} items: keys of 1 to {NAME_CHARS_MAX} characters;"
            f" values null, booleans, finite numbers, or text of at most {METADATA_CHARS_MAX} characters"
        ) from None


Metadata = Annotated[dict[MetadataKey, MetadataValue], Field(max_length=METADATA_ITEMS_MAX), WrapValidator(_flat)]


def _utc(value: datetime) -> datetime:
    """Naive times are UTC, as the published interface writes them; whole milliseconds, as UUIDv7 carries."""
    aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return aware.replace(microsecond=aware.microsecond // 1_000 * 1_000)


def _no_number(value: object) -> object:
    # Pydantic would read 1763.9 as seconds and 1763900000000 as milliseconds, also where they are text, as all is in a
    # query: a guess that fills the wrong hour. A time of ISO 8601 begins with a year and a hyphen.
    if isinstance(value, int | float) or (isinstance(value, str) and value[4:5] != "-"):
        raise ValueError("must be an ISO 8601 time, as in 2026-11-02T09:30:00Z")
    return value


def _in_range(value: datetime) -> datetime:
    try:
        return _utc(value)
    except OverflowError:
        raise ValueError("must be a time between the years 1 and 9999 in UTC") from None


LocalTime = Annotated[datetime, BeforeValidator(_no_number)]
"""A time that may lack an offset, which something beside it tells."""
Time = Annotated[LocalTime, AfterValidator(_in_range)]


EXAMPLE: JsonDict = {
    "prompt": "What is the capital of France?",
    "response": "Paris is the capital of France.",
    "semantic_drift": 0.12,
    "uncertainty": 0.0,
    "factual_support": 0.95,
    "hallucination_probability": 0.08,
    "hallucinated": False,
    "latency_sec": 0.42,
    "throughput_qps": 2.38,
    "mode": "self-check",
    "model_name": "gpt-4o-mini",
    "agent_name": "qa_assistant",
}
"""As the documentation shows an evaluation."""


class EvaluationIn(BaseModel):
    """One evaluation, as an agent or its SDK sends it. Fields that the server does not know are ignored."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
        protected_namespaces=(),
        json_schema_extra={"example": EXAMPLE},
    )

    prompt: Text
    """What the model was asked."""
    response: Text
    """What it answered."""
    retrieved_docs: Annotated[list[Text], Field(max_length=200)] | None = None
    """The evidence that the answer was given from."""
    semantic_drift: SentScore | None = None
    """How far the answer strays from the prompt, in [0, 1]."""
    uncertainty: SentScore | None = None
    """How unsure the answer sounds, in [0, 1]."""
    factual_support: SentScore | None = None
    """How much of the answer the evidence supports, in [0, 1]."""
    hallucination_probability: SentScore | None = None
    """Probability that the answer contains a hallucination, in [0, 1]."""
    hallucinated: StrictBool | None = None
    """The verdict; null where nobody gave one, and then not counted in the hallucination rate."""
    latency_sec: Latency | None = None
    """Seconds that the answer took; more than 0, at most a day."""
    throughput_qps: Throughput | None = None
    """Queries per second at the agent when it answered."""
    mode: Name | None = None
    """How the answer was checked, such as `self-check` or `retrieved-doc entailment`."""
    model_name: Name | None = None
    """The model that answered."""
    agent_name: Name | None = None
    """The agent that asked."""
    session_id: Name | None = None
    """The conversation that the answer belongs to."""
    id: UUID | None = None
    """The client's id for this evaluation: sending it again with the same id stores nothing twice."""
    created_at: Time | None = None
    """When the answer was given (ISO 8601; without an offset: UTC; kept in whole milliseconds). Default: now."""
    metadata: Metadata | None = None
    """Up to 64 values of the sender's own, flat."""
    claims: Claims | None = None
    """The answer's sentences, as the detector judged them; at most 500."""
    status: Verification | None = None
    """`verified`: compared with evidence or, where `mode` is `self-check`, with other answers of the model, which are
    no evidence. `unverified`: there was nothing to compare with, so there is no verdict. `degraded`: a better check was
    wanted and could not be had."""
    scoring: Name | None = None
    """The formula that made the probability, such as `grounding`."""
    detector: Name | None = None
    """Who gave the verdict: a detector's name and version."""


@dataclass(frozen=True, slots=True)
class Window:
    """How far an evaluation's time may lie from now."""

    past: timedelta
    future: timedelta

    def holds(self, at: datetime, now: datetime) -> bool:
        """Whether `at` is acceptable."""
        return now - self.past <= at <= now + self.future


def identify(item: EvaluationIn, *, window: Window, now: datetime) -> tuple[UUID, datetime]:
    """The evaluation's id and time.

    An id that the server makes carries its time; a client's UUIDv7 gives its time to an evaluation that states none, so
    that a retry finds the same one. Raises Invalid where the time lies outside the window.
    """
    at = item.created_at
    if at is None and item.id is not None:
        carried = ids.time_of(item.id)
        at = carried if carried is not None and window.holds(carried, now) else None
    if at is None:
        at = _utc(now)
    elif not window.holds(at, now):
        message = (
            f"must lie between {window.past.days} days ago and "
            f"{window.future // timedelta(hours=1)} hours from now (INGEST_PAST_DAYS, INGEST_FUTURE_HOURS)"
        )
        raise Invalid("created_at " + message + ".", [{"field": "created_at", "message": message}])
    return item.id or ids.new(at), at


STORED_EXAMPLE: JsonDict = {
    "id": "019ab3f5-22b0-7e4d-8f16-7a9b1c3d5e07",
    "created_at": "2026-11-02T09:40:00Z",
    **EXAMPLE,
    "retrieved_docs": None,
    "session_id": None,
    "metadata": {"customer": "acme"},
    "claims": CLAIMS_EXAMPLE,
    "status": "verified",
    "scoring": "grounding",
    "detector": "local/4 short_answer",
}
"""As the documentation shows a stored one."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A stored evaluation. Scores in [0, 1], latency in seconds, throughput in queries per second."""

    __pydantic_config__ = ConfigDict(json_schema_extra={"example": STORED_EXAMPLE}, protected_namespaces=())

    id: UUID
    created_at: datetime
    prompt: str
    response: str
    retrieved_docs: list[str] | None
    semantic_drift: float | None
    uncertainty: float | None
    factual_support: float | None
    hallucination_probability: float | None
    hallucinated: bool | None
    latency_sec: float | None
    throughput_qps: float | None
    mode: str | None
    model_name: str | None
    agent_name: str | None
    session_id: str | None
    metadata: dict[str, str | int | float | bool | None] | None
    claims: list[Claim] | None
    status: Verification | None
    scoring: str | None
    detector: str | None


@dataclass(frozen=True, slots=True)
class Filters:
    """Which evaluations are meant; None leaves a field open. Times: `start_date` is included, `end_date` is not."""

    hallucinated: bool | None = None
    agent_name: str | None = None
    model_name: str | None = None
    mode: str | None = None
    session_id: str | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None
    min_hallucination_probability: float | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the list, newest first: the last evaluation that was seen."""

    created_at: datetime
    id: UUID


@dataclass(frozen=True, slots=True)
class SearchPage:
    """What a search found, newest first, and where to go on. It may stop before its page is full."""

    evaluations: list[Evaluation]
    next: Position | None
    """Everything before this place was looked at; None when everything was."""


Status = Literal["created", "duplicate", "rejected"]
