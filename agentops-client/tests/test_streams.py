"""What an observed function answers costs its host little memory and time, however much it is."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pytest
from agentops import AgentOps, InvalidArgument, StoredEvaluation, kept

Captured = list[StoredEvaluation]
MB = 1_000_000


@pytest.fixture
def ops() -> AgentOps:
    return AgentOps()


def peak_of(stream: Iterator[object]) -> int:
    """The bytes that are held at once while somebody reads it and keeps nothing."""
    tracemalloc.start()
    try:
        for _ in stream:
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("chunk", [b"x", "x", [7] * 10, {"delta": "x"}])
def test_a_long_stream_is_kept_in_part(ops: AgentOps, agentops_capture: Captured, chunk: Any) -> None:
    @ops.observe
    def count(question: str) -> Iterator[Any]:
        for _ in range(200):
            yield chunk * MB if isinstance(chunk, str | bytes) else [chunk] * (MB // 8)

    # A chunk, what was kept as text of at most 4 bytes a character, and a copy of that.
    assert peak_of(count("How far?")) < 20 * MB
    [kept_one] = agentops_capture
    assert kept_one.response == ("x" * kept.TEXT_CHARS_MAX if chunk == "x" else "")


def test_a_stream_that_never_ends_fills_no_memory(
    ops: AgentOps, agentops_capture: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "_CHUNKS_MAX", 100)

    @ops.observe(response=lambda chunks: str(len(chunks)))
    def tick(question: str) -> Iterator[bytes]:
        while True:
            yield bytes(100)

    assert peak_of(islice(tick("When?"), 10_000)) < MB // 2
    assert [each.response for each in agentops_capture] == ["100"]


@dataclass
class Delta:
    """A piece, as libraries for language models wrap them."""

    content: str


def test_what_an_extractor_is_given_is_bounded_in_bytes(ops: AgentOps, agentops_capture: Captured) -> None:
    @ops.observe(response=lambda chunks: str(len(chunks)))
    def answer(question: str, wrapped: bool = False) -> Iterator[Any]:  # noqa: FBT001, FBT002 - the observed one's own
        for _ in range(100):
            yield {"choices": [Delta("x" * MB)]} if wrapped else "x" * MB

    assert peak_of(answer("How much?")) < 75 * MB
    assert peak_of(answer("How much?", wrapped=True)) < 75 * MB
    assert [each.response for each in agentops_capture] == ["67", "67"]


def test_the_first_characters_of_an_async_stream_are_kept(ops: AgentOps, agentops_capture: Captured) -> None:
    @ops.observe
    async def answer(question: str) -> AsyncIterator[str]:
        for letter in "abc":
            yield letter * 400_000

    async def main() -> int:
        return sum([len(chunk) async for chunk in answer("How much?")])

    assert asyncio.run(main()) == 1_200_000
    assert agentops_capture[0].response == "a" * 400_000 + "b" * 400_000 + "c" * 200_000


class Telling:
    """Counts how often text was made of it."""

    told = 0

    def __init__(self) -> None:
        self.parts = list(range(50_000))

    def __str__(self) -> str:
        Telling.told += 1
        return "told"


@pytest.mark.parametrize("value", [[0] * 10**7, {"a": ["b" * 100_000] * 20}, b"x" * 10**7, Telling()], ids=type)
def test_no_text_is_made_of_what_is_huge(agentops_capture: Captured, value: object) -> None:
    def answer(question: object) -> object:
        return value

    calm = AgentOps(raise_errors=False)
    assert calm.observe(answer)("What?") is value
    assert calm.observe(answer)(value) is value
    assert [(each.prompt, each.response) for each in agentops_capture] == [("What?", ""), ("", "")]
    assert Telling.told == 0
    with pytest.raises(InvalidArgument, match="too large to make text of"):
        AgentOps().observe(answer)("What?")


@pytest.mark.parametrize("value", [7, 0.5, True, [1, "a"], {"a": {"b": (1, None)}}, {1, 2}, Delta("x"), b"x"], ids=str)
def test_text_is_made_of_what_is_small(ops: AgentOps, agentops_capture: Captured, value: object) -> None:
    @ops.observe
    def answer(question: str) -> object:
        return value

    answer("What?")
    assert agentops_capture[0].response == str(value)


def test_what_refers_to_itself_is_looked_at_once() -> None:
    knot = Delta("x")
    knot.content = knot  # pyright: ignore[reportAttributeAccessIssue]
    assert kept.bytes_of(knot, MB) < 1_000
    endless: list[object] = []
    endless.append(endless)
    assert kept.bytes_of(endless, MB) == MB
    assert kept.bytes_of(range(10**9), MB) < 1_000
