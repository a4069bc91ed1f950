"""Writing without HTTP, through the server's own door (role, claims, row level security) over one connection.

Three ways: plain `INSERT ... SELECT FROM unnest(...)`, which is what the product is compared with; the server's
statement without its rollups; and the server's store as it is. Only the time within transactions counts.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import LiteralString
from uuid import UUID

import orjson
from agentops_api import clock, ids
from agentops_api.db.pool import Database
from agentops_api.evaluations.accept import Reception, accept
from agentops_api.evaluations.models import EvaluationIn, Window
from agentops_api.telemetry import words
from agentops_api.telemetry.postgres import PostgresStore
from agentops_api.telemetry.store import Record

from benchmarks.load import percentile
from benchmarks.results import Ingest, Way
from benchmarks.server import Server, Tenant

_COLUMNS: LiteralString = """
project_id, id, created_at, prompt, response, retrieved_docs, semantic_drift, uncertainty, factual_support,
hallucination_probability, hallucinated, latency_sec, throughput_qps, mode, model_name, agent_name, session_id, metadata
"""
# unnest() would flatten an array of arrays, so the documents of a row come as one text in array syntax.
_UNNEST: LiteralString = (
    "INSERT INTO evaluations ("
    + _COLUMNS
    + """)
SELECT project_id, id, created_at, prompt, response, retrieved_docs::text[], semantic_drift, uncertainty,
       factual_support, hallucination_probability, hallucinated, latency_sec, throughput_qps, mode, model_name,
       agent_name, session_id, metadata::jsonb
FROM unnest(%s::uuid[], %s::uuid[], %s::timestamptz[], %s::text[], %s::text[], %s::text[], %s::float8[], %s::float8[],
            %s::float8[], %s::float8[], %s::boolean[], %s::float8[], %s::float8[], %s::text[], %s::text[], %s::text[],
            %s::text[], %s::text[]) AS row (
"""
    + _COLUMNS
    + ")"
)
# The server's own statement but for the rollups: words are queued in both.
INSERT: LiteralString = (
    """
WITH batch AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%s::json) AS row (
        project_id uuid, id uuid, created_at timestamptz, prompt text, response text, retrieved_docs text[],
        semantic_drift float8, uncertainty float8, factual_support float8, hallucination_probability float8,
        hallucinated boolean, latency_sec float8, throughput_qps float8, mode text, model_name text, agent_name text,
        session_id text, metadata jsonb)
), stored AS (
    INSERT INTO evaluations ("""
    + _COLUMNS
    + ") SELECT "
    + _COLUMNS
    + " FROM batch)"
    + words.queued("batch")
)

Write = Callable[[], Awaitable[None]]
Prepare = Callable[[Sequence[EvaluationIn]], Write]
"""Makes all that a transaction needs, and returns the transaction."""


def write(
    way: Way, server: Server, tenant: Tenant, items: Sequence[EvaluationIn], *, rows_each: int, seconds: int, lap: int
) -> Ingest:
    """One measurement: transactions of `rows_each` rows, one after the other."""
    return asyncio.run(_write(way, server, tenant, items, rows_each=rows_each, seconds=seconds, lap=lap))


async def _write(
    way: Way, server: Server, tenant: Tenant, items: Sequence[EvaluationIn], *, rows_each: int, seconds: int, lap: int
) -> Ingest:
    async with Database(server.login_url, connections_max=1) as db:
        prepare = _ways(db, tenant.project_id)[way]
        await prepare(items[:rows_each])()
        before, own_before_s = server.cpu(), time.process_time()
        latencies_us, elapsed_s = await _repeat(prepare, items, rows_each=rows_each, seconds=seconds)
        used, own_s = server.cpu().since(before), time.process_time() - own_before_s
    rows = len(latencies_us) * rows_each
    latencies_us.sort()
    return Ingest(
        way=way,
        rows_a_request=rows_each,
        connections=1,
        client_ids=False,
        lap=lap,
        seconds=elapsed_s,
        rows=rows,
        rows_s=rows / elapsed_s,
        p50_ms=percentile(latencies_us, 50) / 1e3,
        p99_ms=percentile(latencies_us, 99) / 1e3,
        max_ms=latencies_us[-1] / 1e3,
        refused=0,
        broken=0,
        postgres_us=used.postgres_s * 1e6 / rows if used.postgres_s else None,
        others_busy=used.others_share(own_s),
    )


async def _repeat(
    prepare: Prepare, items: Sequence[EvaluationIn], *, rows_each: int, seconds: float
) -> tuple[list[int], float]:
    """The time of each transaction in microseconds, and of all together in seconds."""
    latencies_us: list[int] = []
    elapsed_s, at = 0.0, 0
    while elapsed_s < seconds:
        at = (at + rows_each) % (len(items) - rows_each + 1)
        transaction = prepare(items[at : at + rows_each])
        began = time.perf_counter()
        await transaction()
        took_s = time.perf_counter() - began
        elapsed_s += took_s
        latencies_us.append(int(took_s * 1e6))
    return latencies_us, elapsed_s


def _ways(db: Database, project_id: UUID) -> dict[Way, Prepare]:
    store = PostgresStore(db)
    window = Window(timedelta(hours=1), timedelta(hours=1))

    def records(items: Sequence[EvaluationIn]) -> list[Record]:
        reception = Reception(project_id, window, clock.now(), has_nul=False)
        return [accept(item, reception) for item in items]

    def unnest(items: Sequence[EvaluationIn]) -> Write:
        columns = _columns(project_id, items)
        return lambda: _execute(db, project_id, _UNNEST, columns)

    def insert(items: Sequence[EvaluationIn]) -> Write:
        rows = b"[" + b",".join(record.row for record in records(items)) + b"]"
        return lambda: _execute(db, project_id, INSERT, (rows.decode(),))

    def insert_with_rollups(items: Sequence[EvaluationIn]) -> Write:
        made = records(items)
        return lambda: store.insert(made)

    return {"unnest": unnest, "insert": insert, "insert and rollups": insert_with_rollups}


async def _execute(db: Database, project_id: UUID, sql: LiteralString, params: Sequence[object]) -> None:
    async with db.as_ingest({project_id}) as tx:
        await tx.execute(sql, params)


def _columns(project_id: UUID, items: Sequence[EvaluationIn]) -> list[list[object]]:
    now = clock.now()
    rows = [
        (
            *(project_id, ids.new(now), now, item.prompt, item.response, _array(item.retrieved_docs)),
            *(item.semantic_drift, item.uncertainty, item.factual_support, item.hallucination_probability),
            *(item.hallucinated, item.latency_sec, item.throughput_qps, item.mode, item.model_name),
            *(
                item.agent_name,
                item.session_id,
                None if item.metadata is None else orjson.dumps(item.metadata).decode(),
            ),
        )
        for item in items
    ]
    return [list(column) for column in zip(*rows, strict=True)]


def _array(texts: list[str] | None) -> str | None:
    """PostgreSQL's text form of an array."""
    if texts is None:
        return None
    quoted = ('"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' for text in texts)
    return "{" + ",".join(quoted) + "}"
