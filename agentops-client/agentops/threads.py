"""Doing several things at one time, where what takes long is waiting for somebody else.

All threads are daemons: those of an executor hold up the interpreter's exit, and an event loop's end, until they are
done.
"""

import asyncio
import contextlib
import contextvars
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_threads(work: Callable[[T], R], items: Sequence[T], threads_max: int) -> list[R]:
    """The results, in the items' order. Raises what the work raised first."""
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


class AwaitedThreads:
    """Does work whose end is awaited. The event loop's own executor is left to its application."""

    def __init__(self, name: str, threads_max: int) -> None:
        self._name = name
        self._threads_max = threads_max
        self.renew()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self.renew)

    def renew(self) -> None:
        """Begins with nothing, as a forked child must: it has no threads, and whoever held the lock is not there."""
        self._lock = threading.Lock()
        self._waiting: deque[Callable[[], object]] = deque()
        self._threads = 0

    async def do(self, work: Callable[[], R]) -> R:
        """The work's result, once a thread is free for it; raises what it raises.

        When this is cancelled nobody waits any more: work that has not begun is left out, other work ends unheard.
        """
        loop = asyncio.get_running_loop()
        is_done: asyncio.Future[None] = loop.create_future()
        context = contextvars.copy_context()
        results: list[R] = []
        errors: list[BaseException] = []

        def tell() -> None:
            if not is_done.done():
                is_done.set_result(None)

        def job() -> None:
            if is_done.cancelled():
                return
            try:
                results.append(context.run(work))
            except BaseException as error:  # noqa: BLE001 - it is raised where it is awaited
                errors.append(error)
            # RuntimeError: the loop was closed meanwhile, and nobody is there to be told.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(tell)

        self._put(job)
        await is_done
        if errors:
            raise errors[0]
        return results[0]

    def _put(self, job: Callable[[], object]) -> None:
        with self._lock:
            self._waiting.append(job)
            if self._threads >= self._threads_max:
                return
            self._threads += 1
        try:
            threading.Thread(target=self._labour, name=self._name, daemon=True).start()
        except RuntimeError:
            # The interpreter is ending, or the process may have no more threads: those that run do it, or the caller.
            with self._lock:
                if self._threads > 1:
                    self._threads -= 1
                    return
            self._labour()

    def _labour(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._threads -= 1
                    return
                job = self._waiting.popleft()
            job()


waiting = AwaitedThreads("agentops-waiting", 32)
"""For what ends by itself after a while."""
