"""Answers that would be too large are refused before they fill the memory or hold up the others."""

from datetime import UTC, datetime, timedelta

import pytest
from agentops_api import clock
from agentops_api.analytics.models import Question
from agentops_api.analytics.queries import ROWS_DAYS_MAX, ROWS_MAX, InPeriod
from agentops_api.analytics.windows import boundaries, window_of
from agentops_api.telemetry import aggregates
from agentops_api.telemetry.pieces import pieces
from httpx2 import AsyncClient
from tests.analytics.test_api import API, ask, store

pytestmark = pytest.mark.anyio
METRICS = ["count", "hallucination_rate", "latency_p50", "latency_p95", "latency_p99", "avg_latency"]


async def test_what_would_be_made_of_too_many_rollups_is_refused(
    sdk: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store(sdk, [{"agent_name": f"agent {number}"} for number in range(10)])
    assert (await ask(sdk, "breakdown", by="agent"))["groups"] == 10
    monkeypatch.setattr(aggregates, "ROWS_MAX", 9)
    refused = await sdk.get(f"{API}/breakdown", params={"by": "agent"})
    assert refused.status_code == 422
    assert "too many agents, models or modes" in refused.json()["detail"]
    # A group by what rollups do not tell apart is never one of too many: only those that come first are read.
    assert (await ask(sdk, "breakdown", by=["agent", "session"], limit=5))["groups"] == 10


async def test_no_answer_has_more_points_than_its_limit(sdk: AsyncClient) -> None:
    await store(sdk, [{"agent_name": f"agent {number}"} for number in range(20)])
    asked = {"split": "agent", "top": 20, "metric": METRICS, "interval": "hour"}
    assert len((await ask(sdk, "timeseries", **asked, days=17))["series"]) == 120
    refused = await sdk.get(f"{API}/timeseries", params=asked | {"days": 18})
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert error["field"] == "interval"
    assert "50,000 are the most" in error["message"]
    # Of one metric it is no more than a chart has.
    assert len((await ask(sdk, "timeseries", **asked | {"metric": "count"}, days=80))["series"]) == 20


def test_only_short_periods_are_remembered_as_they_were_cut() -> None:
    def asked(days: int) -> Question:
        window = window_of(now=clock.now() - timedelta(days=1), days=days, time_zone="Asia/Kolkata")
        return Question(window.start, window.end, boundaries(window, "day"))

    assert pieces(asked(90)) is pieces(asked(90))
    assert pieces(asked(1_900)) is not pieces(asked(1_900))


@pytest.mark.parametrize("time_zone", ["UTC", "Asia/Kolkata", "Europe/Berlin", "Australia/Lord_Howe"])
def test_so_many_days_until_now_may_be_asked_at_any_time(time_zone: str) -> None:
    asked = InPeriod(days=ROWS_DAYS_MAX, time_zone=time_zone)
    for day in range(366):
        for minute in (0, 1, 29, 30, 31, 59):
            window = asked.window(datetime(2026, 1, 1, 3, minute, 7, tzinfo=UTC) + timedelta(days=day))
            assert window.end - window.start <= ROWS_MAX, window
