"""Analytics over HTTP: the figures are those of the rows, and a verdict is given only for what is real."""

import random
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from agentops_api import clock
from agentops_api.analytics.statistics import newcombe_difference
from agentops_api.edge.runtime import Runtime
from agentops_api.upkeep import merge_rollups
from httpx2 import AsyncClient
from tests.cast import Somebody

pytestmark = pytest.mark.anyio
API = "/api/v1/analytics"
TWO = "base_model_name=a&candidate_model_name=b"
PATHS = ("summary", "timeseries", "breakdown", "distribution", "compare")


async def store(client: AsyncClient, items: list[dict[str, Any]]) -> None:
    bodies = [{"prompt": "p", "response": "r"} | item for item in items]
    answer = await client.post("/evaluations/batch", json={"evaluations": bodies})
    assert answer.status_code == 201, answer.text


async def ask(client: AsyncClient, path: str, **params: Any) -> dict[str, Any]:
    answer = await client.get(f"{API}/{path}", params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


def at(now: datetime, **ago: float) -> str:
    return (now - timedelta(**ago)).isoformat()


async def test_a_stranger_counts_nothing_and_nobody_asks_nothing(
    owner: Somebody, stranger: Somebody, anonymous: AsyncClient
) -> None:
    await store(owner.sdk, [{"latency_sec": 1, "hallucinated": True, "session_id": "s"}] * 3)
    for path in PATHS:
        assert (await anonymous.get(f"{API}/{path}")).status_code == 401
        foreign = await stranger.person.get(f"{API}/{path}", headers={"X-Project-Id": str(owner.project_id)})
        assert foreign.status_code == 404
    assert (await ask(stranger.sdk, "summary"))["current"]["count"] == 0
    assert (await ask(stranger.sdk, "breakdown"))["rows"] == []
    assert (await ask(stranger.sdk, "summary", session_id="s"))["current"]["count"] == 0


@pytest.mark.parametrize("merged", [False, True], ids=["as written", "merged"])
async def test_a_summary_has_rates_percentiles_and_the_period_before(
    sdk: AsyncClient, server: Runtime, *, merged: bool
) -> None:
    now = clock.now()
    await store(sdk, [{"latency_sec": n / 100, "hallucinated": n <= 10} for n in range(1, 101)])
    await store(sdk, [{"created_at": at(now, days=9), "latency_sec": 0.1, "hallucinated": False}] * 100)
    if merged:
        await merge_rollups(server.db, server.writer, 1)
    found = await ask(sdk, "summary", days=7)
    assert found["source"] == "rollups"
    current, previous = found["current"], found["previous"]
    assert (current["count"], current["hallucinations"], current["hallucination_rate"]) == (100, 10, 0.1)
    assert current["hallucination_rate_low"] == pytest.approx(0.05523, abs=1e-4)
    assert current["hallucination_rate_high"] == pytest.approx(0.17437, abs=1e-4)
    for name, value in (("latency_p50", 0.5), ("latency_p90", 0.9), ("latency_p95", 0.95), ("latency_p99", 0.99)):
        assert current[name] == pytest.approx(value, rel=0.0101)
    assert current["avg_latency"] == pytest.approx(0.505)
    assert current["avg_uncertainty"] is None
    assert previous["count"] == 100
    changes = {change["metric"]: change for change in found["changes"]}
    assert changes["hallucination_rate"]["significant"]
    assert changes["hallucination_rate"]["direction"] == "worse"
    assert changes["latency_p50"]["significant"]
    assert not changes["count"]["significant"]
    assert changes["avg_uncertainty"]["p_value"] is None
    assert changes["avg_uncertainty"]["reason"]


async def test_a_timeseries_has_its_empty_buckets_on_the_callers_calendar(sdk: AsyncClient) -> None:
    now = clock.now()
    await store(sdk, [{"created_at": at(now, days=2), "latency_sec": 0.5}, {"latency_sec": 1.5}])
    found = await ask(sdk, "timeseries", days=4, metric="count", time_zone="Asia/Kathmandu")
    (series,) = found["series"]
    assert len(series["points"]) in (5, 6)
    assert [point["value"] for point in series["points"] if point["value"]] == [1, 1]
    assert all(point["value"] == 0 for point in series["points"] if not point["count"])
    for point in series["points"][1:]:
        assert point["at"][11:16] == "18:15"
    latency = await ask(sdk, "timeseries", days=4, metric=["latency_p95", "avg_latency"], interval="hour")
    assert [one["metric"] for one in latency["series"]] == ["latency_p95", "avg_latency"]
    assert [point["value"] for point in latency["series"][0]["points"] if point["count"]] == pytest.approx(
        [0.5, 1.5], rel=0.0101
    )


async def test_a_hallucination_rate_over_time_says_how_sure_it_is(sdk: AsyncClient) -> None:
    await store(sdk, [{"hallucinated": number < 10} for number in range(100)] + [{}])
    found = await ask(sdk, "timeseries", days=2, metric=["hallucination_rate", "hallucinations"])
    rate, number = (next(point for point in one["points"] if point["count"]) for one in found["series"])
    assert (rate["value"], rate["count"], number["value"]) == (0.1, 101, 10)
    assert (rate["low"], rate["high"]) == pytest.approx((0.05523, 0.17437), abs=1e-4)
    assert (number["low"], number["high"]) == (None, None)
    empty = found["series"][0]["points"][0]
    assert (empty["value"], empty["low"], empty["high"]) == (None, None, None)


async def test_minutes_are_read_from_the_rows_and_say_so(sdk: AsyncClient) -> None:
    now = clock.now()
    await store(sdk, [{"created_at": at(now, minutes=minutes)} for minutes in (5, 5, 17)])
    found = await ask(sdk, "timeseries", start=at(now, minutes=40), interval="minute")
    assert found["source"] == "rows"
    assert sorted(point["value"] for point in found["series"][0]["points"] if point["value"]) == [1, 2]
    refused = await sdk.get(f"{API}/timeseries", params={"days": 30, "interval": "minute"})
    assert refused.status_code == 422


async def test_a_split_shows_the_largest_and_the_rest(sdk: AsyncClient) -> None:
    await store(sdk, [{"model_name": name} for name in "aaaabbbccd"] + [{}])
    found = await ask(sdk, "timeseries", split="model", top=2, days=1)
    tracks = [(one["key"], one["other"], sum(p["value"] for p in one["points"])) for one in found["series"]]
    assert tracks == [("a", False, 4), ("b", False, 3), (None, True, 4)]


async def test_a_breakdown_sorts_by_any_metric_and_by_two_dimensions(sdk: AsyncClient) -> None:
    await store(
        sdk,
        [{"agent_name": "x", "model_name": "m", "latency_sec": 1, "metadata": {"release": 1}}] * 3
        + [{"agent_name": "y", "model_name": "m", "latency_sec": 3, "session_id": "s", "metadata": {"release": "2"}}],
    )
    by_agent = await ask(sdk, "breakdown", by="agent", sort="latency_p95")
    assert [(row["key"], row["share"]) for row in by_agent["rows"]] == [(["y"], 0.25), (["x"], 0.75)]
    by_two = await ask(sdk, "breakdown", by=["model", "agent"], order="asc")
    assert [(row["key"], row["figures"]["count"]) for row in by_two["rows"]] == [(["m", "y"], 1), (["m", "x"], 3)]
    assert by_two["source"] == "rollups"
    by_session = await ask(sdk, "breakdown", by="session")
    assert by_session["source"] == "rows"
    assert [row["key"] for row in by_session["rows"]] == [[None], ["s"]]
    by_release = await ask(sdk, "breakdown", by=["metadata:release", "agent"])
    assert [row["key"] for row in by_release["rows"]] == [["1", "x"], ["2", "y"]]
    limited = await ask(sdk, "breakdown", by="agent", limit=1)
    assert (limited["groups"], len(limited["rows"])) == (2, 1)
    longest = await ask(sdk, "breakdown", by="session", days=31)
    assert longest["groups"] == 2, "31 days until now are not too many, though the window is widened to whole hours"


async def test_filters_hold_everywhere(sdk: AsyncClient) -> None:
    await store(sdk, [{"agent_name": "x", "session_id": "s", "metadata": {"k": "v"}}, {"agent_name": "y"}, {}])
    for filters in ({"agent_name": "x"}, {"session_id": "s"}, {"metadata_key": "k", "metadata_value": "v"}):
        assert (await ask(sdk, "summary", **filters))["current"]["count"] == 1
    assert (await ask(sdk, "summary", agent_name=""))["current"]["count"] == 1
    for half in ({"metadata_key": "k"}, {"metadata_value": ""}):
        refused = await sdk.get(f"{API}/summary", params=half)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "metadata_value")


