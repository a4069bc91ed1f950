"""Reading sums: from rollups where they answer, from raw rows where they cannot, by one and the same query.

Raw rows are first made into rollups, by the expression that makes those that are stored, so the two agree exactly.
"""

import sys
from array import array
from collections import defaultdict
from typing import LiteralString
from uuid import UUID

from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format
from psycopg.types.numeric import IntLoader

from agentops_api.analytics.models import MEASURES, METADATA_PREFIX, Cell, Histogram, Measure, Question
from agentops_api.db.pool import Tx
from agentops_api.db.where import Where
from agentops_api.telemetry.rollups import ROLLUP_COLUMNS, rolled_up

_Part = tuple[tuple[int, ...], tuple[list[int], ...]]
"""Of one row: its sums, and the buckets and counts of each histogram."""

_AS_WRITTEN = 0
_COLUMN_OF: dict[str, LiteralString] = {
    "agent": "agent_name",
    "model": "model_name",
    "mode": "mode",
    "session": "session_id",
}
_KEY: LiteralString = "rollup.NAME"
_PLACES: tuple[LiteralString, ...] = ("agent_name", "model_name")
_METADATA_PLACES: tuple[LiteralString, ...] = ("metadata ->> %(by_0)s", "metadata ->> %(by_1)s")


async def read_cells(tx: Tx, project_id: UUID, question: Question) -> list[Cell]:
    """A cell for each bucket of time and split that has evaluations, in no order."""
    where, params = _filters(question)
    params |= {"project_id": project_id, "boundaries": list(question.boundaries)}
    periods = [(question.start, question.end)] if question.needs_rows else question.periods_of_rows
    source: LiteralString = ""
    if periods:
        params |= {"rows_from": [start for start, _ in periods], "rows_to": [end for _, end in periods]}
        source = rolled_up(_rows(question, where, params), slot_minutes="1")
    if not question.needs_rows:
        source = _rollups(question, params) + (" UNION ALL " + source if source else "")
    keys: list[LiteralString] = []
    for n, by in enumerate(question.by):
        keys.append(_KEY.replace("NAME", _PLACES[n] if question.needs_rows else _COLUMN_OF[by]))
    relation: LiteralString = "\nFROM (" + source + ") AS rollup (" + ROLLUP_COLUMNS + ")"
    return await _cells(tx, relation, params, keys, question.histograms)


def _rollups(question: Question, params: dict[str, object]) -> LiteralString:
    """The coarsest rollups that tell apart what is asked, and, of the same periods, what is not merged yet."""
    dims = question.group.dims | set(question.by)
    coarse = "none" if not dims else next(iter(dims)) if len(dims) == 1 else "all"
    read = [(int(each.resolution), coarse, each.start, each.end) for each in question.stretches]
    read += [(_AS_WRITTEN, "all", start, end) for _, _, start, end in read]
    params |= {
        "resolutions": [row[0] for row in read],
        "dims": [row[1] for row in read],
        "starts": [row[2] for row in read],
        "ends": [row[3] for row in read],
    }
    where = Where()
    where.add("rollup.agent_name = %(agent)s", agent=question.group.agent)
    where.add("rollup.model_name = %(model)s", model=question.group.model)
    where.add("rollup.mode = %(mode)s", mode=question.group.mode)
    return (
        "SELECT "
        + ROLLUP_COLUMNS
        + """
FROM unnest(%(resolutions)s::smallint[], %(dims)s::text[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
     AS stretch (of_resolution, of_dims, "from", "to")
CROSS JOIN LATERAL (
    SELECT * FROM evaluation_rollups
    WHERE project_id = %(project_id)s AND resolution = of_resolution AND dims = of_dims
      AND at >= stretch."from" AND at < stretch."to"
    -- Kept apart, or with a name to compare the planner hashes all rollups there are.
    OFFSET 0
) AS rollup
"""
        + where.sql
    )


def _filters(question: Question) -> tuple[Where, dict[str, object]]:
    where = Where()
    where.add("coalesce(agent_name, '') = %(agent)s", agent=question.group.agent)
    where.add("coalesce(model_name, '') = %(model)s", model=question.group.model)
    where.add("coalesce(mode, '') = %(mode)s", mode=question.group.mode)
    where.add("session_id = %(session_id)s", session_id=question.session_id)
    if question.metadata:
        key, value = question.metadata
        where.add("metadata ->> %(metadata_key)s = %(metadata_value)s", metadata_key=key, metadata_value=value)
    return where, where.params


def _rows(question: Question, where: Where, params: dict[str, object]) -> LiteralString:
    """The evaluations themselves. What rollups do not tell apart takes the places of agent and model, which then carry
    nothing else."""
    places: list[LiteralString] = [*_PLACES, "mode"]
    if question.needs_rows:
        places = ["NULL::text", "NULL::text", "NULL::text"]
        for n, by in enumerate(question.by):
            if by.startswith(METADATA_PREFIX):
                places[n] = _METADATA_PLACES[n]
                params[f"by_{n}"] = by.removeprefix(METADATA_PREFIX)
            else:
                places[n] = _COLUMN_OF[by]
    return (
        "(SELECT project_id, created_at, "
        + places[0]
        + " AS agent_name, "
        + places[1]
        + " AS model_name, "
        + places[2]
        + """ AS mode, semantic_drift, uncertainty, factual_support, hallucination_probability, hallucinated,
          latency_sec, throughput_qps
FROM unnest(%(rows_from)s::timestamptz[], %(rows_to)s::timestamptz[]) AS period ("from", "to")
JOIN evaluations ON project_id = %(project_id)s AND created_at >= period."from" AND created_at < period."to"
"""
        + where.sql
        + ")"
    )


