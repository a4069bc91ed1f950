"""A latency that is none costs itself and nothing else: no verdict, and none of what this process measures later."""

import json
import math
from decimal import Decimal
from typing import Any

import pytest
from agentops import AgentOps, detect_hallucination, get_throughput_stats, reset_throughput_tracker
from agentops.throughput import QPS_MAX
from tests.clients import client_of
from tests.receiver import Receiver

BAD = [math.nan, math.inf, -math.inf, -1, 0, 86_401, True, "abc", "0.5", [1], 10**400, Decimal("NaN"), object()]


@pytest.fixture(autouse=True)
def _counted_from_nothing() -> None:
    reset_throughput_tracker()


@pytest.mark.parametrize("latency", BAD, ids=lambda latency: repr(latency)[:9])
@pytest.mark.parametrize("options", [{"track_throughput": True}, {"track_throughput": False}])
def test_a_bad_latency_costs_itself_only(receiver: Receiver, latency: Any, options: dict[str, Any]) -> None:
    with client_of(receiver, raise_errors=False, **options) as ops:
        bad = ops.evaluate("q", "Paris.", ["Paris."], latency_sec=latency)
        good = ops.evaluate("q", "Paris.", ["Paris."], latency_sec=2)
        assert ops.flush()
        assert ops.delivery().dropped == {}
    for result in (bad, good):
        assert (result.status, result.hallucinated) == ("verified", False)
        sent = receiver.stored[str(result.id)]
        assert 0 < sent["latency_sec"] <= 2
        assert 0 <= sent["throughput_qps"] <= QPS_MAX
    assert good.latency_sec == 2
    json.dumps(get_throughput_stats(), allow_nan=False)


@pytest.mark.parametrize("latency", BAD, ids=lambda latency: repr(latency)[:9])
def test_a_bad_latency_raises_where_mistakes_do(latency: Any) -> None:
    with pytest.raises(ValueError, match=r"latency_sec|no number"):
        AgentOps().evaluate("q", "Paris.", ["Paris."], latency_sec=latency)
    assert get_throughput_stats()["total_evaluations"] == 0


@pytest.mark.parametrize("options", [{"track_throughput": True}, {"track_throughput": False}])
@pytest.mark.parametrize("latency", [1e-9, 5e-324, Decimal("1e-7"), 86_400])
def test_the_throughput_is_what_the_server_takes(receiver: Receiver, latency: Any, options: dict[str, Any]) -> None:
    with client_of(receiver, **options) as ops:
        result = ops.evaluate("q", "Paris.", ["Paris."], latency_sec=latency)
        assert ops.flush()
        assert ops.delivery().dropped == {}
    [item] = receiver.stored.values()
    assert item["latency_sec"] == result.latency_sec == float(latency)
    assert 0 <= item["throughput_qps"] <= 1_000_000
    assert get_throughput_stats()["throughput_qps"] <= 1_000_000
    assert detect_hallucination("q", "Paris.", ["Paris."]).throughput_qps is not None
