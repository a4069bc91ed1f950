"""A project with many evaluations, made inside PostgreSQL, their rollups made of them by the server's own code."""

import asyncio
import hashlib
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import LiteralString
from uuid import UUID

import psycopg
from agentops_api.db.pool import Tx
from agentops_api.telemetry import rollups
from psycopg import AsyncClientCursor

from benchmarks import vocabulary, words
from benchmarks.results import Fill
from benchmarks.server import Server, Tenant

AGENTS, MODELS, DAYS = 10, 4, 90
MODES = ("self-check", "retrieved-doc entailment", "reference answer")
SESSION_ROWS, SESSIONS_AT_ONCE = 20, 50
PROBABILITY_MAX = 0.99
"""No evaluation is more probably a hallucination than this."""
CHUNK_ROWS = 100_000
_CONNECTIONS = 2

# In a schema of their own, for all connections that fill; dropped in the end.
_SENTENCES: LiteralString = """
DROP SCHEMA IF EXISTS bench CASCADE;
CREATE SCHEMA bench;
CREATE UNLOGGED TABLE bench.sentences (n integer PRIMARY KEY, prompt text NOT NULL, response text NOT NULL)
"""
# Ascending in time, as rows arrive. An id carries its row's time (UUIDv7), as the server's own ids do. The dice are
# thrown in a sub-select, because each is looked at several times. A session is one agent's; a few of them, and of the
# models, have most of the rows.
_FILL: LiteralString = """
INSERT INTO evaluations (
    project_id, created_at, id, prompt, response, retrieved_docs, semantic_drift, uncertainty, factual_support,
    hallucination_probability, hallucinated, latency_sec, throughput_qps, mode, model_name, agent_name, session_id,
    metadata)
SELECT %(project_id)s, at, (lpad(to_hex(ms), 12, '0') || '7' || left(hash, 3) || '8' || right(hash, 15))::uuid,
       asked.prompt || ' ' || left(hash, 8) || '?', answered.response || '.',
       ARRAY['Unopened goods can be returned within 30 days of delivery, opened goods within 14 days: ' || hash],
       0.5 * drift, 0.3 * drift, 1 - 0.4 * drift,
       CASE WHEN wrong < 0.08 THEN 0.5 + (%(probability_max)s::float8 - 0.5) * score ELSE 0.5 * score * score END,
       wrong < 0.08, least(latency, 600), 1 / least(latency, 600),
       (%(modes)s::text[])[1 + floor(cardinality(%(modes)s::text[]) * mode * mode)::integer],
       'model-' || floor(%(models)s * model * model),
       'agent-' || floor(%(agents)s * (abs(hashtext('agent ' || session)::bigint) %% 1000 / 1000.0) ^ 2),
       'session-' || session, '{"region": "eu", "release": "2026.11"}'
FROM (
    SELECT i, md5(%(seed)s || '/' || i) AS hash, at, (extract(epoch FROM at) * 1000)::bigint AS ms,
           i / %(session_round)s * %(sessions_at_once)s + i %% %(sessions_at_once)s AS session,
           random() AS drift, random() AS score, random() AS wrong, random() AS mode, random() AS model,
           exp(random_normal(-0.2, 0.6)) AS latency,
           random(0, %(prompts)s - 1) AS asked_n, random(0, %(responses)s - 1) AS answered_n
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS i,
         LATERAL (SELECT date_trunc('milliseconds', %(start)s + i * %(step)s::interval) AS at) AS placed
) AS dice
JOIN bench.sentences AS asked ON asked.n = asked_n
JOIN bench.sentences AS answered ON answered.n = answered_n
"""


class _Patient(Tx):
    """Counting millions of rows anew takes longer than a request may."""

    reply_s_max = 3_600.0


def fill(server: Server, tenant: Tenant, *, rows: int, seed: int, advance: Callable[[int], None]) -> Fill:
    """`rows` evaluations over the last 90 days, their rollups and their words. Raises psycopg.Error."""
    return asyncio.run(_fill(server.superuser_url, tenant.project_id, rows=rows, seed=seed, advance=advance))


