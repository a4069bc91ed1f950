"""Recording hurts nobody: settings, bounds on what may leave, and mistakes."""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import numpy
import pytest
from agentops import (
    AgentOps,
    AgentOpsError,
    AsyncAgentOps,
    Detection,
    InvalidArgument,
    LocalDetector,
    NotConfigured,
    StoredEvaluation,
    notices,
)
from agentops.redaction import redacted_by
from agentops.testing import capture
from tests.clients import client_of, program
from tests.judging import judging
from tests.receiver import Receiver


class Broken:
    """A detector that fails."""

    def detect(self, prompt: str, response: str, documents: object = None) -> Detection:
        raise RuntimeError("no judge today")


def test_without_a_key_there_is_one_warning_and_nothing_is_sent(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        ops = AgentOps(api_url=receiver.url)
        assert ops.record("q", "a") is None
        assert ops.evaluate("q", "a").id is None
        assert ops.flush(1)
    assert [each.message for each in caplog.records] == [
        "AGENTOPS_API_KEY is not set: evaluations stay in this process."
    ]
    assert receiver.requests == []


def test_the_environment_is_read(receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AGENTOPS_API_KEY", "agops_env")
    monkeypatch.setenv("AGENTOPS_API_URL", receiver.url + "/")
    monkeypatch.setenv("AGENTOPS_SPOOL_DIR", str(tmp_path / "spool"))
    ops = AgentOps()
    assert (ops.api_key, ops.api_url) == ("agops_env", receiver.url)
    ops.record("q", "a")
    assert ops.flush()
    assert (tmp_path / "spool").is_dir()
    ops.close()
    assert len(receiver.stored) == 1
    assert AgentOps("agops_other").api_key == "agops_other"
    monkeypatch.setenv("AGENTOPS_ENABLED", "false")
    assert AgentOps().record("q", "a") is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AGENTOPS_SAMPLE_RATE", "often"),
        ("AGENTOPS_SAMPLE_RATE", "nan"),
        ("AGENTOPS_SAMPLE_RATE", "2"),
        ("AGENTOPS_ENABLED", "perhaps"),
        ("AGENTOPS_API_URL", "agentops.example.com"),
        ("AGENTOPS_API_URL", "file:///etc/passwd"),
        ("AGENTOPS_API_URL", "http://[half"),
        ("AGENTOPS_API_KEY", "two\nlines"),
    ],
)
def test_a_bad_setting_is_a_warning_and_no_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert AgentOps().evaluate("q", "a").status == "unverified"
    assert len(caplog.records) >= 1
    assert {each.levelno for each in caplog.records} == {logging.WARNING}