async def test_an_empty_metadata_value_is_a_value(sdk: AsyncClient) -> None:
    await store(sdk, [{"metadata": {"k": ""}}] * 2 + [{"metadata": {"k": "v"}}, {"metadata": {"k": None}}, {}])
    for path in ("summary", "distribution", "breakdown", "timeseries"):
        assert (await ask(sdk, path, metadata_key="k", metadata_value=""))["source"] == "rows"
    assert (await ask(sdk, "summary", metadata_key="k", metadata_value=""))["current"]["count"] == 2


async def test_what_is_dated_ahead_counts_when_its_hour_has_begun(
    sdk: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = (clock.now() - timedelta(days=1)).replace(hour=14, minute=30)
    monkeypatch.setattr(clock, "now", lambda: now)
    await store(sdk, [{"created_at": at(now, minutes=minutes)} for minutes in (0, -20, -50)])
    assert (await sdk.get("/evaluations/stats")).json()["total_evaluations"] == 3
    assert (await ask(sdk, "summary"))["current"]["count"] == 2
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(minutes=31))
    assert (await ask(sdk, "summary"))["current"]["count"] == 3


async def test_a_distribution_has_bars_that_hold_everything(sdk: AsyncClient) -> None:
    dice = random.Random(5)
    await store(sdk, [{"latency_sec": dice.lognormvariate(0, 1), "semantic_drift": dice.random()} for _ in range(500)])
    for measure in ("latency", "drift"):
        found = await ask(sdk, "distribution", measure=measure, bins=20)
        assert found["count"] == sum(bar["count"] for bar in found["bars"]) == 500
        assert len(found["bars"]) <= 20
        edges = [(bar["low"], bar["high"]) for bar in found["bars"]]
        assert all(low[1] == pytest.approx(high[0]) for low, high in pairwise(edges))
    assert (await ask(sdk, "distribution", measure="support"))["bars"] == []


