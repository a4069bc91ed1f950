"""What is scored for whom, and what became of it, in PostgreSQL. Begins and ends no transaction."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import orjson

from agentops_api.db.pool import Tx, every, one
from agentops_api.db.where import Where
from agentops_api.evaluations.models import Position
from agentops_api.scoring.models import LogEntry, Outcome, ProjectScoring


async def project_scoring(tx: Tx, project_id: UUID) -> ProjectScoring:
    """What the project has scored; nothing, when nobody said anything."""
    found = await one(
        tx,
        ProjectScoring,
        "SELECT enabled, sample_rate, scored_to FROM project_scoring WHERE project_id = %(project_id)s",
        {"project_id": project_id},
    )
    return found or ProjectScoring()


async def set_project_scoring(tx: Tx, project_id: UUID, wanted: ProjectScoring) -> None:
    """For a person who administers the project. Switched on, it begins with what comes in from now on."""
    await tx.execute(
        """
        INSERT INTO project_scoring AS kept (project_id, enabled, sample_rate)
        VALUES (%(project_id)s, %(enabled)s, %(sample_rate)s)
        ON CONFLICT (project_id) DO UPDATE
        SET enabled = excluded.enabled, sample_rate = excluded.sample_rate, updated_at = now(),
            scored_to = CASE WHEN excluded.enabled AND NOT kept.enabled THEN now() ELSE kept.scored_to END
        """,
        {"project_id": project_id, "enabled": wanted.enabled, "sample_rate": wanted.sample_rate},
    )


async def note_scored_to(tx: Tx, project_id: UUID, at: datetime) -> None:
    """Notes up to which time evaluations were looked at; it never goes back."""
    await tx.execute(
        "UPDATE project_scoring SET scored_to = greatest(scored_to, %(at)s) WHERE project_id = %(project_id)s",
        {"project_id": project_id, "at": at},
    )


async def projects_that_score(tx: Tx) -> list[UUID]:
    """The projects that want what comes in scored. For the jobs."""
    found = await tx.execute("SELECT project_id FROM project_scoring WHERE enabled ORDER BY project_id")
    return [project_id for (project_id,) in await found.fetchall()]


async def log(tx: Tx, project_id: UUID, job_id: UUID, entries: Sequence[tuple[Position, Outcome, str | None]]) -> None:
    """Writes down what became of these evaluations."""
    rows = [
        {"evaluation_at": at.created_at, "evaluation_id": at.id, "outcome": outcome, "reason": reason}
        for at, outcome, reason in entries
    ]
    await tx.execute(
        """
        INSERT INTO scoring_log (project_id, job_id, evaluation_at, evaluation_id, outcome, reason)
        SELECT %(project_id)s, %(job_id)s, evaluation_at, evaluation_id, outcome, left(reason, 500)
        FROM json_to_recordset(%(rows)s::json) AS row (
            evaluation_at timestamptz, evaluation_id uuid, outcome text, reason text)
        ON CONFLICT DO NOTHING
        """,
        {"project_id": project_id, "job_id": job_id, "rows": orjson.dumps(rows).decode()},
    )


async def last_logged(tx: Tx, project_id: UUID, job_id: UUID) -> Position | None:
    """How far the job came, in earlier attempts."""
    return await one(
        tx,
        Position,
        """
        SELECT evaluation_at AS created_at, evaluation_id AS id FROM scoring_log
        WHERE project_id = %(project_id)s AND job_id = %(job_id)s
        ORDER BY evaluation_at DESC, evaluation_id DESC LIMIT 1
        """,
        {"project_id": project_id, "job_id": job_id},
    )


async def page(
    tx: Tx, project_id: UUID, job_id: UUID, *, outcome: Outcome | None, after: Position | None, limit: int
) -> list[LogEntry]:
    """What became of the evaluations that a job looked at, oldest evaluation first, from behind `after`."""
    where = Where()
    where.add("project_id = %(project_id)s AND job_id = %(job_id)s", project_id=project_id, job_id=job_id)
    where.add("outcome = %(outcome)s", outcome=outcome)
    if after:
        where.add(
            "(evaluation_at, evaluation_id) > (%(after_at)s, %(after_id)s)",
            after_at=after.created_at,
            after_id=after.id,
        )
    return await every(
        tx,
        LogEntry,
        "SELECT evaluation_id, evaluation_at, outcome, reason, at FROM scoring_log"
        + where.sql
        + " ORDER BY evaluation_at, evaluation_id LIMIT %(limit)s",
        where.params | {"limit": limit},
    )
