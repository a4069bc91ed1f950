"""The store of evaluations on PostgreSQL."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from psycopg import DataError, IntegrityError
from psycopg.errors import ProgramLimitExceeded
from psycopg.rows import class_row

from agentops_api import ids
from agentops_api.analytics.models import Cell, Groups, Order, Question
from agentops_api.db.pool import Database, every, one
from agentops_api.db.where import Where
from agentops_api.evaluations.models import Evaluation, Filters, Position, SearchPage
from agentops_api.sessions.models import Place, Session, SessionFilters
from agentops_api.telemetry import search, words
from agentops_api.telemetry.aggregates import read_cells
from agentops_api.telemetry.deletion import forget_labels
from agentops_api.telemetry.latest import filters_of_rollups, latest
from agentops_api.telemetry.pieces import Remembered
from agentops_api.telemetry.raw import first_groups
from agentops_api.telemetry.rollup_sql import INSERT_ROLLUPS, rolled_up
from agentops_api.telemetry.sessions import read_session, read_sessions, turns
from agentops_api.telemetry.store import Record, RecordRefused

_COLUMNS: LiteralString = """
id, created_at, prompt, response, retrieved_docs, semantic_drift, uncertainty, factual_support,
hallucination_probability, hallucinated, latency_sec, throughput_qps, mode, model_name, agent_name, session_id,
metadata, claims, status, scoring, detector
"""

# One JSON text costs Python a fifth of what eighteen arrays for unnest() cost it, and PostgreSQL less too
# (docs/adr/0002): 54,000 rows/s against 34,000 in batches of 500.
_BATCH: LiteralString = """
batch AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%(rows)s::json) AS row (
        project_id uuid, id uuid, created_at timestamptz, client_made_id boolean, prompt text, response text,
        retrieved_docs text[], semantic_drift float8, uncertainty float8, factual_support float8,
        hallucination_probability float8, hallucinated boolean, latency_sec float8, throughput_qps float8,
        mode text, model_name text, agent_name text, session_id text, metadata jsonb, claims jsonb, status text,
        scoring text, detector text
    )
)
"""
_INSERT: LiteralString = "INSERT INTO evaluations (project_id, " + _COLUMNS + ") SELECT project_id, " + _COLUMNS

# Ids that the server made are new by construction: nothing to look up, nothing to come back.
_INSERT_NEW: LiteralString = (
    "WITH "
    + _BATCH
    + ", stored AS ("
    + _INSERT
    + " FROM batch), queued AS ("
    + words.queued("batch")
    + ") "
    + INSERT_ROLLUPS
    + rolled_up("batch")
)

# Ids that clients made are claimed first; who loses the claim waits for the winner's commit, then reads its time. The
# primary key stands behind it for a client that repeats an id the server made. Only what was stored is rolled up.
_INSERT_CLAIMED: LiteralString = (
    "WITH "
    + _BATCH
    + """
