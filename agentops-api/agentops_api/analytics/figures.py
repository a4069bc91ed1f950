"""From sums to the figures that people read: rates with their intervals, means, percentiles, and what changed.

Ratios of sums, never means of means. Knows no HTTP and no SQL.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict

from agentops_api.analytics.models import Cell, Measure
from agentops_api.analytics.statistics import (
    ALPHA,
    Verdict,
    benjamini_hochberg,
    compare_quantiles,
    mann_whitney,
    poisson_rates,
    quantiles_of,
    two_proportions,
    wilson,
)

Metric = Literal[
    "count",
    "hallucinations",
    "hallucination_rate",
    "avg_latency",
    "avg_throughput",
    "avg_semantic_drift",
    "avg_uncertainty",
    "avg_factual_support",
    "avg_hallucination_probability",
    "latency_p50",
    "latency_p90",
    "latency_p95",
    "latency_p99",
]
METRICS: tuple[Metric, ...] = get_args(Metric)
UNIT_OF: dict[Metric, str] = {
    "count": "evaluations",
    "hallucinations": "evaluations",
    "hallucination_rate": "fraction",
    "avg_latency": "seconds",
    "avg_throughput": "queries per second",
    "avg_semantic_drift": "score in [0, 1]",
    "avg_uncertainty": "score in [0, 1]",
    "avg_factual_support": "score in [0, 1]",
    "avg_hallucination_probability": "probability",
    "latency_p50": "seconds",
    "latency_p90": "seconds",
    "latency_p95": "seconds",
    "latency_p99": "seconds",
}
_QUANTILES: dict[str, float] = {"latency_p50": 0.5, "latency_p90": 0.9, "latency_p95": 0.95, "latency_p99": 0.99}
_MEAN_OF: dict[str, Measure] = {
    "avg_latency": "latency",
    "avg_throughput": "throughput",
    "avg_semantic_drift": "drift",
    "avg_uncertainty": "uncertainty",
    "avg_factual_support": "support",
    "avg_hallucination_probability": "probability",
}


def histograms_for(metric: Metric) -> tuple[Measure, ...]:
    """The histograms that the metric is read from."""
    return ("latency",) if metric in _QUANTILES else ()


def value_of(cell: Cell, metric: Metric) -> float | None:
    """As `values_of`, of one metric."""
    return values_of(cell, (metric,))[0]


def values_of(cell: Cell, metrics: Sequence[Metric]) -> list[float | None]:
    """The metrics' values; None where nothing was measured. Counts are 0 there, not None."""
    qs = [_QUANTILES[metric] for metric in metrics if metric in _QUANTILES]
    found = iter(quantiles_of(cell.ranked("latency"), qs, kind="log") if qs else ())
    return [next(found) if metric in _QUANTILES else _value_of(cell, metric) for metric in metrics]


def _value_of(cell: Cell, metric: Metric) -> float | None:
    if metric == "count":
        return cell.evaluations
    if metric == "hallucinations":
        return cell.hallucinations
    if metric == "hallucination_rate":
        return cell.hallucination_rate
    return cell.mean(_MEAN_OF[metric])


def rate_interval(cell: Cell) -> tuple[float, float] | tuple[None, None]:
    """The 95 % Wilson interval of the cell's hallucination rate; nothing where no verdict was given."""
    return wilson(cell.hallucinations, cell.verdicts) if cell.verdicts else (None, None)


class Figures(BaseModel):
    """What a set of evaluations looks like. Null where nothing was measured."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    count: int
    """Evaluations."""
    verdicts: int
    """Evaluations that somebody judged."""
    hallucinations: int
    """Evaluations judged to be hallucinated."""
    hallucination_rate: float | None
    """Hallucinations over verdicts."""
    hallucination_rate_low: float | None
    """Lower end of its 95 % Wilson interval."""
    hallucination_rate_high: float | None
    """Upper end of its 95 % Wilson interval."""
    avg_latency: float | None
    """Mean seconds an answer took."""
    latency_p50: float | None
    """Half of the answers took at most so many seconds (relative error at most 1 %)."""
    latency_p90: float | None
    """Nine in ten answers took at most so many seconds."""
    latency_p95: float | None
    """95 in 100 answers took at most so many seconds."""
    latency_p99: float | None
    """99 in 100 answers took at most so many seconds."""
    avg_throughput: float | None
    """Mean queries per second."""
    avg_semantic_drift: float | None
    """Mean semantic drift."""
    avg_uncertainty: float | None
    """Mean uncertainty."""
    avg_factual_support: float | None
    """Mean factual support."""
    avg_hallucination_probability: float | None
    """Mean hallucination probability."""


def figures_of(cell: Cell) -> Figures:
    """All figures of a cell that has its latency histogram."""
    low, high = rate_interval(cell)
    return Figures.model_validate(
        {
            **dict(zip(METRICS, values_of(cell, METRICS), strict=True)),
            "verdicts": cell.verdicts,
            "hallucination_rate_low": low,
            "hallucination_rate_high": high,
        }
    )


class Change(BaseModel):
    """How one figure differs between two sets of evaluations, and whether chance explains it."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    metric: str
    """What is compared."""
    base: float | None
    """Its value in the first set."""
    candidate: float | None
    """Its value in the second."""
    difference: float | None
    """Candidate minus base."""
    difference_low: float | None
    """Of the hallucination rate, the lower end of the difference's 95 % interval (Newcombe 1998), by itself and not
    adjusted for the other comparisons; else null."""
    difference_high: float | None
    """Its upper end."""
    ratio: float | None
    """Candidate over base."""
    test: str
    """The statistical test, and its source."""
    p_value: float | None
    """How often chance alone would differ so much, adjusted for the comparisons of this answer taken together
    (Benjamini-Hochberg); null where there is too little to say."""
    significant: bool
    """It is below 5 %, and the test says that the figure moved the way it did."""
    effect: float | None
    """Size of the difference in the test's own measure."""
    direction: Literal["better", "worse", "neutral"]
    """What the difference means, if it is real."""
    reason: str | None
    """Why nothing can be said."""