@pytest.mark.parametrize("merged", [False, True], ids=["as written", "merged"])
async def test_every_hundredth_is_in_the_bar_that_begins_with_it(
    sdk: AsyncClient, server: Runtime, *, merged: bool
) -> None:
    # Floating point has 0.1 + 0.2 above 0.3, and 0.29 * 100 below 29.
    scores = [*(k / 100 for k in range(101)), 0.1 + 0.2, 0.005, 0.994]
    await store(sdk, [{"hallucination_probability": score, "session_id": "s"} for score in scores])
    if merged:
        await merge_rollups(server.db, server.writer, 1)
    counts = [1] * 99 + [3]
    counts[0] += 1
    counts[30] += 1
    for session in ({}, {"session_id": "s"}):
        found = await ask(sdk, "distribution", measure="probability", bins=100, **session)
        assert [bar["count"] for bar in found["bars"]] == counts
        assert [bar["low"] for bar in found["bars"]] == [k / 100 for k in range(100)]


async def test_zero_is_shown_as_zero(sdk: AsyncClient) -> None:
    await store(sdk, [{"throughput_qps": 0, "latency_sec": 1e-9}] * 3)
    for measure in ("throughput", "latency"):
        found = await ask(sdk, "distribution", measure=measure)
        assert set(found["percentiles"].values()) == {0}
        (bar,) = found["bars"]
        assert (bar["low"], bar["count"]) == (0, 3)
        assert 1e-6 < bar["high"] < 1.02e-6
    await store(sdk, [{"throughput_qps": 8}])
    found = await ask(sdk, "distribution", measure="throughput", bins=10)
    assert (found["percentiles"]["p50"], found["percentiles"]["p99"]) == (0, pytest.approx(8, rel=0.0101))
    assert (found["bars"][0]["low"], found["bars"][0]["count"]) == (0, 3)
    assert (await ask(sdk, "summary"))["current"]["latency_p50"] == 0


