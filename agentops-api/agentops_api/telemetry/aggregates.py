"""Reading sums: from rollups where they answer, from raw rows where they cannot, by one and the same query.

Raw rows are first made into rollups, by the expression that makes those that are stored, so the two agree exactly.
"""

import asyncio
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from struct import Struct
from typing import LiteralString
from uuid import UUID

import orjson
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format
from psycopg.types.numeric import IntLoader

from agentops_api.analytics.models import MEASURES, Cell, Histogram, Measure, Question
from agentops_api.analytics.windows import Resolution
from agentops_api.db.pool import Tx
from agentops_api.db.where import Where
from agentops_api.errors import Invalid
from agentops_api.telemetry import raw
from agentops_api.telemetry.pieces import Piece, Remembered, Sums, pieces
from agentops_api.telemetry.rollup_sql import ROLLUP_COLUMNS, rolled_up

_Place = tuple[int, *tuple[str, ...]]
"""A bucket of time, and what it is split by."""
_Part = tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]
"""Of one row: its sums, and the buckets and counts of each histogram."""

ROWS_MAX = 200_000
"""Rollups that one answer is made of: a quarter of a year in India, split by agent, has tens of thousands."""
_ROWS_AT_ONCE = 1_000
"""Others have their turn between."""
_AS_WRITTEN = 0
_ANEW = 0
"""The number of what is in no piece, because it is not merged yet, or counted for this answer."""
_PIECE = ("n", "of_resolution", "of_dims", "from", "to", "by_resolution", "by_from", "known")
_KEY: LiteralString = "rollup.NAME"
_PLACES: tuple[LiteralString, ...] = ("agent_name", "model_name")


async def read_cells(tx: Tx, project_id: UUID, question: Question, remembered: Remembered) -> list[Cell]:
    """A cell for each bucket of time and split that has evaluations, in no order."""
    cut = () if question.needs_rows else pieces(question)
    keys = [_key(project_id, question, each) for each in cut]
    known = [remembered.get(key) for key in keys]
    rows, identities = await _rows_of(tx, project_id, question, cut, known)
    found: defaultdict[_Place, list[tuple[int, Cell]]] = defaultdict(list)
    for n, (piece, key, before) in enumerate(zip(cut, keys, known, strict=True), _ANEW + 1):
        sums = before
        if sums is None or sums.identity != identities[n]:
            sums = Sums(identities[n], _cells(rows.get(n, {}), question.histograms, first=piece.bucket))
            remembered.keep(key, sums)
            await asyncio.sleep(0)
        for cell in sums.cells:
            found[piece.bucket + cell.bucket, *cell.keys].append((sums.serial, cell))
    asked = _asked(project_id, question)
    places = defaultdict[_Place, list[Cell]](list)
    for place, parts in found.items():
        places[place].append(_total(asked, question, place, parts, remembered))
    for cell in _cells(rows.get(_ANEW, {}), question.histograms):
        places[cell.bucket, *cell.keys].append(cell)
    together = (_together(place, cells) for place, cells in places.items())
    return [cell for cell in together if cell.evaluations]


def _asked(project_id: UUID, question: Question) -> tuple[Hashable, ...]:
    return project_id, question.group, question.by, question.histograms


def _key(project_id: UUID, question: Question, piece: Piece) -> Hashable:
    """All that the sums of a piece depend on, but for its rows."""
    return *_asked(project_id, question), piece.resolution, piece.start, piece.end, piece.cuts


def _total(
    asked: tuple[Hashable, ...],
    question: Question,
    place: _Place,
    parts: list[tuple[int, Cell]],
    remembered: Remembered,
) -> Cell:
    """The pieces' cells of one place as one; remembered, while it is made of the same sums."""
    if len(parts) == 1:
        return parts[0][1]
    key = *asked, question.boundaries[place[0]], place[1:]
    serials = tuple([serial for serial, _ in parts])
    total = remembered.get(key)
    if total is None or total.identity != serials:
        total = Sums(serials, [_together(place, [cell for _, cell in parts])])
        remembered.keep(key, total)
    return total.cells[0]