def test_the_environment_names_a_judge(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    with judging() as judge:
        monkeypatch.setenv("AGENTOPS_JUDGE_URL", judge.url)
        monkeypatch.setenv("AGENTOPS_JUDGE_MODEL", "m")
        monkeypatch.setenv("AGENTOPS_JUDGE_SELF_CHECK", "2")
        monkeypatch.setenv("AGENTOPS_JUDGE_PRICES", "1/10")
        monkeypatch.setenv("AGENTOPS_JUDGE_BUDGET_USD", "1")
        AgentOps(enabled=False).evaluate("q", "The sky is blue.")
        assert judge.requests
        for name, value in (
            ("PRICES", "cheap"),
            ("PRICES", "1"),
            ("BUDGET_USD", "-1"),
            *(("SELF_CHECK", value) for value in ("1", "2.7", "101", "1e30", "inf")),
            ("MODEL", ""),
        ):
            caplog.clear()
            with monkeypatch.context() as changed:
                changed.setenv(f"AGENTOPS_JUDGE_{name}", value)
                changed.setattr(notices, "_said", {})
                assert AgentOps(enabled=False).evaluate("q", "a").status == "unverified"
            assert [each.message[:22] for each in caplog.records] == ["The judge is not used:"]


def test_sampling_keeps_that_share_and_conversations_whole(receiver: Receiver) -> None:
    with client_of(receiver, sample_rate=0.25) as ops:
        kept = sum(ops.record("q", "a") is not None for _ in range(4_000))
        assert 850 < kept < 1_150
        assert ops.delivery().sampled_out == 4_000 - kept
        sessions = [[ops.record("q", "a", session_id=f"s{n}") is None for _ in range(3)] for n in range(200)]
        assert all(len(set(each)) == 1 for each in sessions)
        assert 20 < sum(not each[0] for each in sessions) < 80
    assert AgentOps("agops_x", receiver.url, sample_rate=0).record("q", "a") is None


def test_redaction_comes_before_the_queue(receiver: Receiver) -> None:
    def redact(fields: dict[str, Any]) -> dict[str, Any] | None:
        if fields["prompt"] == "private":
            return None
        return fields | {"prompt": fields["prompt"].replace("4111 1111", "[card]")}

    with client_of(receiver, redact=redact) as ops:
        assert ops.record("my card is 4111 1111", "a")
        assert ops.record("private", "a") is None
        with ops.trace("trace 4111 1111") as trace:
            trace.response = "a"
        ops.evaluate("evaluate 4111 1111", "a")
        assert ops.flush()
        assert ops.delivery().dropped == {"redacted": 1}
    prompts = sorted(item["prompt"] for item in receiver.stored.values())
    assert prompts == ["evaluate [card]", "my card is [card]", "trace [card]"]


def test_claims_which_quote_the_texts_leave_only_where_redaction_left_those(receiver: Receiver) -> None:
    def redact(fields: dict[str, Any]) -> dict[str, Any]:
        if "secret" in fields["response"]:
            fields["retrieved_docs"][:] = ["..."]
        return fields

    documents = ["The secret is 7, and the door is blue."]
    with client_of(receiver, redact=redact) as ops:
        told = ops.evaluate("What?", "The secret is 7.", list(documents))
        plain = ops.evaluate("What?", "The door is blue.", list(documents))
        assert ops.close(30)
    assert told.claims
    assert told.id
    assert plain.id
    assert "claims" not in receiver.stored[told.id]
    assert receiver.stored[plain.id]["claims"] == plain.claims


def test_what_cannot_be_redacted_never_leaves(receiver: Receiver) -> None:
    def redact(fields: dict[str, Any]) -> dict[str, Any]:
        return fields["missing"]

    with client_of(receiver, redact=redact, raise_errors=False) as ops:
        assert ops.record("secret", "a") is None
        assert ops.flush()
        assert ops.delivery().dropped == {"redaction_failed": 1}
    assert receiver.requests == []


@pytest.mark.parametrize("nonsense", ["text", 7, ["prompt"]], ids=str)
def test_a_redaction_that_answers_no_fields_is_counted_as_failed(receiver: Receiver, nonsense: Any) -> None:
    def redact(fields: dict[str, Any]) -> Any:
        return nonsense

    with client_of(receiver, redact=redact, raise_errors=False) as ops:
        assert ops.record("secret", "a") is None
        assert ops.evaluate("secret", "The door is blue.", ["The door is blue."]).id is None
        assert ops.flush()
        assert ops.delivery().dropped == {"redaction_failed": 2}
    assert receiver.requests == []


def test_what_redaction_edits_in_place_is_not_the_applications_own(agentops_capture: list[StoredEvaluation]) -> None:
    def redact(fields: dict[str, Any]) -> dict[str, Any]:
        fields["metadata"]["user"] = fields["retrieved_docs"][0] = "[redacted]"
        return fields

    ops = AgentOps(redact=redact)
    documents, metadata = ["secret"], {"user": "secret"}
    ops.record("q", "a", retrieved_docs=documents, metadata=metadata)
    with ops.trace("q", retrieved_docs=documents, metadata=metadata) as trace:
        trace.response = "a"
    ops.evaluate("q", "a", documents, metadata=metadata)
    assert (documents, metadata, trace.metadata) == (["secret"], {"user": "secret"}, {"user": "secret"})
    kept = [(each.retrieved_docs, each.metadata) for each in agentops_capture]
    assert kept == [(["[redacted]"], {"user": "[redacted]"})] * 3


def test_a_hook_gets_copies_at_every_depth() -> None:
    deep = {"metadata": {"list": [{"user": "secret"}]}}

    def redact(fields: dict[str, Any]) -> None:
        fields["metadata"]["list"][0].clear()

    assert redacted_by(redact, deep) is None
    assert deep == {"metadata": {"list": [{"user": "secret"}]}}


@pytest.mark.parametrize(
    "half", [numpy.float32(0.5), numpy.float64(0.5), numpy.array(0.5), Decimal("0.5"), Fraction(1, 2)]
)
def test_numbers_of_other_libraries_are_numbers(receiver: Receiver, half: Any) -> None:
    with client_of(receiver) as ops:
        ops.record("q", "a", factual_support=half, latency_sec=half, hallucinated=numpy.bool_(True))  # pyright: ignore[reportArgumentType]
        ops.record("q", "a", metadata={"half": half, "count": numpy.int64(7), "is_new": numpy.bool_(False)})  # pyright: ignore[reportArgumentType]
        assert json.loads(json.dumps(ops.evaluate("q", "a", latency_sec=half))).get("latency_sec") == 0.5
        assert ops.flush()
    scored, described, _ = receiver.stored.values()
    assert (scored["factual_support"], scored["latency_sec"], scored["hallucinated"]) == (0.5, 0.5, True)
    assert described["metadata"] == {"half": 0.5, "count": 7, "is_new": False}


def test_what_a_detector_measures_in_numpy_is_sent(receiver: Receiver) -> None:
    class Measures(LocalDetector):
        def detect(self, prompt: str, response: str, documents: Any = None) -> Detection:
            return replace(super().detect(prompt, response, documents), probability=cast("float", numpy.float32(0.5)))

    with client_of(receiver, detector=Measures()) as ops:
        with ops.trace("q", retrieved_docs=["d"]) as trace:
            trace.response = "a"
        assert ops.flush()
        assert ops.delivery().dropped == {}
    [item] = receiver.stored.values()
    assert item["hallucination_probability"] == 0.5


@pytest.mark.parametrize(
    "fields",
    [
        {"semantic_drift": 1.5},
        {"uncertainty": float("nan")},
        {"factual_support": True},
        {"factual_support": numpy.bool_(True)},
        {"factual_support": numpy.float32("nan")},
        {"factual_support": numpy.array([0.5, 0.5])},
        {"factual_support": Decimal("NaN")},
        {"factual_support": b"0.5"},
        {"hallucinated": numpy.float32(1)},
        {"throughput_qps": Fraction(10**400)},
        {"hallucination_probability": "0.5"},
        {"hallucinated": 1},
        {"latency_sec": 0},
        {"latency_sec": float("inf")},
        {"throughput_qps": -1},
        {"mode": 7},
        {"retrieved_docs": [b"bytes"]},
        {"retrieved_docs": 7},
        {"metadata": {"deep": {"er": 1}}},
        {"metadata": {7: 1}},
        {"metadata": ["no"]},
        {"metadata": {"x": float("nan")}},
        {"created_at": "2026-01-01"},
        {"id": "no uuid"},
        {"promt": "misspelt"},
        {"prompt": None},
        {"response": 7},
    ],
    ids=str,
)
def test_a_mistake_raises_under_pytest_and_nowhere_else(receiver: Receiver, fields: dict[str, Any]) -> None:
    call: dict[str, Any] = {"prompt": "q", "response": "a", **fields}
    with client_of(receiver) as strict, pytest.raises((ValueError, TypeError)):
        strict.record(**call)
    with client_of(receiver, raise_errors=False) as ops:
        assert ops.record(**call) is None
        assert ops.record("good", "a")
        assert ops.flush()
        assert (ops.delivery().dropped, ops.delivery().delivered) == ({"invalid": 1}, 1)


def test_a_program_is_not_under_pytest(receiver: Receiver, tmp_path: Path) -> None:
    text = """
import sys
from agentops import AgentOps
ops = AgentOps("agops_test", sys.argv[1])
assert ops.record("q", "a", latency_sec=-1) is None
assert ops.evaluate(None, "a").status == "degraded"
with ops.trace("q") as trace:
    trace.response = 7
print(ops.delivery().dropped["invalid"])
"""
    process = program(text, tmp_path, receiver.url, PYTEST_CURRENT_TEST="inherited")
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, "3\n")
    assert "agentops left something out" in err


