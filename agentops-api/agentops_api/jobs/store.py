"""The queue in PostgreSQL. Begins and ends no transaction; times are the database's, so that clocks need not agree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from agentops_api import ids
from agentops_api.db.pool import Tx, every, one
from agentops_api.db.where import Where
from agentops_api.jobs.models import Claimed, Job, LeaseLost, Schedule, Status

LATE_S = 300
"""A job that has been due for longer makes the server not ready, where no worker is at work."""
_REAPED_MAX = 100

_COLUMNS: LiteralString = """
id, kind, status, attempts, attempts_max, done, total, report, error, created_at, due_at, started_at, finished_at
"""
# Exponential backoff with full jitter (M. Brooker, "Exponential Backoff And Jitter", AWS 2015): 5 s, 10 s, 20 s at
# most, and a quarter of an hour when it was tried often.
_QUEUED_AGAIN_OR_FAILED: LiteralString = """
    status = CASE WHEN attempts < attempts_max AND NOT %(hopeless)s THEN 'queued' ELSE 'failed' END,
    due_at = now() + random() * least(900, 5 * power(2, least(attempts, 10) - 1)) * interval '1 second',
    finished_at = CASE WHEN attempts < attempts_max AND NOT %(hopeless)s THEN NULL ELSE now() END,
    lease_until = NULL,
    error = %(error)s
"""
_IS_HELD: LiteralString = "id = %(id)s AND status = 'running' AND attempts = %(attempts)s"
# One at a time of each project and kind: nobody's thousand jobs keep the others' waiting.
_HAS_ITS_TURN: LiteralString = """
NOT EXISTS (SELECT FROM jobs AS other
            WHERE other.project_id = jobs.project_id AND other.kind = jobs.kind AND other.status = 'running')
"""


async def enqueue(
    tx: Tx,
    kind: str,
    args: Mapping[str, object],
    *,
    project_id: UUID | None,
    key: str | None = None,
    delay_s: float = 0.0,
) -> UUID | None:
    """Asks for a job, which is there when the transaction commits: the caller's own, of this project or of the jobs.

    `key`: while a job of this kind, project and key waits to begin, no other is made, and the answer is None.
    """
    id = ids.new()
    made = await tx.execute(
        """
        INSERT INTO jobs (id, project_id, kind, key, args, due_at)
        VALUES (%(id)s, %(project_id)s, %(kind)s, %(key)s, %(args)s, now() + %(delay_s)s * interval '1 second')
        ON CONFLICT DO NOTHING
        """,
        {
            "id": id,
            "project_id": project_id,
            "kind": kind,
            "key": key,
            "args": Jsonb(dict(args)),
            "delay_s": delay_s,
        },
    )
    return id if made.rowcount else None


async def claim(tx: Tx, kinds: Sequence[str], *, lease_s: float) -> Claimed | None:
    """Takes the job of these kinds that has been due for longest. Several may ask at once: each gets another."""
    return await one(
        tx,
        Claimed,
        """
        WITH next AS (
            SELECT id FROM jobs WHERE status = 'queued' AND due_at <= now() AND kind = ANY (%(kinds)s) AND """
        + _HAS_ITS_TURN
        + """
            ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED
        )
        UPDATE jobs SET status = 'running', attempts = attempts + 1, started_at = now(), key = NULL,
                        lease_until = now() + %(lease_s)s * interval '1 second'
        FROM next WHERE jobs.id = next.id
        RETURNING jobs.id, project_id, kind, args, attempts
        """,
        {"kinds": list(kinds), "lease_s": lease_s},
    )


async def renew(tx: Tx, held: Sequence[Claimed], *, lease_s: float) -> set[tuple[UUID, int]]:
    """Puts the end of the leases off; which jobs are still this worker's, and in which attempt."""
    found = await tx.execute(
        """
        UPDATE jobs SET lease_until = now() + %(lease_s)s * interval '1 second'
        FROM unnest(%(ids)s::uuid[], %(attempts)s::integer[]) AS held (id, attempts)
        WHERE jobs.id = held.id AND jobs.attempts = held.attempts AND status = 'running'
        RETURNING jobs.id, jobs.attempts
        """,
        {"ids": [job.id for job in held], "attempts": [job.attempts for job in held], "lease_s": lease_s},
    )
    return set(await found.fetchall())


