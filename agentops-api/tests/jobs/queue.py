"""What the tests of the queue look at it with."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
from agentops_api.db.pool import Database
from agentops_api.jobs import store
from agentops_api.jobs.models import Claimed
from psycopg.rows import TupleRow
from tests.chaos.processes import until_async

FINISHED_S_MAX = 30.0


def ask(superuser_url: str, query: str, params: Sequence[object] = ()) -> list[TupleRow]:
    """What a superuser, whom no policy binds, is answered; changes are committed."""
    with psycopg.connect(superuser_url, autocommit=True) as admin:
        found = admin.execute(query.encode(), params)
        return found.fetchall() if found.description else []


def new_project(superuser_url: str) -> UUID:
    """A project of an organization that nobody belongs to."""
    id = uuid4()
    ask(superuser_url, "INSERT INTO organizations (id, name) VALUES (%s, 'org')", (id,))
    ask(superuser_url, "INSERT INTO projects (id, organization_id, name) VALUES (%s, %s, 'project')", (id, id))
    return id


async def asked_for(db: Database, kind: str, *, project_id: UUID | None = None, **args: object) -> UUID:
    """A job of this kind, committed."""
    async with db.as_jobs() as tx:
        id = await store.enqueue(tx, kind, args, project_id=project_id)
    assert id is not None
    return id


async def claimed(db: Database, *kinds: str, lease: timedelta = timedelta(minutes=1)) -> Claimed | None:
    """The next job, taken."""
    async with db.as_jobs() as tx:
        return await store.claim(tx, kinds, lease_s=lease.total_seconds())


async def state(db: Database, id: UUID) -> tuple[str, int, str | None]:
    """A job's status, its attempts, and why the last one failed."""
    async with db.as_jobs() as tx:
        found = await tx.execute("SELECT status, attempts, error FROM jobs WHERE id = %s", (id,))
        row = await found.fetchone()
    assert row
    return row[0], row[1], row[2]


async def all_finished(superuser_url: str, within_s: float = FINISHED_S_MAX) -> None:
    """Waits until no job is left to do."""

    async def nothing_left() -> bool:
        left = "SELECT count(*) FROM jobs WHERE status IN ('queued', 'running')"
        return await asyncio.to_thread(ask, superuser_url, left) == [(0,)]

    await until_async(nothing_left, within_s)