def _together(place: _Place, cells: list[Cell]) -> Cell:
    if len(cells) == 1:
        return replace(cells[0], bucket=place[0])
    # The small ones are added to a copy of the largest.
    largest, *others = sorted(cells, key=lambda cell: -cell.evaluations)
    total = replace(
        largest,
        bucket=place[0],
        counts=dict(largest.counts),
        sums=dict(largest.sums),
        histograms={measure: dict(histogram) for measure, histogram in largest.histograms.items()},
        _ranked={},
    )
    for cell in others:
        total.add(cell)
    return total


async def _rows_of(
    tx: Tx, project_id: UUID, question: Question, cut: Sequence[Piece], known: list[Sums | None]
) -> tuple[Mapping[int, Mapping[_Place, list[_Part]]], Mapping[int, str]]:
    """By each piece's number, from 1: its rows, unless they are those that are known; and their identity."""
    sql, params = _statement(project_id, question, cut, known)
    # In front of a row's sums are its piece's number and identity, its bucket, and what it is split by.
    sums = 3 + len(question.by)
    histograms = sums + len(_SUMMED)
    rows: defaultdict[int, defaultdict[_Place, list[_Part]]] = defaultdict(lambda: defaultdict(list))
    identities: dict[int, str] = {}
    async with tx.cursor(binary=bool(question.histograms)) as cursor:
        types = cursor.adapters.types
        cursor.adapters.register_loader(types["numeric"].oid, IntLoader)
        cursor.adapters.register_loader(types["int2"].array_oid, _SmallintsLoader)
        cursor.adapters.register_loader(types["int4"].array_oid, _IntegersLoader)
        await cursor.execute(sql, params)
        if cursor.rowcount > ROWS_MAX:
            message = "has too many agents, models or modes for one answer: ask for less of it, or for one of these"
            raise Invalid(f"The period {message}.", [{"field": "start", "message": message}])
        while found := await cursor.fetchmany(_ROWS_AT_ONCE):
            for row in found:
                identities[row[0]] = row[1]
                # A piece without rows, or with those that are known, is one row of nothing.
                if row[sums] is not None:
                    rows[row[0]][row[2:sums]].append((row[sums:histograms], row[histograms:]))
            await asyncio.sleep(0)
    return rows, identities


def _statement(
    project_id: UUID, question: Question, cut: Sequence[Piece], known: list[Sums | None]
) -> tuple[LiteralString, dict[str, object]]:
    """The query for all rows, and its parameters.

    Sums are added up by PostgreSQL, but with histograms here: it takes twice as long to unnest and count those as to
    send them (measured 2026-11).
    """
    params: dict[str, object] = {
        "project_id": project_id,
        "boundaries": list(question.boundaries),
        "start": question.start,
        "end": question.end,
    }
    source: LiteralString
    if question.needs_rows:
        source = "SELECT 0, NULL, counted.* FROM (" + rolled_up(raw.rows(question, params), slot_minutes="1")
        source += ") AS counted"
    else:
        source = _rollups(question, cut, known, params)
    # Half open, as the boundaries are: width_bucket counts those that are not later.
    wanted: list[LiteralString] = ["n", "identity", "width_bucket(rollup.at, %(boundaries)s::timestamptz[]) - 1"]
    for n, by in enumerate(question.by):
        wanted.append(_KEY.replace("NAME", _PLACES[n] if question.needs_rows else raw.COLUMN_OF[by]))
    measures = question.histograms
    grouped: LiteralString = "" if measures else " GROUP BY " + ", ".join(_ORDINALS[: len(wanted)])
    for column in _SUMMED:
        wanted.append((_NUMBER if measures else _TOTAL).replace("COLUMN", column))
    for measure in measures:
        wanted.append(_HISTOGRAM.replace("MEASURE", measure))
    relation: LiteralString = "\nFROM (" + source + ") AS rollup (n, identity, " + ROLLUP_COLUMNS + ")"
    # One more shows that there are too many, before they fill the memory.
    params["rows_max"] = ROWS_MAX + 1
    return "SELECT " + ", ".join(wanted) + relation + grouped + " LIMIT %(rows_max)s", params