@dataclass(frozen=True, slots=True)
class _Comparison:
    metric: Metric
    worse_when: Literal["higher", "lower", "neither"]
    test: Callable[[Cell, Cell, float, float], Verdict]


def _ranks(measure: Measure) -> Callable[[Cell, Cell, float, float], Verdict]:
    def test(base: Cell, candidate: Cell, _base_s: float, _candidate_s: float) -> Verdict:
        return mann_whitney(base.histograms.get(measure, {}), candidate.histograms.get(measure, {}))

    return test


def _quantiles(metric: Metric) -> Callable[[Cell, Cell, float, float], Verdict]:
    def test(base: Cell, candidate: Cell, _base_s: float, _candidate_s: float) -> Verdict:
        histograms = base.histograms.get("latency", {}), candidate.histograms.get("latency", {})
        return compare_quantiles(*histograms, _QUANTILES[metric])

    return test


def _rates(base: Cell, candidate: Cell, _base_s: float, _candidate_s: float) -> Verdict:
    return two_proportions(base.hallucinations, base.verdicts, candidate.hallucinations, candidate.verdicts)


def _volumes(base: Cell, candidate: Cell, base_s: float, candidate_s: float) -> Verdict:
    return poisson_rates(base.evaluations, base_s, candidate.evaluations, candidate_s)


def _hallucinations(base: Cell, candidate: Cell, base_s: float, candidate_s: float) -> Verdict:
    return poisson_rates(base.hallucinations, base_s, candidate.hallucinations, candidate_s)


_COMPARISONS: tuple[_Comparison, ...] = (
    _Comparison("count", "neither", _volumes),
    # More of them may only be more traffic: the rate tells whether it is worse.
    _Comparison("hallucinations", "neither", _hallucinations),
    _Comparison("hallucination_rate", "higher", _rates),
    _Comparison("avg_hallucination_probability", "higher", _ranks("probability")),
    _Comparison("avg_latency", "higher", _ranks("latency")),
    _Comparison("latency_p50", "higher", _quantiles("latency_p50")),
    _Comparison("latency_p90", "higher", _quantiles("latency_p90")),
    _Comparison("latency_p95", "higher", _quantiles("latency_p95")),
    _Comparison("latency_p99", "higher", _quantiles("latency_p99")),
    _Comparison("avg_throughput", "lower", _ranks("throughput")),
    _Comparison("avg_semantic_drift", "higher", _ranks("drift")),
    _Comparison("avg_uncertainty", "higher", _ranks("uncertainty")),
    _Comparison("avg_factual_support", "lower", _ranks("support")),
)


def changes_between(base: Cell, candidate: Cell, *, base_s: float, candidate_s: float) -> list[Change]:
    """Each figure's change and its verdict. Both cells have all histograms; `*_s` is how much of their windows is over,
    in seconds."""
    verdicts = [each.test(base, candidate, base_s, candidate_s) for each in _COMPARISONS]
    adjusted = iter(benjamini_hochberg([verdict.p_value for verdict in verdicts if verdict.p_value is not None]))
    return [
        _change(each, base, candidate, verdict, None if verdict.p_value is None else next(adjusted))
        for each, verdict in zip(_COMPARISONS, verdicts, strict=True)
    ]


def _change(each: _Comparison, base: Cell, candidate: Cell, verdict: Verdict, p_value: float | None) -> Change:
    before, after = value_of(base, each.metric), value_of(candidate, each.metric)
    difference = after - before if before is not None and after is not None else None
    reason = verdict.reason
    if each.worse_when != "neither" and difference and verdict.effect is not None:
        moved = verdict.effect - (0.5 if verdict.effect_name == "probability_of_larger" else 0)
        if moved * difference < 0:
            # A mean may rise by a few large values while most fall: what is real then is not that it rose.
            reason = "What the test compares moved in the other direction."
    low, high = verdict.effect_interval or (None, None)
    direction: Literal["better", "worse", "neutral"] = "neutral"
    if difference and each.worse_when != "neither":
        direction = "worse" if (difference > 0) == (each.worse_when == "higher") else "better"
    return Change(
        metric=each.metric,
        base=before,
        candidate=after,
        difference=difference,
        difference_low=low,
        difference_high=high,
        ratio=after / before if before and after is not None else None,
        test=f"{verdict.test} ({verdict.source})",
        p_value=p_value,
        significant=p_value is not None and p_value < ALPHA and reason is None,
        effect=verdict.effect,
        direction=direction,
        reason=reason,
    )
