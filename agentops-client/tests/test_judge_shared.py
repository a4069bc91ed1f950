"""A judge that threads and processes share: what one does takes nothing from another."""

import os
import threading
from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from agentops.detect import Detection
from agentops.judge import LLMJudge
from agentops.judge.cache import Cache
from agentops.judge.endpoint import Endpoint, Failed, Patience
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


def test_a_file_that_another_process_deletes_meanwhile_hinders_no_tidying(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("agentops.judge.cache._TIDIED_EVERY", 2)
    cache = Cache(10, tmp_path, files_max=1)
    cache.put("old", "x")
    os.utime(tmp_path / "ol" / "old.json", (0, 0))
    # It is listed, and when it is looked at it is not there.
    (tmp_path / "ol" / "gone.json").symlink_to("nowhere")
    cache.put("new", "x")
    assert [path.name for path in tmp_path.rglob("*.json") if path.exists()] == ["new.json"]
    assert caplog.messages == []


def test_who_waits_for_a_turn_when_an_endpoint_is_given_up_does_not_ask_it(server: Judging) -> None:
    begun = threading.Semaphore(0)

    class Question(dict[str, str]):
        """Says when it is written down, which is before it waits."""

        def items(self) -> Any:
            begun.release()
            return super().items()

    def behave(handler: Handler) -> None:
        if handler.number == 0:
            for _ in range(8):
                begun.acquire(timeout=9)
        handler.answer(500, b"")

    server.behave = behave
    patience = Patience(attempts_max=1, concurrency_max=1)
    endpoint = Endpoint(server.url, "m", patience=patience)

    def ask(question: Question) -> str:
        with pytest.raises(Failed) as raised:
            endpoint.ask("/embeddings", question, until=patience.until(), output_tokens=1)
        return str(raised.value)

    told = in_threads(ask, [Question(input="?") for _ in range(8)], 8)
    assert len(server.requests) == 3
    left_alone = "the endpoint failed before and is left alone for a while"
    assert Counter(told) == {"the endpoint answered 500: ": 3, left_alone: 5}