def _rollups(
    question: Question, cut: Sequence[Piece], known: list[Sums | None], params: dict[str, object]
) -> LiteralString:
    """The coarsest rollups that tell apart what is asked, where they are not known; and, of the same periods, what is
    not merged yet.

    A row's transaction and place are its identity: rows are never updated, only replaced.
    """
    dims = question.group.dims | set(question.by)
    coarse = "none" if not dims else next(iter(dims)) if len(dims) == 1 else "all"
    # Quarters are kept for each group, and for all together.
    of_quarters = "none" if not dims else "all"
    read: list[tuple[object, ...]] = []
    for n, (each, before) in enumerate(zip(cut, known, strict=True), _ANEW + 1):
        kept = of_quarters if each.resolution is Resolution.QUARTER else coarse
        by = each.witness, each.witnessed_from
        read.append((n, each.resolution, kept, each.start, each.end, *by, before and before.identity))
    read.append((_ANEW, _AS_WRITTEN, "all", question.start, question.end, _AS_WRITTEN, question.start, None))
    # One text, because to quote the elements of as many arrays takes longer than to add up what they find.
    params["pieces"] = orjson.dumps([dict(zip(_PIECE, each, strict=True)) for each in read]).decode()
    where = Where()
    where.add("rollup.agent_name = %(agent)s", agent=question.group.agent)
    where.add("rollup.model_name = %(model)s", model=question.group.model)
    where.add("rollup.mode = %(mode)s", mode=question.group.mode)
    params |= where.params
    return (
        "SELECT n, identity, "
        + ROLLUP_COLUMNS
        + """
FROM json_to_recordset(%(pieces)s::json)
     AS piece (n integer, of_resolution smallint, of_dims text, "from" timestamptz, "to" timestamptz,
               by_resolution smallint, by_from timestamptz, known text)
CROSS JOIN LATERAL (
    SELECT count(*) || ' ' || coalesce(bit_xor(hashtextextended(xmin::text || ctid::text, 0)), 0) AS identity
    FROM evaluation_rollups
    WHERE n > 0 AND project_id = %(project_id)s AND resolution = by_resolution AND dims = of_dims
      AND at >= by_from AND at < piece."to"
) AS rows
LEFT JOIN LATERAL (
    SELECT * FROM (
        SELECT * FROM evaluation_rollups
        WHERE identity IS DISTINCT FROM known AND project_id = %(project_id)s AND resolution = of_resolution
          AND dims = of_dims AND at >= piece."from" AND at < piece."to"
        -- Kept apart, or with a name to compare the planner hashes all rollups there are.
        OFFSET 0
    ) AS rollup
"""
        + where.sql
        + ") AS rollup ON true\n"
    )


def _cells(rows: Mapping[_Place, list[_Part]], measures: tuple[Measure, ...], *, first: int = 0) -> list[Cell]:
    """Their buckets count from `first`."""
    return [_cell((place[0] - first, *place[1:]), parts, measures) for place, parts in rows.items()]


def _cell(place: _Place, parts: list[_Part], measures: tuple[Measure, ...]) -> Cell:
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


def _merged(parts: list[tuple[tuple[int, ...], tuple[int, ...]]]) -> Histogram:
    """One histogram of many, each a list of buckets and one of counts."""
    if len(parts) == 1 and len(merged := dict(zip(*parts[0], strict=True))) == len(parts[0][0]):
        return merged
    counts: defaultdict[int, int] = defaultdict(int)
    for buckets, numbers in parts:
        for bucket, n in zip(buckets, numbers, strict=True):
            counts[bucket] += n
    # What came and went again, and is not merged yet, stands there twice and comes to nothing.
    return {bucket: n for bucket, n in counts.items() if n}


_HEADER_BYTES = 20


@lru_cache(maxsize=1 << 12)
def _array(code: str, length: int) -> Struct:
    """A header of 20 bytes (of 12, when it is empty), and for each element its length, as an integer, and itself, all
    in network byte order (array_send in src/backend/utils/adt/arrayfuncs.c)."""
    if length <= _HEADER_BYTES:
        return Struct(f"{length}x")
    element = "4x" + code
    elements = (length - _HEADER_BYTES) // Struct(">" + element).size
    return Struct(f">{_HEADER_BYTES}x" + element * elements)


class _SmallintsLoader(Loader):
    """PostgreSQL's smallint[], which has no NULL and one dimension: read at once instead of each element by itself."""

    format = Format.BINARY
    code = "h"

    def load(self, data: Buffer) -> tuple[int, ...]:
        return _array(self.code, len(data)).unpack(data)


class _IntegersLoader(_SmallintsLoader):
    """The same of integer[]."""

    code = "i"


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
_ORDINALS: tuple[LiteralString, ...] = ("1", "2", "3", "4", "5")
