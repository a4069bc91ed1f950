"""What an evaluation may contain, and how it gets its id and time."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from agentops_api import ids
from agentops_api.errors import Invalid
from agentops_api.evaluations.models import EvaluationIn, Position, Window, identify
from agentops_api.evaluations.paging import cursor_of, position_of
from pydantic import ValidationError

NOW = datetime(2026, 11, 23, 10, 30, 15, 123456, tzinfo=UTC)
WINDOW = Window(timedelta(days=30), timedelta(hours=1))


def item(**fields: object) -> EvaluationIn:
    return EvaluationIn.model_validate({"prompt": "p", "response": "r"} | fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": None},
        {"response": 7},
        {"semantic_drift": 1.0001},
        {"uncertainty": -0.0001},
        {"factual_support": float("nan")},
        {"hallucination_probability": float("inf")},
        {"latency_sec": 0},
        {"latency_sec": -1},
        {"latency_sec": 86_401},
        {"throughput_qps": -1},
        {"throughput_qps": float("nan")},
        {"model_name": "m" * 201},
        {"id": "not-a-uuid"},
        {"created_at": 1_763_900_000},
        {"created_at": "0000-01-01T00:00:00Z"},
        {"created_at": "0001-01-01T00:00:00+14:00"},
        {"created_at": "2026-11-23T23:59:60Z"},
        {"metadata": {"nested": {"a": 1}}},
        {"metadata": {"list": [1]}},
        {"metadata": {"": 1}},
        {"metadata": {str(n): n for n in range(65)}},
        {"metadata": {"score": float("nan")}},
        {"retrieved_docs": "one"},
        {"retrieved_docs": ["d"] * 201},
    ],
)
def test_what_breaks_a_rule_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        item(**fields)


def test_unknown_fields_are_ignored_and_absent_scores_stay_absent() -> None:
    read = item(brand_new="x", organization_id=str(uuid4()))
    assert read.semantic_drift is None
    assert "brand_new" not in read.model_dump()


def test_an_empty_name_is_no_name() -> None:
    assert item(agent_name="", session_id="").agent_name is None


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2026-11-23T10:00:00Z", datetime(2026, 11, 23, 10, tzinfo=UTC)),
        ("2026-11-23T10:00:00", datetime(2026, 11, 23, 10, tzinfo=UTC)),
        ("2026-11-23T11:30:00.123999+01:30", datetime(2026, 11, 23, 10, 0, 0, 123000, tzinfo=UTC)),
    ],
)
def test_times_are_utc_in_whole_milliseconds(written: str, read: datetime) -> None:
    assert item(created_at=written).created_at == read


def test_a_server_made_id_carries_the_evaluations_time() -> None:
    id, created_at = identify(item(), window=WINDOW, now=NOW)
    assert ids.time_of(id) == created_at == NOW.replace(microsecond=123000)


def test_a_server_made_id_carries_the_time_that_the_client_stated() -> None:
    stated = NOW - timedelta(days=3)
    id, created_at = identify(item(created_at=stated.isoformat()), window=WINDOW, now=NOW)
    assert ids.time_of(id) == created_at == stated.replace(microsecond=123000)


def test_a_clients_uuid7_gives_its_time_to_an_evaluation_without_one() -> None:
    made = ids.new(NOW - timedelta(hours=5))
    assert identify(item(id=made), window=WINDOW, now=NOW) == (made, ids.time_of(made))


@pytest.mark.parametrize("made", [uuid4(), ids.new(NOW - timedelta(days=400)), UUID(int=2**128 - 1)])
def test_an_id_without_a_usable_time_gets_the_servers(made: UUID) -> None:
    assert identify(item(id=made), window=WINDOW, now=NOW)[1] == NOW.replace(microsecond=123000)


@pytest.mark.parametrize("offset", [timedelta(days=-31), timedelta(hours=1, seconds=1), timedelta(days=3650)])
def test_a_time_outside_the_window_is_refused(offset: timedelta) -> None:
    with pytest.raises(Invalid, match="created_at"):
        identify(item(created_at=(NOW + offset).isoformat()), window=WINDOW, now=NOW)


def test_a_cursor_leads_back_to_its_position() -> None:
    position = Position(NOW, uuid4())
    assert position_of(cursor_of(position)) == position


@pytest.mark.parametrize("text", ["", "x", "AAAA", "%%%", "A" * 33, "f" * 32 + "==", "é" * 8])
def test_a_made_up_cursor_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="cursor"):
        position_of(text)