def test_a_detector_that_fails_degrades(receiver: Receiver) -> None:
    with client_of(receiver, detector=Broken(), raise_errors=False) as ops:
        result = ops.evaluate("q", "a", ["d"])
        assert (result.status, result.hallucinated, result.hallucination_probability) == ("degraded", None, None)
        assert result.notes == ["The answer could not be judged: RuntimeError: no judge today"]
        with ops.trace("traced", retrieved_docs=["d"]) as trace:
            trace.response = "a"
        assert ops.flush()
    assert sorted(item["prompt"] for item in receiver.stored.values()) == ["q", "traced"]
    assert all("hallucinated" not in item for item in receiver.stored.values())
    assert [item["status"] for item in receiver.stored.values()] == ["degraded", "degraded"]
    with pytest.raises(RuntimeError, match="no judge"):
        AgentOps(detector=Broken()).evaluate("q", "a")


def test_what_is_changed_after_the_call_is_sent_as_it_was(receiver: Receiver) -> None:
    with client_of(receiver) as ops:
        documents, metadata = ["before"], {"when": "before"}
        ops.record("q", "a", retrieved_docs=documents, metadata=metadata)
        documents.append("after")
        metadata["when"] = "after"
        assert ops.flush()
    [item] = receiver.stored.values()
    assert (item["retrieved_docs"], item["metadata"]) == (["before"], {"when": "before"})


