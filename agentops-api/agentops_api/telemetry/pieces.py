"""Sums of stretches of time, remembered for as long as they are made of the very same rows.

Most of what a dashboard asks is about weeks and days that are over, again and again. What is remembered is never old:
each question brings an identity of the rows along, and reads anew, in the same snapshot, where it is another one. Days
of India are hours and quarters of an hour, and so a few pieces each: what these come to together is remembered, too.
"""

from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import count, pairwise

from agentops_api.analytics.models import Cell, Question
from agentops_api.analytics.windows import Resolution, Segment, segments

NUMBERS_MAX = 200_000
"""Of all histograms that are remembered; by the size of Python's integers and dictionaries some 20 MB."""
_NUMBERS_A_CELL = 25
"""What a cell takes without its histograms, in numbers of one."""
_MONDAY = datetime(2000, 1, 3, tzinfo=UTC)
_LENGTHS = {
    Resolution.QUARTER: timedelta(hours=6),
    Resolution.HOUR: timedelta(days=1),
    Resolution.DAY: timedelta(weeks=1),
    Resolution.WEEK: timedelta(weeks=4),
}
"""What is remembered together: new evaluations cost only their own piece, but each piece costs a look at its rows."""
_WITNESSES = {Resolution.QUARTER: Resolution.HOUR, Resolution.HOUR: Resolution.DAY}
_CUT_BUCKETS_MAX, _CUTS_MAX = 200, 64
"""How many buckets a period may have to be remembered as it was cut, and how many periods are."""
_serials = count()


@dataclass(frozen=True, slots=True)
class Piece:
    """Rollups of one resolution in [start, end)."""

    resolution: Resolution
    start: datetime
    end: datetime
    bucket: int
    """The bucket of time that it starts in."""
    cuts: tuple[datetime, ...]
    """Where the next ones start, within it."""
    witness: Resolution
    """Whose rows tell whether these are still the same: the hours of quarters, the days of hours. They are replaced by
    the very statement that replaces a part of them, and are fewer. A week is counted after its days, so days and weeks
    tell for themselves."""
    witnessed_from: datetime
    """The time of the first of those rows; the last is before `end`."""


def pieces(question: Question) -> tuple[Piece, ...]:
    """What the question's rollups are read in, ascending: whole quarters, hours, days and weeks of UTC, none of which
    lies in two buckets."""
    # Periods move on by the hour: in between the same ones are asked for.
    cut = _known_pieces if len(question.boundaries) <= _CUT_BUCKETS_MAX else _pieces
    return cut(question.start, question.end, tuple(question.boundaries))


def _pieces(first: datetime, until: datetime, boundaries: tuple[datetime, ...]) -> tuple[Piece, ...]:
    found = [
        Piece(
            each.resolution,
            start,
            end,
            bisect_right(boundaries, start) - 1,
            _between(boundaries, start, end),
            witness := _WITNESSES.get(each.resolution, each.resolution),
            start - (start - _MONDAY) % timedelta(minutes=witness),
        )
        for each in segments(first, until, boundaries)
        for start, end in _cut(each, _between(boundaries, each.start, each.end))
    ]
    return tuple(found)


_known_pieces = lru_cache(maxsize=_CUTS_MAX)(_pieces)


def _cut(segment: Segment, boundaries: Sequence[datetime]) -> Iterator[tuple[datetime, datetime]]:
    start, length = segment.start, _LENGTHS[segment.resolution]
    if segment.end - start <= length:
        yield start, segment.end
    elif 0.9 < (segment.end - start) / (len(boundaries) + 1) / length < 1.1:
        # Days of another zone than UTC, of 23 to 25 hours: a bucket is a piece, and has nothing to add up.
        yield from pairwise((start, *boundaries, segment.end))
    else:
        while start < segment.end:
            until = min(start + length - (start - _MONDAY) % length, segment.end)
            yield start, until
            start = until


def _between(boundaries: Sequence[datetime], start: datetime, end: datetime) -> tuple[datetime, ...]:
    return tuple(boundaries[bisect_right(boundaries, start) : bisect_left(boundaries, end)])


@dataclass(frozen=True, slots=True)
class Sums:
    """What a piece comes to, or what some pieces come to together."""

    identity: Hashable
    """Of the rows, or of the sums, that it was made of."""
    cells: list[Cell]
    """Their buckets count from the piece's own. Never changed."""
    serial: int = field(default_factory=_serials.__next__, compare=False)
    """Tells these sums from all others that this process ever made."""


class Remembered:
    """The sums that were asked for last."""

    def __init__(self, numbers_max: int = NUMBERS_MAX) -> None:
        self._numbers_max = numbers_max
        self._numbers = 0
        self._sums: OrderedDict[Hashable, Sums] = OrderedDict()

    def get(self, key: Hashable) -> Sums | None:
        """What was remembered of it; whether it still holds, its identity tells."""
        found = self._sums.get(key)
        if found:
            self._sums.move_to_end(key)
        return found

    def keep(self, key: Hashable, sums: Sums) -> None:
        """Remembers it, unless there is no room for it alone, and forgets what was not asked for the longest time."""
        if before := self._sums.pop(key, None):
            self._numbers -= _numbers(before)
        if _numbers(sums) > self._numbers_max:
            return
        self._sums[key] = sums
        self._numbers += _numbers(sums)
        while self._numbers > self._numbers_max:
            self._numbers -= _numbers(self._sums.popitem(last=False)[1])


def _numbers(sums: Sums) -> int:
    return sum(
        [_NUMBERS_A_CELL + sum([len(each) for each in cell.histograms.values()]) for cell in sums.cells],
        start=_NUMBERS_A_CELL,
    )
