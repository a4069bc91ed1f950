"""A project with many evaluations, made inside PostgreSQL, and its rollups made from them by the server's own code."""

import asyncio
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import LiteralString
from uuid import UUID

import psycopg
from agentops_api.db.pool import Tx
from agentops_api.telemetry import rollups

from benchmarks import vocabulary
from benchmarks.results import Fill
from benchmarks.server import Server, Tenant

AGENTS, MODELS, DAYS = 10, 4, 90
MODES = ("self-check", "retrieved-doc entailment", "reference answer")
SESSION_ROWS, SESSIONS_AT_ONCE = 20, 50
PROBABILITY_MAX = 0.99
"""No evaluation is more probably a hallucination than this."""
CHUNK_ROWS = 100_000

_SENTENCES: LiteralString = """
CREATE TEMPORARY TABLE sentences (n integer PRIMARY KEY, prompt text NOT NULL, response text NOT NULL)
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
JOIN sentences AS asked ON asked.n = asked_n
JOIN sentences AS answered ON answered.n = answered_n
"""


class _Patient(Tx):
    """Counting millions of rows anew takes longer than a request may."""

    reply_s_max = 3_600.0


def fill(server: Server, tenant: Tenant, *, rows: int, seed: int, advance: Callable[[int], None]) -> Fill:
    """`rows` evaluations over the last 90 days, and their rollups. Raises psycopg.Error."""
    began = time.monotonic()
    until = datetime.now(UTC) - timedelta(minutes=1)
    start = until - timedelta(days=DAYS)
    params = {
        "project_id": tenant.project_id,
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
    # Two parameters of one name, written twice, are two to the server: here they are one text.
    with psycopg.connect(server.superuser_url, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        connection.execute("SELECT agentops_ensure_partitions(%s, %s)", (start.date(), until.date()))
        _load_sentences(connection, seed)
        connection.execute("SELECT setseed(%s)", (seed % 100 / 100,))
        for first in range(0, rows, CHUNK_ROWS):
            last = min(first + CHUNK_ROWS, rows) - 1
            connection.execute(_FILL, params | {"first": first, "last": last})
            advance(last + 1 - first)
        filled = time.monotonic()
        asyncio.run(_rebuild(server.superuser_url, tenant.project_id))
        rebuilt = time.monotonic()
        connection.execute("VACUUM (ANALYZE) evaluations, evaluation_rollups")
        connection.execute("CHECKPOINT")
    return Fill(rows, filled - began, rebuilt - filled)


def _load_sentences(connection: psycopg.Connection, seed: int) -> None:
    prompts, responses = vocabulary.sentences(random.Random(seed))
    connection.execute(_SENTENCES)
    with connection.cursor().copy("COPY sentences FROM STDIN") as copy:
        for n, pair in enumerate(zip(prompts, responses, strict=True)):
            copy.write_row((n, *pair))
    connection.execute("ANALYZE sentences")


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


async def _rebuild(url: str, project_id: UUID) -> None:
    async with await _Patient.connect(url) as tx:
        await rollups.rebuild(tx, project_id)
