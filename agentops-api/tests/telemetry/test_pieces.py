"""What is remembered of sums: how a period is cut, what holds, and how much of it."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Literal

import pytest
from agentops_api.analytics.models import Cell, Question
from agentops_api.analytics.windows import Interval, Resolution, boundaries, window_of
from agentops_api.telemetry.pieces import Remembered, Sums, pieces

NOW = datetime(2026, 11, 25, 15, tzinfo=UTC)
"""A Wednesday."""
LENGTHS = {
    Resolution.QUARTER: timedelta(hours=6),
    # A day, where the clock moves.
    Resolution.HOUR: timedelta(hours=25),
    Resolution.DAY: timedelta(weeks=1),
    Resolution.WEEK: timedelta(weeks=4),
}


def sums(numbers: int, identity: str = "1 7") -> Sums:
    return Sums(identity, [Cell(evaluations=1, histograms={"latency": dict.fromkeys(range(numbers), 1)})])


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kolkata", "Asia/Kathmandu"])
@pytest.mark.parametrize(
    ("days", "interval"), [(1, "hour"), (7, "hour"), (7, "day"), (90, "day"), (400, "week"), (90, "")]
)
def test_pieces_make_up_the_period_and_begin_at_the_same_times_whenever_it_is_asked(
    days: int, interval: Interval | Literal[""], zone: str
) -> None:
    def question(now: datetime) -> Question:
        window = window_of(now=now, days=days, time_zone=zone)
        return Question(window.start, window.end, boundaries(window, interval) if interval else [window.start])

    asked = question(NOW)
    cut = pieces(asked)
    assert [cut[0].start, cut[-1].end] == [asked.start, asked.end]
    assert all(one.end == other.start for one, other in pairwise(cut))
    inner = [at for at in asked.boundaries if at > asked.start]
    assert (
        sorted([at for each in cut for at in each.cuts] + [each.start for each in cut if each.start in inner]) == inner
    )
    later = {(each.resolution, each.start, each.end) for each in pieces(question(NOW + timedelta(hours=1)))}
    moved = [each for each in cut if (each.resolution, each.start, each.end) not in later]
    # An hour later only the two ends are others.
    assert len(moved) <= 4
    for each in cut:
        assert each.end - each.start <= LENGTHS[each.resolution]


def test_what_was_asked_for_last_is_remembered_and_no_more_than_there_is_room_for() -> None:
    remembered = Remembered(numbers_max=1_000)
    for key in ("a", "b", "c"):
        remembered.keep(key, sums(200))
    assert remembered.get("a") == sums(200)
    remembered.keep("d", sums(400))
    assert remembered.get("b") is None
    assert remembered.get("a") is not None
    remembered.keep("a", sums(600, "1 8"))
    assert remembered.get("a") == sums(600, "1 8")
    assert remembered.get("c") is None
    remembered.keep("too large", sums(2_000))
    assert remembered.get("too large") is None
    assert remembered.get("a") is not None
