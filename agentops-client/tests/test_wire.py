"""What a server says of a batch or a question is an answer, or none, whatever it says and however slowly."""

import asyncio
import time
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from agentops import AsyncAgentOps, ConnectionFailed
from tests.clients import KEY, QUICK, client_of
from tests.receiver import Behaviour, Receiver, hang_up

IMPATIENT = replace(QUICK, timeout_s=0.3)
BEGINNINGS = {"headers": b"X-Long: ", "body": b"Content-Length: 1000\r\n\r\n"}


def answering(status: int) -> Behaviour:
    """An answer of that status which no parser follows to its end."""
    return lambda handler, items: handler.answer(status, b"[" * 200_000)


def test_an_answer_too_deep_to_be_read_is_no_answer(receiver: Receiver) -> None:
    receiver.script.extend([answering(502), answering(200)])
    receiver.reading = answering(200)
    with client_of(receiver) as ops:
        ops.record("q", "a")
        assert ops.flush(20)
        told = ops.delivery()
        assert (told.delivered, told.retries, told.dropped) == (1, 2, {})
        with pytest.raises(ConnectionFailed, match="not AgentOps API"):
            ops.stats()


def dribbling(begun: bytes) -> Behaviour:
    """An answer that goes on from there byte by byte, for longer than anybody waits."""

    def behave(handler: Any, items: object) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + begun)
        for _ in range(600):
            if handler.receiver.ending.wait(0.05):
                return
            handler.wfile.write(b" ")
        hang_up(handler, [])

    return behave


@pytest.mark.parametrize("begun", BEGINNINGS.values(), ids=BEGINNINGS)
def test_an_answer_byte_by_byte_does_not_hold_up_the_next_batches(receiver: Receiver, begun: bytes) -> None:
    # The second comes over the first one's connection.
    receiver.script.extend([lambda handler, items: handler.accept(items), dribbling(begun)])
    with client_of(receiver, IMPATIENT) as ops:
        for _ in range(2):
            ops.record("q", "a")
            assert ops.flush(20)
        assert ops.delivery().retries > 0


@pytest.mark.parametrize("begun", BEGINNINGS.values(), ids=BEGINNINGS)
def test_an_answer_byte_by_byte_does_not_hold_up_a_reader(
    receiver: Receiver, begun: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentops.query._ATTEMPTS_MAX", 1)
    receiver.reading = dribbling(begun)
    aio = AsyncAgentOps(KEY, receiver.url, bounds=IMPATIENT)
    with client_of(receiver, IMPATIENT) as ops:
        for read in (ops.stats, lambda: asyncio.run(aio.stats())):
            # ReadTimeout: this machine stood still for so long.
            with pytest.raises(ConnectionFailed, match=r"no answer within 0\.3 s|ReadTimeout"):
                read()


def test_a_large_event_has_more_time(receiver: Receiver) -> None:
    """A slow line may take longer to carry it than an answer may take."""

    def accept_slowly(handler: Any, items: Any) -> None:
        for _ in range(20):
            time.sleep(0.05)
            handler.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        handler.accept(items)

    receiver.script.append(accept_slowly)
    with client_of(receiver, IMPATIENT) as ops:
        ops.record("q", "".join(str(uuid4()) for _ in range(20_000)))
        assert ops.flush(20)
        # Should this machine stand still for so long, it says ReadTimeout, and tries again.
        assert "no answer within" not in str(ops.delivery().last_error)
