"""Conversations: evaluations that share a `session_id`. Knows no HTTP and no SQL."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict
from pydantic.config import JsonDict

from agentops_api.analytics.answers import Period
from agentops_api.evaluations.models import STORED_EXAMPLE, Evaluation

NAMES_MAX = 20
"""Agents and models that one conversation shows."""
LISTED_TURNS_MAX, TURNS_MAX = 1_000, 10_000
"""So many of a conversation's evaluations, the newest, are counted in the list, and where it is read by itself."""
UNITS: dict[str, str] = {"hallucination_rate": "fraction", "duration_s": "seconds", "avg_latency": "seconds"}
"""Of a conversation's figures."""

_AT = "2026-11-02T09:40:00Z"
_ID = "019ab3f5-22b0-7e4d-8f16-7a9b1c3d5e07"
_SESSION: JsonDict = {
    "session_id": "chat-4711",
    "evaluations": 6,
    "complete": True,
    "verdicts": 6,
    "hallucinations": 1,
    "hallucination_rate": 0.1667,
    "first_at": "2026-11-02T09:31:00Z",
    "last_at": _AT,
    "duration_s": 540.0,
    "avg_latency": 0.52,
    "worst": {"id": _ID, "created_at": _AT, "hallucinated": True, "hallucination_probability": 0.81},
    "agents": ["qa_assistant"],
    "models": ["gpt-4o-mini"],
}


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class Worst(_Answer):
    """The answer of a conversation to look at first."""

    id: UUID
    """Its id."""
    created_at: AwareDatetime
    """When it was given."""
    hallucinated: bool | None
    """Its verdict."""
    hallucination_probability: float | None
    """Probability that it contains a hallucination, in [0, 1]."""


class Session(_Answer):
    """What a conversation looks like. Null where nothing was measured."""

    session_id: str
    """What its evaluations share."""
    evaluations: int
    """How many were counted."""
    complete: bool
    """These are all. False for a conversation of 1,000 or more in the list, and of 10,000 or more where it is read by
    itself: only the newest so many are counted, in all its figures."""
    verdicts: int
    """Those that somebody judged."""
    hallucinations: int
    """Those judged to be hallucinated."""
    hallucination_rate: float | None
    """Hallucinations over verdicts, in [0, 1]."""
    first_at: AwareDatetime
    """Time of the first."""
    last_at: AwareDatetime
    """Time of the last."""
    duration_s: float
    """Seconds from the first to the last."""
    avg_latency: float | None
    """Mean seconds an answer took."""
    worst: Worst | None
    """One judged to be hallucinated goes before the others, then the highest probability counts, then the newest; null
    where nothing was judged to be hallucinated and nothing has a probability."""
    agents: list[str]
    """Its agents, the first 20 in the order of their names."""
    models: list[str]
    """Its models, the first 20 in the order of their names."""


class SessionPage(_Answer):
    """One page of conversations, newest activity first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "window": {"start": "2026-10-27T00:00:00Z", "end": "2026-11-03T00:00:00Z", "time_zone": "UTC"},
                    "source": "rows",
                    "units": {**UNITS},
                    "data": [_SESSION],
                    "next_cursor": None,
                    "has_more": False,
                }
            ]
        }
    )

    window: Period
    """The period; evaluations outside it are not part of the figures."""
    source: Literal["rows"]
    """What was read: the evaluations themselves."""
    units: dict[str, str]
    """The unit of each figure that has one."""
    data: list[Session]
    """The page. One that took too long a search is shorter than `limit`, though there may be more."""
    next_cursor: str | None
    """Hand it back as `cursor` for the next page; null on the last."""
    has_more: bool
    """Whether there is a next page."""


class SessionDetail(_Answer):
    """A conversation, and one page of its evaluations, oldest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "session": _SESSION,
                    "source": "rows",
                    "units": {**UNITS},
                    "data": [STORED_EXAMPLE | {"session_id": "chat-4711"}],
                    "next_cursor": None,
                    "has_more": False,
                }
            ]
        }
    )

    session: Session
    """Its figures, over all its time."""
    source: Literal["rows"]
    """What was read: the evaluations themselves."""
    units: dict[str, str]
    """The unit of each figure that has one."""
    data: list[Evaluation]
    """The page."""
    next_cursor: str | None
    """Hand it back as `cursor` for the next page; null on the last."""
    has_more: bool
    """Whether there is a next page."""


@dataclass(frozen=True, slots=True)
class SessionFilters:
    """Which conversations of a period (`start <= time < end`) are meant: those with an answer that matches.

    `hallucinated`: one of the answers that match was judged so; False: none was. None leaves a field open.
    """

    start: datetime
    end: datetime
    agent_name: str | None = None
    model_name: str | None = None
    hallucinated: bool | None = None


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in the list, which is in descending order of it."""

    at: datetime
    """Time of the newest answer that matches."""
    session_id: str