, claimed AS (
    INSERT INTO evaluation_ids (project_id, id, created_at)
    SELECT project_id, id, created_at FROM batch WHERE client_made_id ORDER BY project_id, id
    ON CONFLICT DO NOTHING
    RETURNING project_id, id
), stored AS (
"""
    + _INSERT
    + """
    FROM batch
    WHERE NOT client_made_id OR (project_id, id) IN (SELECT project_id, id FROM claimed)
    ON CONFLICT DO NOTHING
    RETURNING project_id, id
), fresh AS (
    SELECT batch.* FROM batch JOIN stored USING (project_id, id)
), queued AS (
"""
    + words.queued("fresh")
    + """
), counted AS (
"""
    + INSERT_ROLLUPS
    + rolled_up("fresh")
    + """
)
SELECT batch.project_id, batch.id
FROM batch LEFT JOIN stored USING (project_id, id)
WHERE stored.id IS NULL
"""
)

_PAGE: LiteralString = (
    "SELECT "
    + _COLUMNS
    + " FROM evaluations CONDITIONS ORDER BY created_at DESC, id DESC LIMIT %(limit)s OFFSET %(offset)s"
)

# A live tail is looked at, not worked with: what is long is cut before it leaves the database. Claims name places in
# the whole response.
_CUT_COLUMNS: LiteralString = (
    _COLUMNS.replace(" prompt,", " left(prompt, 2000) AS prompt,")
    .replace(" response,", " left(response, 2000) AS response,")
    .replace(" claims,", " CASE WHEN length(response) <= 2000 THEN claims END AS claims,")
    .replace(
        " retrieved_docs,",
        " (SELECT array_agg(left(document, 2000)) FROM unnest(retrieved_docs[:10]) AS document) AS retrieved_docs,",
    )
)
_NEWEST: LiteralString = " ORDER BY created_at DESC, id DESC LIMIT %(limit)s"

_STORED_TIMES: LiteralString = """
SELECT wanted.project_id, wanted.id, evaluation_ids.created_at
FROM unnest(%(project_ids)s::uuid[], %(ids)s::uuid[]) AS wanted (project_id, id)
JOIN evaluation_ids USING (project_id, id)
"""

# Text can be much larger than what is stored of it.
_ROW_BYTES: LiteralString = """
octet_length(prompt) + octet_length(response) + coalesce(octet_length(retrieved_docs::text), 0)
    + coalesce(octet_length(metadata::text), 0) + coalesce(octet_length(claims::text), 0)
"""
_SCAN_AHEAD_ROWS = 1_000
_PORTION_ROWS_MAX = 200
"""A portion keeps the event loop for as long as it takes to read its rows: 3 ms (measured 2026-11)."""
_PORTION_BYTES_MAX = 2**20
_SCAN_STATEMENT_MS_MAX = 60_000
_GROUPS_STATEMENT_MS_MAX = 5_000
"""A filter without an index may look at a whole history before it finds the first row."""

# The id table answers for ids that clients made, the id itself for those the server made: one partition is visited.
# In a sub-select of its own, so that the planner takes it for a constant, and looks it up in the index.
_AT: LiteralString = """
project_id = %(project_id)s AND id = %(id)s
AND created_at = (
    SELECT coalesce(
        (SELECT created_at FROM evaluation_ids WHERE project_id = %(project_id)s AND id = %(id)s), %(id_time)s))
