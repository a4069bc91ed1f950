"""A judge that threads and processes share: what one does takes nothing from another."""

import os
import threading
from collections.abc import Generator
from pathlib import Path

import pytest
from agentops.detect import Detection
from agentops.judge import LLMJudge
from agentops.judge.cache import Cache
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
