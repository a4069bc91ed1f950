"""What analytics answers, as JSON. Knows no HTTP server and no SQL."""

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, JsonValue

from agentops_api.analytics.figures import Change, Figures, Metric
from agentops_api.analytics.models import Measure
from agentops_api.analytics.windows import Interval

Source = Literal["rollups", "rows"]
ComparisonVerdict = Literal["regressed", "tolerated", "improved", "mixed", "no real change", "too few"]

_WINDOW: dict[str, JsonValue] = {"start": "2026-11-16T00:00:00Z", "end": "2026-11-23T00:00:00Z", "time_zone": "UTC"}
_BEFORE: dict[str, JsonValue] = {"start": "2026-11-09T00:00:00Z", "end": "2026-11-16T00:00:00Z", "time_zone": "UTC"}
_FIGURES: dict[str, JsonValue] = {
    "count": 150,
    "verdicts": 150,
    "hallucinations": 12,
    "hallucination_rate": 0.08,
    "hallucination_rate_low": 0.0463,
    "hallucination_rate_high": 0.1346,
    "avg_latency": 0.52,
    "latency_p50": 0.47,
    "latency_p90": 0.91,
    "latency_p95": 1.12,
    "latency_p99": 1.74,
    "avg_throughput": 1.92,
    "avg_semantic_drift": 0.23,
    "avg_uncertainty": 0.15,
    "avg_factual_support": 0.82,
    "avg_hallucination_probability": 0.11,
}
_CHANGE: dict[str, JsonValue] = {
    "metric": "hallucination_rate",
    "base": 0.08,
    "candidate": 0.09,
    "difference": 0.01,
    "difference_low": -0.0535,
    "difference_high": 0.0684,
    "ratio": 1.125,
    "test": "two-proportion z-test (Pearson 1900)",
    "p_value": 0.76,
    "significant": False,
    "effect": 0.01,
    "direction": "worse",
    "reason": None,
}
_SIDE: dict[str, JsonValue] = {
    "window": _WINDOW,
    "agent_name": None,
    "model_name": "gpt-4o-mini",
    "mode": None,
    "source": "rollups",
    "figures": _FIGURES,
}


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class Period(_Answer):
    """A period of time."""

    start: AwareDatetime
    """Included."""
    end: AwareDatetime
    """Not included."""
    time_zone: str
    """On whose calendar it is divided."""


class Summary(_Answer):
    """A period, the one before it, and what is different."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "window": _WINDOW,
                    "previous_window": _BEFORE,
                    "source": "rollups",
                    "units": {"count": "evaluations"},
                    "current": _FIGURES,
                    "previous": _FIGURES,
                    "changes": [_CHANGE],
                }
            ]
        }
    )

    window: Period
    """The period asked for."""
    previous_window: Period
    """The period of equal length before it."""
    source: Source
    """What was read: rollups, or the evaluations themselves."""
    units: dict[str, str]
    """The unit of each metric."""
    current: Figures
    """The period asked for."""
    previous: Figures
    """The one before it."""
    changes: list[Change]
    """From previous to current, each with a verdict."""


class Point(_Answer):
    """A metric in one bucket of time."""

    at: AwareDatetime
    """Where the bucket starts; the first and the last may be cut by the window."""
    value: float | None
    """Null where nothing was measured."""
    low: float | None
    """Of the hallucination rate, the lower end of its 95 % Wilson interval; else null."""
    high: float | None
    """Its upper end."""
    count: int
    """Evaluations in the bucket."""


class Series(_Answer):
    """A metric over time."""

    metric: Metric
    """What is shown."""
    unit: str
    """Its unit."""
    key: str | None
    """The agent, model or mode; null for all, for evaluations without one, and for what is left over."""
    other: bool
    """All that is not among the largest."""
    points: list[Point]
    """A point a bucket, ascending; empty buckets are there too."""


class Timeseries(_Answer):
    """Metrics over time."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "window": _WINDOW,
                    "interval": "day",
                    "source": "rollups",
                    "series": [
                        {
                            "metric": "count",
                            "unit": "evaluations",
                            "key": None,
                            "other": False,
                            "points": [
                                {"at": "2026-11-16T00:00:00Z", "value": 150, "low": None, "high": None, "count": 150}
                            ],
                        }
                    ],
                }
            ]
        }
    )

    window: Period
    """The period."""
    interval: Interval
    """How long a bucket is."""
    source: Source
    """What was read."""
    series: list[Series]
    """For each metric, one or several."""