"""


class PostgresStore:
    """Evaluations in the partitioned table, their rollups beside them."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._remembered = Remembered()

    async def insert(self, records: Sequence[Record]) -> None:
        """Stores all records in one transaction, or none. No two may have the same id."""
        rows = b"[" + b",".join(record.row for record in records) + b"]"
        claiming = any(record.client_made_id for record in records)
        try:
            async with (
                self._db.as_ingest({record.project_id for record in records}, bytes_to_send=len(rows)) as tx,
                tx.cursor() as cursor,
            ):
                await cursor.execute(_INSERT_CLAIMED if claiming else _INSERT_NEW, {"rows": rows.decode()})
                lost = set(await cursor.fetchall()) if claiming else set[tuple[UUID, UUID]]()
                times = dict[tuple[UUID, UUID], datetime]()
                if lost:
                    await cursor.execute(
                        _STORED_TIMES, {"project_ids": [p for p, _ in lost], "ids": [id for _, id in lost]}
                    )
                    times = {(project_id, id): at for project_id, id, at in await cursor.fetchall()}
        except (DataError, IntegrityError, ProgramLimitExceeded) as error:
            raise RecordRefused(error.diag.message_primary or type(error).__name__) from error
        for record in records:
            key = (record.project_id, record.id)
            record.stored, record.duplicate = True, key in lost
            record.created_at = times.get(key, record.created_at)

    async def page(
        self, project_id: UUID, filters: Filters, *, after: Position | None, offset: int, limit: int
    ) -> list[Evaluation]:
        where = _where(project_id, filters, after)
        params = where.params | {"limit": limit, "offset": offset}
        # Which index answers depends on the probability: a prepared plan would be for none in particular.
        prepare = False if filters.min_hallucination_probability is not None else None
        async with self._db.as_project(project_id) as tx:
            if filters_of_rollups(filters) > 1:
                until = await latest(tx, project_id, filters, after=after)
                if until is None:
                    return []
                where.add("created_at < %(until)s", until=until)
                params["until"] = until
            return await every(tx, Evaluation, _PAGE.replace("CONDITIONS", where.sql), params, prepare=prepare)

    async def arrived(self, project_id: UUID, filters: Filters, *, limit: int) -> list[Position]:
        where = _where(project_id, filters)
        sql = "SELECT created_at, id FROM evaluations" + where.sql + _NEWEST
        async with self._db.as_project(project_id) as tx:
            return await every(tx, Position, sql, where.params | {"limit": limit})

    async def arrivals(
        self, project_id: UUID, filters: Filters, *, besides: Sequence[UUID], limit: int
    ) -> list[Evaluation]:
        where = _where(project_id, filters)
        where.add("id <> ALL (%(besides)s)", besides=besides)
        sql = "SELECT " + _CUT_COLUMNS + " FROM evaluations" + where.sql + _NEWEST
        async with self._db.as_project(project_id) as tx:
            return await every(tx, Evaluation, sql, where.params | {"limit": limit})

    async def search(
        self, project_id: UUID, text: str, filters: Filters, *, after: Position | None, limit: int
    ) -> SearchPage:
        where = _where(project_id, filters, after)
        async with self._db.as_project(project_id) as tx:
            # No index has words and filters: where nothing fulfils these, all evaluations with the words are looked at.
            if filters_of_rollups(filters) and await latest(tx, project_id, filters, after=after) is None:
                return SearchPage([], None)
            return await search.find(tx, text, where, filters, columns=_COLUMNS, after=after, limit=limit)

    async def scan(self, project_id: UUID, filters: Filters) -> AsyncGenerator[list[Evaluation]]:
        where = _where(project_id, filters)
        source = " FROM evaluations" + where.sql + " ORDER BY created_at, id"
        async with self._db.as_project_snapshot(project_id, statement_ms_max=_SCAN_STATEMENT_MS_MAX) as tx:
            await tx.execute("SET LOCAL TimeZone = 'UTC'")
            # One cursor runs ahead and tells how large the rows are that the other is about to fetch: two hundred of
            # them take 200 KB as a rule, and could take 2 GB.
            async with (
                tx.cursor("row_bytes") as row_bytes,
                tx.cursor("evaluations", row_factory=class_row(Evaluation)) as evaluations,
            ):
                await row_bytes.execute("SELECT " + _ROW_BYTES + source, where.params)
                await evaluations.execute("SELECT " + _COLUMNS + source, where.params)
                while ahead := await row_bytes.fetchmany(_SCAN_AHEAD_ROWS):
                    for rows in _portions([size for (size,) in ahead]):
                        yield await evaluations.fetchmany(rows)

    async def count(self, project_id: UUID, filters: Filters) -> int:
        where = _where(project_id, filters)
        async with self._db.as_project(project_id, statement_ms_max=_SCAN_STATEMENT_MS_MAX) as tx:
            found = await tx.execute("SELECT count(*) FROM evaluations" + where.sql, where.params)
            row = await found.fetchone()
        assert row is not None, "an aggregate has a row"
        return row[0]

    async def get(self, project_id: UUID, id: UUID) -> Evaluation | None:
        async with self._db.as_project(project_id) as tx:
            return await one(
                tx, Evaluation, "SELECT " + _COLUMNS + " FROM evaluations WHERE " + _AT, _at(project_id, id)
            )

    async def delete(self, project_id: UUID, id: UUID) -> bool:
        async with self._db.as_project(project_id) as tx:
            done = await tx.execute(
                "WITH gone AS (DELETE FROM evaluations WHERE "
                + _AT
                + " RETURNING *), unclaimed AS (DELETE FROM evaluation_ids"
                + " WHERE project_id = %(project_id)s AND id = %(id)s AND EXISTS (SELECT FROM gone)), queued AS ("
                + words.queued_gone("gone")
                + ") "
                + INSERT_ROLLUPS
                + rolled_up("gone", sign="-1"),
                _at(project_id, id),
            )
            if done.rowcount > 0:
                await forget_labels(tx, project_id, [id])
            return done.rowcount > 0

    async def cells(self, project_id: UUID, question: Question) -> list[Cell]:
        async with self._db.as_project(project_id) as tx:
            return await read_cells(tx, project_id, question, self._remembered)

    async def groups(self, project_id: UUID, question: Question, order: Order) -> Groups:
        if not question.needs_rows:
            cells = await self.cells(project_id, question)
            return Groups(cells, len(cells), sum(cell.evaluations for cell in cells))
        async with self._db.as_project_snapshot(project_id, statement_ms_max=_GROUPS_STATEMENT_MS_MAX) as tx:
            first = await first_groups(tx, project_id, question, order)
            cells = await read_cells(tx, project_id, replace(question, only=first.keys), self._remembered)
        return Groups(cells, first.groups, first.evaluations)

    async def sessions(
        self, project_id: UUID, filters: SessionFilters, *, after: Place | None, limit: int
    ) -> tuple[list[Session], Place | None]:
        async with self._db.as_project(project_id) as tx:
            return await read_sessions(tx, project_id, filters, after=after, limit=limit)

    async def session(
        self, project_id: UUID, session_id: str, *, after: Position | None, limit: int
    ) -> tuple[Session, list[Evaluation]] | None:
        where = turns(project_id, session_id, after=after)
        sql = "SELECT " + _COLUMNS + " FROM evaluations" + where.sql + " ORDER BY created_at, id LIMIT %(limit)s"
        async with self._db.as_project(project_id) as tx:
            found = await read_session(tx, project_id, session_id)
            return found and (found, await every(tx, Evaluation, sql, where.params | {"limit": limit}))


