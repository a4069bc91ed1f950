"""Reading sums: from rollups where they answer, from raw rows where they cannot, by one and the same query.

Raw rows are first made into rollups, by the expression that makes those that are stored, so the two agree exactly.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import LiteralString
from uuid import UUID

from agentops_api.analytics.models import MEASURES, Cell, Dim, Measure, Question
from agentops_api.db.pool import Tx
from agentops_api.db.where import Where
from agentops_api.telemetry.rollups import ROLLUP_COLUMNS, rolled_up

_COLUMN_OF: dict[Dim, LiteralString] = {"agent": "agent_name", "model": "model_name", "mode": "mode"}


async def cells_of_rollups(tx: Tx, project_id: UUID, question: Question) -> list[Cell]:
    """A cell for each bucket and split that has evaluations, in no order."""
    dims = question.group.dims | set(question.by)
    coarse: LiteralString = "none" if not dims else next(iter(dims)) if len(dims) == 1 else "all"
    rows: list[tuple[int, str, datetime, datetime]] = [
        (each.resolution, coarse if each.resolution > 15 else "all", each.start, each.end)
        for each in question.stretches
    ]
    rows.append((0, "all", min(row[2] for row in rows), max(row[3] for row in rows)))
    where = Where()
    where.add("rollup.agent_name = %(agent)s", agent=question.group.agent)
    where.add("rollup.model_name = %(model)s", model=question.group.model)
    where.add("rollup.mode = %(mode)s", mode=question.group.mode)
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
    params = where.params | {
        "project_id": project_id,
        "boundaries": list(question.boundaries),
        "resolutions": [row[0] for row in rows],
        "dims": [row[1] for row in rows],
        "starts": [row[2] for row in rows],
        "ends": [row[3] for row in rows],
    }
    keys: list[LiteralString] = ["rollup." + _COLUMN_OF[dim] for dim in question.by]
    return await _cells(tx, source, params, keys, question.histograms)


async def cells_of_rows(
    tx: Tx,
    rows: LiteralString,
    params: dict[str, object],
    *,
    boundaries: Sequence[datetime],
    keys: int,
    histograms: tuple[Measure, ...],
) -> list[Cell]:
    """The same, from raw rows: `rows` is a relation with the columns of `evaluations`.

    What to split by stands in its columns agent_name and model_name, as many as `keys` says. Buckets may be minutes.
    """
    source: LiteralString = "\nFROM (" + rolled_up(rows, slot_minutes="1") + ") AS rollup (" + ROLLUP_COLUMNS + ")"
    columns: list[LiteralString] = ["rollup.agent_name", "rollup.model_name"]
    return await _cells(tx, source, params | {"boundaries": list(boundaries)}, columns[:keys], histograms)


async def _cells(
    tx: Tx, source: LiteralString, params: dict[str, object], keys: list[LiteralString], histograms: tuple[Measure, ...]
) -> list[Cell]:
    # Half open, as the boundaries are: width_bucket counts those that are not later.
    place: list[LiteralString] = ["width_bucket(rollup.at, %(boundaries)s::timestamptz[]) - 1", *keys]
    numbers: list[LiteralString] = ["sum(rollup.evaluations)", "sum(rollup.verdicts)", "sum(rollup.hallucinations)"]
    for measure in MEASURES:
        numbers += ["sum(rollup." + measure + "_count)", "sum(rollup." + measure + "_sum)"]
    cells: dict[tuple[object, ...], Cell] = {}
    positions: list[LiteralString] = [_ORDINALS[n] for n in range(len(place))]
    found = await tx.execute(
        "SELECT " + ", ".join([*place, *numbers]) + source + " GROUP BY " + ", ".join(positions), params
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
        prefix: LiteralString = measure
        columns: list[LiteralString] = [*place, "rollup." + prefix + "_buckets", "rollup." + prefix + "_counts"]
        found = await tx.execute("SELECT " + ", ".join(columns) + source, params)
        for row in await found.fetchall():
            cell = cells.get(row[: len(place)])
            if cell is None:
                # Stored since the sums were read.
                continue
            histogram = cell.histograms.setdefault(measure, {})
            for bucket, n in zip(row[-2], row[-1], strict=True):
                histogram[bucket] = histogram.get(bucket, 0) + n
    return [cell for cell in cells.values() if cell.evaluations]


_ORDINALS: tuple[LiteralString, ...] = ("1", "2", "3")
