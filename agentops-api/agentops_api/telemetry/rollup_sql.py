"""The SQL of rollups: how rows become sums and histograms, how those are merged, and how they are counted anew.

One expression turns rows into rollups, whether they arrive, go, or are counted again, and another merges them, which is
why a rebuild equals what was kept incrementally to the last bit. Latency and throughput histograms follow DDSketch
(Masson, Rim, Lee: VLDB 2019, section 2): a bucket is a power of 1.02, so a quantile's relative error is at most
0.02 / 2.02 < 1 %. What the columns mean is said where the table is made, in the first migration.
"""

from typing import LiteralString

_LINEAR: LiteralString = "least(round(COLUMN * 1e9)::bigint / 10000000, 99)::smallint"
_LOGARITHMIC: LiteralString = "ceil(ln(greatest(COLUMN, 1e-6)) / ln(1.02::float8))::smallint"
# Prefix in rollups, column of evaluations, units a whole, bucket.
_METRICS: tuple[tuple[LiteralString, LiteralString, LiteralString, LiteralString], ...] = (
    ("drift", "semantic_drift", "1e9", _LINEAR),
    ("uncertainty", "uncertainty", "1e9", _LINEAR),
    ("support", "factual_support", "1e9", _LINEAR),
    ("probability", "hallucination_probability", "1e9", _LINEAR),
    ("latency", "latency_sec", "1e6", _LOGARITHMIC),
    ("throughput", "throughput_qps", "1e6", _LOGARITHMIC),
)


def _each(template: LiteralString, *, between: LiteralString = ",\n") -> LiteralString:
    """The template once for each metric; PREFIX, COLUMN, UNITS and BUCKET stand for its own."""
    made: list[LiteralString] = [
        template.replace("BUCKET", bucket).replace("PREFIX", prefix).replace("COLUMN", column).replace("UNITS", units)
        for prefix, column, units, bucket in _METRICS
    ]
    return between.join(made)


_KEY: LiteralString = "project_id, resolution, dims, at, agent_name, model_name, mode"
ROLLUP_COLUMNS: LiteralString = (
    _KEY
    + ", evaluations, verdicts, hallucinations,\n"
    + _each("PREFIX_count, PREFIX_sum, PREFIX_buckets, PREFIX_counts")
)
INSERT_ROLLUPS: LiteralString = "INSERT INTO evaluation_rollups (" + ROLLUP_COLUMNS + ")\n"

_ROLLED_UP: LiteralString = (
    """
SELECT project_id, 0, 'all',
       date_bin('SLOT minutes', created_at, '2000-01-01T00:00:00Z'),
       coalesce(agent_name, ''), coalesce(model_name, ''), coalesce(mode, ''),
       SIGN * count(*), SIGN * count(hallucinated), SIGN * count(*) FILTER (WHERE hallucinated),
"""
    + _each(
        """       SIGN * count(COLUMN), SIGN * coalesce(sum(round(COLUMN * UNITS)::bigint), 0),
       coalesce(array_agg(BUCKET) FILTER (WHERE COLUMN IS NOT NULL), '{}'),
       array_fill(SIGN, ARRAY[count(COLUMN)::integer])"""
    )
    + "\nFROM SOURCE AS source GROUP BY GROUPS\n"
)


def rolled_up(
    source: LiteralString,
    *,
    sign: LiteralString = "1",
    slot_minutes: LiteralString = "15",
    groups: LiteralString = "1, 4, 5, 6, 7",
) -> LiteralString:
    """A SELECT that makes rollups, as they are written, of a relation that has the columns of `evaluations`.

    With `sign` -1 they take the rows away. Histograms are not counted yet, a bucket stands in them for each row: the
    merge counts, off the path of those who wait for their commit.
    """
    return (
        _ROLLED_UP.replace("SOURCE", source)
        .replace("SIGN", sign)
        .replace("SLOT", slot_minutes)
        .replace("GROUPS", groups)
    )


