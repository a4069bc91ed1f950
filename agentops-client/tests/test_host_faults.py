"""The application's own code, where the thread that sends calls it: whatever it raises, the thread goes on."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
from agentops import AgentOps, Detection
from agentops.testing import capture
from tests.clients import client_of
from tests.receiver import Receiver, refuse


class Raising:
    """A detector that raises it."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def detect(self, prompt: str, response: str, documents: object = None) -> Detection:
        raise self.error


class BrokenHandler(logging.Handler):
    """Raises instead of logging."""

    def emit(self, record: logging.LogRecord) -> None:
        raise RuntimeError("the handler is broken")


def trace(ops: AgentOps) -> None:
    """Records what is to be scored in the background."""
    with ops.trace("q") as each:
        each.response = "a"


@pytest.mark.parametrize("is_spooled", [False, True])
@pytest.mark.parametrize("error", [asyncio.CancelledError(), SystemExit(1), KeyboardInterrupt(), GeneratorExit()])
def test_a_detector_that_ends_its_thread_does_not(
    receiver: Receiver, tmp_path: Path, error: BaseException, *, is_spooled: bool
) -> None:
    options: dict[str, Any] = {"spool_dir": tmp_path} if is_spooled else {}
    with client_of(receiver, detector=Raising(error), **options) as ops:
        for _ in range(3):
            trace(ops)
            assert ops.flush(30)
        assert (ops.delivery().delivered, ops.delivery().dropped) == (3, {})
    assert [item["status"] for item in receiver.stored.values()] == ["degraded"] * 3


def test_where_evaluations_are_captured_ctrl_c_in_a_detector_is_the_applications() -> None:
    with capture(), pytest.raises(KeyboardInterrupt):
        trace(AgentOps(detector=Raising(KeyboardInterrupt())))


def test_a_logging_handler_that_raises_stops_nothing(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger("agentops"), "handlers", [BrokenHandler()])
    receiver.script.append(refuse(503))
    with client_of(receiver, raise_errors=False) as ops:
        assert ops.record("q", "a", latency_sec=-1) is None
        assert ops.record("q", "a")
        assert ops.flush(30)
        told = ops.delivery()
        assert (told.delivered, told.retries, told.dropped) == (1, 1, {"invalid": 1})