async def test_a_comparison_calls_real_regressions_and_nothing_else(sdk: AsyncClient) -> None:
    dice = random.Random(3)

    def answers(model: str, *, one_wrong_in: int, slower: float) -> list[dict[str, Any]]:
        latencies = [dice.lognormvariate(slower, 0.3) for _ in range(400)]
        return [
            {"model_name": model, "hallucinated": n % one_wrong_in == 0, "latency_sec": latency}
            for n, latency in enumerate(latencies)
        ]

    good = answers("old", one_wrong_in=20, slower=0)
    same = [item | {"model_name": "same"} for item in good]
    bad = answers("new", one_wrong_in=5, slower=0.3)
    await store(sdk, good)
    await store(sdk, same)
    await store(sdk, bad)
    compared = await ask(sdk, "compare", base_model_name="old", candidate_model_name="new")
    assert compared["verdict"] == "regressed"
    assert {"hallucination_rate", "latency_p50", "latency_p95"} <= set(compared["regressions"])
    tests = {change["metric"]: change["test"] for change in compared["changes"]}
    assert "Mann" in tests["avg_latency"]
    assert "Westenberg" in tests["latency_p95"]
    assert compared["units"]["latency_p95"] == "seconds"
    for base, candidate, verdict in (
        ("new", "old", "improved"),
        ("old", "same", "no real change"),
        ("old", "no", "too few"),
    ):
        judged = await ask(sdk, "compare", base_model_name=base, candidate_model_name=candidate)
        assert judged["verdict"] == verdict
    changes = {change["metric"]: change for change in compared["changes"]}
    rate = changes.pop("hallucination_rate")
    assert (rate["difference_low"], rate["difference_high"]) == newcombe_difference(20, 400, 80, 400)
    assert {(change["difference_low"], change["difference_high"]) for change in changes.values()} == {(None, None)}
    tolerant = await ask(sdk, "compare", base_model_name="old", candidate_model_name="new", tolerance=5)
    assert (tolerant["verdict"], tolerant["regressions"]) == ("tolerated", [])


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("summary", {"start": "13:00"}),
        ("summary", {"start": "13:00", "end": "14:30"}),
        ("compare", {"base_start": "11:00", "base_end": "13:00", "candidate_start": "13:00"}),
        ("compare", {"candidate_start": "11:00", "candidate_end": "13:00", "base_start": "13:00"}),
    ],
)
async def test_steady_traffic_is_no_drop_though_the_hour_is_not_over(
    sdk: AsyncClient, monkeypatch: pytest.MonkeyPatch, path: str, query: dict[str, str]
) -> None:
    now = (clock.now() - timedelta(days=1)).replace(hour=14, minute=1, second=30, microsecond=0)
    monkeypatch.setattr(clock, "now", lambda: now)
    await store(sdk, [{"created_at": at(now, minutes=n), "hallucinated": True} for n in range(182)])
    found = await ask(sdk, path, **{name: f"{now:%Y-%m-%d}T{time}:00Z" for name, time in query.items()})
    changes = {change["metric"]: change for change in found["changes"]}
    for name in ("count", "hallucinations"):
        assert {changes[name]["base"], changes[name]["candidate"]} == {120, 62}
        assert changes[name]["effect"] == pytest.approx(1, rel=0.02)
        assert not changes[name]["significant"]


async def test_a_time_that_has_not_begun_has_no_traffic_to_compare(sdk: AsyncClient) -> None:
    now = clock.now()
    await store(sdk, [{"hallucinated": True}] * 20)
    found = await ask(
        sdk, "compare", start=at(now, days=3), candidate_start=at(now, days=-3), candidate_end=at(now, days=-4)
    )
    reasons = {change["metric"]: change["reason"] for change in found["changes"]}
    assert reasons["count"] == reasons["hallucinations"] == "The time of one side has not begun."


async def test_a_slower_tail_is_no_slower_median_and_a_faster_median_no_slower_mean(sdk: AsyncClient) -> None:
    usual = [1 + n / 1_000 for n in range(1_000)]
    # Most are a tenth faster, one in 20 is fifty times slower.
    changed = [latency * (50 if n % 20 == 0 else 0.9) for n, latency in enumerate(usual)]
    await store(sdk, [{"model_name": "old", "latency_sec": latency} for latency in usual])
    await store(sdk, [{"model_name": "new", "latency_sec": latency} for latency in changed])
    compared = await ask(sdk, "compare", base_model_name="old", candidate_model_name="new")
    changes = {change["metric"]: change for change in compared["changes"]}
    assert (changes["latency_p50"]["significant"], changes["latency_p50"]["direction"]) == (True, "better")
    assert (changes["latency_p99"]["significant"], changes["latency_p99"]["direction"]) == (True, "worse")
    mean = changes["avg_latency"]
    assert (mean["direction"], mean["significant"]) == ("worse", False)
    assert "other direction" in mean["reason"]
    assert (compared["verdict"], compared["regressions"]) == ("mixed", ["latency_p99"])


async def test_each_figure_of_a_summary_has_its_change_and_every_answer_its_units(sdk: AsyncClient) -> None:
    await store(sdk, [{"latency_sec": 1}])
    summary = await ask(sdk, "summary")
    own = {"verdicts", "hallucination_rate_low", "hallucination_rate_high"}
    assert {change["metric"] for change in summary["changes"]} == set(summary["current"]) - own
    assert set(summary["units"]) == set(summary["current"]) - own
    compared = await ask(sdk, "compare", base_model_name="a", candidate_model_name="b")
    assert (await ask(sdk, "breakdown"))["units"] == compared["units"] == summary["units"]


