"""Conversations over HTTP: what each looks like, in which order they come, and who sees them."""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from agentops_api import clock
from httpx2 import AsyncClient
from tests.cast import Somebody

pytestmark = pytest.mark.anyio
API = "/api/v1/sessions"


async def store(client: AsyncClient, *items: dict[str, Any]) -> list[str]:
    bodies = [{"prompt": "p", "response": "r"} | item for item in items]
    answer = await client.post("/evaluations/batch", json={"evaluations": bodies})
    assert answer.status_code == 201, answer.text
    return [result["id"] for result in answer.json()["results"]]


async def ask(client: AsyncClient, path: str = "", **params: Any) -> dict[str, Any]:
    answer = await client.get(API + path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def listed(client: AsyncClient, **params: Any) -> list[str]:
    return [each["session_id"] for each in (await ask(client, **params))["data"]]


def turn(session_id: str | None, now: datetime, minutes: float = 0, **more: Any) -> dict[str, Any]:
    """An evaluation so many minutes ago."""
    return {"session_id": session_id, "created_at": (now - timedelta(minutes=minutes)).isoformat()} | more


async def test_a_stranger_sees_no_conversation_and_nobody_asks_for_one(
    owner: Somebody, stranger: Somebody, anonymous: AsyncClient
) -> None:
    await store(owner.sdk, {"session_id": "the owner's", "prompt": "secret"})
    await store(stranger.sdk, {"session_id": "mine"})
    for path in (API, f"{API}/the owner's"):
        assert (await anonymous.get(path)).status_code == 401
        foreign = await stranger.person.get(path, headers={"X-Project-Id": str(owner.project_id)})
        assert foreign.status_code == 404
        assert "secret" not in foreign.text
    for client in (stranger.sdk, stranger.person):
        assert await listed(client) == ["mine"]
        assert (await client.get(f"{API}/the owner's")).status_code == 404


async def test_a_viewer_reads_conversations(viewer: Somebody, owner: Somebody) -> None:
    await store(owner.sdk, {"session_id": "s"})
    assert await listed(viewer.person) == ["s"]
    assert (await ask(viewer.person, "/s"))["session"]["evaluations"] == 1


async def test_a_conversation_is_counted_and_shows_its_worst_answer(sdk: AsyncClient) -> None:
    now = clock.now()
    ids = await store(
        sdk,
        turn("s", now, 9, hallucination_probability=0.9, hallucinated=False, latency_sec=1, agent_name="b"),
        turn("s", now, 8, hallucination_probability=0.6, hallucinated=True, latency_sec=2, agent_name="a"),
        turn("s", now, 7, hallucination_probability=0.7, hallucinated=True, model_name="m"),
        turn("s", now, 3, agent_name="a"),
        turn(None, now, 1, hallucinated=True),
        turn("other", now, 5),
    )
    found = await ask(sdk)
    assert (found["source"], found["has_more"], found["next_cursor"]) == ("rows", False, None)
    assert found["units"]["duration_s"] == "seconds"
    assert found["window"]["time_zone"] == "UTC"
    session, other = found["data"]
    assert session["duration_s"] == 360
    assert session["first_at"] < session["last_at"]
    assert session["worst"]["id"] == ids[2], "a verdict goes before a probability"
    assert (session["worst"]["hallucinated"], session["worst"]["hallucination_probability"]) == (True, 0.7)
    assert {name: session[name] for name in ("session_id", "evaluations", "verdicts", "hallucinations")} == {
        "session_id": "s",
        "evaluations": 4,
        "verdicts": 3,
        "hallucinations": 2,
    }
    assert session["hallucination_rate"] == pytest.approx(2 / 3)
    assert session["avg_latency"] == 1.5
    assert (session["agents"], session["models"]) == (["a", "b"], ["m"])
    assert other["worst"] is other["hallucination_rate"] is other["avg_latency"] is None
    assert (other["evaluations"], other["agents"], other["duration_s"]) == (1, [], 0)


async def test_the_worst_of_equals_is_the_newest_and_names_are_bounded(sdk: AsyncClient) -> None:
    now = clock.now()
    ids = await store(sdk, *[turn("s", now, n, hallucination_probability=0.5, agent_name=f"{n:02}") for n in range(30)])
    (session,) = (await ask(sdk))["data"]
    assert session["worst"]["id"] == ids[0]
    assert session["agents"] == [f"{n:02}" for n in range(20)]
    await store(sdk, turn("s", now, 20, hallucinated=True))
    (session,) = (await ask(sdk))["data"]
    assert session["worst"]["hallucinated"] is True
    assert session["worst"]["hallucination_probability"] is None


async def test_figures_agree_with_analytics_of_the_same_conversation(sdk: AsyncClient) -> None:
    now = clock.now()
    await store(sdk, *[turn("s", now, n, latency_sec=0.1 + n / 7, hallucinated=n % 3 == 0) for n in range(20)])
    (session,) = (await ask(sdk, days=7))["data"]
    summary = (await sdk.get("/api/v1/analytics/summary", params={"days": 7, "session_id": "s"})).json()["current"]
    for name in ("verdicts", "hallucinations", "hallucination_rate", "avg_latency"):
        assert session[name] == summary[name], name
    assert session["evaluations"] == summary["count"]


async def test_the_list_is_of_a_period_and_one_conversation_of_all_its_time(sdk: AsyncClient) -> None:
    now = clock.now()
    day = 24 * 60
    await store(sdk, turn("long", now, 10 * day), turn("long", now, 8 * day), turn("long", now, 1), turn("new", now, 2))
    assert await listed(sdk) == ["long", "new"]
    assert [each["evaluations"] for each in (await ask(sdk, days=7))["data"]] == [1, 1]
    assert [each["evaluations"] for each in (await ask(sdk, days=31))["data"]] == [3, 1]
    ended = (now - timedelta(days=5)).isoformat()
    (past,) = (await ask(sdk, start=(now - timedelta(days=12)).isoformat(), end=ended))["data"]
    assert (past["session_id"], past["evaluations"]) == ("long", 2)
    assert (await ask(sdk, "/long"))["session"]["evaluations"] == 3


async def test_filters_choose_conversations_and_leave_their_figures_whole(sdk: AsyncClient) -> None:
    now = clock.now()
    await store(
        sdk,
        turn("a", now, 1, agent_name="x", hallucinated=False),
        turn("a", now, 5, agent_name="y", model_name="m", hallucinated=True),
        turn("b", now, 3, agent_name="y", hallucinated=False),
        turn("c", now, 4),
    )
    assert await listed(sdk) == ["a", "b", "c"]
    assert await listed(sdk, agent_name="y") == ["b", "a"], "in the order of the answers that match"
    assert await listed(sdk, model_name="m") == ["a"]
    assert await listed(sdk, hallucinated="true") == ["a"]
    assert await listed(sdk, hallucinated="false") == ["b", "c"]
    assert await listed(sdk, agent_name="x", hallucinated="true") == []
    assert await listed(sdk, agent_name="x", hallucinated="false") == ["a"]
    assert await listed(sdk, agent_name="nobody") == []
    (session,) = (await ask(sdk, model_name="m"))["data"]
    assert (session["evaluations"], session["agents"]) == (2, ["x", "y"])


async def test_the_list_and_a_conversation_page_by_cursor(sdk: AsyncClient) -> None:
    now = clock.now()
    await store(sdk, *[turn(f"s{n % 5}", now, n) for n in range(20)])
    same = await store(sdk, *[turn("at once", now, 100) for _ in range(7)])

    async def pages(path: str, limit: int) -> list[dict[str, Any]]:
        seen: list[dict[str, Any]] = []
        params: dict[str, Any] = {"limit": limit}
        while True:
            page = await ask(sdk, path, **params)
            seen += page["data"]
            if not page["has_more"]:
                assert page["next_cursor"] is None
                return seen
            assert len(page["data"]) == limit
            params["cursor"] = page["next_cursor"]

    assert [each["session_id"] for each in await pages("", 2)] == ["s0", "s1", "s2", "s3", "s4", "at once"]
    turns = await pages("/s3", 3)
    assert [each["created_at"] for each in turns] == sorted(each["created_at"] for each in turns)
    assert len(turns) == 4
    assert {each["session_id"] for each in turns} == {"s3"}
    assert sorted(each["id"] for each in await pages("/at%20once", 3)) == sorted(same)


@pytest.mark.parametrize(
    "session_id",
    [
        "a/b",
        "a/b/",
        "/",
        "//a",
        "100% sure?&x=1#y",
        "ä ö 🦊",
        "..",
        "%2F",
        "+1 2",
        "x" * 200,
        "🦊" * 200,
        ";'--",
        "\\",
        "a\n",
        "a\nb",
        "\n",
        "\r\n",
    ],
)
async def test_any_text_is_a_conversations_name(sdk: AsyncClient, session_id: str) -> None:
    now = clock.now()
    await store(sdk, turn(session_id, now, 1), turn(session_id, now, 1), turn(session_id.strip("/"), now, 2))
    (first, *_), path = (await ask(sdk))["data"], f"/{quote(session_id, safe='').replace('.', '%2E')}"
    assert first["session_id"] == session_id
    whole = await ask(sdk, path, limit=1)
    assert whole["session"]["session_id"] == session_id
    again = await ask(sdk, f"{path}/", limit=1, cursor=whole["next_cursor"])
    assert [again["session"], again["has_more"]] == [whole["session"], whole["session"]["evaluations"] > 2]
    listing = await ask(sdk, limit=1)
    if listing["next_cursor"]:
        assert (await ask(sdk, cursor=listing["next_cursor"]))["data"][0]["session_id"] != session_id


async def test_what_is_not_there_is_404(sdk: AsyncClient) -> None:
    await store(sdk, {"session_id": "s"})
    for path in ("/t", "/S", "/s/t", "/s%2F", "//", "/" + "x" * 300, "/%FF"):
        answer = await sdk.get(API + path)
        assert answer.status_code == 404, path
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_deleted_conversation_is_gone(sdk: AsyncClient) -> None:
    (id,) = await store(sdk, {"session_id": "s"})
    assert (await sdk.delete(f"/evaluations/{id}")).status_code == 204
    assert await listed(sdk) == []
    assert (await sdk.get(f"{API}/s")).status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        "?days=0",
        "?days=32",
        "?start=2026-09-01T00:00:00Z&end=2026-11-01T00:00:00Z",
        "?days=7&start=2026-11-01T00:00:00Z",
        "?time_zone=Mars/Olympus",
        "?limit=0",
        "?limit=101",
        "?agent_name=",
        "?halucinated=true",
        "?hallucinated=perhaps",
        "?cursor=x",
        "?cursor=AAAAAAAAAAD_",
        "?session_id=s",
        "/s?days=7",
        "/s?limit=501",
        "/s?cursor=AAAA",
    ],
)
async def test_what_cannot_be_answered_is_refused(sdk: AsyncClient, query: str) -> None:
    await store(sdk, {"session_id": "s"})
    answer = await sdk.get(API + query)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"]


async def test_a_period_that_is_too_long_says_how_long_it_may_be(sdk: AsyncClient) -> None:
    answer = await sdk.get(API, params={"days": 90})
    assert "31 days" in answer.json()["detail"]
    assert (await sdk.get(API, params={"days": 31})).status_code == 200