async def _cells(
    tx: Tx, source: LiteralString, params: dict[str, object], keys: list[LiteralString], measures: tuple[Measure, ...]
) -> list[Cell]:
    """Sums are added up by PostgreSQL, but with histograms here: it takes twice as long to unnest and count those as to
    send them (measured 2026-11)."""
    # Half open, as the boundaries are: width_bucket counts those that are not later.
    place: list[LiteralString] = ["width_bucket(rollup.at, %(boundaries)s::timestamptz[]) - 1", *keys]
    wanted: list[LiteralString] = [*place]
    for column in _SUMMED:
        wanted.append((_NUMBER if measures else _TOTAL).replace("COLUMN", column))
    for measure in measures:
        wanted.append(_HISTOGRAM.replace("MEASURE", measure))
    grouped: LiteralString = "" if measures else " GROUP BY " + ", ".join(_ORDINALS[: len(place)])
    first, behind = len(place), len(place) + len(_SUMMED)
    parts: defaultdict[tuple[int, *tuple[str, ...]], list[_Part]] = defaultdict(list)
    async with tx.cursor(binary=bool(measures)) as cursor:
        types = cursor.adapters.types
        cursor.adapters.register_loader(types["numeric"].oid, IntLoader)
        cursor.adapters.register_loader(types["int2"].array_oid, _SmallintsLoader)
        cursor.adapters.register_loader(types["int4"].array_oid, _IntegersLoader)
        await cursor.execute("SELECT " + ", ".join(wanted) + source + grouped, params)
        for row in await cursor.fetchall():
            parts[row[:first]].append((row[first:behind], row[behind:]))
    cells = (_cell(place, rows, measures) for place, rows in parts.items())
    return [cell for cell in cells if cell.evaluations]


def _cell(place: tuple[int, *tuple[str, ...]], parts: list[_Part], measures: tuple[Measure, ...]) -> Cell:
    sums = [sum(column) for column in zip(*(numbers for numbers, _ in parts), strict=True)]
    histograms: dict[Measure, Histogram] = {
        measure: _merged([(arrays[2 * n], arrays[2 * n + 1]) for _, arrays in parts])
        for n, measure in enumerate(measures)
    }
    return Cell(
        place[0],
        place[1:],
        *sums[:3],
        counts=dict(zip(MEASURES, sums[3::2], strict=True)),
        sums=dict(zip(MEASURES, sums[4::2], strict=True)),
        histograms=histograms,
    )


def _merged(parts: list[tuple[list[int], list[int]]]) -> Histogram:
    """One histogram of many, each a list of buckets and one of counts."""
    if len(parts) == 1 and len(merged := dict(zip(*parts[0], strict=True))) == len(parts[0][0]):
        return merged
    counts: defaultdict[int, int] = defaultdict(int)
    for buckets, numbers in parts:
        for bucket, n in zip(buckets, numbers, strict=True):
            counts[bucket] += n
    # What came and went again, and is not merged yet, stands there twice and comes to nothing.
    return {bucket: n for bucket, n in counts.items() if n}


class _SmallintsLoader(Loader):
    """A list of PostgreSQL's smallint[], which has no NULL and one dimension: a fifth of the driver's own time.

    In its binary form a header of 20 bytes (of 12, when it is empty) is followed by each element's length, as an
    integer, and the element, all in network byte order (array_send in src/backend/utils/adt/arrayfuncs.c).
    """

    format = Format.BINARY
    code, first, step = "h", 12, 3

    def load(self, data: Buffer) -> list[int]:
        numbers = array(self.code, bytes(data))
        if sys.byteorder == "little":
            numbers.byteswap()
        return memoryview(numbers)[self.first :: self.step].tolist()


class _IntegersLoader(_SmallintsLoader):
    """The same of integer[]."""

    code, first, step = "i", 6, 2


_OF_A_MEASURE: tuple[LiteralString, ...] = ("MEASURE_count", "MEASURE_sum")
_PREFIXES: tuple[LiteralString, ...] = MEASURES
_SUMMED: tuple[LiteralString, ...] = (
    "evaluations",
    "verdicts",
    "hallucinations",
    *[each.replace("MEASURE", prefix) for prefix in _PREFIXES for each in _OF_A_MEASURE],
)
# Rows that are counted for this answer have numeric sums, which are whole, too.
_NUMBER: LiteralString = "rollup.COLUMN::bigint"
_TOTAL: LiteralString = "sum(rollup.COLUMN)"
_HISTOGRAM: LiteralString = "rollup.MEASURE_buckets, rollup.MEASURE_counts"
_ORDINALS: tuple[LiteralString, ...] = ("1", "2", "3")
