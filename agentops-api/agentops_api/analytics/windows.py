"""Periods of time: which one is asked about, its buckets on the caller's calendar, and the rollups that cover it.

A window begins and ends at whole hours of its zone's clock; within it, boundaries lie at whole 15 minutes, which
rollups tell apart (buckets of a minute: at whole minutes). Knows no HTTP and no SQL.

A calendar's hours and days fit 15 minutes nearly always: every zone's offset has been a whole number of quarters since
1980. A few clocks were moved at one minute past the hour (St. John's until 2011, Casey until 2022). There a quarter of
an hour belongs to the hour and day in which it starts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum
from functools import cache
from itertools import count, pairwise
from typing import Literal
from zoneinfo import ZoneInfo, available_timezones

from agentops_api.errors import Invalid

Interval = Literal["minute", "hour", "day", "week"]

SLOT = timedelta(minutes=15)
"""What the offsets of time zones are multiples of."""
DAYS_DEFAULT = 7
DAYS_MAX = 3_653
"""Ten years, with the three leap days that they may hold."""
BUCKETS_MAX = 2_000
"""More points than a chart has pixels, and little enough work for one request."""

_YEAR_MIN, _YEAR_MAX = 2000, 2100
_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)
_EPOCH = datetime(2000, 1, 3, tzinfo=UTC)
"""A Monday, so that whole weeks from here are those of ISO 8601."""
_LENGTHS: dict[Interval, timedelta] = {
    "minute": _MINUTE,
    "hour": _HOUR,
    "day": timedelta(days=1),
    "week": timedelta(days=7),
}


@dataclass(frozen=True, slots=True)
class Window:
    """The period `start <= time < end`, in UTC, and the zone on whose calendar it is divided."""

    start: datetime
    end: datetime
    time_zone: ZoneInfo

    def before(self) -> "Window":
        """The window of equal length that ends where this one starts."""
        return Window(self.start - (self.end - self.start), self.start, self.time_zone)


class Resolution(IntEnum):
    """Minutes that one rollup row stands for; each starts at a whole multiple of them in UTC, weeks on a Monday."""

    QUARTER = 15
    HOUR = 60
    DAY = 1440
    WEEK = 10080


_COARSER = {Resolution.QUARTER: Resolution.HOUR, Resolution.HOUR: Resolution.DAY, Resolution.DAY: Resolution.WEEK}


@dataclass(frozen=True, slots=True)
class Segment:
    """The rollup rows of one resolution that start at `start <= at < end`."""

    resolution: Resolution
    start: datetime
    end: datetime


def window_of(
    *,
    now: datetime,
    time_zone: str = "UTC",
    days: int | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
) -> Window:
    """The window asked for: the last `days` times 24 hours, or from `start` (included) to `end` (excluded).

    Without `end` it ends now; with nothing given, it is the last `DAYS_DEFAULT` days. A time without an offset is the
    zone's own. Both ends are widened outward to whole hours of the zone's clock, so a window up to now ends up to an
    hour later. Raises Invalid, naming the parameter.
    """
    zone = _zone(time_zone)
    if days is not None and (start is not None or end is not None):
        raise _invalid("must not be given beside `start` or `end`", "days")
    if end is not None and start is None:
        raise _invalid("must be given where `end` is", "start")
    if days is not None and not 1 <= days <= DAYS_MAX:
        raise _invalid(f"must be between 1 and {DAYS_MAX:,}", "days")
    until = now if end is None else _instant(end, zone, field="end")
    if start is None:
        since = until - timedelta(days=DAYS_DEFAULT if days is None else days)
    else:
        since = _instant(start, zone, field="start")
    if until <= since:
        raise _invalid("must be before `end`, or before now where `end` is not given", "start")
    if until - since > timedelta(days=DAYS_MAX):
        raise _invalid("must be at most ten years before `end`", "start")
    return Window(since - _past_hour(since, zone), until + (-_past_hour(until, zone)) % _HOUR, zone)


def boundaries(window: Window, interval: Interval) -> list[datetime]:
    """Where the window's buckets start on its zone's calendar, ascending, in UTC; empty ones are there too.

    The first bucket is the one that holds the window's start, and so may start before it. A day has 23 to 25 hours
    where the clock moves; a repeated hour is two buckets; a new hour starts wherever the clock moves; a day that a zone
    skipped has no bucket. Weeks start on Monday (ISO 8601). Raises Invalid above `BUCKETS_MAX`.
    """
    found: list[datetime] = []
    for at in _starts(window, interval):
        if at >= window.end:
            break
        if at <= window.start:
            found = [at]
        elif at > found[-1]:  # Two dates start at one instant where a zone skipped the first of them.
            found.append(at)
        if len(found) > BUCKETS_MAX:
            raise _too_many_buckets(window)
    return found


def segments(start: datetime, end: datetime, boundaries: Sequence[datetime] = ()) -> list[Segment]:
    """The fewest rollup rows that make up [start, end) with none of them on both sides of a boundary, as ranges.

    Ascending and without gaps. Neighbours differ in resolution, so one segment may reach over boundaries, at each of
    which one of its rows starts. All times must be at whole 15 minutes: buckets of a minute have no rollups.
    """
    assert start < end
    cuts = [_minutes_of(start), *(_minutes_of(at) for at in boundaries if start < at < end), _minutes_of(end)]
    merged: list[tuple[Resolution, int, int]] = []
    for low, high in pairwise(cuts):
        for resolution, first, last in _tiles(low, high, Resolution.QUARTER):
            if merged and merged[-1][0] is resolution:
                merged[-1] = (resolution, merged[-1][1], last)
            else:
                merged.append((resolution, first, last))
    return [Segment(resolution, _at(first), _at(last)) for resolution, first, last in merged]


def _tiles(low: int, high: int, resolution: Resolution) -> Iterator[tuple[Resolution, int, int]]:
    """[low, high), in minutes, as rows of the resolution at both edges and of coarser ones between, where they fit."""
    coarser = _COARSER.get(resolution)
    first, last = (high, high) if coarser is None else (-(-low // coarser) * coarser, high // coarser * coarser)
    if coarser is None or first >= last:
        yield resolution, low, high
        return
    if low < first:
        yield resolution, low, first
    yield from _tiles(first, last, coarser)
    if last < high:
        yield resolution, last, high


def _minutes_of(at: datetime) -> int:
    minutes, rest = divmod(at - _EPOCH, _MINUTE)
    assert not rest
    assert minutes % Resolution.QUARTER == 0, "Rollups tell only whole 15 minutes apart."
    return minutes


def _at(minutes: int) -> datetime:
    return _EPOCH + timedelta(minutes=minutes)


def _starts(window: Window, interval: Interval) -> Iterator[datetime]:
    """Bucket starts without end, ascending; at least the first is not after the window's start."""
    today = window.start.astimezone(window.time_zone).date()
    match interval:
        case "minute":
            return (window.start + n * _MINUTE for n in count())
        case "hour":
            return _hours(window.start, window.time_zone)
        case "day":
            return (_midnight(today + timedelta(days=n), window.time_zone) for n in count())
        case "week":
            monday = today - timedelta(days=today.weekday())
            return (_midnight(monday + timedelta(days=7 * n), window.time_zone) for n in count())