@pytest.mark.parametrize("path", [f"{API}/summary", f"{API}/timeseries", "/api/v1/sessions"])
async def test_a_time_without_an_offset_is_the_callers(sdk: AsyncClient, path: str) -> None:
    params = {"start": "2026-11-01T00:00:00", "end": "2026-11-02T00:00:00", "time_zone": "Europe/Berlin"}
    answer = (await sdk.get(path, params=params)).json()
    assert answer["window"] == {
        "start": "2026-10-31T23:00:00Z",
        "end": "2026-11-01T23:00:00Z",
        "time_zone": "Europe/Berlin",
    }


async def test_a_summary_of_rows_reads_31_days_of_each_period_and_no_more(sdk: AsyncClient) -> None:
    await store(sdk, [{"session_id": "s", "latency_sec": 1}])
    assert (await ask(sdk, "summary", session_id="s", days=31))["current"]["count"] == 1
    refused = await sdk.get(f"{API}/summary?session_id=s&days=32")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "start")


@pytest.mark.parametrize(
    ("path", "query", "fields", "advice"),
    [
        ("summary", "days=0", ["days"], "greater than or equal to 1"),
        ("summary", "days=7&start=2026-11-01T00:00:00Z", ["days"], "beside `start`"),
        ("summary", "time_zone=Mars/Olympus", ["time_zone"], "IANA"),
        ("summary", "start=2026-11-02T00:00:00Z&end=2026-11-01T00:00:00Z", ["start"], "before `end`"),
        ("summary", "end=2026-11-01T00:00:00Z", ["start"], "where `end` is"),
        ("summary", "week=1", ["week"], "not permitted"),
        ("timeseries", "metric=happiness", ["metric.0"], "hallucination_rate"),
        ("timeseries", "metric=count&metric=count", ["metric"], "differ"),
        ("timeseries", "interval=year", ["interval"], "'week'"),
        ("timeseries", "days=3000&interval=hour", ["interval"], "use `week`"),
        ("timeseries", "split=session", ["split"], "'agent'"),
        ("breakdown", "by=colour", ["by.0"], "pattern"),
        ("breakdown", "by=metadata:", ["by.0"], "pattern"),
        ("breakdown", "by=agent&by=model&by=mode", ["by"], "at most 2"),
        ("breakdown", "by=agent&by=agent", ["by"], "differ"),
        ("breakdown", "by=session&days=90", ["start"], "at most 31 days"),
        ("distribution", "measure=joy", ["measure"], "'latency'"),
        ("compare", "tolerance=-1", ["tolerance"], "greater than or equal to 0"),
        ("compare", f"{TWO}&base_start=2026-11-20&base_end=2026-11-10", ["base_start"], "before `base_end`"),
        ("compare", f"{TWO}&start=2026-11-20&base_end=2026-11-10", ["start"], "before `base_end`"),
        (
            "compare",
            f"{TWO}&start=2026-11-01&end=2026-11-20&candidate_start=2026-11-25",
            ["candidate_start"],
            "before `end`",
        ),
        ("compare", f"{TWO}&candidate_end=2026-11-20", ["candidate_start"], "where `candidate_end` is"),
        ("compare", f"{TWO}&candidate_start=2026-11-20&candidate_end=9999-11-10", ["candidate_end"], "years"),
        ("compare", f"{TWO}&start=2026-11-20&end=2026-11-10", ["start"], "before `end`"),
        ("compare", f"{TWO}&days=3&start=2026-11-20", ["days"], "beside `start`"),
        ("compare", f"{TWO}&session_id=s&base_start=2026-01-01", ["base_start"], "at most 31 days"),
        ("compare", "", ["base_model_name"], "`candidate_start`"),
        ("compare", "model_name=m&days=3", ["base_model_name"], "`candidate_start`"),
        ("compare", "base_mode=m&candidate_mode=m", ["base_mode"], "same evaluations"),
        ("compare", "base_agent_name=a&agent_name=a", ["base_agent_name"], "same evaluations"),
        # Both are the same whole hour.
        ("compare", "start=2026-11-20T00:10&end=2026-11-20T01:00&base_start=2026-11-20", ["base_start"], "whole hours"),
    ],
)
async def test_what_cannot_be_answered_is_refused_by_name_and_with_advice(
    sdk: AsyncClient, path: str, query: str, fields: list[str], advice: str
) -> None:
    answer = await sdk.get(f"{API}/{path}?{query}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    errors = answer.json()["errors"]
    assert [each["field"] for each in errors] == fields
    assert all(advice in each["message"] for each in errors), errors
