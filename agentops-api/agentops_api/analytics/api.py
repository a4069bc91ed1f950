"""Analytics over HTTP: is it getting worse, since when, for whom, and what is different."""

import asyncio
from datetime import datetime
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response

from agentops_api import clock
from agentops_api.analytics.answers import (
    Bar,
    Breakdown,
    Comparison,
    ComparisonVerdict,
    Distribution,
    Period,
    Row,
    Side,
    Source,
    Summary,
    Timeseries,
)
from agentops_api.analytics.figures import (
    UNIT_OF,
    Change,
    Metric,
    changes_between,
    figures_of,
    histograms_for,
    rate_interval,
    value_of,
    values_of,
)
from agentops_api.analytics.models import MEASURES, Cell, Measure, Order, Question
from agentops_api.analytics.queries import (
    POINTS_MAX,
    AskedSide,
    BreakdownQuery,
    CompareQuery,
    DistributionQuery,
    SummaryQuery,
    TimeseriesQuery,
)
from agentops_api.analytics.statistics import QUANTILES, bins, quantiles
from agentops_api.analytics.windows import Window, boundaries
from agentops_api.edge.caller import PROJECT_SECURITY, ProjectCaller, reader
from agentops_api.edge.problems import responses
from agentops_api.edge.route import Route
from agentops_api.edge.runtime import runtime
from agentops_api.errors import Invalid


class _Route(Route):
    repeatable = frozenset({"metric", "by"})


router = APIRouter(prefix="/api/v1/analytics", tags=["analytics"], route_class=_Route)
Reader = Annotated[ProjectCaller, Depends(reader)]
_PROBLEMS = responses(400, 401, 403, 404, 414, 422, 429, 503)
_SECURITY: dict[str, object] = {"security": PROJECT_SECURITY}


@router.get(
    "/summary",
    operation_id="get_analytics_summary",
    summary="A period beside the one before it",
    responses=_PROBLEMS,
    openapi_extra=_SECURITY,
)
async def get_summary(request: Request, caller: Reader, query: Annotated[SummaryQuery, Query()]) -> Summary:
    """Counts, rates with their 95 % interval, means and percentiles; and for each change, whether it is real."""
    now = clock.now()
    window = query.window(now)
    before = window.before()
    # Both periods by one question, which costs little more than one of them.
    both = Window(before.start, window.end, window.time_zone)
    question = query.question(both, boundaries=[before.start, window.start], histograms=MEASURES, periods=2)
    cells = {cell.bucket: cell for cell in await runtime(request).store.cells(caller.project_id, question)}
    previous, current = cells.get(0, Cell()), cells.get(1, Cell())
    return Summary(
        window=_period(window),
        previous_window=_period(before),
        source=_source(question),
        units={**UNIT_OF},
        current=figures_of(current),
        previous=figures_of(previous),
        changes=changes_between(previous, current, base_s=_elapsed_s(before, now), candidate_s=_elapsed_s(window, now)),
    )


@router.get(
    "/timeseries",
    operation_id="get_analytics_timeseries",
    summary="Metrics over time",
    response_model=Timeseries,
    responses=_PROBLEMS,
    openapi_extra=_SECURITY,
)
async def get_timeseries(request: Request, caller: Reader, query: Annotated[TimeseriesQuery, Query()]) -> Response:
    """In the caller's time zone; days have 23 or 25 hours where the clock moves."""
    window = query.window(clock.now())
    starts = boundaries(window, query.interval)
    histograms: tuple[Measure, ...] = tuple({each for metric in query.metric for each in histograms_for(metric)})
    by = (query.split,) if query.split else ()
    question = query.question(
        window, boundaries=starts, by=by, histograms=histograms, minutes=query.interval == "minute"
    )
    cells = await runtime(request).store.cells(caller.project_id, question)
    whole: _Track = None, False, {cell.bucket: cell for cell in cells}
    tracks = _tracks(cells, query.top) if query.split else [whole]
    ats = [max(at, window.start) for at in starts]
    points = len(tracks) * len(query.metric) * len(ats)
    if points > POINTS_MAX:
        message = f"makes {points:,} points of these series and metrics, and {POINTS_MAX:,} are the most"
        raise Invalid(
            f"`interval` {message}; ask for longer buckets, or for fewer series, metrics or days.",
            [{"field": "interval", "message": message}],
        )
    by_track: list[list[dict[str, object]]] = []
    for track in tracks:
        by_track.append(_series(track, query.metric, ats))
        # Others have their turn between.
        await asyncio.sleep(0)
    series = [each[n] for n in range(len(query.metric)) for each in by_track]
    answer = {
        "window": _period(window).model_dump(),
        "interval": query.interval,
        "source": _source(question),
        "series": series,
    }
    return Response(orjson.dumps(answer, option=orjson.OPT_UTC_Z), media_type="application/json")


