"""The client for asyncio leaves the event loop and its executor to the application, whatever hangs or is cancelled."""

import asyncio
import subprocess
import threading
from collections.abc import Awaitable, Generator, Sequence
from pathlib import Path
from typing import Any

import pytest
from agentops import AgentOps, AsyncAgentOps, Detection, LocalDetector
from agentops.threads import AwaitedThreads
from tests.clients import KEY, QUICK, ended, program
from tests.receiver import Receiver, refuse, wait_for

THREADS_MAX = 32


class Hanging:
    """A judge that answers when it is allowed to."""

    def __init__(self) -> None:
        self.answers = threading.Event()
        self.seen: list[threading.Thread] = []
        self.has_all = threading.Event()

    def detect(self, prompt: str, response: str, documents: Sequence[str] | None = None) -> Detection:
        self.seen.append(threading.current_thread())
        if len(self.seen) == THREADS_MAX:
            self.has_all.set()
        self.answers.wait(30)
        return LocalDetector().detect(prompt, response, documents)


@pytest.fixture
def hanging() -> Generator[Hanging]:
    made = Hanging()
    yield made
    made.answers.set()
    for thread in made.seen:
        thread.join()


def test_a_judge_that_hangs_holds_up_nothing_of_the_hosts(hanging: Hanging, receiver: Receiver) -> None:
    ops = AsyncAgentOps(KEY, receiver.url, detector=hanging, bounds=QUICK)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        tasks = [asyncio.create_task(ops.evaluate(f"{number}", "a")) for number in range(THREADS_MAX + 8)]
        async with asyncio.timeout(20):
            assert await asyncio.to_thread(hanging.has_all.wait, 20)
            await loop.getaddrinfo("127.0.0.1", 80)
            assert ops.record("q", "a", hallucinated=False)
            assert await ops.flush()
        for task in tasks:
            task.cancel()
        assert all(
            isinstance(each, asyncio.CancelledError) for each in await asyncio.gather(*tasks, return_exceptions=True)
        )

    asyncio.run(main())
    # It has ended, and they have not.
    assert {(thread.name, thread.daemon, thread.is_alive()) for thread in hanging.seen} == {
        ("agentops-judging", True, True)
    }
    assert len(hanging.seen) == THREADS_MAX


def test_what_waited_for_a_thread_gets_one(hanging: Hanging) -> None:
    ops = AsyncAgentOps(detector=hanging)

    async def main() -> list[str | None]:
        tasks = [asyncio.create_task(ops.evaluate("q", f"{number}")) for number in range(THREADS_MAX + 8)]
        assert await asyncio.to_thread(hanging.has_all.wait, 20)
        hanging.answers.set()
        return [each.status for each in await asyncio.gather(*tasks)]

    assert asyncio.run(main()) == ["unverified"] * (THREADS_MAX + 8)
    assert len(set(hanging.seen)) <= THREADS_MAX


@pytest.mark.parametrize("calls", [1, THREADS_MAX + 1])
def test_a_cancelled_flush_needs_no_thread_any_more(receiver: Receiver, calls: int) -> None:
    came, answers = threading.Event(), threading.Event()
    wait = wait_for(answers)

    def behave(handler: Any, items: list[dict[str, Any]]) -> None:
        came.set()
        wait(handler, items)

    receiver.usual = behave
    ops = AsyncAgentOps(KEY, receiver.url, bounds=QUICK)

    def waiting() -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name == "agentops-waiting"]

    async def main() -> None:
        ops.record("q", "a", hallucinated=False)
        tasks = [asyncio.create_task(ops.flush(60)) for _ in range(calls)]
        assert await asyncio.to_thread(came.wait, 20)
        assert 1 <= len(waiting()) <= THREADS_MAX
        for task in tasks:
            task.cancel()

    asyncio.run(main())
    for thread in waiting():
        thread.join(20)
    assert waiting() == []
    assert ops.delivery().queued == 1
    answers.set()
    assert asyncio.run(ops.flush())
    assert ops.delivery().delivered == 1