def _portions(row_bytes: Sequence[int]) -> Iterator[int]:
    """How many rows to take at a time, so that no portion is too large; a row that is by itself goes alone."""
    rows = size = 0
    for each in row_bytes:
        if rows and (rows == _PORTION_ROWS_MAX or size + each > _PORTION_BYTES_MAX):
            yield rows
            rows = size = 0
        rows, size = rows + 1, size + each
    if rows:
        yield rows


def _at(project_id: UUID, id: UUID) -> dict[str, object]:
    return {"project_id": project_id, "id": id, "id_time": ids.time_of(id)}


def _where(project_id: UUID, filters: Filters, after: Position | None = None) -> Where:
    where = Where()
    where.add("project_id = %(project_id)s", project_id=project_id)
    if filters.hallucinated is not None:
        # Written out, not bound: only so does the planner see that the partial index answers.
        where.add("hallucinated" if filters.hallucinated else "NOT hallucinated")
    where.add("agent_name = %(agent_name)s", agent_name=filters.agent_name)
    where.add("model_name = %(model_name)s", model_name=filters.model_name)
    where.add("mode = %(mode)s", mode=filters.mode)
    where.add("session_id = %(session_id)s", session_id=filters.session_id)
    where.add("created_at >= %(start_date)s", start_date=filters.start_date)
    where.add("created_at < %(end_date)s", end_date=filters.end_date)
    where.add("hallucination_probability >= %(probability)s", probability=filters.min_hallucination_probability)
    if after:
        where.add("(created_at, id) < (%(after_at)s, %(after_id)s)", after_at=after.created_at, after_id=after.id)
    return where
