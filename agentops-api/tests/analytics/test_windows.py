"""Windows, the buckets of calendars whose clocks move, and the rollups that cover them."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from agentops_api.analytics.windows import (
    BUCKETS_MAX,
    SLOT,
    Interval,
    Resolution,
    Segment,
    Window,
    boundaries,
    segments,
    window_of,
)
from agentops_api.errors import Invalid
from hypothesis import example, given
from hypothesis import strategies as st

NOW = datetime(2026, 11, 23, 12, 7, 31, tzinfo=UTC)
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
MONDAY = datetime(2000, 1, 3, tzinfo=UTC)
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)
COARSER = {Resolution.QUARTER: HOUR, Resolution.HOUR: DAY, Resolution.DAY: WEEK}
# Whole, half and quarter hours; clocks that move by half an hour, at midnight, over midnight, at one minute past the
# hour, across the date line; and one that never moves.
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Havana",
    "America/Nuuk",
    "America/Scoresbysund",
    "Antarctica/Casey",
    "Antarctica/Troll",
    "Asia/Amman",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Asia/Kolkata",
    "Asia/Pyongyang",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Chatham",
)

_slots = st.integers(0, 40 * 365 * 96).map(lambda n: EPOCH + n * SLOT)


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def local(zone: str, window: Window, interval: Interval) -> list[str]:
    """Bucket starts as the zone's clock shows them, with its offset."""
    return [at.astimezone(ZoneInfo(zone)).strftime("%m-%d %H:%M %z") for at in boundaries(window, interval)]


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"time_zone": "Europe/Atlantis"}, "time_zone"),
        ({"time_zone": ""}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"time_zone": "/etc/localtime"}, "time_zone"),
        ({"time_zone": "Europe"}, "time_zone"),
        ({"time_zone": "right/UTC"}, "time_zone"),
        ({"time_zone": "localtime"}, "time_zone"),
        ({"time_zone": "Factory"}, "time_zone"),
        ({"time_zone": "UTC\0"}, "time_zone"),
        ({"days": 0}, "days"),
        ({"days": -1}, "days"),
        ({"days": 3_654}, "days"),
        ({"days": 10**30}, "days"),
        ({"days": 1, "start": NOW}, "days"),
        ({"days": 1, "end": NOW}, "days"),
        ({"end": NOW}, "start"),
        ({"start": NOW}, "start"),
        ({"start": NOW, "end": NOW}, "start"),
        ({"start": NOW, "end": NOW - SLOT}, "start"),
        ({"start": utc(2010, 1, 1), "end": utc(2020, 1, 3)}, "start"),
        ({"start": datetime(1, 1, 1)}, "start"),  # noqa: DTZ001
        ({"start": utc(1, 1, 1)}, "start"),
        ({"start": NOW, "end": datetime(9999, 12, 31, 23)}, "end"),  # noqa: DTZ001
        ({"start": NOW, "end": utc(9999, 12, 31, 23), "time_zone": "Pacific/Apia"}, "end"),
    ],
)
def test_a_window_that_makes_no_sense_is_refused_by_name(asked: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        window_of(now=NOW, **asked)  # pyright: ignore[reportArgumentType] # The cases mix types on purpose.
    assert [each["field"] for each in refused.value.fields] == [field]


def test_days_end_now_and_both_ends_are_widened_to_whole_hours() -> None:
    window = window_of(now=NOW, days=2)
    assert (window.start, window.end) == (utc(2026, 11, 21, 12), utc(2026, 11, 23, 13))


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe", "UTC"])
def test_hours_are_whole_on_the_zones_own_clock(zone: str) -> None:
    # Lord Howe moves its clock by half an hour, on 5 April and 4 October.
    for days in range(0, 400, 5):
        start = datetime(2026, 1, 1, 1, 30, tzinfo=ZoneInfo(zone)) + timedelta(days=days)
        window = window_of(now=NOW, time_zone=zone, start=start, end=start + timedelta(minutes=1))
        assert window.start.astimezone(window.time_zone).minute == 0
        assert window.end - window.start == timedelta(hours=1)
    day = window_of(now=NOW, time_zone=zone, start=datetime(2026, 11, 5), end=datetime(2026, 11, 6))  # noqa: DTZ001
    assert day.end - day.start == timedelta(days=1)
    assert boundaries(day, "day") == [day.start]


def test_whole_hours_stay_as_they_are() -> None:
    window = window_of(now=NOW, start=utc(2026, 1, 1, 1), end=utc(2026, 1, 1, 2))
    assert (window.start, window.end) == (utc(2026, 1, 1, 1), utc(2026, 1, 1, 2))


def test_without_an_end_a_window_reaches_up_to_now_and_without_anything_back_a_week() -> None:
    assert window_of(now=NOW, start=utc(2026, 11, 1)) == Window(
        utc(2026, 11, 1), utc(2026, 11, 23, 13), ZoneInfo("UTC")
    )
    assert window_of(now=NOW) == window_of(now=NOW, days=7)


def test_a_time_without_an_offset_is_the_zones_own() -> None:
    start, end = datetime(2026, 7, 1), datetime(2026, 12, 1)  # noqa: DTZ001
    window = window_of(now=NOW, time_zone="Europe/Berlin", start=start, end=end)
    assert (window.start, window.end) == (utc(2026, 6, 30, 22), utc(2026, 11, 30, 23))
    there = datetime(2026, 7, 1, 0, 30, tzinfo=ZoneInfo("Asia/Kolkata"))
    assert window_of(now=NOW, time_zone="Europe/Berlin", start=there).start == utc(2026, 6, 30, 19)


def test_ten_years_are_allowed() -> None:
    assert window_of(now=NOW, start=utc(2016, 1, 1), end=utc(2026, 1, 1)).end == utc(2026, 1, 1)
    assert window_of(now=NOW, days=3_653).end == utc(2026, 11, 23, 13)


def test_the_window_before_is_as_long_and_ends_where_this_one_starts() -> None:
    before = window_of(now=NOW, days=7, time_zone="Asia/Kolkata").before()
    assert before.end == utc(2026, 11, 16, 11, 30)
    assert before.end - before.start == timedelta(days=7, hours=1)
    assert before.time_zone == ZoneInfo("Asia/Kolkata")


def test_days_have_23_or_25_hours_where_the_clock_moves() -> None:
    zone = "Europe/Berlin"
    spring = Window(utc(2026, 3, 28, 11), utc(2026, 3, 30, 11), ZoneInfo(zone))
    assert local(zone, spring, "day") == ["03-28 00:00 +0100", "03-29 00:00 +0100", "03-30 00:00 +0200"]
    autumn = boundaries(Window(utc(2026, 10, 24, 22), utc(2026, 10, 26, 22), ZoneInfo(zone)), "day")
    assert [later - at for at, later in pairwise(autumn)] == [25 * HOUR]


def test_an_hour_that_is_repeated_is_two_buckets_and_a_skipped_one_is_none() -> None:
    zone = "Europe/Berlin"
    autumn = Window(utc(2026, 10, 24, 23), utc(2026, 10, 25, 3), ZoneInfo(zone))
    assert local(zone, autumn, "hour") == [
        "10-25 01:00 +0200",
        "10-25 02:00 +0200",
        "10-25 02:00 +0100",
        "10-25 03:00 +0100",
    ]
    spring = Window(utc(2026, 3, 29, 0), utc(2026, 3, 29, 2), ZoneInfo(zone))
    assert local(zone, spring, "hour") == ["03-29 01:00 +0100", "03-29 03:00 +0200"]


def test_a_clock_that_moves_by_half_an_hour_makes_half_a_bucket() -> None:
    zone = "Australia/Lord_Howe"
    window = Window(utc(2026, 4, 4, 14), utc(2026, 4, 4, 16), ZoneInfo(zone))
    assert local(zone, window, "hour") == ["04-05 01:00 +1100", "04-05 01:30 +1030", "04-05 02:00 +1030"]


def test_a_day_without_midnight_starts_where_the_clock_moves() -> None:
    zone = "America/Sao_Paulo"
    window = Window(utc(2018, 11, 3, 12), utc(2018, 11, 5, 12), ZoneInfo(zone))
    assert local(zone, window, "day") == ["11-03 00:00 -0300", "11-04 01:00 -0200", "11-05 00:00 -0200"]


def test_a_day_that_a_zone_skipped_has_no_bucket() -> None:
    zone = "Pacific/Apia"
    window = Window(utc(2011, 12, 29, 12), utc(2012, 1, 1), ZoneInfo(zone))
    assert local(zone, window, "day") == ["12-29 00:00 -1000", "12-31 00:00 +1400", "01-01 00:00 +1400"]


def test_a_quarter_belongs_to_the_hour_in_which_it_starts() -> None:
    zone = "America/St_Johns"  # At 00:01 on 13 March 2011 its clock moved to 01:01.
    window = Window(utc(2011, 3, 13, 2, 30), utc(2011, 3, 13, 5), ZoneInfo(zone))
    assert local(zone, window, "hour") == [
        "03-12 23:00 -0330",
        "03-13 00:00 -0330",
        "03-13 01:15 -0230",
        "03-13 02:00 -0230",
    ]


def test_weeks_start_on_monday() -> None:
    zone = "Asia/Kathmandu"
    window = Window(utc(2026, 11, 19), utc(2026, 12, 1), ZoneInfo(zone))
    assert local(zone, window, "week") == ["11-16 00:00 +0545", "11-23 00:00 +0545", "11-30 00:00 +0545"]


def test_minutes_are_all_there() -> None:
    window = Window(utc(2026, 11, 19), utc(2026, 11, 19, 1), ZoneInfo("UTC"))
    assert boundaries(window, "minute") == [window.start + timedelta(minutes=n) for n in range(60)]


def test_the_first_bucket_is_the_one_that_holds_the_start() -> None:
    window = Window(utc(2026, 11, 19, 13, 45), utc(2026, 11, 19, 14), ZoneInfo("Asia/Kolkata"))
    assert boundaries(window, "hour") == [utc(2026, 11, 19, 13, 30)]
    assert boundaries(window, "day") == [utc(2026, 11, 18, 18, 30)]
    assert boundaries(window, "week") == [utc(2026, 11, 15, 18, 30)]


@pytest.mark.parametrize(
    ("interval", "days", "fitting"),
    [("minute", 2, "hour"), ("hour", 90, "day"), ("minute", 90, "day"), ("day", 3_000, "week")],
)
def test_too_many_buckets_are_refused_with_what_to_ask_instead(
    interval: Interval, days: int, fitting: Interval
) -> None:
    window = window_of(now=NOW, days=days, time_zone="Europe/Berlin")
    with pytest.raises(Invalid, match=f"use `{fitting}`") as refused:
        boundaries(window, interval)
    assert [each["field"] for each in refused.value.fields] == ["interval"]
    assert len(boundaries(window, fitting)) <= BUCKETS_MAX


def test_just_as_many_buckets_as_allowed_are_made() -> None:
    assert len(boundaries(Window(EPOCH, EPOCH + BUCKETS_MAX * HOUR, ZoneInfo("UTC")), "hour")) == BUCKETS_MAX
    with pytest.raises(Invalid):
        boundaries(Window(EPOCH, EPOCH + BUCKETS_MAX * HOUR + SLOT, ZoneInfo("UTC")), "hour")


@given(_slots, st.integers(1, 7 * 96), st.sampled_from(ZONES))
@example(utc(2011, 12, 29), 300, "Pacific/Apia")
@example(utc(2010, 11, 7), 100, "America/St_Johns")
@example(utc(2011, 3, 13), 100, "America/St_Johns")
@example(utc(2020, 10, 3), 200, "Antarctica/Casey")
@example(utc(2024, 3, 30), 200, "America/Scoresbysund")
@example(utc(2024, 10, 26), 200, "America/Nuuk")
@example(utc(2018, 5, 4), 200, "Asia/Pyongyang")
def test_hours_and_days_start_where_the_clock_shows_another(start: datetime, slots: int, name: str) -> None:
    zone = ZoneInfo(name)
    window = Window(start, start + slots * SLOT, zone)
    # Every quarter in turn, from ten days before, so that the buckets which hold the start are seen to start.
    hours, days, weeks = list[datetime](), list[datetime](), list[datetime]()
    shown, latest = None, None
    for n in range(-10 * 96, slots):
        there = (start + n * SLOT).astimezone(zone)
        if shown != (shown := (there.date(), there.hour, there.utcoffset())):
            hours.append(start + n * SLOT)
        if latest is None or there.date() > latest:
            new_week = latest is None or there.date().isocalendar()[:2] != latest.isocalendar()[:2]
            latest = there.date()
            days.append(start + n * SLOT)
            weeks += [days[-1]] if new_week else []
    all_expected: dict[Interval, list[datetime]] = {"hour": hours, "day": days, "week": weeks}
    for interval, expected in all_expected.items():
        held = max(at for at in expected if at <= start)
        assert boundaries(window, interval) == [held, *(at for at in expected if at > start)], interval


def check(start: datetime, end: datetime, cuts: Sequence[datetime], found: Sequence[Segment]) -> None:
    """The segments tile [start, end), are aligned, straddle no cut, and are nowhere finer than they must be."""
    assert [found[0].start, *(each.end for each in found)] == [*(each.start for each in found), end]
    assert found[0].start == start
    inner = {at for at in cuts if start < at < end}
    for each, after in zip(found, [*found[1:], None], strict=True):
        assert each.start < each.end
        assert after is None or after.resolution != each.resolution
        length = timedelta(minutes=each.resolution)
        assert (each.start - MONDAY) % length == (each.end - MONDAY) % length == timedelta()
        # A cut within the segment must be where one of its rows starts.
        assert all((at - MONDAY) % length == timedelta() for at in inner if each.start < at < each.end)
        if each.resolution is Resolution.WEEK:
            continue
        coarser = COARSER[each.resolution]
        at = each.start - (each.start - MONDAY) % coarser
        while at < each.end:
            fits = start <= at and at + coarser <= end and not any(at < cut < at + coarser for cut in inner)
            assert not fits, f"{at} could be one row of {coarser}"
            at += coarser


@given(_slots, st.integers(1, 20 * 96), st.sampled_from(ZONES), st.sampled_from(("hour", "day", "week")))
def test_segments_are_the_fewest_rows_that_straddle_no_bucket(
    start: datetime, slots: int, zone: str, interval: Interval
) -> None:
    window = Window(start, start + slots * SLOT, ZoneInfo(zone))
    cuts = boundaries(window, interval)
    check(window.start, window.end, cuts, segments(window.start, window.end, cuts))


@given(_slots, st.integers(1, 10 * 96), st.sets(st.integers(-10, 10 * 96), max_size=30))
def test_segments_straddle_no_boundary_whatever_it_is(start: datetime, slots: int, places: set[int]) -> None:
    end, cuts = start + slots * SLOT, [start + place * SLOT for place in sorted(places)]
    check(start, end, cuts, segments(start, end, cuts))


def test_days_of_utc_are_read_from_days_and_the_edges_from_finer_rows() -> None:
    window = Window(utc(2026, 11, 1, 22, 45), utc(2026, 11, 9, 2, 15), ZoneInfo("UTC"))
    assert segments(window.start, window.end, boundaries(window, "day")) == [
        Segment(Resolution.QUARTER, utc(2026, 11, 1, 22, 45), utc(2026, 11, 1, 23)),
        Segment(Resolution.HOUR, utc(2026, 11, 1, 23), utc(2026, 11, 2)),
        Segment(Resolution.DAY, utc(2026, 11, 2), utc(2026, 11, 9)),
        Segment(Resolution.HOUR, utc(2026, 11, 9), utc(2026, 11, 9, 2)),
        Segment(Resolution.QUARTER, utc(2026, 11, 9, 2), utc(2026, 11, 9, 2, 15)),
    ]


def test_whole_weeks_of_utc_are_read_from_weeks_where_buckets_are_no_shorter() -> None:
    window = Window(utc(2026, 11, 1), utc(2026, 11, 18), ZoneInfo("UTC"))
    weeks = [
        Segment(Resolution.DAY, utc(2026, 11, 1), utc(2026, 11, 2)),
        Segment(Resolution.WEEK, utc(2026, 11, 2), utc(2026, 11, 16)),
        Segment(Resolution.DAY, utc(2026, 11, 16), utc(2026, 11, 18)),
    ]
    assert segments(window.start, window.end) == weeks
    assert segments(window.start, window.end, boundaries(window, "week")) == weeks
    assert segments(window.start, window.end, boundaries(window, "day")) == [
        Segment(Resolution.DAY, window.start, window.end)
    ]


def test_days_of_berlin_are_read_from_hours() -> None:
    window = Window(utc(2026, 3, 1, 23), utc(2026, 5, 1, 22), ZoneInfo("Europe/Berlin"))
    assert segments(window.start, window.end, boundaries(window, "day")) == [
        Segment(Resolution.HOUR, window.start, window.end)
    ]


def test_days_of_kolkata_are_read_from_hours_but_for_those_that_midnight_cuts() -> None:
    window = Window(utc(2026, 11, 1, 18, 30), utc(2026, 11, 3, 18, 30), ZoneInfo("Asia/Kolkata"))
    assert segments(window.start, window.end, boundaries(window, "day")) == [
        Segment(Resolution.QUARTER, utc(2026, 11, 1, 18, 30), utc(2026, 11, 1, 19)),
        Segment(Resolution.HOUR, utc(2026, 11, 1, 19), utc(2026, 11, 2, 18)),
        Segment(Resolution.QUARTER, utc(2026, 11, 2, 18), utc(2026, 11, 2, 19)),
        Segment(Resolution.HOUR, utc(2026, 11, 2, 19), utc(2026, 11, 3, 18)),
        Segment(Resolution.QUARTER, utc(2026, 11, 3, 18), utc(2026, 11, 3, 18, 30)),
    ]


def test_without_buckets_ten_years_are_a_few_segments() -> None:
    window = window_of(now=NOW, days=3_653)
    assert [each.resolution for each in segments(window.start, window.end)] == [60, 1440, 10080, 60]


@pytest.mark.parametrize(("interval", "days"), [("hour", 80), ("day", 1_990), ("week", 3_653)])
def test_the_most_buckets_take_little_time(interval: Interval, days: int) -> None:
    window = window_of(now=NOW, days=days, time_zone="Asia/Kolkata")
    began = time.process_time()
    segments(window.start, window.end, boundaries(window, interval))
    # 15 ms at most on the 2-core machine of 2026-11; the bound only tells it from work that grows with the square.
    assert time.process_time() - began < 0.5
