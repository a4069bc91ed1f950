"""What is asked of the detector over HTTP: one answer, or those that are stored without scores."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict, StringConstraints

from agentops_api.detect import ProfileName
from agentops_api.errors import Invalid
from agentops_api.evaluations.models import NAME_CHARS_MAX, Latency, Metadata, Name, Throughput, Time

PROMPT_CHARS_MAX = 50_000
RESPONSE_CHARS_MAX = 50_000
DOCUMENTS_CHARS_MAX = 200_000
"""Together. The largest answer and documents take the detector up to three seconds (measured 2026-11)."""

Profile = Literal[ProfileName, "auto"]
Outcome = Literal["scored", "has_scores", "no_documents", "sampled_out", "too_large", "failed", "deleted"]
"""What became of an evaluation that a run looked at."""

_Text = Annotated[str, StringConstraints(max_length=DOCUMENTS_CHARS_MAX)]
_FilterName = Annotated[str, StringConstraints(min_length=1, max_length=NAME_CHARS_MAX)]
_Rate = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False), Strict()]


def _bounded(documents: list[str]) -> list[str]:
    if sum(map(len, documents)) > DOCUMENTS_CHARS_MAX:
        raise ValueError(f"must have at most {DOCUMENTS_CHARS_MAX:,} characters together")
    return documents


_Documents = Annotated[list[_Text], Field(max_length=200), AfterValidator(_bounded)]


def too_large(prompt: str, response: str, documents: list[str]) -> str | None:
    """Why these texts are too large to be judged in time; None where they are not."""
    sizes = (
        ("prompt", len(prompt), PROMPT_CHARS_MAX),
        ("response", len(response), RESPONSE_CHARS_MAX),
        ("retrieved_docs", sum(map(len, documents)), DOCUMENTS_CHARS_MAX),
    )
    found = [
        f"{name} has {size:,} characters, at most {limit:,} are judged" for name, size, limit in sizes if size > limit
    ]
    return "; ".join(found) or None


class EvaluateRequest(BaseModel):
    """An answer that the server is to judge and to store."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
        protected_namespaces=(),
        json_schema_extra={
            "examples": [
                {
                    "prompt": "How long do I have to return unopened goods?",
                    "response": "Unopened goods can be returned within 90 days of delivery.",
                    "retrieved_docs": ["Unopened goods can be returned within 30 days of delivery."],
                    "model_name": "gpt-4o-mini",
                    "agent_name": "support_assistant",
                    "latency_sec": 0.42,
                }
            ]
        },
    )

    prompt: Annotated[str, StringConstraints(max_length=PROMPT_CHARS_MAX)]
    """What the model was asked."""
    response: Annotated[str, StringConstraints(max_length=RESPONSE_CHARS_MAX)]
    """What it answered."""
    retrieved_docs: _Documents | None = None
    """The evidence; at most 200,000 characters together. Without any there is no verdict."""
    profile: Profile = "auto"
    """What kind of answer this is; `auto` infers it from prompt and documents."""
    scoring: Literal["grounding", "legacy"] = "grounding"
    """`grounding` compares each sentence with the documents. `legacy` is the formula of SDK 0.2."""
    latency_sec: Latency | None = None
    """Seconds that the answer took; more than 0, at most a day."""
    throughput_qps: Throughput | None = None
    """Queries per second at the agent when it answered."""
    model_name: Name | None = None
    """The model that answered."""
    agent_name: Name | None = None
    """The agent that asked."""
    session_id: Name | None = None
    """The conversation that the answer belongs to."""
    id: UUID | None = None
    """The client's id for this evaluation: sending it again with the same id stores nothing twice."""
    created_at: Time | None = None
    """When the answer was given (ISO 8601). Default: now."""
    metadata: Metadata | None = None
    """Up to 64 values of the sender's own, flat."""


class ScoringFilter(BaseModel):
    """Which evaluations to look at: those for which everything that is given is true."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, protected_namespaces=())

    agent_name: _FilterName | None = None
    """Answers to this agent."""
    model_name: _FilterName | None = None
    """Answers of this model."""
    session_id: _FilterName | None = None
    """Answers of this conversation."""
    start_date: Time | None = None
    """Answers from this time on (ISO 8601)."""
    end_date: Time | None = None
    """Answers before this time (ISO 8601). Not given: before now."""


class ScoringRequest(BaseModel):
    """Stored evaluations that are to get the scores that they lack."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={"examples": [{"filter": {"agent_name": "support_assistant"}, "sample_rate": 0.5}]},
    )

    filter: ScoringFilter = ScoringFilter()
    """Without conditions: all."""
    sample_rate: _Rate = 1.0
    """The share that is scored; conversations whole or not at all, and the same ones each time."""


class Task(BaseModel):
    """What a scoring job is told."""

    model_config = ConfigDict(frozen=True)

    filter: ScoringFilter
    sample_rate: float
    periodic: bool = False
    """It looks at what no run has looked at, and notes how far it came."""


class ProjectScoring(BaseModel):
    """Whether evaluations that come without scores are scored here."""

    model_config = ConfigDict(
        frozen=True,
        use_attribute_docstrings=True,
        json_schema_extra={"examples": [{"enabled": True, "sample_rate": 1.0, "scored_to": "2026-11-24T13:00:00Z"}]},
    )

    enabled: bool = False
    """Every five minutes, what came in without scores is scored."""
    sample_rate: float = 1.0
    """The share that is scored."""
    scored_to: datetime | None = None
    """Up to which time evaluations were looked at."""


class ChangeProjectScoring(BaseModel):
    """What to change; what is left out stays as it is."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={"examples": [{"enabled": True, "sample_rate": 0.5}]},
    )

    enabled: Annotated[bool, Strict()] | None = None
    """Score what comes in from now on."""
    sample_rate: _Rate | None = None
    """The share to score, more than 0 and at most 1."""

    def applied_to(self, scoring: ProjectScoring) -> ProjectScoring:
        """The setting with these changes. Raises Invalid for null, which means neither."""
        changes = self.model_dump(exclude_unset=True)
        for name, value in changes.items():
            if value is None:
                raise Invalid(f"`{name}` must not be null.", [{"field": name, "message": "must not be null"}])
        return scoring.model_copy(update=changes)


class LogEntry(BaseModel):
    """What became of one evaluation."""

    model_config = ConfigDict(
        frozen=True,
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [
                {
                    "evaluation_id": "019ab3f5-22b0-7e4d-8f16-7a9b1c3d5e07",
                    "evaluation_at": "2026-11-02T09:40:00Z",
                    "outcome": "no_documents",
                    "reason": None,
                    "at": "2026-11-24T13:00:00Z",
                }
            ]
        },
    )

    evaluation_id: UUID
    """Which evaluation."""
    evaluation_at: datetime
    """Its time."""
    outcome: Outcome
    """`scored`; or why not: it `has_scores`, has `no_documents`, was `sampled_out`, is `too_large`, the detector
    `failed`, or it was `deleted` meanwhile."""
    reason: str | None
    """What there is to say besides."""
    at: datetime
    """When the run looked at it."""