def _hours(start: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    # Where the clock moved since, this lies in the hour before it moved, and the next step finds the move.
    at = start - timedelta(minutes=start.astimezone(zone).minute)
    while True:
        yield at
        local = at.astimezone(zone)
        full = at + timedelta(minutes=60 - local.minute)
        same_clock = full.astimezone(zone).utcoffset() == local.utcoffset()
        at = full if same_clock else _where_the_clock_moves(at, full, zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """Where the zone's date first is `day`; the next date's start, where the zone skipped that day.

    A midnight that a clock skips is taken with the offset before (PEP 495: fold=0 in a gap), which is the very moment
    when the clock moves: since 1985 no zone has skipped midnight but from midnight on (tzdata 2025b and 2026f).
    """
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def _where_the_clock_moves(after: datetime, until: datetime, zone: ZoneInfo) -> datetime:
    """The first 15 minutes in (after, until] that start with another offset than `after` has; `until` if none does."""
    offset = after.astimezone(zone).utcoffset()
    at = after + SLOT
    while at < until and at.astimezone(zone).utcoffset() == offset:
        at += SLOT
    return at


def _past_hour(at: datetime, zone: ZoneInfo) -> timedelta:
    """How long ago the zone's clock showed a whole hour, by its offset at that time."""
    local = at.astimezone(zone)
    return timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)


def _instant(at: datetime, zone: ZoneInfo, *, field: str) -> datetime:
    if not _YEAR_MIN <= at.year <= _YEAR_MAX:
        raise _invalid(f"must lie in the years {_YEAR_MIN} to {_YEAR_MAX}", field)
    return (at.replace(tzinfo=zone) if at.tzinfo is None else at).astimezone(UTC)


def _zone(name: str) -> ZoneInfo:
    # Only known names: ZoneInfo itself opens whatever file a name leads to.
    if name not in _zone_names():
        raise _invalid("must be a name of the IANA time zone database, such as `Europe/Berlin`", "time_zone")
    return ZoneInfo(name)


@cache
def _zone_names() -> frozenset[str]:
    # Of the files that lie beside the zones, these are none of them: one is whatever this machine has for its own.
    return frozenset(available_timezones() - {"localtime", "posixrules", "Factory"})


def _too_many_buckets(window: Window) -> Invalid:
    length = window.end - window.start
    # Clocks that move, and a window that starts within a bucket, make a few more buckets than the length says.
    fitting = next(interval for interval, unit in _LENGTHS.items() if length // unit < BUCKETS_MAX - 50)
    return _invalid(
        f"makes more than {BUCKETS_MAX:,} buckets of this window; use `{fitting}`, or ask for a shorter window",
        "interval",
    )


def _invalid(rule: str, field: str) -> Invalid:
    return Invalid(f"`{field}` {rule}.", [{"field": field, "message": rule}])
