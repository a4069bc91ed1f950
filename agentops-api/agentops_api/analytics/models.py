"""Statistics over evaluations, as sums that add up. Knows no HTTP and no SQL."""

from dataclasses import dataclass
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

SCORE_UNIT = 10**9
"""Sums of scores are kept in units of 1e-9."""
MICRO = 10**6
"""Sums of seconds and of queries per second are kept in units of 1e-6."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Integer sums over a set of evaluations (see `evaluation_rollups`). Decimal is PostgreSQL's sum of bigint."""

    evaluations: int | Decimal
    verdicts: int | Decimal
    hallucinations: int | Decimal
    drift_count: int | Decimal
    drift_sum: int | Decimal
    uncertainty_count: int | Decimal
    uncertainty_sum: int | Decimal
    support_count: int | Decimal
    support_sum: int | Decimal
    latency_count: int | Decimal
    latency_sum: int | Decimal
    throughput_count: int | Decimal
    throughput_sum: int | Decimal


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


def stats_of(totals: Totals) -> EvaluationStats:
    """Ratios of sums, never means of means."""
    return EvaluationStats(
        total_evaluations=int(totals.evaluations),
        total_hallucinations=int(totals.hallucinations),
        hallucination_rate=_ratio(totals.hallucinations, totals.verdicts),
        avg_latency=_ratio(totals.latency_sum, totals.latency_count * MICRO),
        avg_throughput=_ratio(totals.throughput_sum, totals.throughput_count * MICRO),
        avg_semantic_drift=_ratio(totals.drift_sum, totals.drift_count * SCORE_UNIT),
        avg_uncertainty=_ratio(totals.uncertainty_sum, totals.uncertainty_count * SCORE_UNIT),
        avg_factual_support=_ratio(totals.support_sum, totals.support_count * SCORE_UNIT),
    )


def _ratio(part: int | Decimal, whole: int | Decimal) -> float:
    return int(part) / int(whole) if whole else 0.0
