"""Doing the same to many things at one time, where what takes long is waiting for somebody else."""

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_threads(work: Callable[[T], R], items: Sequence[T], threads_max: int) -> list[R]:
    """The results, in the items' order. Raises what the work raised first.

    The threads are daemons: those of an executor hold up the interpreter's exit until they are done.
    """
    lock = threading.Lock()
    waiting = list(enumerate(items))[::-1]
    results: dict[int, R] = {}
    errors: list[BaseException] = []

    def labour() -> None:
        while True:
            with lock:
                if not waiting or errors:
                    return
                at, item = waiting.pop()
            try:
                results[at] = work(item)
            except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
                errors.append(error)

    threads = [threading.Thread(target=labour, daemon=True) for _ in range(min(threads_max, len(items)) - 1)]
    started: list[threading.Thread] = []
    try:
        for thread in threads:
            thread.start()
            started.append(thread)
    except RuntimeError:
        # The interpreter is ending, or the process may have no more threads: fewer do it too.
        pass
    labour()
    for thread in started:
        thread.join()
    if errors:
        raise errors[0]
    return [results[at] for at in range(len(items))]
