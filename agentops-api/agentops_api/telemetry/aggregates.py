"""Reading sums: from rollups where they answer, from raw rows where they cannot, by one and the same query.

Raw rows are first made into rollups, by the expression that makes those that are stored, so the two agree exactly.
"""

from typing import LiteralString
from uuid import UUID

from agentops_api.analytics.models import MEASURES, METADATA_PREFIX, Cell, Measure, Question
from agentops_api.analytics.windows import segments
from agentops_api.db.pool import Tx
from agentops_api.db.where import Where
from agentops_api.telemetry.rollups import ROLLUP_COLUMNS, SLOT_MINUTES, rolled_up

_AS_WRITTEN = 0
_COLUMN_OF: dict[str, LiteralString] = {
    "agent": "agent_name",
    "model": "model_name",
    "mode": "mode",
    "session": "session_id",
}
_METADATA_PLACES: tuple[LiteralString, ...] = ("metadata ->> %(by_0)s", "metadata ->> %(by_1)s")


async def read_cells(tx: Tx, project_id: UUID, question: Question) -> list[Cell]:
    """A cell for each bucket of time and split that has evaluations, in no order."""
    read = _of_rows if question.needs_rows else _of_rollups
    source, params, keys = read(project_id, question)
    params["boundaries"] = list(question.boundaries)
    return await _cells(tx, source, params, keys, question.histograms)


def _of_rollups(project_id: UUID, question: Question) -> tuple[LiteralString, dict[str, object], list[LiteralString]]:
    """The coarsest rollups that tell apart what is asked, and what was written and not merged yet."""
    dims = question.group.dims | set(question.by)
    coarse = "none" if not dims else next(iter(dims)) if len(dims) == 1 else "all"
    read = [
        (int(each.resolution), coarse if each.resolution > SLOT_MINUTES else "all", each.start, each.end)
        for each in segments(question.start, question.end, question.boundaries)
    ]
    read.append((_AS_WRITTEN, "all", question.start, question.end))
    where = Where()
    where.add("rollup.agent_name = %(agent)s", agent=question.group.agent)
    where.add("rollup.model_name = %(model)s", model=question.group.model)
    where.add("rollup.mode = %(mode)s", mode=question.group.mode)
    params = where.params | {
        "project_id": project_id,
        "resolutions": [row[0] for row in read],
        "dims": [row[1] for row in read],
        "starts": [row[2] for row in read],
        "ends": [row[3] for row in read],
    }
    source: LiteralString = (
        """
FROM unnest(%(resolutions)s::smallint[], %(dims)s::text[], %(starts)s::timestamptz[], %(ends)s::timestamptz[])
     AS stretch (resolution, dims, "from", "to")
JOIN evaluation_rollups AS rollup
  ON rollup.project_id = %(project_id)s AND rollup.resolution = stretch.resolution AND rollup.dims = stretch.dims
 AND rollup.at >= stretch."from" AND rollup.at < stretch."to"
"""
        + where.sql
    )
    return source, params, ["rollup." + _COLUMN_OF[dim] for dim in question.by]


def _of_rows(project_id: UUID, question: Question) -> tuple[LiteralString, dict[str, object], list[LiteralString]]:
    """The evaluations themselves; what to split by takes the places of agent and model, which carry nothing else."""
    where = Where()
    where.add("project_id = %(project_id)s", project_id=project_id)
    where.add("created_at >= %(start)s", start=question.start)
    where.add("created_at < %(end)s", end=question.end)
    where.add("coalesce(agent_name, '') = %(agent)s", agent=question.group.agent)
    where.add("coalesce(model_name, '') = %(model)s", model=question.group.model)
    where.add("coalesce(mode, '') = %(mode)s", mode=question.group.mode)
    where.add("session_id = %(session_id)s", session_id=question.session_id)
    params = where.params
    if question.metadata:
        where.add("metadata ->> %(metadata_key)s = %(metadata_value)s", metadata_key=question.metadata[0])
        params["metadata_value"] = question.metadata[1]
    places: list[LiteralString] = ["NULL::text", "NULL::text"]
    for n, by in enumerate(question.by):
        if by.startswith(METADATA_PREFIX):
            places[n] = _METADATA_PLACES[n]
            params[f"by_{n}"] = by.removeprefix(METADATA_PREFIX)
        else:
            places[n] = _COLUMN_OF[by]
    rows: LiteralString = (
        "(SELECT project_id, created_at, "
        + places[0]
        + " AS agent_name, "
        + places[1]
        + """ AS model_name, NULL::text AS mode, semantic_drift, uncertainty, factual_support,
              hallucination_probability, hallucinated, latency_sec, throughput_qps FROM evaluations"""
        + where.sql
        + ")"
    )
    source: LiteralString = "\nFROM (" + rolled_up(rows, slot_minutes="1") + ") AS rollup (" + ROLLUP_COLUMNS + ")"
    keys: list[LiteralString] = ["rollup.agent_name", "rollup.model_name"]
    return source, params, keys[: len(question.by)]


async def _cells(
    tx: Tx, source: LiteralString, params: dict[str, object], keys: list[LiteralString], histograms: tuple[Measure, ...]
) -> list[Cell]:
    # Half open, as the boundaries are: width_bucket counts those that are not later.
    place: list[LiteralString] = ["width_bucket(rollup.at, %(boundaries)s::timestamptz[]) - 1", *keys]
    numbers: list[LiteralString] = ["sum(rollup.evaluations)", "sum(rollup.verdicts)", "sum(rollup.hallucinations)"]
    for prefix in _PREFIXES:
        numbers.append(_SUMS.replace("MEASURE", prefix))
    cells: dict[tuple[object, ...], Cell] = {}
    found = await tx.execute(
        "SELECT " + ", ".join([*place, *numbers]) + source + " GROUP BY " + ", ".join(_ORDINALS[: len(place)]), params
    )
    for row in await found.fetchall():
        sums = [int(number) for number in row[len(place) :]]
        cells[row[: len(place)]] = Cell(
            row[0],
            tuple(row[1 : len(place)]),
            *sums[:3],
            counts=dict(zip(MEASURES, sums[3::2], strict=True)),
            sums=dict(zip(MEASURES, sums[4::2], strict=True)),
        )
    for measure in histograms:
        wanted: LiteralString = _HISTOGRAM.replace("MEASURE", measure)
        found = await tx.execute("SELECT " + ", ".join(place) + ", " + wanted + source, params)
        for row in await found.fetchall():
            cell = cells.get(row[: len(place)])
            if cell is None:
                # Stored since the sums were read.
                continue
            histogram = cell.histograms.setdefault(measure, {})
            for bucket, n in zip(row[-2], row[-1], strict=True):
                histogram[bucket] = histogram.get(bucket, 0) + n
    return [cell for cell in cells.values() if cell.evaluations]


_PREFIXES: tuple[LiteralString, ...] = MEASURES
_SUMS: LiteralString = "sum(rollup.MEASURE_count), sum(rollup.MEASURE_sum)"
_HISTOGRAM: LiteralString = "rollup.MEASURE_buckets, rollup.MEASURE_counts"
_ORDINALS: tuple[LiteralString, ...] = ("1", "2", "3")
