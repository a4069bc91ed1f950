"""Rollups: merging what was written, and making them anew from raw rows. The SQL stands in `rollup_sql.py`."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import LiteralString
from uuid import UUID

from agentops_api.db.pool import Tx
from agentops_api.telemetry.rollup_sql import COUNT_A_DAY, COUNT_A_WEEK, MERGE

SLOT_MINUTES = 15
"""The period of a row as it is written."""
SLOTS_A_MERGE = 96
"""What one statement of a merge takes together: a day."""


def slot_of(at: datetime) -> datetime:
    """The slot that an evaluation of this time is counted in."""
    return at.replace(minute=at.minute // SLOT_MINUTES * SLOT_MINUTES, second=0, microsecond=0)


def week_of(day: datetime) -> datetime:
    """The midnight in UTC, with which a Monday begins, before or at this one."""
    return day - timedelta(days=day.weekday())


async def merge(tx: Tx, project_id: UUID, slots: list[datetime]) -> None:
    """Counts what was written in these slots into the coarser rows; groups that came to nothing disappear."""
    await _alone(tx, project_id)
    await _work_in_memory(tx)
    for first in range(0, len(slots), SLOTS_A_MERGE):
        await tx.execute(MERGE, {"project_id": project_id, "slots": slots[first : first + SLOTS_A_MERGE]})


async def unmerged_slots(tx: Tx, project_id: UUID) -> list[datetime]:
    """The slots in which something was written and not merged yet, oldest first."""
    found = await tx.execute(
        """
        SELECT DISTINCT at FROM evaluation_rollups
        WHERE project_id = %(project_id)s AND resolution = 0 AND dims = 'all' ORDER BY at
        """,
        {"project_id": project_id},
    )
    return [at for (at,) in await found.fetchall()]


async def merge_everything(transaction: Callable[[], AbstractAsyncContextManager[Tx]], project_id: UUID) -> None:
    """Merges all that was written and not merged yet, a day at a time, each in a transaction of its own."""
    async with transaction() as tx:
        slots = await unmerged_slots(tx, project_id)
    for first in range(0, len(slots), SLOTS_A_MERGE):
        async with transaction() as tx:
            await merge(tx, project_id, slots[first : first + SLOTS_A_MERGE])


async def rebuild(tx: Tx, project_id: UUID) -> None:
    """Makes the project's rollups anew from its rows, while ingest goes on: of each day both are one snapshot.

    From the first day on whose rows retention left there: of earlier days only the rollups are kept.
    """
    await _alone(tx, project_id)
    await _work_in_memory(tx)
    # Sorted, one group's rows are in memory at a time; hashed, all of a day's would be.
    await tx.execute("SELECT set_config('enable_hashagg', 'off', true)")
    days = await _days(tx, project_id)
    for day in days:
        await count_day(tx, project_id, day)
    for week in sorted({week_of(day) for day in days}):
        await count_week(tx, project_id, week)


async def count_day(tx: Tx, project_id: UUID, day: datetime) -> None:
    """Makes the quarters, hours and the day of one day of UTC anew from its rows. Merges must be kept out meanwhile,
    and its week be counted next."""
    await tx.execute(COUNT_A_DAY, {"project_id": project_id, "day": day})


async def count_week(tx: Tx, project_id: UUID, week: datetime) -> None:
    """Makes the rollups of one week of UTC, by its Monday, anew from its days. Merges must be kept out meanwhile."""
    await tx.execute(COUNT_A_WEEK, {"project_id": project_id, "week": week})


async def _days(tx: Tx, project_id: UUID) -> list[datetime]:
    """The days of UTC that have rollups, and all from the first to the last evaluation, ascending, that keep rows."""
    found = await tx.execute(
        """
        SELECT day FROM (
            SELECT date_trunc('day', at, 'UTC') AS day FROM evaluation_rollups WHERE project_id = %(project_id)s
            UNION
            SELECT day
        FROM (SELECT min(created_at) AS first, max(created_at) AS last
              FROM evaluations WHERE project_id = %(project_id)s) AS rows,
             generate_series(date_trunc('day', first, 'UTC'), last, '24 hours') AS day
        ) AS days
        WHERE day >= coalesce(
            (SELECT raw_from FROM project_retention WHERE project_id = %(project_id)s), '-infinity')
        ORDER BY day
        """,
        {"project_id": project_id},
    )
    return [day for (day,) in await found.fetchall()]


# A week that goes on behind that midnight stays, for the days that do.
_FORGOTTEN: LiteralString = """
FROM evaluation_rollups
WHERE project_id = %(project_id)s AND at < %(before)s
  AND (resolution <> 10080 OR at <= %(before)s - interval '168 hours')
"""


async def forget(tx: Tx, project_id: UUID, *, before: datetime) -> int:
    """Deletes the rollups before a midnight in UTC; how many rows that were."""
    await _alone(tx, project_id)
    gone = await tx.execute("DELETE " + _FORGOTTEN, {"project_id": project_id, "before": before})
    if gone.rowcount and before.weekday():
        await count_week(tx, project_id, week_of(before))
    return gone.rowcount


async def count_before(tx: Tx, project_id: UUID, *, before: datetime) -> int:
    """How many rows of rollups `forget` would delete now."""
    found = await tx.execute("SELECT count(*) " + _FORGOTTEN, {"project_id": project_id, "before": before})
    row = await found.fetchone()
    assert row is not None, "an aggregate has a row"
    return row[0]


async def _alone(tx: Tx, project_id: UUID) -> None:
    """One merge or rebuild of a project at a time; a later statement then sees what the one before committed."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended('agentops.rollups ' || %s, 0))", (str(project_id),))


async def _work_in_memory(tx: Tx) -> None:
    """A day of many groups sorts tens of megabytes; on disk that takes twice as long."""
    await tx.execute("SELECT set_config('work_mem', '64MB', true)")
