"""The queue, when a signal handler or a finalizer comes in the middle of it: nothing is lost, and no number wrong."""

# pyright: reportPrivateUsage=false

import gc
import os
import signal
from collections import deque
from collections.abc import Callable, Generator
from types import FrameType
from typing import Any

import pytest
from agentops import Bounds
from agentops.events import Event
from agentops.outbox import Outbox
from tests.clients import client_of
from tests.receiver import Receiver


def event(name: str = "q", size: int = 10) -> Event:
    return Event({"prompt": name}, size)


def numbers(outbox: Outbox) -> tuple[int, int, int, dict[str, int]]:
    told = outbox.delivery()
    return told.captured, told.queued, told.queued_bytes, told.dropped


class Interrupted(deque[Any]):
    """A queue in whose `append` something happens, once."""

    def __init__(self, before: Callable[[], object] | None = None, after: Callable[[], object] | None = None) -> None:
        super().__init__()
        self.before = before
        self.after = after

    def append(self, added: Any) -> None:
        before, self.before = self.before, None
        if before:
            before()
        super().append(added)
        after, self.after = self.after, None
        if after:
            after()


def stop() -> None:
    """What Ctrl-C does."""
    raise KeyboardInterrupt


@pytest.mark.parametrize(("when", "queued"), [("before", 0), ("after", 1)])
def test_an_exception_in_the_middle_of_put_leaves_the_numbers_true(when: str, queued: int) -> None:
    outbox = Outbox(Bounds())
    outbox._events = Interrupted(**{when: stop})
    with pytest.raises(KeyboardInterrupt):
        outbox.put(event())
    assert numbers(outbox) == (queued, queued, queued * 10, {})
    assert outbox.put(event()) is None
    taken = outbox.take(linger_s=0)
    assert len(taken) == queued + 1
    outbox.release(taken)
    assert outbox.is_empty
    assert outbox.delivery().queued_bytes == 0


def test_an_event_that_comes_in_the_middle_of_another_is_queued_where_that_one_fails() -> None:
    outbox = Outbox(Bounds())

    def record_and_stop() -> None:
        outbox.put(event("handler", 7))
        raise KeyboardInterrupt

    outbox._events = Interrupted(before=record_and_stop)
    with pytest.raises(KeyboardInterrupt):
        outbox.put(event("main"))
    assert numbers(outbox) == (1, 1, 7, {})
    assert [each.fields["prompt"] for each in outbox.take(linger_s=0)] == ["handler"]


@pytest.mark.parametrize("is_abandoned", [False, True])
def test_a_client_that_is_closed_in_the_middle_of_put_takes_the_event_no_more(*, is_abandoned: bool) -> None:
    outbox = Outbox(Bounds())

    def close() -> None:
        outbox.close()
        if is_abandoned:
            assert outbox.abandon("shutdown") == 0

    outbox._events = Interrupted(before=close)
    assert outbox.put(event()) == "closed"
    assert numbers(outbox) == (1, 0, 0, {"closed": 1})
    assert outbox.take(linger_s=60) == []


def test_a_client_that_is_closed_at_the_end_of_put_counts_the_event_once() -> None:
    outbox = Outbox(Bounds())

    def close() -> None:
        outbox.close()
        assert outbox.abandon("shutdown") == 1

    outbox._events = Interrupted(after=close)
    outbox.put(event())
    assert numbers(outbox) == (1, 0, 0, {"shutdown": 1})


def test_a_signal_handler_may_close_while_the_program_records(receiver: Receiver) -> None:
    with client_of(receiver) as ops:
        closed: list[bool] = []

        def handle(_signal: int, _frame: FrameType | None) -> None:
            closed.append(ops.close(20))

        outbox = ops._sender._work.outbox
        outbox._events = Interrupted(before=lambda: os.kill(os.getpid(), signal.SIGUSR1))
        usual = signal.signal(signal.SIGUSR1, handle)
        try:
            ops.record("q", "a")
        finally:
            signal.signal(signal.SIGUSR1, usual)
        assert closed == [True]
        told = ops.delivery()
        assert told.captured == told.delivered + sum(told.dropped.values()) == 1


class Cycle:
    """Records when it is collected."""

    def __init__(self, record: Callable[[], object]) -> None:
        self.itself = self
        self.record = record

    def __del__(self) -> None:
        self.record()


class Collecting(list[Event]):
    """A batch that is collected from while it is counted."""

    def __init__(self, events: list[Event], record: Callable[[], object]) -> None:
        super().__init__(events)
        self._record = record

    def __iter__(self) -> Generator[Event]:
        Cycle(self._record)
        gc.collect()
        yield from super().__iter__()


def test_a_finalizer_that_records_while_events_are_released_leaves_the_numbers_true() -> None:
    outbox = Outbox(Bounds())
    outbox.put(event())
    taken = outbox.take(linger_s=0)
    outbox.release(Collecting(taken, lambda: outbox.put(event("finalizer", 7))))
    assert numbers(outbox)[2] == 7
    outbox.release(outbox.take(linger_s=0))
    assert numbers(outbox)[2] == 0
    assert outbox.is_empty


class Popping(deque[Any]):
    """A queue that is recorded to while it is taken from."""

    record: Callable[[], object]

    def popleft(self) -> Any:
        record, self.record = self.record, lambda: None
        record()
        return super().popleft()


def test_a_finalizer_that_records_while_events_are_taken_leaves_the_numbers_true() -> None:
    outbox = Outbox(Bounds(batch_bytes_max=15))
    queue = outbox._events = Popping()
    queue.record = lambda: outbox.put(event("finalizer", 7))
    outbox.put(event())
    outbox.release(outbox.take(linger_s=0))
    assert numbers(outbox)[2] == 7
    outbox.release(outbox.take(linger_s=0))
    assert outbox.is_empty
    assert numbers(outbox)[2] == 0


def test_what_is_recorded_while_another_was_interrupted_wakes_the_sender(receiver: Receiver) -> None:
    with client_of(receiver, Bounds(linger_s=0)) as ops:
        assert ops.record("first", "a")
        assert ops.flush(20)
        outbox = ops._sender._work.outbox
        outbox._events = Interrupted(after=stop)
        with pytest.raises(KeyboardInterrupt):
            ops.record("interrupted", "a")
        assert ops.record("second", "a")
        receiver.wait(lambda: len(receiver.stored) == 3)
