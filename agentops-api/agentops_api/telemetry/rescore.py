"""Scores for evaluations that are stored already: which lack them, and how they are written.

Begins and ends no transaction. The statistics change with the rows: each is taken out of them as it was, and added as
it is (docs/adr/0003).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString
from uuid import UUID

import orjson

from agentops_api.db.pool import Tx, every, one
from agentops_api.db.where import Where
from agentops_api.evaluations.models import Position
from agentops_api.telemetry.rollup_sql import INSERT_ROLLUPS, rolled_up

# A detector that found nothing to check has looked at it; one that was degraded wanted to look better.
_HAS_SCORES: LiteralString = """
(hallucinated IS NOT NULL OR hallucination_probability IS NOT NULL
 OR detector IS NOT NULL AND status IS DISTINCT FROM 'degraded')
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which evaluations to look at; None leaves a field open."""

    start: datetime | None
    end: datetime
    agent_name: str | None = None
    model_name: str | None = None
    session_id: str | None = None
    unlogged: bool = False
    """Only those that no run has looked at, as far as its log is kept."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An evaluation that may be scored."""

    created_at: datetime
    id: UUID
    session_id: str | None
    has_scores: bool
    has_documents: bool


@dataclass(frozen=True, slots=True)
class Texts:
    """What the detector reads."""

    prompt: str
    response: str
    retrieved_docs: list[str]


def _where(project_id: UUID, wanted: Wanted) -> Where:
    where = Where()
    where.add("project_id = %(project_id)s", project_id=project_id)
    where.add("created_at >= %(start)s", start=wanted.start)
    where.add("created_at < %(end)s", end=wanted.end)
    where.add("agent_name = %(agent_name)s", agent_name=wanted.agent_name)
    where.add("model_name = %(model_name)s", model_name=wanted.model_name)
    where.add("session_id = %(session_id)s", session_id=wanted.session_id)
    if wanted.unlogged:
        where.add(
            "NOT EXISTS (SELECT FROM scoring_log WHERE scoring_log.project_id = evaluations.project_id"
            " AND evaluation_id = evaluations.id)"
        )
    return where


async def count(tx: Tx, project_id: UUID, wanted: Wanted) -> int:
    """How many evaluations there are to look at."""
    where = _where(project_id, wanted)
    found = await tx.execute("SELECT count(*) FROM evaluations" + where.sql, where.params)
    row = await found.fetchone()
    assert row is not None, "an aggregate has a row"
    return row[0]


async def candidates(
    tx: Tx, project_id: UUID, wanted: Wanted, *, after: Position | None, limit: int
) -> list[Candidate]:
    """The next evaluations to look at, oldest first, from behind `after`."""
    where = _where(project_id, wanted)
    if after:
        # The first half is for the planner, which leaves out earlier partitions by it.
        where.add(
            "created_at >= %(after_at)s AND (created_at, id) > (%(after_at)s, %(after_id)s)",
            after_at=after.created_at,
            after_id=after.id,
        )
    return await every(
        tx,
        Candidate,
        "SELECT created_at, id, session_id, "
        + _HAS_SCORES
        + " AS has_scores, coalesce(cardinality(retrieved_docs), 0) > 0 AS has_documents FROM evaluations"
        + where.sql
        + " ORDER BY created_at, id LIMIT %(limit)s",
        where.params | {"limit": limit},
    )


async def texts(tx: Tx, project_id: UUID, at: Position) -> Texts | None:
    """What one evaluation says; None when it is gone."""
    return await one(
        tx,
        Texts,
        """
        SELECT prompt, response, coalesce(retrieved_docs, '{}') AS retrieved_docs FROM evaluations
        WHERE project_id = %(project_id)s AND created_at = %(created_at)s AND id = %(id)s
        """,
        {"project_id": project_id, "created_at": at.created_at, "id": at.id},
    )


@dataclass(frozen=True, slots=True)
class _Locked:
    id: UUID
    has_scores: bool


# Alone, so that the next statement's snapshot has whatever this one waited for. In order, so that two that lock the
# same rows do not wait for each other.
_LOCK: LiteralString = (
    "SELECT id, "
    + _HAS_SCORES
    + """ AS has_scores
FROM evaluations
WHERE project_id = %(project_id)s AND created_at BETWEEN %(first)s AND %(last)s AND id = ANY (%(ids)s)
ORDER BY created_at, id FOR UPDATE
"""
)

# What its sender said of an answer stays as it is.
_WRITE: LiteralString = (
    """
WITH found AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%(found)s::json) AS row (
        created_at timestamptz, id uuid, semantic_drift float8, uncertainty float8, factual_support float8,
        hallucination_probability float8, hallucinated boolean, mode text, claims jsonb, status text, scoring text,
        detector text
    )
), unscored AS (
    SELECT evaluations.* FROM evaluations JOIN found USING (created_at, id)
    WHERE evaluations.project_id = %(project_id)s AND evaluations.created_at BETWEEN %(first)s AND %(last)s
), scored AS (
    UPDATE evaluations SET
        semantic_drift = coalesce(evaluations.semantic_drift, found.semantic_drift),
        uncertainty = coalesce(evaluations.uncertainty, found.uncertainty),
        factual_support = coalesce(evaluations.factual_support, found.factual_support),
        hallucination_probability = found.hallucination_probability,
        hallucinated = found.hallucinated,
        mode = coalesce(evaluations.mode, found.mode),
        claims = found.claims, status = found.status, scoring = found.scoring, detector = found.detector
    FROM found
    WHERE evaluations.project_id = %(project_id)s AND evaluations.created_at BETWEEN %(first)s AND %(last)s
      AND evaluations.created_at = found.created_at AND evaluations.id = found.id
    RETURNING evaluations.*
), subtracted AS (
"""
    + INSERT_ROLLUPS
    + rolled_up("unscored", sign="-1")
    + ")"
    + INSERT_ROLLUPS
    + rolled_up("scored")
)


@dataclass(frozen=True, slots=True)
class Written:
    """What became of evaluations whose scores were to be written."""

    scored: frozenset[UUID]
    has_scores: frozenset[UUID]
    """Somebody else was first. Those in neither set are gone."""


async def write(tx: Tx, project_id: UUID, found: Sequence[tuple[Position, Mapping[str, object]]]) -> Written:
    """Writes the scores of evaluations that still lack them, and corrects the statistics. `found`: by place, the
    columns; oldest first. Waits for who deletes one of them: what is gone stays gone."""
    if not found:
        return Written(frozenset(), frozenset())
    params: dict[str, object] = {
        "project_id": project_id,
        "first": found[0][0].created_at,
        "last": found[-1][0].created_at,
    }
    locked = await every(tx, _Locked, _LOCK, params | {"ids": [at.id for at, _ in found]})
    scored = frozenset(row.id for row in locked if not row.has_scores)
    rows = [{**columns, "created_at": at.created_at, "id": at.id} for at, columns in found if at.id in scored]
    if rows:
        await tx.execute(_WRITE, params | {"found": orjson.dumps(rows).decode()})
    return Written(scored, frozenset(row.id for row in locked if row.has_scores))
