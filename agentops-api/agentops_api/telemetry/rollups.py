"""Rollups: how rows become sums and histograms, how those are merged, and how they are made anew from raw rows.

One expression turns rows into rollups, whether they arrive, go, or are counted again, and another merges them, which is
why a rebuild equals what was kept incrementally to the last bit. Latency and throughput histograms follow DDSketch
(Masson, Rim, Lee: VLDB 2019, section 2): a bucket is a power of 1.02, so a quantile's relative error is at most
0.02 / 2.02 < 1 %. What the columns mean is said where the table is made, in the first migration.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import LiteralString
from uuid import UUID

from agentops_api.db.pool import Tx

SLOT_MINUTES = 15
"""The period of a row as it is written."""
SLOTS_A_MERGE = 96
"""What one statement of a merge takes together: a day."""

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
    + """ KEEP
), counted AS (
    SELECT group_n, metric, bucket, sum(n)::integer AS n
    FROM SOURCE JOIN sums USING ("""
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
FROM sums LEFT JOIN histograms USING (group_n))
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
_MERGE: LiteralString = (
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
    + _MERGED.replace("SOURCE", "together").replace("KEEP", "HAVING sum(evaluations) <> 0")
)


# The rows of a quarter of an hour are counted for all levels at once; hours and days are made of the quarters. Names
# that are not meant come as NULL from the grouping sets.
_COUNT_A_DAY: LiteralString = (
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


_COUNT_A_WEEK: LiteralString = (
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
    + _MERGED.replace("SOURCE", "weekly").replace("KEEP", "HAVING sum(evaluations) <> 0")
)


def slot_of(at: datetime) -> datetime:
    """The slot that an evaluation of this time is counted in."""
    return at.replace(minute=at.minute // SLOT_MINUTES * SLOT_MINUTES, second=0, microsecond=0)


def week_of(day: datetime) -> datetime:
    """The midnight in UTC, with which a Monday begins, before or at this one."""
    return day - timedelta(days=day.weekday())


async def merge(tx: Tx, project_id: UUID, slots: list[datetime]) -> None:
    """Counts what was written in these slots into the coarser rows; groups that came to nothing disappear."""
    await _alone(tx, project_id)
    await _work_in_memory(tx)
    for first in range(0, len(slots), SLOTS_A_MERGE):
        await tx.execute(_MERGE, {"project_id": project_id, "slots": slots[first : first + SLOTS_A_MERGE]})


async def unmerged_slots(tx: Tx, project_id: UUID) -> list[datetime]:
    """The slots in which something was written and not merged yet, oldest first."""
    found = await tx.execute(
        """
        SELECT DISTINCT at FROM evaluation_rollups
        WHERE project_id = %(project_id)s AND resolution = 0 AND dims = 'all' ORDER BY at
        """,
        {"project_id": project_id},
    )
    return [at for (at,) in await found.fetchall()]


async def merge_everything(transaction: Callable[[], AbstractAsyncContextManager[Tx]], project_id: UUID) -> None:
    """Merges all that was written and not merged yet, a day at a time, each in a transaction of its own."""
    async with transaction() as tx:
        slots = await unmerged_slots(tx, project_id)
    for first in range(0, len(slots), SLOTS_A_MERGE):
        async with transaction() as tx:
            await merge(tx, project_id, slots[first : first + SLOTS_A_MERGE])


async def rebuild(tx: Tx, project_id: UUID) -> None:
    """Makes the project's rollups anew from its rows, while ingest goes on: of each day both are one snapshot.

    From the first day on whose rows retention left there: of earlier days only the rollups are kept.
    """
    await _alone(tx, project_id)
    await _work_in_memory(tx)
    # Sorted, one group's rows are in memory at a time; hashed, all of a day's would be.
    await tx.execute("SELECT set_config('enable_hashagg', 'off', true)")
    days = await _days(tx, project_id)
    for day in days:
        await count_day(tx, project_id, day)
    for week in sorted({week_of(day) for day in days}):
        await count_week(tx, project_id, week)


async def count_day(tx: Tx, project_id: UUID, day: datetime) -> None:
    """Makes the quarters, hours and the day of one day of UTC anew from its rows. Merges must be kept out meanwhile,
    and its week be counted next."""
    await tx.execute(_COUNT_A_DAY, {"project_id": project_id, "day": day})


async def count_week(tx: Tx, project_id: UUID, week: datetime) -> None:
    """Makes the rollups of one week of UTC, by its Monday, anew from its days. Merges must be kept out meanwhile."""
    await tx.execute(_COUNT_A_WEEK, {"project_id": project_id, "week": week})


async def _days(tx: Tx, project_id: UUID) -> list[datetime]:
    """The days of UTC that have rollups, and all from the first to the last evaluation, ascending, that keep rows."""
    found = await tx.execute(
        """
        SELECT day FROM (
            SELECT date_trunc('day', at, 'UTC') AS day FROM evaluation_rollups WHERE project_id = %(project_id)s
            UNION
            SELECT day
        FROM (SELECT min(created_at) AS first, max(created_at) AS last
              FROM evaluations WHERE project_id = %(project_id)s) AS rows,
             generate_series(date_trunc('day', first, 'UTC'), last, '24 hours') AS day
        ) AS days
        WHERE day >= coalesce(
            (SELECT raw_from FROM project_retention WHERE project_id = %(project_id)s), '-infinity')
        ORDER BY day
        """,
        {"project_id": project_id},
    )
    return [day for (day,) in await found.fetchall()]


# A week that goes on behind that midnight stays, for the days that do.
_FORGOTTEN: LiteralString = """
FROM evaluation_rollups
WHERE project_id = %(project_id)s AND at < %(before)s
  AND (resolution <> 10080 OR at <= %(before)s - interval '168 hours')
"""


async def forget(tx: Tx, project_id: UUID, *, before: datetime) -> int:
    """Deletes the rollups before a midnight in UTC; how many rows that were."""
    await _alone(tx, project_id)
    gone = await tx.execute("DELETE " + _FORGOTTEN, {"project_id": project_id, "before": before})
    if gone.rowcount and before.weekday():
        await count_week(tx, project_id, week_of(before))
    return gone.rowcount


async def count_before(tx: Tx, project_id: UUID, *, before: datetime) -> int:
    """How many rows of rollups `forget` would delete now."""
    found = await tx.execute("SELECT count(*) " + _FORGOTTEN, {"project_id": project_id, "before": before})
    row = await found.fetchone()
    assert row is not None, "an aggregate has a row"
    return row[0]


async def _alone(tx: Tx, project_id: UUID) -> None:
    """One merge or rebuild of a project at a time; a later statement then sees what the one before committed."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended('agentops.rollups ' || %s, 0))", (str(project_id),))


async def _work_in_memory(tx: Tx) -> None:
    """A day of many groups sorts tens of megabytes; on disk that takes twice as long."""
    await tx.execute("SELECT set_config('work_mem', '64MB', true)")
