"""The ends of a client, and threads that cannot start: what is said of the rest is true, and said in time."""

# pyright: reportPrivateUsage=false

import errno
import math
import os
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from agentops import AgentOps, Bounds, sender
from agentops.detect import Detection, LocalDetector
from agentops.outbox import Outbox
from agentops.wire import Outcome, Poster
from tests.clients import KEY, QUICK, client_of
from tests.receiver import Receiver, refuse
from tests.test_spool import segments, until_ended, until_saved

BATCHES = Bounds(linger_s=60, backoff_s=0.02, backoff_s_max=0.1)
"""A batch is sent when it is full."""


def test_an_answer_that_is_counted_while_the_client_is_closed_is_counted_once(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    counting, closing = threading.Event(), threading.Event()
    usual = Outbox.count

    def count(outbox: Outbox, what: str, events: int = 1) -> None:
        if what == "delivered":
            counting.set()
            # Where counting and looking whether anybody waits are one step, this waits in vain.
            closing.wait(1)
        usual(outbox, what, events)

    monkeypatch.setattr(Outbox, "count", count)
    with client_of(receiver, BATCHES) as ops:
        for _ in range(100):
            ops.record("q", "a")
        assert counting.wait(20)
        thread = ops._sender._work.thread
        assert thread
        ops.close(0)
        closing.set()
        thread.join(20)
        told = ops.delivery()
        assert (told.delivered, told.dropped, told.queued) == (100, {}, 0)


def test_a_fault_of_ours_counts_only_what_was_not_settled(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = Poster.post

    posts = iter([usual, usual])

    def post(poster: Poster, lines: Any) -> Outcome:
        for each in posts:
            return each(poster, lines)
        raise RuntimeError("a fault")

    monkeypatch.setattr(Poster, "post", post)
    receiver.script.append(refuse(413))
    with client_of(receiver, BATCHES) as ops:
        for _ in range(100):
            ops.record("q", "a")
        assert ops.flush(20)
        told = ops.delivery()
        assert (told.delivered, told.dropped, told.queued) == (50, {"internal": 50}, 0)


class Paused:
    """A detector that waits, and then finds what cannot be sent."""

    def __init__(self) -> None:
        self.begun, self.go_on, self.ended = threading.Event(), threading.Event(), threading.Event()

    def detect(self, prompt: str, response: str, documents: Any = None) -> Detection:
        found = LocalDetector().detect(prompt, response, documents)
        self.begun.set()
        self.go_on.wait(20)
        return replace(found, detector=object())  # pyright: ignore[reportArgumentType] - on purpose


def test_what_cannot_be_sent_is_not_counted_again_after_close(receiver: Receiver) -> None:
    detector = Paused()
    with client_of(receiver, detector=detector) as ops:
        with ops.trace("q") as trace:
            trace.response = "a"
        assert detector.begun.wait(20)
        thread = ops._sender._work.thread
        assert not ops.close(0)
        detector.go_on.set()
        assert thread
        thread.join(20)
        told = ops.delivery()
        assert (told.captured, told.dropped, told.queued) == (1, {"shutdown": 1}, 0)


@pytest.mark.parametrize("is_spooled", [False, True])
def test_of_a_batch_that_was_delivered_in_part_only_the_rest_is_lost(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_spooled: bool
) -> None:
    """Though older events are on disk, which the next process sends."""

    def behave(handler: Any, items: list[dict[str, Any]]) -> None:
        if len(items) == 100:
            handler.answer(413, {})
        elif items[0]["prompt"] == "0":
            handler.accept(items)
        else:
            handler.answer(503, {})

    def write(_file: int, _text: memoryview) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    receiver.usual = behave
    options = {"spool_dir": tmp_path} if is_spooled else {}
    with client_of(receiver, BATCHES, **options) as ops:
        if is_spooled:
            for _ in range(30):
                ops.record("on disk", "a")
            until_saved(ops)
        with monkeypatch.context() as broken:
            broken.setattr(os, "write", write)
            with ops._sender._work.outbox.changed:
                for number in range(100):
                    ops.record(f"{number}", "a")
            receiver.wait(lambda: receiver.answered >= 3)
            assert not ops.close(0)
        told = ops.delivery()
        assert (told.delivered, told.dropped) == (50, {"shutdown": 50})
        assert told.queued == (30 if is_spooled else 0)


def test_where_the_second_of_two_threads_cannot_start_it_is_started_later(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = threading.Thread.start
    failures = iter([RuntimeError("can't start new thread")] * 2)

    def start(thread: threading.Thread) -> None:
        if thread.name == "agentops-sender":
            for failure in failures:
                raise failure
        usual(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    with client_of(receiver, spool_dir=tmp_path) as ops:
        for _ in range(3):
            assert ops.record("q", "a")
        assert ops.flush(20)
        assert ops.delivery().delivered == 3


@pytest.mark.parametrize("is_spooled", [False, True])
def test_where_no_thread_sends_the_end_saves_or_counts_and_says_so(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_spooled: bool
) -> None:
    usual = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        if thread.name == "agentops-sender":
            raise RuntimeError("can't start new thread")
        usual(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    options = {"spool_dir": tmp_path} if is_spooled else {}
    with client_of(receiver, replace(QUICK, save_s_max=60), **options) as ops:
        assert ops.record("q", "a")
        assert ops._sender in sender._running
        assert not ops.close(0)
        told = ops.delivery()
        assert (told.dropped, told.queued) == (({}, 1) if is_spooled else ({"shutdown": 1}, 0))
        assert len(segments(tmp_path)) == (1 if is_spooled else 0)


def test_a_client_that_is_switched_off_sends_nothing_from_the_spool(receiver: Receiver, tmp_path: Path) -> None:
    receiver.usual = refuse(503)
    with client_of(receiver, spool_dir=tmp_path) as ops:
        ops.record("q", "a")
        until_saved(ops)
        assert not ops.close(0.1)
        until_ended(ops)
    receiver.usual = lambda handler, items: handler.accept(items)
    with client_of(receiver, spool_dir=tmp_path, enabled=False) as off:
        assert off.flush(20)
        assert off._sender._work.thread is None
    assert receiver.stored == {}
    assert len(segments(tmp_path)) == 1


def test_the_interpreters_exit_waits_once_for_all_disks(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    waits: list[float] = []

    def save(_batches: object, within_s: float) -> None:
        waits.append(max(0.0, within_s))
        now[0] += max(0.0, within_s)

    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr("agentops.batches.FromMemory.save", save)
    running: set[sender.Sender] = set()
    monkeypatch.setattr(sender, "_running", running)
    monkeypatch.setattr(threading.Thread, "start", lambda thread: None)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    bounds = replace(QUICK, exit_s_max=0, save_s_max=3)
    clients = [AgentOps(KEY, "http://127.0.0.1:1", bounds=bounds) for _ in range(5)]
    for ops in clients:
        ops.record("q", "a")
    sender._finish()
    assert len(waits) == 5
    assert sum(waits) == 3


def test_what_close_said_it_says_again_and_flush_too(receiver: Receiver, tmp_path: Path) -> None:
    receiver.usual = refuse(503)
    for spool_dir in (None, tmp_path):
        with client_of(receiver, spool_dir=spool_dir) as ops:
            ops.record("q", "a")
            assert not ops.close(0.1)
            began = time.monotonic()
            assert not ops.close(600)
            assert not ops.flush(600)
            assert time.monotonic() - began < 300


def test_a_client_that_was_never_used_is_closed_and_flushed_at_once(receiver: Receiver, tmp_path: Path) -> None:
    with client_of(receiver, spool_dir=tmp_path) as ops:
        began = time.monotonic()
        assert ops.close(600)
        assert ops.flush(600)
        assert time.monotonic() - began < 300
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("is_spooled", [False, True])
def test_times_may_be_infinite(receiver: Receiver, tmp_path: Path, *, is_spooled: bool) -> None:
    receiver.script.append(refuse(503))
    bounds = Bounds(linger_s=math.inf, backoff_s=0.01, retry_after_s_max=math.inf, save_s_max=math.inf)
    options = {"spool_dir": tmp_path} if is_spooled else {}
    with client_of(receiver, bounds, **options) as ops:
        ops.record("q", "a")
        assert ops.flush(math.inf)
        ops.record("q", "a")
        assert ops.close(math.inf)
        assert ops.delivery().delivered == 2
