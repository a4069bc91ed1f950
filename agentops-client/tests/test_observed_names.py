"""Which argument of an observed function is the prompt, and what is said where a name is wrong."""

import logging
from typing import Any

import pytest
from agentops import AgentOps, InvalidArgument, StoredEvaluation

Captured = list[StoredEvaluation]


@pytest.fixture
def ops() -> AgentOps:
    return AgentOps()


def test_what_a_call_leaves_to_defaults_is_seen(ops: AgentOps, agentops_capture: Captured) -> None:
    @ops.observe
    def named(tone: str = "kind", question: str = "What?", docs: tuple[str, ...] = ("It is.",)) -> str:
        return "a"

    @ops.observe
    def unnamed(tone: str = "kind", what: str = "How?") -> str:
        return "a"

    named()
    named("rude")
    named("rude", "Why?", ("Because.",))
    unnamed()
    unnamed(what="Who?")
    assert [(each.prompt, each.retrieved_docs) for each in agentops_capture] == [
        ("What?", ["It is."]),
        ("What?", ["It is."]),
        ("Why?", ["Because."]),
        ("kind", None),
        ("Who?", None),
    ]


def test_a_default_of_none_is_no_prompt(ops: AgentOps, agentops_capture: Captured) -> None:
    @ops.observe
    def answer(prompt: str | None = None, question: str | None = None, context: str | None = None) -> str:
        return "a"

    answer(question="What?")
    answer()
    assert [each.prompt for each in agentops_capture] == ["What?", ""]


def test_what_lies_in_args_and_kwargs_is_seen(ops: AgentOps, agentops_capture: Captured) -> None:
    @ops.observe
    def loose(*args: Any, **kwargs: Any) -> str:
        return "a"

    @ops.observe(prompt="what", retrieved_docs="found")
    def named(*args: Any, **kwargs: Any) -> str:
        return "a"

    @ops.observe
    def words(*question: str, **others: Any) -> str:
        return "a"

    @ops.observe
    def evidence(question: str, *docs: str) -> str:
        return "a"

    loose(7, "How?")
    loose(7, "How?", question="What?", docs=["d"])
    named("How?", what="What?", found=["d"])
    words("What", "is", "it?")
    evidence("What?", "d", "e")
    assert [(each.prompt, each.retrieved_docs) for each in agentops_capture] == [
        ("How?", None),
        ("What?", ["d"]),
        ("What?", ["d"]),
        ("What is it?", None),
        ("What?", ["d", "e"]),
    ]


@pytest.mark.parametrize("option", ["prompt", "retrieved_docs"])
def test_a_name_of_no_parameter_is_said(
    agentops_capture: Captured, caplog: pytest.LogCaptureFixture, option: str
) -> None:
    wrong: dict[str, Any] = {option: "typo"}

    def answer(question: str) -> str:
        return "a"

    def loose(**given: str) -> str:
        return "a"

    with pytest.raises(InvalidArgument, match=f"{option}='typo'"):
        AgentOps().observe(**wrong)(answer)
    calm = AgentOps(raise_errors=False)
    caplog.clear()
    observed = calm.observe(**wrong)(answer)
    assert [(each.levelno, "names no parameter" in each.message) for each in caplog.records] == [
        (logging.WARNING, True)
    ]
    assert observed("What?") == "a"
    AgentOps().observe(**wrong)(loose)(typo="How?")
    AgentOps().observe(**wrong)(max)
    assert [each.prompt for each in agentops_capture] == ["What?", "How?"]


@pytest.mark.parametrize("metadata", [5, "text", ["no pairs"], object()])
def test_metadata_that_is_none_costs_a_trace_its_metadata(agentops_capture: Captured, metadata: Any) -> None:
    with pytest.raises(InvalidArgument, match="metadata must be a mapping"):
        AgentOps().trace("What?", metadata=metadata)
    with AgentOps(raise_errors=False).trace("What?", metadata=metadata) as trace:
        trace.response = "a"
        trace.metadata["later"] = 1
    assert [(each.response, each.metadata) for each in agentops_capture] == [("a", {"later": 1})]