@router.get(
    "/breakdown",
    operation_id="get_analytics_breakdown",
    summary="Groups beside each other",
    responses=_PROBLEMS,
    openapi_extra=_SECURITY,
)
async def get_breakdown(request: Request, caller: Reader, query: Annotated[BreakdownQuery, Query()]) -> Breakdown:
    """By agent, model, mode, session or a metadata key, or by two of them."""
    window = query.window(clock.now())
    question = query.question(window, by=tuple(query.by), histograms=("latency",))
    order = Order(query.sort, descending=query.order == "desc", limit=query.limit)
    found = await runtime(request).store.groups(caller.project_id, question, order)
    sign = -1 if order.descending else 1

    def place(cell: Cell) -> tuple[bool, float, tuple[str, ...]]:
        value = value_of(cell, query.sort)
        return value is None, sign * (value or 0.0), tuple(key or "" for key in cell.keys)

    total, rows = found.evaluations, sorted(found.cells, key=place)[: query.limit]
    return Breakdown(
        window=_period(window),
        by=query.by,
        source=_source(question),
        units={**UNIT_OF},
        groups=found.groups,
        rows=[
            Row(
                key=[key or None for key in cell.keys],
                share=cell.evaluations / total,
                figures=figures_of(cell),
            )
            for cell in rows
        ],
    )


@router.get(
    "/distribution",
    operation_id="get_analytics_distribution",
    summary="How a measure is spread",
    responses=_PROBLEMS,
    openapi_extra=_SECURITY,
)
async def get_distribution(
    request: Request, caller: Reader, query: Annotated[DistributionQuery, Query()]
) -> Distribution:
    """A histogram; bars of latency and throughput widen by a constant factor, those of scores are equally wide."""
    window = query.window(clock.now())
    question = query.question(window, histograms=(query.measure,))
    cell = await _whole(request, caller, question)
    histogram = cell.histograms.get(query.measure, {})
    kind = "log" if query.measure in ("latency", "throughput") else "linear"
    return Distribution(
        window=_period(window),
        measure=query.measure,
        unit={"latency": "seconds", "throughput": "queries per second"}.get(query.measure, "score in [0, 1]"),
        source=_source(question),
        count=sum(histogram.values()),
        mean=cell.mean(query.measure),
        percentiles={
            f"p{q * 100:g}": value for q, value in zip(QUANTILES, quantiles(histogram, kind=kind), strict=True)
        },
        bars=[Bar(low=b.low, high=b.high, count=b.count) for b in bins(histogram, kind=kind, bins_max=query.bins)],
    )


@router.get(
    "/compare",
    operation_id="compare_analytics",
    summary="Two periods, agents or models side by side",
    responses=_PROBLEMS,
    openapi_extra=_SECURITY,
)
async def compare(request: Request, caller: Reader, query: Annotated[CompareQuery, Query()]) -> Comparison:
    """A verdict that can be a gate: `regressed` only for what chance does not explain (`agentops compare`)."""
    now = clock.now()
    base, candidate = query.sides(now)
    base_cell = await _whole(request, caller, base.question)
    candidate_cell = await _whole(request, caller, candidate.question)
    changes = changes_between(
        base_cell,
        candidate_cell,
        base_s=_elapsed_s(base.window, now),
        candidate_s=_elapsed_s(candidate.window, now),
    )
    worse = [change.metric for change in changes if _is_worse(change, query.tolerance)]
    return Comparison(
        base=_side(base, base_cell),
        candidate=_side(candidate, candidate_cell),
        units={**UNIT_OF},
        changes=changes,
        overlap=base.overlaps(candidate),
        verdict=_verdict(changes, worse),
        regressions=worse,
    )


