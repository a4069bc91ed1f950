"""Reading conversations: which come next in a period, and what each looks like.

There is no table of conversations. The newest evaluations of the period are walked, in chunks that grow, until a page's
conversations are found; only those are then counted, by their index. Both are bounded: a walk that has met too few
conversations ends a page early, and of a conversation only the newest evaluations are counted.
"""

from datetime import datetime, timedelta
from functools import partial
from typing import LiteralString
from uuid import UUID

from psycopg.rows import kwargs_row

from agentops_api.analytics.models import UNITS
from agentops_api.db.pool import Tx
from agentops_api.db.where import Where
from agentops_api.evaluations.models import Position
from agentops_api.sessions.models import (
    LISTED_TURNS_MAX,
    NAMES_MAX,
    TURNS_MAX,
    Place,
    Session,
    SessionFilters,
    Worst,
)

_CHUNK_ROWS, _CHUNK_GROWTH = 500, 4
_WALK_ROWS_MAX = 100_000
_MICROSECOND = timedelta(microseconds=1)

# A sum is that of rollups (telemetry/rollup_sql.py), so that a mean here is the one that analytics gives.
_FIGURES: LiteralString = """
WITH turn AS MATERIALIZED (
    SELECT turn.*
    FROM unnest(%(session_ids)s::text[]) AS wanted (wanted_id), LATERAL (
        SELECT session_id, created_at, id, hallucinated, hallucination_probability, latency_sec, agent_name, model_name
        FROM evaluations WHERE_THESE
        ORDER BY created_at DESC, id DESC LIMIT %(turns_max)s
    ) AS turn
), worst AS (
    SELECT DISTINCT ON (session_id) session_id, id, created_at, hallucinated, hallucination_probability
    FROM turn
    WHERE hallucinated OR hallucination_probability IS NOT NULL
    ORDER BY session_id, hallucinated IS TRUE DESC, hallucination_probability DESC NULLS LAST, created_at DESC, id DESC
), figures AS (
    SELECT session_id, count(*) AS evaluations, count(hallucinated) AS verdicts,
           count(*) FILTER (WHERE hallucinated) AS hallucinations,
           min(created_at) AS first_at, max(created_at) AS last_at,
           count(latency_sec) AS latency_count, sum(round(latency_sec * 1e6)::bigint)::bigint AS latency_sum,
           (array_agg(DISTINCT agent_name) FILTER (WHERE agent_name IS NOT NULL))[:%(names_max)s] AS agents,
           (array_agg(DISTINCT model_name) FILTER (WHERE model_name IS NOT NULL))[:%(names_max)s] AS models
    FROM turn GROUP BY session_id
)
SELECT figures.*, worst.id AS worst_id, worst.created_at AS worst_at, worst.hallucinated AS worst_hallucinated,
       worst.hallucination_probability AS worst_probability
FROM figures LEFT JOIN worst USING (session_id)
"""


async def read_sessions(
    tx: Tx,
    project_id: UUID,
    filters: SessionFilters,
    *,
    after: Place | None,
    limit: int,
    chunk_rows: int = _CHUNK_ROWS,
    walk_rows_max: int = _WALK_ROWS_MAX,
) -> tuple[list[Session], Place | None]:
    """Up to `limit` conversations from behind `after`, those with the newest matching answer first, and the place from
    which the next page goes on; None for that on the last."""
    places, end = await _places(
        tx, project_id, filters, after=after, limit=limit, rows=chunk_rows, rows_max=walk_rows_max
    )
    session_ids = [place.session_id for place in places]
    figures = await _figures(tx, _in_period(project_id, filters), session_ids, turns_max=LISTED_TURNS_MAX)
    # One that is missing was deleted between the two statements.
    return [figures[session_id] for session_id in session_ids if session_id in figures], end


async def read_session(tx: Tx, project_id: UUID, session_id: str) -> Session | None:
    """The conversation over all its time; None when there is none."""
    where = Where()
    where.add("project_id = %(project_id)s", project_id=project_id)
    return (await _figures(tx, where, [session_id], turns_max=TURNS_MAX)).get(session_id)


def turns(project_id: UUID, session_id: str, *, after: Position | None = None) -> Where:
    """The evaluations of a conversation, those behind `after`, where they are in ascending order."""
    where = Where()
    where.add("project_id = %(project_id)s", project_id=project_id)
    where.add("session_id = %(session_id)s", session_id=session_id)
    if after:
        where.add("(created_at, id) > (%(after_at)s, %(after_id)s)", after_at=after.created_at, after_id=after.id)
    return where


async def _figures(tx: Tx, where: Where, session_ids: list[str], *, turns_max: int) -> dict[str, Session]:
    where.add("session_id = wanted_id")
    params = {"session_ids": session_ids, "turns_max": turns_max, "names_max": NAMES_MAX}
    async with tx.cursor(row_factory=kwargs_row(partial(_session, turns_max=turns_max))) as cursor:
        await cursor.execute(_FIGURES.replace("WHERE_THESE", where.sql), where.params | params)
        return {session.session_id: session for session in await cursor.fetchall()}


