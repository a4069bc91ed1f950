"""Delivery, to a server that misbehaves."""

import logging
import random
import threading
import time
from uuid import UUID

import pytest
from agentops import AgentOps, Bounds
from tests.clients import QUICK, client_of
from tests.receiver import (
    Receiver,
    hang_up,
    receiving,
    refuse,
    refuse_batches_with,
    reject,
    say_something_else,
    store_and_hang_up,
    wait_for,
)

SLOW = Bounds(linger_s=60, backoff_s=0.02, backoff_s_max=0.1)
"""Nothing is sent because it is old."""


def record(ops: AgentOps, count: int, prompt: str = "What is 2 + 2?") -> list[UUID]:
    """Records so many evaluations, all of which are queued."""
    ids = [ops.record(f"{prompt} {number}", "4", hallucinated=False) for number in range(count)]
    assert all(ids)
    return [id for id in ids if id]


def balances(ops: AgentOps) -> bool:
    """Nothing is unaccounted for."""
    told = ops.delivery()
    return told.captured == told.delivered + sum(told.dropped.values()) + told.queued and told.queued >= 0


def test_nothing_runs_before_the_first_event(receiver: Receiver) -> None:
    before = set(threading.enumerate())

    def begun() -> list[str]:
        # Those of the receiver are not the client's.
        return [each.name for each in set(threading.enumerate()) - before if each.name.startswith("agentops")]

    with client_of(receiver, SLOW) as ops:
        assert begun() == []
        record(ops, 1)
        assert begun() == ["agentops-sender"]
        assert ops.flush()
    assert receiver.sizes == [1]


def test_a_batch_is_sent_when_it_has_a_hundred_events(receiver: Receiver) -> None:
    with client_of(receiver, SLOW) as ops:
        record(ops, 250)
        receiver.wait(lambda: receiver.answered == 2)
        assert ops.flush()
    assert receiver.sizes == [100, 100, 50]
    assert receiver.requests[0].headers["Content-Encoding"] == "gzip"
    assert receiver.requests[0].headers["X-API-Key"] == "agops_test"


def test_a_batch_is_sent_when_it_has_a_megabyte(receiver: Receiver) -> None:
    with client_of(receiver, SLOW) as ops:
        for _ in range(5):
            ops.record("x" * 300_000, "y")
        receiver.wait(lambda: receiver.sizes == [3])
        assert ops.flush()
    assert receiver.sizes == [3, 2]


def test_a_batch_is_sent_when_its_first_event_is_old_enough(receiver: Receiver) -> None:
    with client_of(receiver, Bounds(linger_s=0.5)) as ops:
        began = time.monotonic()
        record(ops, 1)
        receiver.wait(lambda: receiver.answered > 0)
    assert receiver.sizes == [1]
    assert receiver.requests[0].at - began >= 0.5


def test_an_event_larger_than_a_batch_goes_alone(receiver: Receiver) -> None:
    with client_of(receiver, SLOW) as ops:
        record(ops, 1)
        ops.record("x" * 2_000_000, "y")
        record(ops, 1)
        assert ops.flush()
    assert receiver.sizes == [1, 1, 1]


def test_ids_are_made_at_capture_and_carry_the_time(receiver: Receiver) -> None:
    with client_of(receiver, SLOW) as ops:
        began_ms = time.time_ns() // 1_000_000
        ids = record(ops, 2)
        ended_ms = time.time_ns() // 1_000_000
        assert ops.flush()
    assert list(receiver.stored) == [str(id) for id in ids]
    assert all(id.version == 7 and id.variant == "specified in RFC 4122" for id in ids)
    assert all(began_ms <= id.int >> 80 <= ended_ms for id in ids)


