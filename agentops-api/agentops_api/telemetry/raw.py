"""Evaluations themselves, where rollups do not tell apart what is asked: as a relation, and which groups come first."""

from dataclasses import dataclass
from typing import LiteralString
from uuid import UUID

from agentops_api.analytics.models import METADATA_PREFIX, Order, Question
from agentops_api.db.pool import Tx
from agentops_api.db.where import Where

COLUMN_OF: dict[str, LiteralString] = {
    "agent": "agent_name",
    "model": "model_name",
    "mode": "mode",
    "session": "session_id",
}
_METADATA: tuple[LiteralString, ...] = ("metadata ->> %(by_0)s", "metadata ->> %(by_1)s")
_MEAN: LiteralString = "avg(COLUMN)"
_QUANTILE: LiteralString = "percentile_disc(Q) WITHIN GROUP (ORDER BY latency_sec)"
_VALUES: dict[str, LiteralString] = {
    "count": "count(*)",
    "hallucinations": "count(*) FILTER (WHERE hallucinated)",
    "hallucination_rate": "count(*) FILTER (WHERE hallucinated)::float8 / nullif(count(hallucinated), 0)",
    "avg_latency": _MEAN.replace("COLUMN", "latency_sec"),
    "avg_throughput": _MEAN.replace("COLUMN", "throughput_qps"),
    "avg_semantic_drift": _MEAN.replace("COLUMN", "semantic_drift"),
    "avg_uncertainty": _MEAN.replace("COLUMN", "uncertainty"),
    "avg_factual_support": _MEAN.replace("COLUMN", "factual_support"),
    "avg_hallucination_probability": _MEAN.replace("COLUMN", "hallucination_probability"),
    "latency_p50": _QUANTILE.replace("Q", "0.5"),
    "latency_p90": _QUANTILE.replace("Q", "0.9"),
    "latency_p95": _QUANTILE.replace("Q", "0.95"),
    "latency_p99": _QUANTILE.replace("Q", "0.99"),
}
"""What groups are sorted by. Means and percentiles as they stand in the rows: the sketch's are at most 1 % off."""


def rows(question: Question, params: dict[str, object]) -> LiteralString:
    """The evaluations that are meant. What they are split by takes the places of agent and model."""
    where, places = _where(question, params), _places(question, params)
    if question.only is not None:
        firsts, seconds = zip(*((*keys, "")[:2] for keys in question.only), strict=True) if question.only else ((), ())
        params |= {"firsts": list(firsts), "seconds": list(seconds)}
        where.add(
            "(coalesce(PLACE_0, ''), coalesce(PLACE_1, ''))"
            " IN (SELECT * FROM unnest(%(firsts)s::text[], %(seconds)s::text[]))".replace("PLACE_0", places[0]).replace(
                "PLACE_1", places[1]
            )
        )
    return (
        "(SELECT project_id, created_at, "
        + places[0]
        + " AS agent_name, "
        + places[1]
        + """ AS model_name, NULL::text AS mode, semantic_drift, uncertainty, factual_support,
          hallucination_probability, hallucinated, latency_sec, throughput_qps
FROM evaluations"""
        + where.sql
        + ")"
    )


@dataclass(frozen=True, slots=True)
class First:
    """Which groups come first."""

    keys: tuple[tuple[str, ...], ...]
    """Theirs; '' for evaluations without one."""
    groups: int
    """How many groups there are."""
    evaluations: int
    """In all of them."""


async def first_groups(tx: Tx, project_id: UUID, question: Question, order: Order) -> First:
    """The groups with the largest (or smallest) values, of all there are, which may be as many as evaluations."""
    params: dict[str, object] = {
        "project_id": project_id,
        "start": question.start,
        "end": question.end,
        "limit": order.limit,
    }
    where, places = _where(question, params), _places(question, params)
    sql: LiteralString = (
        """
WITH groups AS MATERIALIZED (
    SELECT coalesce(PLACE_0, '') AS first, coalesce(PLACE_1, '') AS second, count(*) AS n, VALUE AS value
    FROM evaluations WHERE_ GROUP BY 1, 2
)
SELECT first, second, (SELECT count(*) FROM groups), (SELECT sum(n) FROM groups)
FROM groups ORDER BY value DIRECTION NULLS LAST, first COLLATE "C", second COLLATE "C" LIMIT %(limit)s
""".replace("PLACE_0", places[0])
        .replace("PLACE_1", places[1])
        .replace("VALUE", _VALUES[order.metric])
        .replace("DIRECTION", "DESC" if order.descending else "ASC")
        .replace("WHERE_", where.sql)
    )
    found = await (await tx.execute(sql, params)).fetchall()
    if not found:
        return First((), 0, 0)
    keys = tuple((first, second)[: len(question.by)] for first, second, _, _ in found)
    return First(keys, found[0][2], int(found[0][3]))


def _where(question: Question, params: dict[str, object]) -> Where:
    where = Where()
    where.add("project_id = %(project_id)s AND created_at >= %(start)s AND created_at < %(end)s")
    where.add("coalesce(agent_name, '') = %(agent)s", agent=question.group.agent)
    where.add("coalesce(model_name, '') = %(model)s", model=question.group.model)
    where.add("coalesce(mode, '') = %(mode)s", mode=question.group.mode)
    where.add("session_id = %(session_id)s", session_id=question.session_id)
    if question.metadata is not None:
        key, value = question.metadata
        where.add("metadata ->> %(metadata_key)s = %(metadata_value)s", metadata_key=key, metadata_value=value)
    params |= where.params
    return where


def _places(question: Question, params: dict[str, object]) -> list[LiteralString]:
    places: list[LiteralString] = ["NULL::text", "NULL::text"]
    for n, by in enumerate(question.by):
        if by.startswith(METADATA_PREFIX):
            places[n] = _METADATA[n]
            params[f"by_{n}"] = by.removeprefix(METADATA_PREFIX)
        else:
            places[n] = COLUMN_OF[by]
    return places