# Groups are numbered first: a histogram's many buckets are then told apart by small integers and not by three names.
# Each row has its group and each histogram its sums. The joins are FULL all the same, and what is kept is asked of what
# may be NULL: PostgreSQL takes thousands of rows here for one, and would else compare each with each.
_NOT_NOTHING: LiteralString = "WHERE coalesce(evaluations, 0) <> 0"
_MERGED: LiteralString = (
    """
(WITH sums AS MATERIALIZED (
    SELECT """
    + _KEY
    + """, row_number() OVER () AS group_n,
           sum(evaluations) AS evaluations, sum(verdicts) AS verdicts, sum(hallucinations) AS hallucinations,
"""
    + _each("           sum(PREFIX_count) AS PREFIX_count, sum(PREFIX_sum) AS PREFIX_sum")
    + """
    FROM SOURCE GROUP BY """
    + _KEY
    + """
), counted AS (
    SELECT group_n, metric, bucket, sum(n)::integer AS n
    FROM SOURCE FULL JOIN sums USING ("""
    + _KEY
    + """), LATERAL (VALUES
"""
    + _each("        ('PREFIX', PREFIX_buckets, PREFIX_counts)")
    + """
    ) AS histogram (metric, all_buckets, all_counts), unnest(all_buckets, all_counts) AS one (bucket, n)
    GROUP BY group_n, metric, bucket HAVING sum(n) <> 0
), gathered AS (
    SELECT group_n, metric, array_agg(bucket ORDER BY bucket) AS buckets, array_agg(n ORDER BY bucket) AS counts
    FROM counted GROUP BY group_n, metric
), histograms AS (
    SELECT group_n,
"""
    + _each(
        "           max(buckets) FILTER (WHERE metric = 'PREFIX') AS PREFIX_buckets,"
        " max(counts) FILTER (WHERE metric = 'PREFIX') AS PREFIX_counts"
    )
    + """
    FROM gathered GROUP BY group_n
)
SELECT """
    + _KEY
    + ", evaluations, verdicts, hallucinations,\n"
    + _each(
        "PREFIX_count, PREFIX_sum, coalesce(PREFIX_buckets, '{}') AS PREFIX_buckets,"
        " coalesce(PREFIX_counts, '{}') AS PREFIX_counts"
    )
    + """
FROM sums FULL JOIN histograms USING (group_n) KEEP)
"""
)


def _at(resolution: LiteralString, at: LiteralString, source: LiteralString) -> LiteralString:
    """The rows of the source as part of coarser ones."""
    return (
        "SELECT project_id, "
        + resolution
        + "::smallint AS resolution, dims, "
        + at
        + " AS at, agent_name, model_name, mode, evaluations, verdicts, hallucinations,\n"
        + _each("PREFIX_count, PREFIX_sum, PREFIX_buckets, PREFIX_counts")
        + "\nFROM "
        + source
    )


_SAME_GROUP: LiteralString = """
kept.project_id = due.project_id AND kept.resolution = due.resolution AND kept.dims = due.dims AND kept.at = due.at
AND kept.agent_name = due.agent_name AND kept.model_name = due.model_name AND kept.mode = due.mode
"""

# First what was written is merged within its quarters of an hour, then that little is spread over the levels. Quarters
# are four times the hours, and read where a calendar's hours are not UTC's: a few of them. Two of the levels will do.
MERGE: LiteralString = (
    """
WITH taken AS (
    DELETE FROM evaluation_rollups
    WHERE project_id = %(project_id)s AND resolution = 0 AND dims = 'all' AND at = ANY (%(slots)s)
    RETURNING *
), quarterly AS ("""
    + _at("15", "at", "taken")
    + """), fresh AS MATERIALIZED ("""
    # Nothing is left out yet: what came and what went may be as many, and yet different.
    + _MERGED.replace("SOURCE", "quarterly").replace("KEEP", "")
    + """), hourly AS ("""
    + _at("60", "date_trunc('hour', at, 'UTC')", "fresh")
    + """), hours AS MATERIALIZED ("""
    + _MERGED.replace("SOURCE", "hourly").replace("KEEP", "")
    + """), daily AS ("""
    + _at("1440", "date_trunc('day', at, 'UTC')", "hours")
    + """), days AS MATERIALIZED ("""
    + _MERGED.replace("SOURCE", "daily").replace("KEEP", "")
    + """), weekly AS ("""
    + _at("10080", "date_trunc('week', at, 'UTC')", "days")
    + """), merged AS (
    SELECT * FROM fresh UNION ALL SELECT * FROM hours UNION ALL SELECT * FROM days UNION ALL """
    + _MERGED.replace("SOURCE", "weekly").replace("KEEP", "")
    + """
), levels (dims) AS (
    VALUES ('all'), ('agent'), ('model'), ('mode'), ('none')
), spread AS MATERIALIZED (
    SELECT project_id, resolution, levels.dims, at,
           CASE WHEN levels.dims IN ('all', 'agent') THEN agent_name ELSE '' END AS agent_name,
           CASE WHEN levels.dims IN ('all', 'model') THEN model_name ELSE '' END AS model_name,
           CASE WHEN levels.dims IN ('all', 'mode') THEN mode ELSE '' END AS mode,
           evaluations, verdicts, hallucinations,
"""
    + _each("           PREFIX_count, PREFIX_sum, PREFIX_buckets, PREFIX_counts")
    + """
    FROM merged JOIN levels ON resolution <> 15 OR levels.dims IN ('all', 'none')
), due AS MATERIALIZED (
    SELECT DISTINCT """
    + _KEY
    + """ FROM spread
), known AS (
    DELETE FROM evaluation_rollups AS kept USING due WHERE """
    + _SAME_GROUP
    + """
    RETURNING kept.*
), together AS MATERIALIZED (
    SELECT * FROM spread UNION ALL SELECT """
    + ROLLUP_COLUMNS
    + """ FROM known
)
"""
    + INSERT_ROLLUPS
    + _MERGED.replace("SOURCE", "together").replace("KEEP", _NOT_NOTHING)
)