class Row(_Answer):
    """One group."""

    key: list[str | None]
    """Its values, in the order of `by`; null where an evaluation has none."""
    share: float
    """Its part of all evaluations of the period, in [0, 1]."""
    figures: Figures
    """What it looks like."""


class Breakdown(_Answer):
    """Groups beside each other."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "window": _WINDOW,
                    "by": ["model"],
                    "source": "rollups",
                    "units": {"count": "evaluations"},
                    "groups": 1,
                    "rows": [{"key": ["gpt-4o-mini"], "share": 1.0, "figures": _FIGURES}],
                }
            ]
        }
    )

    window: Period
    """The period."""
    by: list[str]
    """What the evaluations are split by."""
    source: Source
    """What was read."""
    units: dict[str, str]
    """The unit of each metric."""
    groups: int
    """How many groups there are."""
    rows: list[Row]
    """The first of them, sorted."""


class Bar(_Answer):
    """Evaluations whose value lies between two edges."""

    low: float
    """Lower edge."""
    high: float
    """Upper edge."""
    count: int
    """Evaluations."""


class Distribution(_Answer):
    """How a measure is spread."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "window": _WINDOW,
                    "measure": "latency",
                    "unit": "seconds",
                    "source": "rollups",
                    "count": 150,
                    "mean": 0.52,
                    "percentiles": {"p50": 0.47, "p90": 0.91, "p95": 1.12, "p99": 1.74},
                    "bars": [{"low": 0.4, "high": 0.5, "count": 61}],
                }
            ]
        }
    )

    window: Period
    """The period."""
    measure: Measure
    """What is shown."""
    unit: str
    """Its unit."""
    source: Source
    """What was read."""
    count: int
    """Evaluations that have the measure."""
    mean: float | None
    """Their mean."""
    percentiles: dict[str, float | None]
    """p50, p90, p95 and p99; of latency and throughput within 1 %, of scores within 0.005."""
    bars: list[Bar]
    """Ascending, without gaps."""


class Side(_Answer):
    """One of the two sets."""

    window: Period
    """Its period."""
    agent_name: str | None
    """Its agent, if it is about one."""
    model_name: str | None
    """Its model, if it is about one."""
    mode: str | None
    """Its mode, if it is about one."""
    source: Source
    """What was read."""
    figures: Figures
    """What it looks like."""


class Comparison(_Answer):
    """Two sets of evaluations side by side."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "base": _SIDE,
                    "candidate": _SIDE,
                    "units": {"count": "evaluations"},
                    "changes": [_CHANGE],
                    "overlap": False,
                    "verdict": "no real change",
                    "regressions": [],
                }
            ]
        }
    )

    base: Side
    """What was."""
    candidate: Side
    """What is to be judged."""
    units: dict[str, str]
    """The unit of each metric."""
    changes: list[Change]
    """From base to candidate, each with a verdict."""
    overlap: bool
    """Whether evaluations can be on both sides. The tests take the sides to be independent: what is on both makes a
    difference look smaller than it is."""
    verdict: ComparisonVerdict
    """Whether the candidate is really worse or better. `tolerated`: worse, but by no more than the tolerance, and
    nothing is better; `improved`: something is better, and nothing worse by more than the tolerance; `mixed`: something
    is better, and something worse by more; `too few`: no figure but the counts could be tested."""
    regressions: list[str]
    """The metrics that are really worse, by more than the tolerance."""