async def _fill(url: str, project_id: UUID, *, rows: int, seed: int, advance: Callable[[int], None]) -> Fill:
    began = time.monotonic()
    until = datetime.now(UTC) - timedelta(minutes=1)
    start = until - timedelta(days=DAYS)
    params: dict[str, object] = {
        "project_id": project_id,
        "seed": str(seed),
        "start": start,
        "step": timedelta(days=DAYS) / rows,
        "agents": AGENTS,
        "models": MODELS,
        "modes": list(MODES),
        "sessions_at_once": SESSIONS_AT_ONCE,
        "session_round": SESSIONS_AT_ONCE * SESSION_ROWS,
        "probability_max": PROBABILITY_MAX,
        "prompts": vocabulary.PROMPTS,
        "responses": vocabulary.RESPONSES,
    }
    async with await _Patient.connect(url, autocommit=True) as connection:
        await connection.execute("SELECT agentops_ensure_partitions(%s, %s)", (start.date(), until.date()))
        await _load_sentences(connection, seed)
        chunks = deque((first, min(first + CHUNK_ROWS, rows) - 1) for first in range(0, rows, CHUNK_ROWS))
        async with asyncio.TaskGroup() as group:
            for _ in range(_CONNECTIONS):
                group.create_task(_fill_chunks(url, params, chunks, seed=seed, advance=advance))
        filled = time.monotonic()
        days = await _days(connection, project_id)
        await _derive(url, [partial(rollups.count_day, project_id=project_id, day=day) for day in days])
        weeks = sorted({rollups.week_of(day) for day in days})
        await _derive(url, [partial(rollups.count_week, project_id=project_id, week=week) for week in weeks])
        counted = time.monotonic()
        await words.prepare(connection, project_id, days[0])
        await _derive(url, [partial(words.file_day, project_id=project_id, day=day) for day in days])
        filed = time.monotonic()
        await connection.execute("DROP SCHEMA bench CASCADE")
        await connection.execute("VACUUM (ANALYZE) evaluations, evaluation_rollups, search_words, search_pending")
        await connection.execute("CHECKPOINT")
    return Fill(rows, filled - began, counted - filled, filed - counted)


async def _fill_chunks(
    url: str,
    params: dict[str, object],
    chunks: deque[tuple[int, int]],
    *,
    seed: int,
    advance: Callable[[int], None],
) -> None:
    # Two parameters of one name, written twice, are two to the server: here they are one text.
    async with await _Patient.connect(url, autocommit=True, cursor_factory=AsyncClientCursor) as connection:
        while chunks:
            first, last = chunks.popleft()
            # The same rows, whichever connection makes them.
            await connection.execute("SELECT setseed(%s)", (random.Random(f"{seed} {first}").uniform(-1, 1),))
            await connection.execute(_FILL, params | {"first": first, "last": last})
            advance(last + 1 - first)


async def _days(tx: Tx, project_id: UUID) -> list[datetime]:
    found = await tx.execute(
        """
        SELECT day FROM (SELECT min(created_at) AS first, max(created_at) AS last
                         FROM evaluations WHERE project_id = %(project_id)s) AS rows,
             generate_series(date_trunc('day', first, 'UTC'), last, '24 hours') AS day
        ORDER BY day
        """,
        {"project_id": project_id},
    )
    return [day for (day,) in await found.fetchall()]


async def _derive(url: str, steps: Iterable[Callable[[Tx], Awaitable[None]]]) -> None:
    """Takes the steps over a few connections."""
    due = deque(steps)

    async def take() -> None:
        async with await _Patient.connect(url, autocommit=True) as tx:
            # Sorting or hashing a day of 10M evaluations.
            await tx.execute("SELECT set_config('work_mem', '256MB', false)")
            while due:
                await due.popleft()(tx)

    async with asyncio.TaskGroup() as group:
        for _ in range(_CONNECTIONS):
            group.create_task(take())


async def _load_sentences(connection: _Patient, seed: int) -> None:
    prompts, responses = vocabulary.sentences(random.Random(seed))
    await connection.execute(_SENTENCES)
    async with connection.cursor().copy("COPY bench.sentences FROM STDIN") as copy:
        for n, pair in enumerate(zip(prompts, responses, strict=True)):
            await copy.write_row((n, *pair))
    await connection.execute("ANALYZE bench.sentences")


def word_of(n: int, seed: int) -> str:
    """The word that only the n-th evaluation has: what `_FILL` puts at the end of its prompt."""
    return hashlib.md5(f"{seed}/{n}".encode(), usedforsecurity=False).hexdigest()[:8]


def some(server: Server, tenant: Tenant, count: int) -> list[tuple[datetime, UUID]]:
    """Times and ids of evaluations spread evenly over the project's history."""
    with psycopg.connect(server.superuser_url) as connection:
        found = connection.execute(
            """
            SELECT created_at, id
            FROM (SELECT created_at, id, row_number() OVER (ORDER BY created_at, id) AS place,
                         count(*) OVER () AS total
                  FROM evaluations WHERE project_id = %(project_id)s) AS numbered
            WHERE place %% greatest(1, total / %(count)s) = 0
            LIMIT %(count)s
            """,
            {"project_id": tenant.project_id, "count": count},
        )
        return [(created_at, id) for created_at, id in found.fetchall()]