async def advance(
    tx: Tx,
    job: Claimed,
    *,
    done: int | None = None,
    total: int | None = None,
    report: Mapping[str, object] | None = None,
) -> None:
    """Notes progress in the transaction of the work itself; None leaves a value. Raises LeaseLost."""
    noted = await tx.execute(
        """
        UPDATE jobs SET done = coalesce(%(done)s, done), total = coalesce(%(total)s, total),
                        report = coalesce(%(report)s, report)
        WHERE """
        + _IS_HELD,
        {
            "id": job.id,
            "attempts": job.attempts,
            "done": done,
            "total": total,
            "report": None if report is None else Jsonb(dict(report)),
        },
    )
    if not noted.rowcount:
        raise LeaseLost


async def succeed(tx: Tx, job: Claimed) -> bool:
    """Ends the job; False when it was no longer this worker's."""
    ended = await tx.execute(
        "UPDATE jobs SET status = 'succeeded', finished_at = now(), lease_until = NULL, error = NULL WHERE " + _IS_HELD,
        {"id": job.id, "attempts": job.attempts},
    )
    return ended.rowcount > 0


async def fail(tx: Tx, job: Claimed, *, error: str, hopeless: bool = False) -> bool:
    """Queues the job again after a while, or ends it when this was its last attempt or another one is `hopeless`;
    False when it was not ours."""
    ended = await tx.execute(
        "UPDATE jobs SET " + _QUEUED_AGAIN_OR_FAILED + " WHERE " + _IS_HELD,
        {"id": job.id, "attempts": job.attempts, "error": error, "hopeless": hopeless},
    )
    return ended.rowcount > 0


async def give_back(tx: Tx, job: Claimed) -> None:
    """Queues the job again at once, as if this worker had not begun it: it is being stopped, which is no failure."""
    await tx.execute(
        "UPDATE jobs SET status = 'queued', due_at = now(), lease_until = NULL, attempts = attempts - 1 WHERE "
        + _IS_HELD,
        {"id": job.id, "attempts": job.attempts},
    )


@dataclass(frozen=True, slots=True)
class Reaped:
    """A job whose worker was lost."""

    id: UUID
    kind: str
    status: Status


async def reap(tx: Tx) -> list[Reaped]:
    """Takes jobs from workers whose leases ended: they were killed, or stand still. The attempt counts."""
    return await every(
        tx,
        Reaped,
        """
        UPDATE jobs SET """
        + _QUEUED_AGAIN_OR_FAILED
        + """
        WHERE id IN (SELECT id FROM jobs WHERE status = 'running' AND lease_until < now()
                     LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
        RETURNING id, kind, status
        """,
        {"error": "The worker was lost while it did this.", "hopeless": False, "limit": _REAPED_MAX},
    )


async def tick(tx: Tx, schedule: Schedule, *, at: datetime | None = None) -> UUID | None:
    """Enqueues the job of the slot that it is, if nobody did yet. Slots that nobody was there for are left out, and a
    schedule that is new begins with its next slot. `at`: the time, else the database's own."""
    slot = await tx.execute(
        """
        WITH now AS (
            SELECT date_bin(%(every)s, coalesce(%(at)s, now()), timestamptz '2000-01-01T00:00:00Z' + %(offset)s) AS slot
        ), known AS (
            SELECT slot FROM job_slots WHERE kind = %(kind)s
        ), noted AS (
            INSERT INTO job_slots AS kept (kind, slot)
            SELECT %(kind)s, now.slot FROM now WHERE NOT EXISTS (SELECT FROM known WHERE known.slot >= now.slot)
            ON CONFLICT (kind) DO UPDATE SET slot = excluded.slot WHERE kept.slot < excluded.slot
            RETURNING slot
        )
        SELECT slot::text FROM noted WHERE EXISTS (SELECT FROM known)
        """,
        {"kind": schedule.kind, "every": schedule.every, "offset": schedule.offset, "at": at},
    )
    row = await slot.fetchone()
    return await enqueue(tx, schedule.kind, {"slot": row[0]}, project_id=None) if row else None