async def _whole(request: Request, caller: ProjectCaller, question: Question) -> Cell:
    """The whole window as one cell."""
    cells = await runtime(request).store.cells(caller.project_id, question)
    return cells[0] if cells else Cell()


_Track = tuple[str | None, bool, dict[int, Cell]]
"""Its key, whether it is what is left over, and its cells by bucket."""


def _tracks(cells: list[Cell], top: int) -> list[_Track]:
    """The cells by key and bucket, largest key first; all keys behind the first `top` are one more, `other`."""
    totals: dict[str, int] = {}
    for cell in cells:
        totals[cell.keys[0]] = totals.get(cell.keys[0], 0) + cell.evaluations
    ranked = sorted(totals, key=lambda key: (-totals[key], key))
    tracks: dict[str | None, dict[int, Cell]] = {key: {} for key in ranked[:top]}
    other: dict[int, Cell] = {}
    for cell in cells:
        if cell.keys[0] in tracks:
            tracks[cell.keys[0]][cell.bucket] = cell
        else:
            other.setdefault(cell.bucket, Cell(cell.bucket)).add(cell)
    found = [(key, False, track) for key, track in tracks.items()]
    return [*found, (None, True, other)] if other else found


def _series(track: _Track, metrics: list[Metric], ats: list[datetime]) -> list[dict[str, object]]:
    """A `Series` for each metric."""
    key, other, by_bucket = track
    cells = [by_bucket.get(bucket, Cell()) for bucket in range(len(ats))]
    # All metrics of a cell at once: its histogram is sorted once.
    values = [values_of(cell, metrics) for cell in cells]
    return [
        {
            "metric": metric,
            "unit": UNIT_OF[metric],
            "key": key or None,
            "other": other,
            "points": [_point(at, cell, metric, row[n]) for at, cell, row in zip(ats, cells, values, strict=True)],
        }
        for n, metric in enumerate(metrics)
    ]


def _point(at: datetime, cell: Cell, metric: Metric, value: float | None) -> dict[str, object]:
    """A `Point`. There are thousands of them: as models they would take longer than all that comes before."""
    low, high = rate_interval(cell) if metric == "hallucination_rate" else (None, None)
    return {"at": at, "value": value, "low": low, "high": high, "count": cell.evaluations}


def _is_worse(change: Change, tolerance: float) -> bool:
    if not change.significant or change.direction != "worse" or change.difference is None:
        return False
    return not change.base or abs(change.difference) > tolerance * abs(change.base)


def _verdict(changes: list[Change], worse: list[str]) -> ComparisonVerdict:
    better = any(change.significant and change.direction == "better" for change in changes)
    if worse:
        return "mixed" if better else "regressed"
    if better:
        return "improved"
    if any(change.significant and change.direction == "worse" for change in changes):
        return "tolerated"
    counts = ("count", "hallucinations")
    judged = any(change.p_value is not None for change in changes if change.metric not in counts)
    return "no real change" if judged else "too few"


def _side(side: AskedSide, cell: Cell) -> Side:
    return Side(
        window=_period(side.window),
        agent_name=side.asked.agent_name,
        model_name=side.asked.model_name,
        mode=side.asked.mode,
        source=_source(side.question),
        figures=figures_of(cell),
    )


def _source(question: Question) -> Source:
    return "rows" if question.needs_rows else "rollups"


def _period(window: Window) -> Period:
    return Period(start=window.start, end=window.end, time_zone=window.time_zone.key)


def _elapsed_s(window: Window, now: datetime) -> float:
    """Seconds in which evaluations can have come: a window up to now ends with the hour, which is not over. Not
    positive where it has not begun."""
    return (min(window.end, now) - window.start).total_seconds()
