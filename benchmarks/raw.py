"""The same questions asked of the raw table in SQL: what they would cost without rollups.

As the server's reader would ask them: the role of a project, row level security on, one connection, a few runs. The
raw table has the easier work: one window for a summary (not also the one before), no tests of significance, no JSON.
"""

import asyncio
import time
from collections.abc import Iterator
from statistics import median
from typing import LiteralString

from agentops_api.db.pool import Database

from benchmarks.results import Raw
from benchmarks.server import Server, Tenant

_RUNS = 5
_QUESTION_S_MAX = 20.0
"""A question is asked no more once its runs took this long together."""

_FIGURES: LiteralString = """
count(*), count(*) FILTER (WHERE hallucinated), avg(hallucinated::integer), avg(latency_sec), avg(throughput_qps),
avg(semantic_drift), avg(uncertainty), avg(factual_support), avg(hallucination_probability)
"""
_PERCENTILES: LiteralString = "percentile_cont(ARRAY[0.5, 0.9, 0.95, 0.99]) WITHIN GROUP (ORDER BY latency_sec)"
_SOURCE: LiteralString = """
FROM evaluations
WHERE project_id = %(project_id)s AND created_at >= now() - %(days)s * interval '24 hours' AND created_at < now()
"""
_ALL: LiteralString = _FIGURES + ", " + _PERCENTILES
_SUMMARY: LiteralString = "SELECT " + _ALL + _SOURCE
_BY_DAY: LiteralString = " GROUP BY date_trunc('day', created_at, 'UTC')"
_SELECT_DAY: LiteralString = "SELECT date_trunc('day', created_at, 'UTC'), "

# The names are those of benchmarks.reads: the two stand in one row of the table.
QUESTIONS: tuple[tuple[str, int, LiteralString], ...] = (
    ("summary, 7 days", 7, _SUMMARY),
    ("summary, 30 days", 30, _SUMMARY),
    ("summary, 90 days", 90, _SUMMARY),
    ("90 days by day: count", 90, _SELECT_DAY + "count(*)" + _SOURCE + _BY_DAY),
    ("90 days by day: rate", 90, _SELECT_DAY + "count(*), avg(hallucinated::integer)" + _SOURCE + _BY_DAY),
    ("90 days by day: latency p95", 90, _SELECT_DAY + _PERCENTILES + _SOURCE + _BY_DAY),
    (
        "7 days by hour and model: latency p50 and p95",
        7,
        "SELECT date_trunc('hour', created_at, 'UTC'), model_name, "
        + _PERCENTILES
        + _SOURCE
        + " GROUP BY date_trunc('hour', created_at, 'UTC'), model_name",
    ),
    ("breakdown by model, 30 days", 30, "SELECT model_name, " + _ALL + _SOURCE + " GROUP BY model_name"),
    ("breakdown by model, 90 days", 90, "SELECT model_name, " + _ALL + _SOURCE + " GROUP BY model_name"),
    (
        "breakdown by agent and model, 30 days",
        30,
        "SELECT agent_name, model_name, " + _ALL + _SOURCE + " GROUP BY agent_name, model_name",
    ),
    (
        "distribution of latency, 30 days",
        30,
        "SELECT floor(ln(latency_sec) / ln(1.02)), count(*)" + _SOURCE + " GROUP BY floor(ln(latency_sec) / ln(1.02))",
    ),
)


def measure(server: Server, tenant: Tenant, *, rows_total: int) -> Iterator[Raw]:
    """Every question, a few times each."""
    for what, days, sql in QUESTIONS:
        took_s = asyncio.run(_ask(server, tenant, sql, days))
        yield Raw(rows=rows_total, what=what, runs=len(took_s), p50_ms=median(took_s) * 1e3, max_ms=max(took_s) * 1e3)


async def _ask(server: Server, tenant: Tenant, sql: LiteralString, days: int) -> list[float]:
    took_s: list[float] = []
    params = {"project_id": tenant.project_id, "days": days}
    async with Database(server.login_url, connections_max=1) as db:
        # The first run is not counted: it reads what the others find in memory.
        while len(took_s) <= _RUNS and sum(took_s) < _QUESTION_S_MAX:
            async with db.as_project(tenant.project_id, statement_ms_max=600_000) as tx:
                began = time.perf_counter()
                await (await tx.execute(sql, params)).fetchall()
                took_s.append(time.perf_counter() - began)
    return took_s[1:] or took_s
