"""Answers are remembered for a few seconds, for so many, and asked for once."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from agentops_api.auth import cache as module
from agentops_api.auth.cache import Cache

pytestmark = pytest.mark.anyio


class Clock:
    """A monotonic clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def monotonic(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "monotonic", clock)
    return clock


def counted(answers: list[str | None]) -> Callable[[], Awaitable[str | None]]:
    """Answers one after the other; fails when asked once more."""

    async def load() -> str | None:
        return answers.pop(0)

    return load


async def test_an_answer_is_good_for_four_seconds_and_no_longer(monotonic: Clock) -> None:
    cache = Cache[str, str](ttl_s=4, entries_max=10)
    load = counted(["first", "second"])
    assert await cache.get("key", load) == "first"
    monotonic.now += 3.99
    assert await cache.get("key", load) == "first"
    monotonic.now += 0.01
    assert await cache.get("key", load) == "second"


async def test_that_there_is_nothing_is_an_answer_too(monotonic: Clock) -> None:
    cache = Cache[str, str](ttl_s=4, entries_max=10)
    load = counted([None, "now there is"])
    assert await cache.get("key", load) is None
    assert await cache.get("key", load) is None
    monotonic.now += 4
    assert await cache.get("key", load) == "now there is"


async def test_the_age_counts_from_before_the_look_up(monotonic: Clock) -> None:
    cache = Cache[str, str](ttl_s=4, entries_max=10)

    async def slow() -> str | None:
        monotonic.now += 3
        return "read at the start"

    await cache.get("key", slow)
    monotonic.now += 1
    assert await cache.get("key", counted(["fresh"])) == "fresh"


async def test_many_who_ask_at_once_share_one_look_up_and_one_may_leave() -> None:
    cache = Cache[str, str](ttl_s=4, entries_max=10)
    gate, asked = asyncio.Event(), 0

    async def load() -> str | None:
        nonlocal asked
        asked += 1
        await gate.wait()
        return "answer"

    first, *others = [asyncio.ensure_future(cache.get("key", load)) for _ in range(50)]
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    gate.set()
    assert await asyncio.gather(*others) == ["answer"] * 49
    assert asked == 1


async def test_nobody_joins_a_look_up_that_is_too_old(monotonic: Clock) -> None:
    cache = Cache[str, str](ttl_s=4, entries_max=10)
    gate = asyncio.Event()

    async def stuck() -> str | None:
        await gate.wait()
        return "old"

    waiting = asyncio.ensure_future(cache.get("key", stuck))
    await asyncio.sleep(0)
    monotonic.now += 4
    assert await cache.get("key", counted(["new"])) == "new"
    gate.set()
    assert await waiting == "old"


async def test_an_error_is_shared_and_not_remembered() -> None:
    cache = Cache[str, str](ttl_s=4, entries_max=10)

    async def fails() -> str | None:
        raise OSError("away")

    results = await asyncio.gather(*(cache.get("key", fails) for _ in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [OSError] * 3
    assert await cache.get("key", counted(["back"])) == "back"


async def test_the_oldest_makes_room() -> None:
    cache = Cache[int, str](ttl_s=4, entries_max=3)
    for key in range(4):
        await cache.get(key, counted([f"{key}"]))
    for key in (1, 2, 3):
        assert await cache.get(key, counted([])) == f"{key}"
    assert await cache.get(0, counted(["again"])) == "again"


async def test_what_is_forgotten_is_asked_for_anew() -> None:
    cache = Cache[str, str](ttl_s=4, entries_max=10)
    await cache.get("a", counted(["mine"]))
    await cache.get("b", counted(["yours"]))
    await cache.get("c", counted([None]))
    cache.forget(lambda value: value == "mine")
    assert await cache.get("b", counted([])) == "yours"
    assert await cache.get("a", counted(["mine anew"])) == "mine anew"
