"""What a server says of a batch or a question is an answer, or none, whatever it says and however slowly."""

import pytest
from agentops import ConnectionFailed
from tests.clients import client_of
from tests.receiver import Behaviour, Receiver


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
