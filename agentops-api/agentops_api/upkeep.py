"""What keeps the store in shape while the server runs: merged rollups, partitions ahead of time, old traces gone.

Each server process does this for what it wrote; doing something twice is harmless. Knows no HTTP.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from uuid import UUID

from psycopg.errors import LockNotAvailable

from agentops_api import clock, tasks
from agentops_api.auth import store as auth_store
from agentops_api.db.disk import free_fraction
from agentops_api.db.pool import Database
from agentops_api.telemetry import rollups, words
from agentops_api.telemetry.writer import Writer

log = logging.getLogger(__name__)

MERGE_ROWS_MIN = 100
"""Rows that make a slot worth merging at once; slots with fewer wait for the slower round."""
FILE_BYTES_MIN = 100_000
"""Queued text worth filing at once; projects with less wait for the slower round."""
_BUSY_ROWS_S = 5_000
_REST, _REST_BUSY = 0.5, 9.0
"""Rest after filing, in multiples of the time that it took: else, and while more than so many rows a second come in."""
FREE_FRACTION_MIN = 0.10
_PARTITIONS_AHEAD = timedelta(days=62)
_STATEMENT_MS_MAX = 60_000
_PARTITIONS_STEP = timedelta(days=100)
"""Made in one transaction, which keeps readers waiting, and has five seconds."""


async def repeat(name: str, every_s: float, work: Callable[[], Awaitable[None]]) -> None:
    """Does the work again and again, whatever becomes of it."""
    while True:
        try:
            await work()
        except Exception:
            # The loop must survive: the database may be away for a while, and the next round does what this one left.
            log.warning("upkeep '%s' failed and will be tried again in %g s", name, every_s, exc_info=True)
        await asyncio.sleep(every_s)


def start(stack: AsyncExitStack, name: str, every_s: float, work: Callable[[], Awaitable[None]]) -> None:
    """Repeats the work in the background until the stack is left."""
    task = asyncio.create_task(repeat(name, every_s, work), name=name)
    stack.push_async_callback(tasks.end, task)


@asynccontextmanager
async def _whatever_becomes_of(project_id: UUID) -> AsyncGenerator[None]:
    """Work for one project, whose failure keeps no other waiting; the next round tries it again."""
    try:
        yield
    except Exception:
        log.warning("upkeep of project %s failed and will be tried again", project_id, exc_info=True)


async def merge_rollups(db: Database, writer: Writer, rows_min: int) -> None:
    """Merges the rollups of the slots that this process wrote at least `rows_min` rows to."""
    due: dict[UUID, dict[datetime, int]] = {}
    for (project_id, slot), rows in writer.touched.items():
        if rows >= rows_min:
            due.setdefault(project_id, {})[slot] = rows
    for project_id, slots in due.items():
        async with _whatever_becomes_of(project_id):
            async with db.as_project(project_id, statement_ms_max=_STATEMENT_MS_MAX) as tx:
                await rollups.merge(tx, project_id, sorted(slots))
            # Forgotten only now: what could not be merged is due again in the next round.
            for slot, rows in slots.items():
                writer.touched[project_id, slot] -= rows
                if writer.touched[project_id, slot] <= 0:
                    del writer.touched[project_id, slot]


async def merge_what_was_left(db: Database) -> None:
    """Merges what processes that were killed, or a round that failed, had not: at the start, and daily."""
    async with db.as_system() as tx:
        found = await tx.execute("SELECT id FROM projects ORDER BY id")
        project_ids = [project_id for (project_id,) in await found.fetchall()]
    for project_id in project_ids:
        async with _whatever_becomes_of(project_id):
            await rollups.merge_everything(
                partial(db.as_project, project_id, statement_ms_max=_STATEMENT_MS_MAX), project_id
            )


async def file_words(db: Database, writer: Writer, bytes_min: int) -> None:
    """Files the words of each project that has at least this much text queued, by whatever process, until none has.

    Filing costs several times the CPU that storing does. While much comes in it therefore rests most of the time: who
    sends evaluations goes first, and a search looks through the queue itself.
    """
    async with db.as_system() as tx:
        queued = await words.due(tx)
    due = {project_id for project_id, size in queued.items() if size >= bytes_min}
    while due:
        for project_id in tuple(due):
            started, stored_rows = time.monotonic(), writer.stored_rows
            has_more = False
            async with (
                _whatever_becomes_of(project_id),
                db.as_project(project_id, statement_ms_max=_STATEMENT_MS_MAX) as tx,
            ):
                has_more = await words.file(tx, project_id)
            if not has_more:
                due.discard(project_id)
            took_s = time.monotonic() - started
            is_busy = writer.stored_rows - stored_rows > _BUSY_ROWS_S * took_s
            await asyncio.sleep(took_s * (_REST_BUSY if is_busy else _REST))


async def ensure_partitions(db: Database, *, past: timedelta) -> None:
    """Makes the months that evaluations may come in for, and the next two, newest first. What cannot be made now is
    left for the next round: the default partition takes the rows until then."""
    today = clock.now().date()
    first, last = max(today - past, today - timedelta(days=3_650)), today + _PARTITIONS_AHEAD
    while first <= last:
        since = max(first, last - _PARTITIONS_STEP)
        async with db.as_system() as tx:
            # Other servers, which make them too, may take longer than the locks below.
            await tx.execute("SELECT pg_advisory_xact_lock(hashtext('agentops.partitions'))")
            # The lock on the default partition waits for those who read it, and whoever comes later waits behind it.
            await tx.execute("SET LOCAL lock_timeout = '500ms'")
            try:
                async with tx.transaction():
                    found = await tx.execute("SELECT agentops_ensure_partitions(%s, %s)", (since, last))
                    (made,) = await found.fetchone() or (0,)
            except LockNotAvailable as error:
                log.warning("the partitions of %s to %s were not made and will be tried again: %s", first, last, error)
                return
        if made:
            log.info("made %d monthly partitions", made)
        last = since - timedelta(days=1)


async def forget_old_sign_ins(db: Database) -> None:
    """Deletes sessions that ended, and failed sign-ins that count no more."""
    at = clock.now()
    async with db.as_system() as tx:
        await auth_store.delete_what_is_over(
            tx, sessions_before=at - timedelta(days=7), failures_before=at - timedelta(days=1)
        )


async def watch_disk(data_dir: Path) -> None:
    """Warns early: a full disk stops writing, deleting included."""
    free = free_fraction(data_dir)
    if free < FREE_FRACTION_MIN:
        log.warning("the disk of %s is %.0f %% full: make room before writes fail", data_dir, (1 - free) * 100)
