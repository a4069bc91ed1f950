"""What goes wrong is said: mistakes raise where they are to, all else is a warning, with a count that is true."""

import logging
import threading
from pathlib import Path
from typing import Any

import pytest
from agentops import AgentOps, Bounds
from tests.clients import client_of, program
from tests.receiver import Receiver, refuse, wait_for

NOWHERE = "http://127.0.0.1:1"
MISTAKES: list[dict[str, Any]] = [{"hallucination_probability": 7}, {"wrong": 1}, {"latency_sec": "long"}]


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("options", [{}, {"raise_errors": True}])
def test_a_mistake_raises_where_nothing_would_be_sent(mistake: dict[str, Any], options: dict[str, Any]) -> None:
    clients = [
        AgentOps(**options),
        AgentOps("agops_x", NOWHERE, sample_rate=0, **options),
        AgentOps("agops_x", NOWHERE, enabled=False, **options),
    ]
    for ops in clients:
        with pytest.raises(ValueError, match=next(iter(mistake))):
            ops.record("q", "a", **mistake)
        assert ops.record("q", "a") is None
        assert ops.delivery().dropped == {}
    assert clients[1].delivery().sampled_out == 2


def test_a_mistake_in_what_is_not_sent_is_no_ones_concern_elsewhere(caplog: pytest.LogCaptureFixture) -> None:
    ops = AgentOps("agops_x", NOWHERE, sample_rate=0, raise_errors=False)
    assert ops.record("q", "a", hallucination_probability=7) is None
    with ops.trace("q", metadata={"a": 1}) as trace:
        trace.response = "a"
    assert caplog.records == []


def test_what_redaction_mends_is_no_mistake() -> None:
    def redact(fields: dict[str, Any]) -> dict[str, Any] | None:
        return None if fields["prompt"] == "secret" else fields | {"model_name": None}

    ops = AgentOps(redact=redact)
    mistaken: Any = 7
    assert ops.record("q", "a", model_name=mistaken) is None
    assert ops.record("secret", mistaken) is None
    with pytest.raises(ValueError, match="response must be text"):
        ops.record("q", mistaken)


def test_what_does_not_fit_is_a_warning_once_a_minute(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    may_answer = threading.Event()
    receiver.usual = wait_for(may_answer)
    with client_of(receiver, Bounds(queue_events_max=2)) as ops:
        kept = [ops.record("q", "a") is not None for _ in range(5)]
        may_answer.set()
        assert ops.flush()
    assert kept == [True, True, False, False, False]
    assert ops.delivery().dropped == {"queue_full": 3}
    assert [each.message for each in caplog.records] == [
        "Evaluations are dropped, because the queue is full: they come faster than they can be delivered."
    ]


def test_what_comes_after_the_end_is_a_warning(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    with client_of(receiver) as ops:
        ops.record("q", "a")
        assert ops.close()
        assert [ops.record("q", "a") for _ in range(3)] == [None] * 3
    assert ops.delivery().dropped == {"closed": 3}
    assert [each.message for each in caplog.records] == ["Evaluations are dropped, because their client was closed."]


class RecordingElsewhere(logging.Handler):
    """Records in another thread, and waits for it."""

    def __init__(self, ops: AgentOps) -> None:
        super().__init__()
        self.ops = ops
        self.recorded: list[object] = []

    def emit(self, record: logging.LogRecord) -> None:
        thread = threading.Thread(target=lambda: self.recorded.append(self.ops.record("q", "a")), daemon=True)
        thread.start()
        thread.join(10)


def test_nobody_waits_for_the_queue_while_a_warning_is_logged(receiver: Receiver) -> None:
    with client_of(receiver) as ops:
        ops.close()
        handler = RecordingElsewhere(ops)
        logger = logging.getLogger("agentops")
        logger.addHandler(handler)
        ops.record("q", "a")
        logger.removeHandler(handler)
        assert handler.recorded == [None]


def test_the_exit_counts_what_all_clients_lose(receiver: Receiver, tmp_path: Path) -> None:
    receiver.usual = refuse(503, "not now", Retry_After="60")
    text = f"""
import logging
from agentops import AgentOps, Bounds
logging.getLogger("agentops").addFilter(lambda said: "not delivered in time" in said.getMessage())
bounds = Bounds(exit_s_max=0.2)
closed = AgentOps("agops_x", {receiver.url!r}, bounds=bounds)
closed.record("q", "a")
closed.close(0)
clients = [AgentOps("agops_x", {receiver.url!r}, bounds=bounds) for _ in range(3)]
for count, ops in enumerate(clients, 1):
    for _ in range(count):
        ops.record("q", "a")
"""
    out, err = program(text, tmp_path).communicate(timeout=30)
    assert (out, err.splitlines()) == (
        "",
        [f"{lost} evaluations were not delivered in time and are lost." for lost in (1, 6)],
    )
