"""How long projects keep what, in PostgreSQL. Begins and ends no transaction."""

from datetime import date, datetime
from uuid import UUID

from agentops_api.db.pool import Tx, one
from agentops_api.retention.models import Retention


async def retention(tx: Tx, project_id: UUID) -> Retention:
    """What the project keeps; everything, when nobody said anything."""
    found = await one(
        tx,
        Retention,
        "SELECT raw_days, rollup_days, raw_from FROM project_retention WHERE project_id = %(project_id)s",
        {"project_id": project_id},
    )
    return found or Retention()


async def set_retention(tx: Tx, project_id: UUID, wanted: Retention) -> None:
    """For a person who administers the project."""
    await tx.execute(
        """
        INSERT INTO project_retention (project_id, raw_days, rollup_days)
        VALUES (%(project_id)s, %(raw_days)s, %(rollup_days)s)
        ON CONFLICT (project_id) DO UPDATE
        SET raw_days = excluded.raw_days, rollup_days = excluded.rollup_days, updated_at = now()
        """,
        {"project_id": project_id, "raw_days": wanted.raw_days, "rollup_days": wanted.rollup_days},
    )


async def note_raw_from(tx: Tx, project_id: UUID, at: datetime) -> None:
    """Notes from which time on evaluations are kept. It never goes back: what is gone is gone."""
    await tx.execute(
        "UPDATE project_retention SET raw_from = greatest(raw_from, %(at)s) WHERE project_id = %(project_id)s",
        {"project_id": project_id, "at": at},
    )


async def projects_that_forget(tx: Tx) -> list[UUID]:
    """The projects that do not keep everything. For the jobs."""
    found = await tx.execute("SELECT project_id FROM project_retention WHERE raw_days IS NOT NULL ORDER BY project_id")
    return [project_id for (project_id,) in await found.fetchall()]


async def drop_empty_partition(tx: Tx, *, before: date) -> str | None:
    """Drops a month that ended by then and holds nothing any more; its name. For the system."""
    found = await tx.execute("SELECT agentops_drop_empty_partition(%(before)s)", {"before": before})
    row = await found.fetchone()
    return row[0] if row else None
