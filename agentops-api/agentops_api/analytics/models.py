"""Statistics over evaluations, as sums that add up. Knows no HTTP and no SQL."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from agentops_api.analytics.statistics import Ranked, ranked

Score = Literal["drift", "uncertainty", "support", "probability"]
Measure = Literal["drift", "uncertainty", "support", "probability", "latency", "throughput"]
MEASURES: tuple[Measure, ...] = ("drift", "uncertainty", "support", "probability", "latency", "throughput")
"""What is summed and counted in histograms."""
UNITS: dict[Measure, int] = {
    "drift": 10**9,
    "uncertainty": 10**9,
    "support": 10**9,
    "probability": 10**9,
    "latency": 10**6,
    "throughput": 10**6,
}
"""Into how many units a sum divides one score, one second, one query per second."""
Dim = Literal["agent", "model", "mode"]
"""What rollups tell apart."""
DIMS: tuple[Dim, ...] = ("agent", "model", "mode")
METADATA_PREFIX = "metadata:"
"""Before a metadata key in `by`."""
Histogram = dict[int, int]
"""Evaluations by bucket (see `evaluation_rollups`)."""


@dataclass(frozen=True, slots=True)
class Group:
    """Which rollups are meant; None leaves a name open, and '' means the evaluations without one."""

    agent: str | None = None
    model: str | None = None
    mode: str | None = None

    @property
    def dims(self) -> set[Dim]:
        """What must be told apart for this."""
        named: dict[Dim, str | None] = {"agent": self.agent, "model": self.model, "mode": self.mode}
        return {dim for dim, name in named.items() if name is not None}


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the evaluations of one project."""

    start: datetime
    """At whole 15 minutes, as `end` is."""
    end: datetime
    boundaries: Sequence[datetime]
    """Ascending starts of the buckets of time; the first is `start`."""
    group: Group = Group()
    session_id: str | None = None
    metadata: tuple[str, str] | None = None
    """A key and the value it must have, as text."""
    by: tuple[str, ...] = ()
    """What to split by, at most two of: agent, model, mode, session, metadata:<key>."""
    histograms: tuple[Measure, ...] = ()
    """Measures whose histograms are wanted."""
    minutes: bool = False
    """Boundaries may lie on any minute."""
    only: tuple[tuple[str, ...], ...] | None = None
    """Of what rows are split by, only these groups."""

    @property
    def needs_rows(self) -> bool:
        """Rollups do not tell apart what is asked, so the evaluations themselves are read."""
        filtered = self.session_id is not None or self.metadata is not None
        return self.minutes or filtered or any(each not in DIMS for each in self.by)


@dataclass(frozen=True, slots=True)
class Order:
    """Which groups come first."""

    metric: str
    """One of `figures.METRICS`."""
    descending: bool
    limit: int
    """How many of them are wanted."""


@dataclass(slots=True)
class Cell:
    """Sums over the evaluations of one group in one bucket of time."""

    bucket: int = 0
    """Which of the boundaries it lies behind, from 0."""
    keys: tuple[str, ...] = ()
    """What it was split by."""
    evaluations: int = 0
    verdicts: int = 0
    hallucinations: int = 0
    counts: dict[Measure, int] = field(default_factory=dict)
    """Evaluations that have the measure."""
    sums: dict[Measure, int] = field(default_factory=dict)
    """In `UNITS`."""
    histograms: dict[Measure, Histogram] = field(default_factory=dict)
    _ranked: dict[Measure, Ranked] = field(default_factory=dict, repr=False, compare=False)
    """Made when it is first asked for; copies of this cell share it."""

    def ranked(self, measure: Measure) -> Ranked:
        """The measure's histogram, ready to be asked for quantiles."""
        found = self._ranked.get(measure)
        if found is None:
            found = self._ranked[measure] = ranked(self.histograms.get(measure, {}))
        return found

    def mean(self, measure: Measure) -> float | None:
        """A ratio of sums; None where nothing was measured."""
        count = self.counts.get(measure, 0)
        return self.sums[measure] / (count * UNITS[measure]) if count else None

    @property
    def hallucination_rate(self) -> float | None:
        """Hallucinations over evaluations with a verdict; None where there is no verdict."""
        return self.hallucinations / self.verdicts if self.verdicts else None

    def add(self, other: "Cell") -> None:
        """Takes the other's evaluations in."""
        self._ranked.clear()
        self.evaluations += other.evaluations
        self.verdicts += other.verdicts
        self.hallucinations += other.hallucinations
        for measure in other.counts:
            self.counts[measure] = self.counts.get(measure, 0) + other.counts[measure]
            self.sums[measure] = self.sums.get(measure, 0) + other.sums[measure]
        for measure, histogram in other.histograms.items():
            mine = self.histograms.setdefault(measure, {})
            for bucket, n in histogram.items():
                total = mine.get(bucket, 0) + n
                if total:
                    mine[bucket] = total
                else:
                    # It came and went, and is not merged yet.
                    mine.pop(bucket, None)


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups beside each other."""

    cells: list[Cell]
    """Those that come first at least, in no order."""
    groups: int
    """How many there are."""
    evaluations: int
    """In all of them."""


class EvaluationStats(BaseModel):
    """Statistics of the period. A mean or rate is 0 where nothing was measured; the counts tell the two apart."""

    model_config = ConfigDict(
        frozen=True,
        use_attribute_docstrings=True,
        json_schema_extra={
            "example": {
                "total_evaluations": 150,
                "total_hallucinations": 12,
                "hallucination_rate": 0.08,
                "avg_latency": 0.52,
                "avg_throughput": 1.92,
                "avg_semantic_drift": 0.23,
                "avg_uncertainty": 0.15,
                "avg_factual_support": 0.82,
            }
        },
    )

    total_evaluations: int
    """Evaluations in the period."""
    total_hallucinations: int
    """Those with the verdict `hallucinated`."""
    hallucination_rate: float
    """Hallucinations over evaluations that have a verdict, in [0, 1]."""
    avg_latency: float
    """Mean seconds an answer took."""
    avg_throughput: float
    """Mean queries per second."""
    avg_semantic_drift: float
    """Mean semantic drift, in [0, 1]."""
    avg_uncertainty: float
    """Mean uncertainty, in [0, 1]."""
    avg_factual_support: float
    """Mean factual support, in [0, 1]."""


def stats_of(cell: Cell) -> EvaluationStats:
    """Ratios of sums, never means of means."""
    return EvaluationStats(
        total_evaluations=cell.evaluations,
        total_hallucinations=cell.hallucinations,
        hallucination_rate=cell.hallucination_rate or 0.0,
        avg_latency=cell.mean("latency") or 0.0,
        avg_throughput=cell.mean("throughput") or 0.0,
        avg_semantic_drift=cell.mean("drift") or 0.0,
        avg_uncertainty=cell.mean("uncertainty") or 0.0,
        avg_factual_support=cell.mean("support") or 0.0,
    )
