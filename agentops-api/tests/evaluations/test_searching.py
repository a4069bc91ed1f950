"""The list finds words over HTTP, for one project each."""

from datetime import timedelta
from typing import Any

import pytest
from agentops_api import clock, upkeep
from agentops_api.edge.runtime import Runtime
from httpx2 import AsyncClient
from tests.cast import Somebody

pytestmark = pytest.mark.anyio


async def store(client: AsyncClient, *texts: tuple[str, str], **fields: Any) -> list[str]:
    now = clock.now()
    bodies = [
        {"prompt": prompt, "response": response, "created_at": (now - timedelta(minutes=n)).isoformat()} | fields
        for n, (prompt, response) in enumerate(texts)
    ]
    answer = await client.post("/evaluations/batch", json={"evaluations": bodies})
    assert answer.status_code == 201, answer.text
    return [result["id"] for result in answer.json()["results"]]


async def found(client: AsyncClient, q: str, **params: Any) -> list[str]:
    answer = await client.get("/evaluations", params={"q": q} | params)
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()["data"]]


async def test_a_stranger_finds_nothing(owner: Somebody, stranger: Somebody, anonymous: AsyncClient) -> None:
    await store(owner.sdk, ("the secret", "of the owner"))
    mine = await store(stranger.sdk, ("no secret", "at all"))
    assert await found(stranger.sdk, "secret") == mine
    assert await found(stranger.person, "owner") == []
    assert (await anonymous.get("/evaluations", params={"q": "secret"})).status_code == 401


async def test_words_are_found_in_prompts_and_responses(sdk: AsyncClient, server: Runtime, viewer: Somebody) -> None:
    texts = [("Where is my order?", "Order #A-17 left."), ("ORDER me a pizza", "I can't."), ("Wo?", "In Köln.")]
    a, b, c = await store(sdk, *texts)
    for _ in ("queued", "filed"):
        assert await found(sdk, "order") == [a, b]
        assert await found(viewer.person, "order") == [a, b]
        assert await found(sdk, "a-17 order") == [a]
        assert await found(sdk, "can't") == [b]
        assert await found(sdk, "KÖLN") == [c]
        assert await found(sdk, "koln") == []
        assert await found(sdk, "orde") == []
        assert await found(sdk, "order köln") == []
        await upkeep.file_words(server.db, server.writer, 0)


async def test_a_search_keeps_to_the_filters_and_pages(sdk: AsyncClient) -> None:
    old = await store(sdk, *[("word", f"{n}") for n in range(7)], agent_name="x")
    await store(sdk, ("word", "other"), agent_name="y")
    assert await found(sdk, "word", agent_name="x") == old
    seen: list[str] = []
    url = "/evaluations?q=word&agent_name=x&limit=3"
    while url:
        answer = await sdk.get(url)
        page = answer.json()
        seen += [each["id"] for each in page["data"]]
        url = answer.headers["link"].split(">")[0].removeprefix("<") if page["has_more"] else ""
    assert seen == old


async def test_a_deleted_evaluation_is_not_found(sdk: AsyncClient, server: Runtime) -> None:
    a, b = await store(sdk, ("same word", "1"), ("same word", "2"))
    await upkeep.file_words(server.db, server.writer, 0)
    assert (await sdk.delete(f"/evaluations/{a}")).status_code == 204
    assert await found(sdk, "word") == [b]


@pytest.mark.parametrize(
    "query", ["q=", "q=...", "q=%20", f"q={'a' * 201}", "q=a&offset=1", "q=a+b+c+d+e+f+g+h+i+j+k", "q=a&q=b"]
)
async def test_a_search_that_cannot_be_understood_is_refused(sdk: AsyncClient, query: str) -> None:
    answer = await sdk.get(f"/evaluations?{query}")
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] in ("q", "offset")
