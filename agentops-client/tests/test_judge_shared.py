"""A judge that threads and processes share: what one does takes nothing from another."""

import threading
from collections.abc import Generator

import pytest
from agentops.detect import Detection
from agentops.judge import LLMJudge
from agentops.threads import in_threads
from tests.judging import Handler, Judging, judging

TEXTS = ["Alexander Fleming discovered penicillin in 1928.", "He was the king of Peru."]


@pytest.fixture
def server() -> Generator[Judging]:
    with judging() as made:
        yield made


def detect(judge: LLMJudge, response: str) -> Detection:
    """What it says."""
    return judge.detect("Who discovered penicillin?", response, TEXTS[:1])


def test_what_another_question_found_out_meanwhile_costs_no_format(server: Judging) -> None:
    both, known = threading.Barrier(2), threading.Event()

    def behave(handler: Handler) -> None:
        if "temperature" not in handler.request_body:
            known.set()
            handler.complete(handler.verdicts)
            return
        # Two first questions are under way. One is refused when the other has asked again.
        if both.wait(9) == 1:
            known.wait(9)
        handler.answer(400, {"error": {"message": "'temperature' does not support 0"}})

    server.behave = behave
    judge = LLMJudge(server.endpoint)
    found = in_threads(lambda text: detect(judge, text), TEXTS, 2)
    assert [each.status for each in found] == ["verified"] * 2
    assert [request["response_format"]["type"] for request in server.requests] == ["json_schema"] * 4