# The rows of a quarter of an hour are counted for all levels at once; hours and days are made of the quarters. Names
# that are not meant come as NULL from the grouping sets.
COUNT_A_DAY: LiteralString = (
    """
WITH gone AS (
    DELETE FROM evaluation_rollups
    -- All are named, so that the index finds the day.
    WHERE project_id = %(project_id)s AND resolution IN (0, 15, 60, 1440)
      AND dims IN ('all', 'agent', 'model', 'mode', 'none') AND at >= %(day)s AND at < %(day)s + interval '24 hours'
), written ("""
    + ROLLUP_COLUMNS
    + """) AS ("""
    + rolled_up(
        """(
    SELECT * FROM evaluations
    WHERE project_id = %(project_id)s AND created_at >= %(day)s AND created_at < %(day)s + interval '24 hours'
)""",
        groups="GROUPING SETS ((1, 4, 5, 6, 7), (1, 4, 5), (1, 4, 6), (1, 4, 7), (1, 4))",
    )
    + """), quarters AS MATERIALIZED (
    SELECT project_id, 15::smallint AS resolution,
           CASE WHEN num_nulls(agent_name, model_name, mode) = 0 THEN 'all' WHEN agent_name IS NOT NULL THEN 'agent'
                WHEN model_name IS NOT NULL THEN 'model' WHEN mode IS NOT NULL THEN 'mode' ELSE 'none' END AS dims,
           at, coalesce(agent_name, '') AS agent_name, coalesce(model_name, '') AS model_name,
           coalesce(mode, '') AS mode, evaluations, verdicts, hallucinations,
"""
    + _each(
        "           PREFIX_count, PREFIX_sum, coalesce(PREFIX.buckets, '{}') AS PREFIX_buckets,"
        " coalesce(PREFIX.counts, '{}') AS PREFIX_counts"
    )
    + "\n    FROM written,\n"
    + _each(
        """         LATERAL (
             SELECT array_agg(bucket ORDER BY bucket), array_agg(n ORDER BY bucket)
             FROM (SELECT bucket, count(*)::integer AS n FROM unnest(PREFIX_buckets) AS bucket GROUP BY bucket) AS one
         ) AS PREFIX (buckets, counts)"""
    )
    + """
), hourly AS ("""
    + _at("60", "date_trunc('hour', at, 'UTC')", "quarters")
    + """), hours AS MATERIALIZED ("""
    + _MERGED.replace("SOURCE", "hourly").replace("KEEP", "")
    + """), daily AS ("""
    + _at("1440", "%(day)s", "hours")
    + ")\n"
    + INSERT_ROLLUPS
    + "SELECT * FROM quarters WHERE dims IN ('all', 'none') UNION ALL SELECT * FROM hours UNION ALL "
    + _MERGED.replace("SOURCE", "daily").replace("KEEP", "")
)


COUNT_A_WEEK: LiteralString = (
    """
WITH gone AS (
    DELETE FROM evaluation_rollups
    WHERE project_id = %(project_id)s AND resolution = 10080
      AND dims IN ('all', 'agent', 'model', 'mode', 'none') AND at = %(week)s
), weekly AS ("""
    + _at("10080", "%(week)s", "evaluation_rollups")
    + """
    WHERE project_id = %(project_id)s AND resolution = 1440
      AND dims IN ('all', 'agent', 'model', 'mode', 'none')
      AND at >= %(week)s AND at < %(week)s + interval '168 hours'
)
"""
    + INSERT_ROLLUPS
    + _MERGED.replace("SOURCE", "weekly").replace("KEEP", _NOT_NOTHING)
)
