"""Hourly rollups: how rows become sums and histograms, how those are merged, and how they are made anew from raw rows.

One expression, `ROLLED_UP`, turns rows into rollups, whether they arrive, go, or are counted again, which is why a
rebuild equals what was kept incrementally to the last bit. Latency histograms follow DDSketch (Masson, Rim, Lee: VLDB
2019, section 2): a bucket is a power of 1.02, so a quantile's relative error is at most 0.02 / 2.02 < 1 %.
"""

from datetime import datetime
from typing import LiteralString
from uuid import UUID

from agentops_api.db.pool import Tx

_COLUMNS: LiteralString = """
project_id, hour, agent_name, model_name, mode, evaluations, verdicts, hallucinations,
drift_count, drift_sum, uncertainty_count, uncertainty_sum, support_count, support_sum,
probability_count, probability_sum, latency_count, latency_sum, throughput_count, throughput_sum,
latency_buckets, latency_counts, probability_buckets, probability_counts
"""

INSERT_ROLLUPS: LiteralString = "INSERT INTO evaluation_rollups (" + _COLUMNS + ")"


def rolled_up(source: LiteralString, *, sign: LiteralString = "1") -> LiteralString:
    """A SELECT that makes rollups of the relation `source`, which has the columns of `evaluations`.

    Grouping sets make each group's sums (part 3), its latency buckets (part 1) and its probability buckets (part 2) in
    one pass. With `sign` -1 the rollups take the rows away.
    """
    return _ROLLED_UP.replace("SOURCE", source).replace("SIGN", sign)


_ROLLED_UP: LiteralString = """
SELECT project_id, hour, agent_name, model_name, mode,
       sum(evaluations)       FILTER (WHERE part = 3),
       sum(verdicts)          FILTER (WHERE part = 3),
       sum(hallucinations)    FILTER (WHERE part = 3),
       sum(drift_count)       FILTER (WHERE part = 3),
       sum(drift_sum)         FILTER (WHERE part = 3),
       sum(uncertainty_count) FILTER (WHERE part = 3),
       sum(uncertainty_sum)   FILTER (WHERE part = 3),
       sum(support_count)     FILTER (WHERE part = 3),
       sum(support_sum)       FILTER (WHERE part = 3),
       sum(probability_count) FILTER (WHERE part = 3),
       sum(probability_sum)   FILTER (WHERE part = 3),
       sum(latency_count)     FILTER (WHERE part = 3),
       sum(latency_sum)       FILTER (WHERE part = 3),
       sum(throughput_count)  FILTER (WHERE part = 3),
       sum(throughput_sum)    FILTER (WHERE part = 3),
       coalesce(array_agg(latency_bucket ORDER BY latency_bucket)
           FILTER (WHERE part = 1 AND latency_bucket IS NOT NULL), '{}'),
       coalesce(array_agg(evaluations ORDER BY latency_bucket)
           FILTER (WHERE part = 1 AND latency_bucket IS NOT NULL), '{}'),
       coalesce(array_agg(probability_bucket ORDER BY probability_bucket)
           FILTER (WHERE part = 2 AND probability_bucket IS NOT NULL), '{}'),
       coalesce(array_agg(evaluations ORDER BY probability_bucket)
           FILTER (WHERE part = 2 AND probability_bucket IS NOT NULL), '{}')
FROM (
    SELECT project_id, hour, agent_name, model_name, mode, latency_bucket, probability_bucket,
           grouping(latency_bucket, probability_bucket)                          AS part,
           SIGN * count(*)                                                       AS evaluations,
           SIGN * count(hallucinated)                                            AS verdicts,
           SIGN * count(*) FILTER (WHERE hallucinated)                           AS hallucinations,
           SIGN * count(semantic_drift)                                          AS drift_count,
           SIGN * coalesce(sum(round(semantic_drift * 1e9)::bigint), 0)            AS drift_sum,
           SIGN * count(uncertainty)                                             AS uncertainty_count,
           SIGN * coalesce(sum(round(uncertainty * 1e9)::bigint), 0)               AS uncertainty_sum,
           SIGN * count(factual_support)                                         AS support_count,
           SIGN * coalesce(sum(round(factual_support * 1e9)::bigint), 0)           AS support_sum,
           SIGN * count(hallucination_probability)                               AS probability_count,
           SIGN * coalesce(sum(round(hallucination_probability * 1e9)::bigint), 0) AS probability_sum,
           SIGN * count(latency_sec)                                             AS latency_count,
           SIGN * coalesce(sum(round(latency_sec * 1e6)::bigint), 0)               AS latency_sum,
           SIGN * count(throughput_qps)                                          AS throughput_count,
           SIGN * coalesce(sum(round(throughput_qps * 1e6)::bigint), 0)            AS throughput_sum
    FROM (
        SELECT project_id,
               date_trunc('hour', created_at, 'UTC') AS hour,
               coalesce(agent_name, '')              AS agent_name,
               coalesce(model_name, '')              AS model_name,
               coalesce(mode, '')                    AS mode,
               semantic_drift, uncertainty, factual_support, hallucination_probability, hallucinated,
               latency_sec, throughput_qps,
               CASE WHEN latency_sec IS NOT NULL
                    THEN ceil(ln(greatest(latency_sec, 1e-6)) / ln(1.02::float8))::smallint END    AS latency_bucket,
               CASE WHEN hallucination_probability IS NOT NULL
                    THEN least(floor(hallucination_probability * 100), 99)::smallint END AS probability_bucket
        FROM SOURCE AS source
    ) AS valued
    GROUP BY GROUPING SETS (
        (project_id, hour, agent_name, model_name, mode),
        (project_id, hour, agent_name, model_name, mode, latency_bucket),
        (project_id, hour, agent_name, model_name, mode, probability_bucket)
    )
) AS parts
GROUP BY project_id, hour, agent_name, model_name, mode
"""

