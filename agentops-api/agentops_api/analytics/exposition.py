"""A project's figures as Prometheus metrics, by agent and model, of which there are only so many. Knows no HTTP.

Prometheus takes a counter that falls for one that began anew, and counts its whole value once more. So these count from
midnight (UTC), where all begin anew together, and who has series of their own is decided by the days before: while
today's numbers grow, nobody moves between their own series and `other`, but one: where pairs that are new today have
no room, one of them may take the place of another, by its name. To send all of them to `other` then would move more
at once, and to have none of them named before tomorrow would hide each new agent for a day.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from prometheus_client.core import Metric

from agentops_api import metrics
from agentops_api.analytics.models import UNITS, Cell, Question
from agentops_api.analytics.statistics import representative

GROUPS_MAX = 50
"""Pairs of agent and model with series of their own: 50 of them are 900 series."""
OTHER = ("other", "other")
_RANKED_DAYS = 7
_TODAY = 1
"""The second bucket of the question."""


def question_of(now: datetime) -> Question:
    """What to ask the store: the week before today, and today to the end of the hour."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    start = midnight - timedelta(days=_RANKED_DAYS)
    end = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return Question(start, end, [start, midnight], by=("agent", "model"), histograms=("latency",))


def families_of(cells: Iterable[Cell]) -> list[Metric]:
    """Today's figures; the pairs that are not among the largest of the week before, or too new, are one: other."""
    cells = list(cells)
    before = {cell.keys: cell.evaluations for cell in cells if cell.bucket != _TODAY}
    keys = {cell.keys for cell in cells} - {OTHER}
    # New pairs have no volume yet, and take what places are left in the order of their names.
    own = set(sorted(keys, key=lambda key: (-before.get(key, 0), key))[:GROUPS_MAX])
    groups: dict[tuple[str, ...], Cell] = {}
    for cell in cells:
        if cell.bucket == _TODAY:
            groups.setdefault(cell.keys if cell.keys in own else OTHER, Cell()).add(cell)
    named = sorted(groups.items())
    judged = [(key, cell) for key, cell in named if cell.verdicts]
    return [
        metrics.PROJECT_EVALUATIONS.of((key, cell.evaluations) for key, cell in named),
        metrics.PROJECT_VERDICTS.of((key, cell.verdicts) for key, cell in named),
        metrics.PROJECT_HALLUCINATIONS.of((key, cell.hallucinations) for key, cell in named),
        metrics.PROJECT_RATE.of((key, cell.hallucinations / cell.verdicts) for key, cell in judged),
        metrics.PROJECT_LATENCY.histograms((key, _latency(cell)) for key, cell in named),
    ]


def _latency(cell: Cell) -> metrics.Histogram:
    histogram = metrics.Histogram(metrics.LATENCY_S)
    for bucket, n in cell.histograms.get("latency", {}).items():
        histogram.add(representative(bucket, kind="log"), n)
    histogram.sum = cell.sums.get("latency", 0) / UNITS["latency"]
    return histogram
