"""What a job is: work that somebody asked for, done later by whichever worker takes it, at least once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from pydantic.config import JsonDict

from agentops_api.errors import AgentOpsError

Status = Literal["queued", "running", "succeeded", "failed"]

EXAMPLE: JsonDict = {
    "id": "0198c3a2-7e4b-7d0c-9a1f-2b3c4d5e6f70",
    "kind": "delete_evaluations",
    "status": "running",
    "attempts": 1,
    "attempts_max": 5,
    "done": 4000,
    "total": 12345,
    "report": {"evaluations": 317},
    "error": None,
    "created_at": "2026-11-24T13:00:00Z",
    "due_at": "2026-11-24T13:00:00Z",
    "started_at": "2026-11-24T13:00:01Z",
    "finished_at": None,
}


class Job(BaseModel):
    """Work in the background, and what became of it."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True, json_schema_extra={"examples": [EXAMPLE]})

    id: UUID
    """Stable."""
    kind: str
    """What it does."""
    status: Status
    """`queued` again after a failure that leaves attempts; `failed` when none is left, until somebody retries it."""
    attempts: int
    """How often it was begun; a worker that died with it counts."""
    attempts_max: int
    """After how many it is left alone."""
    done: int | None
    """How much of `total` is done, in units of its kind; null while it does not say."""
    total: int | None
    """How much there is to do, as far as it knows."""
    report: dict[str, object] | None
    """What it has achieved so far; what is in it depends on the kind."""
    error: str | None
    """Why the last attempt failed."""
    created_at: datetime
    """When somebody asked for it."""
    due_at: datetime
    """When it may begin, or begin again."""
    started_at: datetime | None
    """When the last attempt began."""
    finished_at: datetime | None
    """When it succeeded or failed for good."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job that this worker has, until its lease ends."""

    id: UUID
    project_id: UUID | None
    kind: str
    args: dict[str, object]
    attempts: int
    """Which attempt this is, from 1; the proof that the job is still this worker's."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A kind of job that is due once in each slot of time, counted from midnight UTC."""

    kind: str
    every: timedelta
    offset: timedelta = timedelta(0)


class Hopeless(AgentOpsError):
    """The job would fail however often it is tried, so it fails at once; the message says what to do instead."""


class LeaseLost(Exception):
    """The job is another worker's now, or gone: whatever this one did since its last commit must not be kept."""
