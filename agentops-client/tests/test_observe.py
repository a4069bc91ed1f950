"""Traces and observed functions: what becomes an evaluation, and that the function stays what it was."""

import asyncio
import functools
import gc
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Generator, Iterator
from typing import Any

import pytest
from agentops import AgentOps, AsyncAgentOps, StoredEvaluation, current_trace

Captured = list[StoredEvaluation]


@pytest.fixture
def ops() -> AgentOps:
    return AgentOps()


def test_a_function_becomes_an_evaluation(ops: AgentOps, agentops_capture: Captured) -> None:
    @ops.observe
    def answer(question: str, documents: list[str]) -> str:
        """Answers."""
        return "The sky is blue."

    assert answer("What colour is the sky?", documents=["The sky is blue by day."]) == "The sky is blue."
    assert (answer.__name__, answer.__doc__) == ("answer", "Answers.")
    [kept] = agentops_capture
    assert (kept.prompt, kept.response, kept.agent_name) == ("What colour is the sky?", "The sky is blue.", "answer")
    assert kept.retrieved_docs == ["The sky is blue by day."]
    assert kept.hallucinated is False
    assert kept.latency_sec
    assert kept.latency_sec > 0


def test_names_and_extractors_are_the_callers(ops: AgentOps, agentops_capture: Captured) -> None:
    @ops.observe(
        prompt="what", retrieved_docs="from_", response=lambda found: found["text"], model_name="m", agent_name="a"
    )
    def ask(who: str, what: str, from_: list[str]) -> dict[str, str]:
        return {"text": f"{who}: 42"}

    assert ask("me", "How many?", ["42 of them"]) == {"text": "me: 42"}
    [kept] = agentops_capture
    assert (kept.prompt, kept.response, kept.retrieved_docs) == ("How many?", "me: 42", ["42 of them"])
    assert (kept.model_name, kept.agent_name) == ("m", "a")


def test_what_is_found_inside_is_told_to_the_current_trace(ops: AgentOps, agentops_capture: Captured) -> None:
    @ops.observe
    def answer(question: str) -> str:
        trace = current_trace()
        assert trace
        trace.retrieved_docs = ["found inside"]
        trace.session_id = "s1"
        trace.metadata["tenant"] = "acme"
        return "yes"

    answer("Really?")
    assert current_trace() is None
    [kept] = agentops_capture
    assert (kept.retrieved_docs, kept.session_id, kept.metadata) == (["found inside"], "s1", {"tenant": "acme"})


def test_an_error_passes_and_is_named_by_its_type_only(ops: AgentOps, agentops_capture: Captured) -> None:
    @ops.observe
    def answer(question: str) -> str:
        raise KeyError("a secret")

    with pytest.raises(KeyError, match="a secret"):
        answer("Really?")
    [kept] = agentops_capture
    assert (kept.response, kept.metadata) == ("", {"error": "KeyError"})


def test_a_coroutine_stays_one(agentops_capture: Captured) -> None:
    ops = AsyncAgentOps()

    @ops.observe
    async def answer(question: str) -> str:
        await asyncio.sleep(0)
        assert current_trace()
        return f"{question} yes"

    assert inspect.iscoroutinefunction(answer)

    async def main() -> list[str]:
        return await asyncio.gather(*(answer(f"{number}?") for number in range(5)))

    assert asyncio.run(main()) == [f"{number}? yes" for number in range(5)]
    assert sorted((kept.prompt, kept.response) for kept in agentops_capture) == [
        (f"{number}?", f"{number}? yes") for number in range(5)
    ]