async def is_late(tx: Tx, kinds: Sequence[str]) -> bool:
    """Whether a job of these kinds has been due for more than five minutes, and not because all workers are busy or its
    project's others go first: then one runs under a lease that is kept, or has ended just now."""
    found = await tx.execute(
        """
        SELECT EXISTS (
            SELECT FROM jobs
            WHERE status = 'queued' AND kind = ANY (%(kinds)s) AND due_at < now() - %(late_s)s * interval '1 second'
        ) AND NOT EXISTS (
            SELECT FROM jobs WHERE status = 'running' AND kind = ANY (%(kinds)s) AND lease_until > now()
        ) AND NOT EXISTS (
            SELECT FROM jobs WHERE finished_at > now() - %(late_s)s * interval '1 second' AND kind = ANY (%(kinds)s)
        )
        """,
        {"kinds": list(kinds), "late_s": LATE_S},
    )
    row = await found.fetchone()
    return row == (True,)


@dataclass(frozen=True, slots=True)
class Depth:
    """How many jobs of a kind are in a state, and since when the longest waiting is due."""

    kind: str
    status: Status
    jobs: int
    oldest_due_s: float
    """Of queued jobs that are due, the seconds since; 0 for all others."""


async def depths(tx: Tx) -> list[Depth]:
    """The queue at a glance, for metrics."""
    return await every(
        tx,
        Depth,
        """
        SELECT kind, status, count(*) AS jobs,
               coalesce(extract(epoch FROM max(now() - due_at) FILTER (WHERE status = 'queued' AND due_at < now())),
                        0)::float8 AS oldest_due_s
        FROM jobs GROUP BY kind, status ORDER BY kind, status
        """,
    )


async def page(
    tx: Tx, project_id: UUID, *, status: Status | None, kind: str | None, before: UUID | None, limit: int
) -> list[Job]:
    """The project's jobs, newest first, from after the job `before` on."""
    where = Where()
    where.add("project_id = %(project_id)s", project_id=project_id)
    where.add("status = %(status)s", status=status)
    where.add("kind = %(kind)s", kind=kind)
    where.add("id < %(before)s", before=before)
    sql = "SELECT " + _COLUMNS + " FROM jobs" + where.sql + " ORDER BY id DESC LIMIT %(limit)s"
    return await every(tx, Job, sql, where.params | {"limit": limit})


async def get(tx: Tx, project_id: UUID, id: UUID) -> Job | None:
    """The project's job, or None."""
    return await one(
        tx,
        Job,
        "SELECT " + _COLUMNS + " FROM jobs WHERE project_id = %(project_id)s AND id = %(id)s",
        {"project_id": project_id, "id": id},
    )


async def retry(tx: Tx, project_id: UUID, id: UUID) -> Job | None:
    """Queues a failed job again, with as many attempts as a new one has; None when there is no failed one."""
    return await one(
        tx,
        Job,
        """
        UPDATE jobs SET status = 'queued', due_at = now(), finished_at = NULL, attempts_max = least(attempts + 5, 1000)
        WHERE project_id = %(project_id)s AND id = %(id)s AND status = 'failed'
        RETURNING """
        + _COLUMNS,
        {"project_id": project_id, "id": id},
    )


async def forget_finished(tx: Tx, *, succeeded_days: int, failed_days: int) -> int:
    """Deletes jobs that ended long ago; how many."""
    gone = await tx.execute(
        """
        DELETE FROM jobs WHERE finished_at < now() - CASE status WHEN 'succeeded' THEN %(succeeded_days)s
                                                     ELSE %(failed_days)s END * interval '1 day'
        """,
        {"succeeded_days": succeeded_days, "failed_days": failed_days},
    )
    return gone.rowcount