_MERGE: LiteralString = (
    """
WITH taken AS (
    DELETE FROM evaluation_rollups WHERE project_id = %(project_id)s AND hour = ANY (%(hours)s) RETURNING *
), latencies AS (
    SELECT hour, agent_name, model_name, mode,
           array_agg(bucket ORDER BY bucket) AS buckets, array_agg(n ORDER BY bucket) AS counts
    FROM (SELECT hour, agent_name, model_name, mode, bucket, sum(n)::bigint AS n
          FROM taken, unnest(latency_buckets, latency_counts) AS histogram (bucket, n)
          GROUP BY hour, agent_name, model_name, mode, bucket HAVING sum(n) <> 0) AS merged
    GROUP BY hour, agent_name, model_name, mode
), probabilities AS (
    SELECT hour, agent_name, model_name, mode,
           array_agg(bucket ORDER BY bucket) AS buckets, array_agg(n ORDER BY bucket) AS counts
    FROM (SELECT hour, agent_name, model_name, mode, bucket, sum(n)::bigint AS n
          FROM taken, unnest(probability_buckets, probability_counts) AS histogram (bucket, n)
          GROUP BY hour, agent_name, model_name, mode, bucket HAVING sum(n) <> 0) AS merged
    GROUP BY hour, agent_name, model_name, mode
), sums AS (
    SELECT project_id, hour, agent_name, model_name, mode,
           sum(evaluations) AS evaluations, sum(verdicts) AS verdicts, sum(hallucinations) AS hallucinations,
           sum(drift_count) AS drift_count, sum(drift_sum) AS drift_sum,
           sum(uncertainty_count) AS uncertainty_count, sum(uncertainty_sum) AS uncertainty_sum,
           sum(support_count) AS support_count, sum(support_sum) AS support_sum,
           sum(probability_count) AS probability_count, sum(probability_sum) AS probability_sum,
           sum(latency_count) AS latency_count, sum(latency_sum) AS latency_sum,
           sum(throughput_count) AS throughput_count, sum(throughput_sum) AS throughput_sum
    FROM taken
    GROUP BY project_id, hour, agent_name, model_name, mode
    HAVING sum(evaluations) <> 0
)
"""
    + INSERT_ROLLUPS
    + """
SELECT sums.*,
       coalesce(latencies.buckets, '{}'), coalesce(latencies.counts, '{}'),
       coalesce(probabilities.buckets, '{}'), coalesce(probabilities.counts, '{}')
FROM sums
LEFT JOIN latencies USING (hour, agent_name, model_name, mode)
LEFT JOIN probabilities USING (hour, agent_name, model_name, mode)
"""
)


def hour_of(at: datetime) -> datetime:
    """The hour that an evaluation of this time is counted in."""
    return at.replace(minute=0, second=0, microsecond=0)


async def compact(tx: Tx, project_id: UUID, hours: list[datetime]) -> None:
    """Merges the rollups of these hours into one row a group; groups that came to nothing disappear."""
    await _alone(tx, project_id)
    await tx.execute(_MERGE, {"project_id": project_id, "hours": hours})


async def crowded_hours(tx: Tx, project_id: UUID) -> list[datetime]:
    """The hours in which some group has more than one row, oldest first."""
    found = await tx.execute(
        """
        SELECT DISTINCT hour FROM evaluation_rollups WHERE project_id = %(project_id)s
        GROUP BY hour, agent_name, model_name, mode HAVING count(*) > 1 ORDER BY hour
        """,
        {"project_id": project_id},
    )
    return [hour for (hour,) in await found.fetchall()]


async def rebuild(tx: Tx, project_id: UUID) -> None:
    """Makes the project's rollups anew from its rows, while ingest goes on: rows and rollups are one snapshot."""
    await _alone(tx, project_id)
    await tx.execute(
        "WITH gone AS (DELETE FROM evaluation_rollups WHERE project_id = %(project_id)s) "
        + INSERT_ROLLUPS
        + rolled_up("(SELECT * FROM evaluations WHERE project_id = %(project_id)s)"),
        {"project_id": project_id},
    )


async def _alone(tx: Tx, project_id: UUID) -> None:
    """One merge or rebuild of a project at a time; a later statement then sees what the one before committed."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended('agentops.rollups ' || %s, 0))", (str(project_id),))