def test_a_loop_that_was_closed_meanwhile_is_no_error(hanging: Hanging) -> None:
    ops = AsyncAgentOps(detector=hanging)
    loop = asyncio.new_event_loop()
    # Held to the end: a task that is collected while it is pending is reported.
    task = loop.create_task(ops.evaluate("q", "a"))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    hanging.answers.set()
    for thread in threading.enumerate():
        if thread.name == "agentops-judging":
            thread.join(20)
            assert not thread.is_alive()
    assert len(hanging.seen) == 1
    # pytest fails where a thread raised.
    assert not task.done()


def test_what_the_work_raises_is_raised_and_a_context_is_its_callers() -> None:
    threads = AwaitedThreads("test-threads", 2)

    def stop() -> None:
        raise StopIteration

    async def main() -> None:
        with pytest.raises(ZeroDivisionError):
            await threads.do(lambda: 1 // 0)
        # A future refuses this one, and would never be done.
        with pytest.raises(RuntimeError, match="StopIteration"):
            await asyncio.wait_for(threads.do(stop), 20)
        assert await asyncio.gather(*(threads.do(lambda at=at: at) for at in range(50))) == list(range(50))

    asyncio.run(main())


def test_where_no_thread_can_start_the_caller_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse_to_start(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse_to_start)
    assert asyncio.run(AsyncAgentOps().evaluate("q", "Paris.", ["Paris."])).hallucinated is False


def test_a_program_ends_while_its_judge_hangs_and_a_cancelled_close_delivers(
    receiver: Receiver, tmp_path: Path
) -> None:
    may_store = threading.Event()
    accept, no = receiver.usual, refuse(503)

    def behave(handler: Any, items: list[dict[str, Any]]) -> None:
        (accept if may_store.is_set() else no)(handler, items)

    receiver.usual = behave
    text = """
import asyncio, sys, threading
from agentops import AsyncAgentOps, Bounds

BOUNDS = Bounds(linger_s=0, backoff_s=0.02, backoff_s_max=0.1, exit_s_max=60)

class Hanging:
    def detect(self, prompt, response, documents=None):
        threading.Event().wait()

async def within(awaitable):
    try:
        await asyncio.wait_for(awaitable, 0.2)
    except TimeoutError:
        return
    raise AssertionError

async def main():
    ops = AsyncAgentOps("agops_test", sys.argv[1], detector=Hanging(), bounds=BOUNDS)
    await within(ops.evaluate("q", "a"))
    ops.record("q", "a", hallucinated=False)
    await within(ops.flush(600))
    await within(ops.close(600))

asyncio.run(main())
print("left", flush=True)
sys.stdin.read()
"""
    process = program(text, tmp_path, receiver.url, stdin=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == "left\n"
    may_store.set()
    process.communicate(timeout=30)
    assert len(receiver.stored) == 1


def test_a_forked_child_has_threads_of_its_own(tmp_path: Path) -> None:
    text = """
import asyncio, os, threading
from agentops.threads import AwaitedThreads

threads = AwaitedThreads("one", 1)
begun = threading.Event()

def hang():
    begun.set()
    threading.Event().wait()

async def main():
    task = asyncio.create_task(threads.do(hang))
    await asyncio.to_thread(begun.wait)
    task.cancel()

asyncio.run(main())
child = os.fork()
if not child:
    print(asyncio.run(threads.do(lambda: "done")), flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""
    assert ended(program(text, tmp_path)) == "done\n"


def test_leaving_the_block_ends_the_session_and_not_the_client(receiver: Receiver) -> None:
    async def use_async() -> AsyncAgentOps:
        async with AsyncAgentOps(KEY, receiver.url, bounds=QUICK) as ops:
            ops.record("within", "a", hallucinated=False)
        return ops

    with AgentOps(KEY, receiver.url, bounds=QUICK) as ops:
        ops.record("within", "a", hallucinated=False)
    for left in (ops, asyncio.run(use_async())):
        assert left.record("after", "a", hallucinated=False)
        is_sent = left.flush()
        assert asyncio.run(_awaited(is_sent)) if isinstance(is_sent, Awaitable) else is_sent
        assert (left.delivery().delivered, left.delivery().dropped) == (2, {})


async def _awaited(what: Awaitable[bool]) -> bool:
    return await what