@pytest.mark.parametrize(
    "behaviour",
    [*(refuse(status) for status in (408, 425, 429, 500, 502, 503, 504)), hang_up, say_something_else],
    ids=[*["408", "425", "429", "500", "502", "503", "504"], "hang up", "no AgentOps API"],
)
def test_what_may_succeed_later_is_sent_again(receiver: Receiver, behaviour: object) -> None:
    receiver.script.extend([behaviour] * 3)  # pyright: ignore[reportArgumentType] - behaviours, which pytest made objects
    with client_of(receiver) as ops:
        record(ops, 5)
        receiver.wait(lambda: len(receiver.stored) == 5)
        assert ops.flush()
        told = ops.delivery()
        assert (told.delivered, told.retries, told.dropped, told.queued, told.queued_bytes) == (5, 3, {}, 0, 0)
        assert told.last_error


def test_an_answer_that_got_lost_stores_nothing_twice(receiver: Receiver) -> None:
    receiver.script.append(store_and_hang_up)
    with client_of(receiver, SLOW) as ops:
        record(ops, 100)
        receiver.wait(lambda: receiver.answered == 2)
        assert ops.flush()
        assert (ops.delivery().delivered, ops.delivery().duplicates) == (100, 100)
    assert len(receiver.stored) == 100


def test_retry_after_is_waited(receiver: Receiver) -> None:
    receiver.script.append(refuse(503, Retry_After="1"))
    with client_of(receiver) as ops:
        record(ops, 1)
        receiver.wait(lambda: receiver.answered == 2)
    first, second = receiver.requests
    assert second.at - first.at >= 1


def test_retry_after_may_be_a_date_and_has_a_bound(receiver: Receiver) -> None:
    receiver.script.append(refuse(503, Retry_After="Fri, 31 Dec 2100 23:59:59 GMT"))
    bounds = Bounds(linger_s=0, backoff_s=0.01, retry_after_s_max=0.3)
    with client_of(receiver, bounds) as ops:
        record(ops, 1)
        receiver.wait(lambda: receiver.answered == 2)
    first, second = receiver.requests
    assert second.at - first.at >= 0.3


