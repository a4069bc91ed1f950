"""A project with many evaluations, made inside PostgreSQL, and its rollups made from them by the server's own code."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import LiteralString
from uuid import UUID

import psycopg
from agentops_api.db.pool import Tx
from agentops_api.telemetry import rollups

from benchmarks.server import Server, Tenant

AGENTS, MODELS, DAYS = 10, 4, 30
CHUNK_ROWS = 100_000

# Ascending in time, as rows arrive. An id carries its row's time (UUIDv7), as the server's own ids do. The dice are
# thrown in a sub-select, because each is looked at several times.
_FILL: LiteralString = """
INSERT INTO evaluations (
    project_id, created_at, id, prompt, response, retrieved_docs, semantic_drift, uncertainty, factual_support,
    hallucination_probability, hallucinated, latency_sec, throughput_qps, mode, model_name, agent_name, session_id,
    metadata)
SELECT %(project_id)s, at, (lpad(to_hex(ms), 12, '0') || '7' || left(hash, 3) || '8' || right(hash, 15))::uuid,
       'How long do I have to return order ' || left(hash, 8) || ', which arrived ' || i %% 40 || ' days ago?',
       'Order ' || left(hash, 8) || ' can be returned within 30 days of delivery; its code is ' || hash || '.',
       ARRAY['Unopened goods can be returned within 30 days of delivery, opened goods within 14 days: ' || hash],
       0.5 * drift, 0.3 * drift, 1 - 0.4 * drift,
       CASE WHEN wrong < 0.08 THEN 0.5 + 0.5 * score ELSE 0.5 * score * score END,
       wrong < 0.08,
       0.2 + 2 * latency * latency, 1 / (0.2 + 2 * latency * latency),
       CASE WHEN agent < 0.7 THEN 'self-check' ELSE 'retrieved-doc entailment' END,
       'model-' || floor(model * %(models)s), 'agent-' || floor(agent * %(agents)s),
       'session-' || i / 4, '{"region": "eu", "release": "2026.11"}'
FROM (
    SELECT i, md5(%(seed)s || '/' || i) AS hash, at, (extract(epoch FROM at) * 1000)::bigint AS ms,
           random() AS drift, random() AS score, random() AS wrong, random() AS latency, random() AS model,
           random() AS agent
    FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS i,
         LATERAL (SELECT date_trunc('milliseconds', %(start)s + i * %(step)s::interval) AS at) AS placed
) AS dice
"""


class _Patient(Tx):
    """Counting a million rows anew takes longer than a request may."""

    reply_s_max = 3_600.0


def fill(server: Server, tenant: Tenant, *, rows: int, seed: int, advance: Callable[[int], None]) -> None:
    """`rows` evaluations over the last 30 days, and their rollups. Raises psycopg.Error."""
    until = datetime.now(UTC) - timedelta(minutes=1)
    start = until - timedelta(days=DAYS)
    params = {
        "project_id": tenant.project_id,
        "seed": str(seed),
        "start": start,
        "step": timedelta(days=DAYS) / rows,
        "agents": AGENTS,
        "models": MODELS,
    }
    with psycopg.connect(server.superuser_url, autocommit=True) as connection:
        connection.execute("SELECT setseed(%s)", (seed % 100 / 100,))
        for first in range(0, rows, CHUNK_ROWS):
            last = min(first + CHUNK_ROWS, rows) - 1
            connection.execute(_FILL, params | {"first": first, "last": last})
            advance(last + 1 - first)
        asyncio.run(_rebuild(server.superuser_url, tenant.project_id))
        connection.execute("VACUUM (ANALYZE) evaluations, evaluation_rollups")
        connection.execute("CHECKPOINT")


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
