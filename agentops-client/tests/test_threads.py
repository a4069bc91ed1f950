"""Many things at one time, in order, whatever happens."""

import asyncio
import threading

import pytest
from agentops.threads import AwaitedThreads, in_threads


@pytest.mark.parametrize("threads", [1, 3, 100])
def test_results_come_in_the_order_of_their_items(threads: int) -> None:
    assert in_threads(lambda number: number * 2, range(20), threads) == list(range(0, 40, 2))
    assert in_threads(lambda number: number, [], threads) == []


def test_what_the_work_raises_is_raised() -> None:
    def work(number: int) -> int:
        return 1 // number

    with pytest.raises(ZeroDivisionError):
        in_threads(work, [1, 2, 0, 3], 2)


def test_where_no_thread_can_start_the_caller_does_it_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread at interpreter shutdown")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert in_threads(str, [1, 2, 3], 3) == ["1", "2", "3"]


def test_where_no_more_threads_can_start_the_event_loop_leaves_the_work_to_those_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads, go = AwaitedThreads("test-threads", 3), threading.Event()
    started: list[threading.Thread] = []
    start = threading.Thread.start

    def start_one(thread: threading.Thread) -> None:
        if started:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    async def main() -> list[threading.Thread]:
        first = asyncio.create_task(threads.do(lambda: go.wait(20)))
        others = [asyncio.create_task(threads.do(threading.current_thread)) for _ in range(3)]
        await asyncio.sleep(0)
        go.set()
        assert await first
        return [await other for other in others]

    monkeypatch.setattr(threading.Thread, "start", start_one)
    assert asyncio.run(main()) == started * 3