async def _places(
    tx: Tx,
    project_id: UUID,
    filters: SessionFilters,
    *,
    after: Place | None,
    limit: int,
    rows: int,
    rows_max: int,
) -> tuple[list[Place], Place | None]:
    """Walks down the period. Conversations are told apart by the newest answer that matches: the first that is met."""
    until, walked = after.at if after else None, 0
    seen: set[str] = set()
    met: list[Place] = []
    while True:
        chunk, floor = await _chunk(tx, project_id, filters, until=until, rows=rows)
        fresh = [place for place in chunk if place.session_id not in seen]
        seen.update(place.session_id for place in fresh)
        met += await _of_this_page(tx, project_id, filters, fresh, after=after)
        # Of those at the floor itself, more may come with the next chunk.
        settled = sorted((place for place in met if floor is None or place.at > floor), reverse=True)
        if len(settled) > limit:
            return settled[:limit], settled[limit - 1]
        if floor is None:
            return settled, None
        walked += rows
        # Behind all that is newer than the floor, whatever its name.
        end = Place(floor + _MICROSECOND, "")
        if walked >= rows_max and (after is None or end < after):
            return settled, end
        until, rows = floor, rows * _CHUNK_GROWTH


async def _chunk(
    tx: Tx, project_id: UUID, filters: SessionFilters, *, until: datetime | None, rows: int
) -> tuple[list[Place], datetime | None]:
    """The conversations of the newest `rows` matching answers up to `until`, and the time of the last of these answers;
    None for that where there are no more. Answers that belong to none count too: they are read as well."""
    where = _matching(project_id, filters)
    where.add("created_at <= %(until)s", until=until)
    found = await tx.execute(
        "SELECT session_id, max(created_at), min(created_at), count(*) FROM (SELECT session_id, created_at"
        " FROM evaluations" + where.sql + " ORDER BY created_at DESC LIMIT %(rows)s) AS newest GROUP BY session_id",
        where.params | {"rows": rows},
    )
    chunk = await found.fetchall()
    floor = min(row[2] for row in chunk) if sum(row[3] for row in chunk) == rows else None
    return [Place(row[1], row[0]) for row in chunk if row[0] is not None], floor


async def _of_this_page(
    tx: Tx, project_id: UUID, filters: SessionFilters, places: list[Place], *, after: Place | None
) -> list[Place]:
    """Those that were on no page before, and of whose matching answers, where that was asked, none is hallucinated."""
    if after:
        newer = _matching(project_id, filters)
        newer.add("created_at > %(after_at)s", after_at=after.at)
        places = await _without(tx, [place for place in places if place < after], newer)
    if filters.hallucinated is False:
        judged = _matching(project_id, filters)
        judged.add("hallucinated")
        places = await _without(tx, places, judged)
    return places


async def _without(tx: Tx, places: list[Place], where: Where) -> list[Place]:
    """The conversations that have no such answer."""
    if not places:
        return []
    where.add("session_id = candidate")
    # As a scalar, so that it is one look into the index for each, whatever the planner thinks of their number.
    found = await tx.execute(
        "SELECT candidate FROM unnest(%(candidates)s::text[]) AS candidate WHERE (SELECT true FROM evaluations"
        + where.sql
        + " LIMIT 1) IS NULL",
        where.params | {"candidates": [place.session_id for place in places]},
    )
    kept = {session_id for (session_id,) in await found.fetchall()}
    return [place for place in places if place.session_id in kept]


def _in_period(project_id: UUID, filters: SessionFilters) -> Where:
    where = Where()
    where.add("project_id = %(project_id)s", project_id=project_id)
    where.add("created_at >= %(start)s AND created_at < %(end)s", start=filters.start, end=filters.end)
    return where


def _matching(project_id: UUID, filters: SessionFilters) -> Where:
    where = _in_period(project_id, filters)
    where.add("agent_name = %(agent_name)s", agent_name=filters.agent_name)
    where.add("model_name = %(model_name)s", model_name=filters.model_name)
    if filters.hallucinated:
        # Written out, not bound: only so does the planner see that the partial index answers.
        where.add("hallucinated")
    return where


def _session(
    *,
    session_id: str,
    evaluations: int,
    verdicts: int,
    hallucinations: int,
    first_at: datetime,
    last_at: datetime,
    latency_count: int,
    latency_sum: int | None,
    agents: list[str] | None,
    models: list[str] | None,
    worst_id: UUID | None,
    worst_at: datetime,
    worst_hallucinated: bool | None,
    worst_probability: float | None,
    turns_max: int,
) -> Session:
    worst = worst_id and Worst(
        id=worst_id,
        created_at=worst_at,
        hallucinated=worst_hallucinated,
        hallucination_probability=worst_probability,
    )
    return Session(
        session_id=session_id,
        evaluations=evaluations,
        complete=evaluations < turns_max,
        verdicts=verdicts,
        hallucinations=hallucinations,
        hallucination_rate=hallucinations / verdicts if verdicts else None,
        first_at=first_at,
        last_at=last_at,
        duration_s=(last_at - first_at).total_seconds(),
        avg_latency=None if latency_sum is None else latency_sum / (latency_count * UNITS["latency"]),
        worst=worst,
        agents=agents or [],
        models=models or [],
    )