def test_a_time_of_ones_own_is_sent(receiver: Receiver) -> None:
    at = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
    with client_of(receiver) as ops:
        ops.record("q", "a", created_at=at)
        assert ops.flush()
    [item] = receiver.stored.values()
    assert datetime.fromisoformat(item["created_at"]) == at


def test_capturing_needs_no_key_and_sends_nothing(receiver: Receiver) -> None:
    with client_of(receiver) as ops, capture() as found:
        ops.evaluate("What colour is the sky?", "The sky is blue.", ["The sky is blue."], session_id="s")
        AgentOps().record("q2", "a2", hallucinated=True)
        with capture() as inner:
            ops.record("inner", "a")
        assert [each.prompt for each in inner] == ["inner"]
    assert [(each.prompt, each.hallucinated, each.session_id) for each in found] == [
        ("What colour is the sky?", False, "s"),
        ("q2", True, None),
    ]
    assert abs((datetime.now(UTC) - found[0].created_at).total_seconds()) < 60
    assert receiver.requests == []


def test_recording_costs_the_caller_little(receiver: Receiver) -> None:
    """The figure is `benchmarks/sdk.py`'s to measure; this only sees that nothing waits for a server that is silent."""
    with client_of(receiver) as ops:
        text = "x" * 1_000_000
        began = time.perf_counter()
        for _ in range(50):
            ops.record(text, text)
        assert time.perf_counter() - began < 8


def test_capturing_needs_no_pytest(tmp_path: Path) -> None:
    text = """
import sys
from agentops import AgentOps
from agentops.testing import capture
with capture() as found:
    AgentOps().record("q", "a", latency_sec=-1)
    AgentOps().record("q", "a")
print(len(found), "pytest" in sys.modules)
"""
    out, err = program(text, tmp_path, PYTEST_CURRENT_TEST="inherited").communicate(timeout=20)
    assert (out, "latency_sec must be more than 0" in err) == ("1 False\n", True)


def test_reading_needs_a_key() -> None:
    with pytest.raises(NotConfigured):
        list(AgentOps().evaluations.list())


def test_what_cannot_be_asked_is_an_error_of_ours_and_a_value_error(receiver: Receiver) -> None:
    ops = AgentOps("agops_x", receiver.url)
    calls: list[Callable[[], object]] = [
        lambda: ops.evaluations.get("nonsense"),
        lambda: ops.evaluations.delete("nonsense"),
        lambda: ops.label("nonsense", hallucinated=True),
        lambda: list(ops.evaluations.list(limit=-1)),
    ]
    for call in calls:
        with pytest.raises(InvalidArgument) as raised:
            call()
        assert isinstance(raised.value, AgentOpsError)
        assert isinstance(raised.value, ValueError)
    with pytest.raises(InvalidArgument, match="UUID"):
        asyncio.run(AsyncAgentOps("agops_x", receiver.url).evaluations.get("nonsense"))
