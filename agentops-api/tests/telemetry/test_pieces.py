"""What is remembered of sums: how a period is cut, what holds, and how much of it."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from agentops_api.analytics.models import Cell, Question
from agentops_api.analytics.windows import Resolution
from agentops_api.telemetry.pieces import Remembered, Sums, pieces

NOW = datetime(2026, 11, 25, 15, tzinfo=UTC)
"""A Wednesday."""


def sums(numbers: int, identity: str = "1 7") -> Sums:
    return Sums(identity, [Cell(evaluations=1, histograms={"latency": dict.fromkeys(range(numbers), 1)})])


@pytest.mark.parametrize(("days", "buckets"), [(1, 24), (7, 1), (7, 7), (90, 1), (90, 90), (400, 400)])
def test_pieces_make_up_the_period_and_begin_at_the_same_times_whenever_it_is_asked(days: int, buckets: int) -> None:
    length = timedelta(days=days)

    def question(end: datetime) -> Question:
        start = end - length
        return Question(start, end, [start + n * length / buckets for n in range(buckets)])

    cut = pieces(question(NOW))
    assert [cut[0].start, cut[-1].end] == [NOW - length, NOW]
    assert all(one.end == other.start for one, other in pairwise(cut))
    assert (
        sum(len(each.cuts) for each in cut) + len({each.start for each in cut} & {*question(NOW).boundaries}) == buckets
    )
    later = {(each.resolution, each.start, each.end) for each in pieces(question(NOW + timedelta(hours=1)))}
    moved = [each for each in cut if (each.resolution, each.start, each.end) not in later]
    # An hour later only the two ends are others.
    assert len(moved) <= 4
    for each in cut:
        assert (
            each.end - each.start
            <= {
                Resolution.HOUR: timedelta(days=1),
                Resolution.DAY: timedelta(weeks=1),
                Resolution.WEEK: timedelta(weeks=4),
            }[each.resolution]
        )


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
