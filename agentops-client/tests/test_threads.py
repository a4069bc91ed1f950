"""Many things at one time, in order, whatever happens."""

import threading

import pytest
from agentops.threads import in_threads


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