def test_a_cancelled_coroutine_is_recorded_and_stays_cancelled(agentops_capture: Captured) -> None:
    ops = AsyncAgentOps()

    @ops.observe
    async def answer(question: str) -> str:
        await asyncio.Event().wait()
        return "never"

    async def main() -> None:
        task = asyncio.create_task(answer("When?"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert [kept.metadata for kept in agentops_capture] == [{"error": "CancelledError"}]


def test_a_generator_stays_one_and_its_text_is_joined(ops: AgentOps, agentops_capture: Captured) -> None:
    @ops.observe
    def answer(question: str) -> Iterator[str]:
        for word in ("It ", "is ", "blue."):
            assert current_trace()
            yield word

    assert inspect.isgeneratorfunction(answer)
    stream = answer("What colour?")
    assert agentops_capture == []
    for _ in stream:
        assert current_trace() is None
    [kept] = agentops_capture
    assert (kept.prompt, kept.response) == ("What colour?", "It is blue.")


def test_a_generator_hears_what_its_caller_sends_and_throws(ops: AgentOps, agentops_capture: Captured) -> None:
    @ops.observe(response=repr)
    def talk(text: str) -> Generator[str, int, str]:
        got = yield "first"
        try:
            yield f"got {got}"
        except ValueError as error:
            yield f"caught {error}"
        return "done"

    stream = talk("hello")
    assert next(stream) == "first"
    assert stream.send(7) == "got 7"
    assert stream.throw(ValueError("it")) == "caught it"
    with pytest.raises(StopIteration) as end:
        next(stream)
    assert end.value.value == "done"
    assert [kept.response for kept in agentops_capture] == ["['first', 'got 7', 'caught it']"]


@pytest.mark.parametrize("how", ["closed", "forgotten"])
def test_a_generator_that_is_left_early_is_recorded_and_closed(
    ops: AgentOps, agentops_capture: Captured, how: str
) -> None:
    closed: list[bool] = []

    @ops.observe
    def answer(question: str) -> Generator[str]:
        try:
            yield "It "
            yield "is "
        finally:
            closed.append(True)

    stream = answer("What?")
    assert next(stream) == "It "
    if how == "closed":
        stream.close()
    del stream
    gc.collect()
    assert closed == [True]
    assert [(kept.response, kept.metadata) for kept in agentops_capture] == [("It ", None)]


def test_a_generator_that_fails_is_recorded_with_what_it_said(ops: AgentOps, agentops_capture: Captured) -> None:
    @ops.observe
    def answer(question: str) -> Iterator[str]:
        yield "It "
        raise TimeoutError

    with pytest.raises(TimeoutError):
        list(answer("What?"))
    assert [(kept.response, kept.metadata) for kept in agentops_capture] == [("It ", {"error": "TimeoutError"})]


def test_an_async_generator_stays_one(ops: AgentOps, agentops_capture: Captured) -> None:
    closed: list[bool] = []

    @ops.observe
    async def answer(question: str) -> AsyncGenerator[str, str | None]:
        try:
            got = yield "It "
            yield f"is {got}"
        finally:
            closed.append(True)

    @ops.observe
    async def fails(question: str) -> AsyncIterator[str]:
        yield "so far"
        raise TimeoutError

    assert inspect.isasyncgenfunction(answer)

    async def main() -> None:
        stream = answer("What?")
        assert await anext(stream) == "It "
        assert await stream.asend("blue") == "is blue"
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
        left = answer("Left?")
        assert await anext(left) == "It "
        await left.aclose()
        with pytest.raises(TimeoutError):
            [chunk async for chunk in fails("Fails?")]

    asyncio.run(main())
    assert closed == [True, True]
    assert [(kept.prompt, kept.response, kept.metadata) for kept in agentops_capture] == [
        ("What?", "It is blue", None),
        ("Left?", "It ", None),
        ("Fails?", "so far", {"error": "TimeoutError"}),
    ]


def test_what_has_no_name_or_signature_is_observed_too(ops: AgentOps, agentops_capture: Captured) -> None:
    def answer(style: str, question: str) -> str:
        return f"{style}: {question}"

    short = ops.observe(functools.partial(answer, "short"))
    assert short("Why?") == "short: Why?"
    assert ops.observe(max)(1, 2) == 2
    assert [(kept.prompt, kept.response) for kept in agentops_capture] == [("Why?", "short: Why?"), ("", "2")]


def test_methods_are_observed_too(ops: AgentOps, agentops_capture: Captured) -> None:
    class Agent:
        @ops.observe
        def run(self, query: str) -> str:
            return query.upper()

    assert Agent().run("hi") == "HI"
    assert [(kept.prompt, kept.response) for kept in agentops_capture] == [("hi", "HI")]


def test_class_and_static_methods_are_observed_in_either_order(ops: AgentOps, agentops_capture: Captured) -> None:
    class Agent:
        @ops.observe
        @classmethod
        def first(cls, query: str) -> str:
            return f"{cls.__name__} {query}"

        @classmethod
        @ops.observe
        def second(cls, query: str) -> str:
            return f"{cls.__name__} {query}"

        @ops.observe(agent_name="third")
        @staticmethod
        def third(query: str) -> str:
            return query.upper()

        @staticmethod
        @ops.observe
        def fourth(query: str) -> str:
            return query.upper()

    assert (Agent.first("hi"), Agent().second("hi")) == ("Agent hi", "Agent hi")
    assert (Agent.third("hi"), Agent().fourth("hi")) == ("HI", "HI")
    assert [(kept.prompt, kept.response) for kept in agentops_capture] == [("hi", "Agent hi")] * 2 + [("hi", "HI")] * 2
    assert [kept.agent_name for kept in agentops_capture] == ["first", "second", "third", "fourth"]


def test_what_a_function_returns_unfinished_is_followed_to_its_end(ops: AgentOps, agentops_capture: Captured) -> None:
    async def words(text: str) -> AsyncGenerator[str]:
        assert current_trace()
        for word in text.split():
            yield word

    async def later(text: str) -> str:
        trace = current_trace()
        assert trace
        trace.session_id = "s"
        await asyncio.sleep(0.05)
        return text

    async def later_words(text: str) -> AsyncGenerator[str]:
        return words(text)

    def gives_later(text: str) -> Coroutine[None, None, str]:
        return later(text)

    def gives_words(text: str) -> AsyncGenerator[str]:
        return words(text)

    def gives_generator(text: str) -> Iterator[str]:
        return (word for word in text.split())

    class Later:
        async def __call__(self, text: str) -> str:
            return await later(text)

    class Stream:
        def __call__(self, text: str) -> Iterator[str]:
            yield from text.split()

    async def main() -> None:
        for function in (gives_later, Later(), functools.partial(later)):
            awaited = ops.observe(function)("a b")
            assert inspect.iscoroutine(awaited)
            assert await awaited == "a b"
            assert current_trace() is None
        assert [word async for word in ops.observe(gives_words)("a b")] == ["a", "b"]
        assert [word async for word in await ops.observe(later_words)("a b")] == ["a", "b"]

    asyncio.run(main())
    assert list(ops.observe(gives_generator)("a b")) == ["a", "b"]
    assert list(ops.observe(Stream())("a b")) == ["a", "b"]
    assert [(kept.prompt, kept.response) for kept in agentops_capture] == [("a b", "a b")] * 3 + [("a b", "ab")] * 4
    assert [kept.session_id for kept in agentops_capture] == ["s"] * 3 + [None] * 4
    assert all(kept.latency_sec and kept.latency_sec >= 0.05 for kept in agentops_capture[:3])


def test_an_error_in_what_is_returned_unfinished_is_named(ops: AgentOps, agentops_capture: Captured) -> None:
    async def fails() -> str:
        raise TimeoutError

    def breaks() -> Iterator[str]:
        yield "so far"
        raise KeyError

    def gives(text: str) -> Any:
        return fails() if text == "later" else breaks()

    with pytest.raises(TimeoutError):
        asyncio.run(ops.observe(gives)("later"))
    with pytest.raises(KeyError):
        list(ops.observe(gives)("stream"))
    kept = [(each.response, each.metadata) for each in agentops_capture]
    assert kept == [("", {"error": "TimeoutError"}), ("so far", {"error": "KeyError"})]


def test_other_things_that_are_not_finished_stay_what_they_are(ops: AgentOps, agentops_capture: Captured) -> None:
    @ops.observe
    def shout(text: str) -> Iterator[str]:
        return map(str.upper, text)

    @ops.observe
    def begin(text: str) -> asyncio.Task[None]:
        return asyncio.create_task(asyncio.sleep(0))

    async def main() -> None:
        task = begin("q")
        assert isinstance(task, asyncio.Task)
        await task

    assert isinstance(shout("q"), map)
    asyncio.run(main())
    assert [kept.response for kept in agentops_capture] == ["", ""]


def test_a_trace_is_a_block(ops: AgentOps, agentops_capture: Captured) -> None:
    with ops.trace("Outer?", agent_name="a") as outer:
        with ops.trace("Inner?", retrieved_docs=["d"]) as inner:
            assert current_trace() is inner
            inner.response = "inner"
        assert current_trace() is outer
        outer.response = "outer"
        outer.model_name = "m"
    assert [(kept.prompt, kept.response) for kept in agentops_capture] == [("Inner?", "inner"), ("Outer?", "outer")]
    assert agentops_capture[1].model_name == "m"


def test_what_the_observer_does_wrong_costs_the_function_nothing(agentops_capture: Captured) -> None:
    ops = AgentOps(raise_errors=False)

    @ops.observe(response=lambda found: 1 / 0)  # pyright: ignore[reportArgumentType, reportUnknownLambdaType]
    def answer(question: str) -> str:
        return "fine"

    assert answer("What?") == "fine"
    assert [kept.response for kept in agentops_capture] == [""]
    with pytest.raises(TypeError, match="question"):
        answer()  # pyright: ignore[reportCallIssue]