def test_waits_are_random_below_a_bound_that_doubles(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    bounds: list[float] = []

    def uniform(low: float, high: float) -> float:
        assert low == 0
        bounds.append(high)
        return 0

    monkeypatch.setattr(random, "uniform", uniform)
    receiver.script.extend([refuse(503)] * 6)
    with client_of(receiver) as ops:
        record(ops, 1)
        receiver.wait(lambda: len(receiver.stored) == 1)
    assert bounds == [0.02, 0.04, 0.08, 0.1, 0.1, 0.1]


def test_a_rejected_event_is_dropped_alone_with_its_reason(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.usual = reject(lambda item: item["prompt"].endswith(" 3"), "metadata: must be flat")
    with client_of(receiver, SLOW) as ops:
        record(ops, 10)
        assert ops.flush()
        told = ops.delivery()
        assert (told.delivered, told.dropped) == (9, {"rejected": 1})
    assert len(receiver.requests) == 1
    assert "metadata: must be flat" in caplog.text


@pytest.mark.parametrize("status", [400, 413, 422])
def test_one_event_that_spoils_a_batch_is_found_by_halving(receiver: Receiver, status: int) -> None:
    receiver.usual = refuse_batches_with(lambda item: item["prompt"].endswith(" 77"), status)
    with client_of(receiver, SLOW) as ops:
        record(ops, 100)
        receiver.wait(lambda: len(receiver.stored) == 99)
        assert ops.flush()
        assert (ops.delivery().delivered, ops.delivery().dropped) == (99, {f"http_{status}": 1})
    assert len(receiver.requests) < 20


@pytest.mark.parametrize("status", [301, 401, 403, 404])
def test_what_will_never_succeed_is_dropped_and_told_once(
    receiver: Receiver, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.usual = refuse(status, "the key was revoked")
    with client_of(receiver, SLOW) as ops:
        for _ in range(3):
            record(ops, 2)
            assert ops.flush()
        assert ops.delivery().dropped == {f"http_{status}": 6}
    assert receiver.sizes == [2, 2, 2]
    assert [each.levelno for each in caplog.records if "refuses" in each.message] == [logging.WARNING]


def test_the_queue_is_bounded_in_events(receiver: Receiver) -> None:
    go_on = threading.Event()
    receiver.usual = wait_for(go_on)
    with client_of(receiver) as ops:
        ids = [ops.record("q", "a") for _ in range(10_050)]
        assert [id is None for id in ids] == [False] * 10_000 + [True] * 50
        assert ops.delivery().dropped == {"queue_full": 50}
        assert balances(ops)
        go_on.set()
        assert ops.flush(30)
        assert ops.delivery().delivered == 10_000
        assert ops.delivery().queued_bytes == 0
        assert ops.record("q", "a")
    assert len(receiver.stored) >= 10_000


def test_the_queue_is_bounded_in_bytes(receiver: Receiver) -> None:
    go_on = threading.Event()
    receiver.usual = wait_for(go_on)
    with client_of(receiver) as ops:
        text = "x" * 2**20
        taken = [ops.record(f"{number}{text}", "a") is not None for number in range(70)]
        assert taken == [True] * 63 + [False] * 7
        assert 63 * 2**20 < ops.delivery().queued_bytes <= 64 * 2**20
        go_on.set()


def test_a_slow_server_makes_no_call_slow(receiver: Receiver) -> None:
    go_on = threading.Event()
    receiver.usual = wait_for(go_on)
    with client_of(receiver) as ops:
        record(ops, 1)
        receiver.wait(lambda: not receiver.script)
        began = time.monotonic()
        record(ops, 500)
        assert time.monotonic() - began < 8, "a request may take ten seconds"
        go_on.set()
        assert ops.flush()


def test_flush_gives_up_after_its_time(receiver: Receiver) -> None:
    go_on = threading.Event()
    receiver.usual = wait_for(go_on)
    with client_of(receiver) as ops:
        record(ops, 1)
        began = time.monotonic()
        assert not ops.flush(0.2)
        assert 0.2 <= time.monotonic() - began < 8
        go_on.set()
        assert ops.flush()


def test_flush_cuts_a_backoff_short_but_not_retry_after_and_close_cuts_both(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "uniform", lambda low, high: high)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    receiver.script.extend([refuse(503), refuse(503, Retry_After="60")])
    with client_of(receiver, Bounds(linger_s=0, backoff_s=60)) as ops:
        record(ops, 1)
        receiver.wait(lambda: receiver.answered == 1)
        assert not ops.flush(0.2)
        receiver.wait(lambda: receiver.answered == 2)
        assert not ops.flush(0.2)
        assert len(receiver.requests) == 2
        assert ops.close(30)


def test_close_delivers_what_it_can_and_counts_what_it_cannot(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    with client_of(receiver, SLOW) as ops:
        record(ops, 150)
        assert ops.close(30)
        assert ops.delivery().delivered == 150
        assert ops.record("too", "late") is None
        assert ops.delivery().dropped == {"closed": 1}
    receiver.usual = refuse(503)
    with client_of(receiver) as ops:
        record(ops, 3)
        assert not ops.close(0.2)
        assert ops.delivery().dropped == {"shutdown": 3}
        assert balances(ops)
    assert "3 evaluations were not delivered in time" in caplog.text


def test_a_server_that_was_away_gets_everything_when_it_is_back() -> None:
    with receiving() as first:
        pass
    with client_of(first) as ops:
        ids = [id for _ in range(20) for id in record(ops, 50)]
        port = int(first.url.rpartition(":")[2])
        while not ops.delivery().retries:
            ops.flush(0.01)
        with receiving(port) as second:
            second.wait(lambda: len(second.stored) == 1_000)
            assert ops.flush()
            assert list(second.stored) == [str(id) for id in ids]
        assert (ops.delivery().delivered, ops.delivery().dropped) == (1_000, {})


def test_many_threads_lose_nothing(receiver: Receiver) -> None:
    with client_of(receiver, QUICK) as ops:
        threads = [threading.Thread(target=record, args=(ops, 200)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert ops.flush()
        assert ops.delivery().delivered == ops.delivery().captured == 1_600
    assert len(receiver.stored) == 1_600
