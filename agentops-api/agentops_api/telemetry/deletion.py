"""Deleting many evaluations: by a filter, with their statistics, or by age, without.

In steps of a bounded number of rows, each for a transaction of its own, so that no step takes long however many rows
there are and however few of them go. Begins and ends no transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from agentops_api.db.pool import Tx, every, one
from agentops_api.db.where import Where
from agentops_api.evaluations.models import Position
from agentops_api.telemetry import words
from agentops_api.telemetry.rollup_sql import INSERT_ROLLUPS, rolled_up

STEP_ROWS = 2_000


@dataclass(frozen=True, slots=True)
class Doomed:
    """Which evaluations go: those for which everything that is given is true."""

    before: datetime
    agent_name: str | None = None
    session_id: str | None = None
    metadata: dict[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """What one step looked at, and where the next one begins."""

    seen: int
    gone: int
    at: Position | None
    """None: this was the last."""


@dataclass(frozen=True, slots=True)
class _Row:
    created_at: datetime
    id: UUID
    goes: bool


def _seen(project_id: UUID, doomed: Doomed) -> Where:
    """What has to be looked at: what an index finds of the filter."""
    where = Where()
    where.add("project_id = %(project_id)s", project_id=project_id)
    where.add("created_at < %(before)s", before=doomed.before)
    where.add("agent_name = %(agent_name)s", agent_name=doomed.agent_name)
    where.add("session_id = %(session_id)s", session_id=doomed.session_id)
    return where


def _metadata(doomed: Doomed) -> Jsonb | None:
    return Jsonb(doomed.metadata) if doomed.metadata else None


@dataclass(frozen=True, slots=True)
class Extent:
    """How many evaluations a deletion has to look at, and how many go."""

    seen: int
    gone: int


async def extent(tx: Tx, project_id: UUID, doomed: Doomed) -> Extent:
    """What a deletion would do now. Reads everything that it would look at."""
    where = _seen(project_id, doomed)
    found = await one(
        tx,
        Extent,
        """
        SELECT count(*) AS seen,
               count(*) FILTER (WHERE %(metadata)s::jsonb IS NULL OR metadata @> %(metadata)s::jsonb) AS gone
        FROM evaluations"""
        + where.sql,
        where.params | {"metadata": _metadata(doomed)},
    )
    assert found is not None, "an aggregate has a row"
    return found


_GONE: LiteralString = """
WITH doomed AS (
    SELECT * FROM unnest(%(times)s::timestamptz[], %(ids)s::uuid[]) AS doomed (created_at, id)
), gone AS (
    DELETE FROM evaluations USING doomed
    WHERE evaluations.project_id = %(project_id)s
      AND evaluations.created_at BETWEEN %(first)s AND %(last)s
      AND evaluations.created_at = doomed.created_at AND evaluations.id = doomed.id
    RETURNING evaluations.*
), unclaimed AS (
    DELETE FROM evaluation_ids USING gone
    WHERE evaluation_ids.project_id = %(project_id)s AND evaluation_ids.id = gone.id
)
"""
_COUNT: LiteralString = "SELECT count(*) FROM gone"
_SUBTRACT: LiteralString = (
    ", subtracted AS ("
    + INSERT_ROLLUPS
    + rolled_up("gone", sign="-1")
    + "), queued AS ("
    + words.queued_gone("gone")
    + ")"
)


async def forget_labels(tx: Tx, project_id: UUID, ids: Sequence[UUID]) -> None:
    """Deletes the labels of evaluations that were deleted before in this transaction: by then nobody adds another,
    and a label that was added meanwhile is seen, as it would not be by the statement that deletes them."""
    await tx.execute(
        "DELETE FROM evaluation_labels WHERE project_id = %(project_id)s AND evaluation_id = ANY (%(ids)s)",
        {"project_id": project_id, "ids": list(ids)},
    )


async def delete_step(tx: Tx, project_id: UUID, doomed: Doomed, *, after: Position | None, subtract: bool) -> Step:
    """Looks at the next rows, oldest first, and deletes those that go. `subtract`: from statistics and search, too."""
    where = _seen(project_id, doomed)
    if after:
        # The first half is for the planner, which leaves out earlier partitions by it.
        where.add(
            "created_at >= %(after_at)s AND (created_at, id) > (%(after_at)s, %(after_id)s)",
            after_at=after.created_at,
            after_id=after.id,
        )
    rows = await every(
        tx,
        _Row,
        "SELECT created_at, id, %(metadata)s::jsonb IS NULL OR coalesce(metadata @> %(metadata)s::jsonb, false) AS goes"
        " FROM evaluations" + where.sql + " ORDER BY created_at, id LIMIT %(rows)s",
        where.params | {"metadata": _metadata(doomed), "rows": STEP_ROWS},
    )
    going = [row for row in rows if row.goes]
    gone = 0
    if going:
        found = await tx.execute(
            _GONE + (_SUBTRACT if subtract else "") + _COUNT,
            {
                "project_id": project_id,
                "times": [row.created_at for row in going],
                "ids": [row.id for row in going],
                "first": going[0].created_at,
                "last": going[-1].created_at,
            },
        )
        row = await found.fetchone()
        assert row is not None, "an aggregate has a row"
        gone = row[0]
        await forget_labels(tx, project_id, [each.id for each in going])
    last = Position(rows[-1].created_at, rows[-1].id) if len(rows) == STEP_ROWS else None
    return Step(len(rows), gone, last)
