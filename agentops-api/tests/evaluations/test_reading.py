"""Evaluations are listed, counted, read and deleted, each project for itself."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from agentops_api import clock
from httpx2 import AsyncClient
from tests.cast import Somebody, TestDatabase

pytestmark = pytest.mark.anyio


async def store(client: AsyncClient, *items: dict[str, Any]) -> list[str]:
    bodies = [{"prompt": "p", "response": "r"} | item for item in items]
    answer = await client.post("/evaluations/batch", json={"evaluations": bodies})
    assert answer.status_code == 201, answer.text
    return [result["id"] for result in answer.json()["results"]]


async def listed(client: AsyncClient, **params: Any) -> list[str]:
    answer = await client.get("/evaluations/", params=params)
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()["data"]]


async def test_a_stranger_sees_and_deletes_nothing(owner: Somebody, stranger: Somebody, anonymous: AsyncClient) -> None:
    (id,) = await store(owner.sdk, {"prompt": "the owner's secret"})
    for client in (stranger.sdk, stranger.person):
        for answer in (
            await client.get(f"/evaluations/{id}"),
            await client.delete(f"/evaluations/{id}"),
            await client.get("/evaluations/", headers={"X-Project-Id": str(owner.project_id)})
            if client is stranger.person
            else await client.get(f"/evaluations/{id}/"),
        ):
            assert answer.status_code == 404
            assert "secret" not in answer.text
        assert await listed(client) == []
        assert (await client.get("/evaluations/stats")).json()["total_evaluations"] == 0
    for path in (f"/evaluations/{id}", "/evaluations", "/evaluations/stats"):
        assert (await anonymous.get(path)).status_code == 401
    assert await listed(owner.sdk) == [id]


async def test_a_viewer_reads_and_deletes_nothing(viewer: Somebody, owner: Somebody) -> None:
    (id,) = await store(owner.sdk, {})
    assert await listed(viewer.person) == [id]
    assert (await viewer.person.delete(f"/evaluations/{id}")).status_code == 403
    assert await listed(owner.sdk) == [id]


async def test_the_list_is_newest_first_and_pages_by_cursor(sdk: AsyncClient) -> None:
    now = clock.now()
    ids = await store(sdk, *[{"created_at": (now - timedelta(hours=n)).isoformat()} for n in range(7)])
    seen: list[str] = []
    url = "/evaluations/?limit=3"
    for _ in range(3):
        answer = await sdk.get(url)
        page = answer.json()
        seen += [each["id"] for each in page["data"]]
        if not page["has_more"]:
            assert page["next_cursor"] is None
            assert "link" not in answer.headers
            break
        url = answer.headers["link"].split(">")[0].removeprefix("<")
        assert page["next_cursor"] in url
    assert seen == ids


async def test_evaluations_of_one_instant_are_all_listed_once(sdk: AsyncClient) -> None:
    at = clock.now().isoformat()
    ids = await store(sdk, *[{"created_at": at} for _ in range(25)])
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await sdk.get("/evaluations", params={"limit": 4} | cursor)).json()
        seen += [each["id"] for each in page["data"]]
        if not page["has_more"]:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert sorted(seen) == sorted(ids)
    assert len(seen) == 25


async def test_offset_serves_older_clients(sdk: AsyncClient) -> None:
    now = clock.now()
    ids = await store(sdk, *[{"created_at": (now - timedelta(hours=n)).isoformat()} for n in range(5)])
    assert await listed(sdk, limit=2, offset=2) == ids[2:4]
    refused = await sdk.get("/evaluations", params={"offset": 1, "cursor": "x" * 32})
    assert refused.status_code == 422


async def test_each_filter_narrows_the_list(sdk: AsyncClient) -> None:
    now = clock.now()
    a, b, c = await store(
        sdk,
        {
            "hallucinated": True,
            "agent_name": "x",
            "model_name": "m1",
            "mode": "self-check",
            "session_id": "s1",
            "hallucination_probability": 0.9,
            "created_at": now.isoformat(),
        },
        {
            "hallucinated": False,
            "agent_name": "x",
            "model_name": "m2",
            "session_id": "s2",
            "hallucination_probability": 0.3,
            "created_at": (now - timedelta(days=2)).isoformat(),
        },
        {"agent_name": "y", "created_at": (now - timedelta(days=4)).isoformat()},
    )
    assert await listed(sdk, hallucinated="true") == [a]
    assert await listed(sdk, hallucinated="false") == [b]
    assert await listed(sdk, agent_name="x") == [a, b]
    assert await listed(sdk, model_name="m2") == [b]
    assert await listed(sdk, mode="self-check") == [a]
    assert await listed(sdk, session_id="s2") == [b]
    assert await listed(sdk, min_hallucination_probability=0.3) == [a, b]
    assert await listed(sdk, start_date=(now - timedelta(days=3)).isoformat()) == [a, b]
    assert await listed(sdk, end_date=(now - timedelta(days=1)).isoformat()) == [b, c]
    assert await listed(sdk, agent_name="x", hallucinated="false") == [b]
    assert await listed(sdk, agent_name="nobody") == []


async def test_a_least_probability_pages_in_order(sdk: AsyncClient) -> None:
    now = clock.now()
    scores = [0.29, 0.9, 0.289, 0.2900001, 1.0, 0.0, 0.57, 0.295, None, 0.58]
    ids = await store(
        sdk,
        *[
            {"hallucination_probability": score, "created_at": (now - timedelta(minutes=n)).isoformat()}
            for n, score in enumerate(scores)
        ],
    )
    for least in (0, 0.29, 0.295, 0.57, 0.58, 1):
        expected = [id for id, score in zip(ids, scores, strict=True) if score is not None and score >= least]
        seen: list[str] = []
        url = f"/evaluations?limit=2&min_hallucination_probability={least}"
        while url:
            answer = await sdk.get(url)
            seen += [each["id"] for each in answer.json()["data"]]
            url = answer.headers["link"].split(">")[0].removeprefix("<") if answer.json()["has_more"] else ""
        assert seen == expected
        assert await listed(sdk, min_hallucination_probability=least, offset=1) == expected[1:]


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=501",
        "offset=-1",
        "halucinated=true",
        "days=7",
        "start_date=yesterday",
        "cursor=x",
        "agent_name=",
    ],
)
async def test_what_the_list_does_not_know_is_refused(sdk: AsyncClient, query: str) -> None:
    answer = await sdk.get(f"/evaluations/?{query}")
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_statistics_are_the_published_eight_and_immediate(sdk: AsyncClient) -> None:
    assert (await sdk.get("/evaluations/stats?days=7")).json() == {
        "total_evaluations": 0,
        "total_hallucinations": 0,
        "hallucination_rate": 0.0,
        "avg_latency": 0.0,
        "avg_throughput": 0.0,
        "avg_semantic_drift": 0.0,
        "avg_uncertainty": 0.0,
        "avg_factual_support": 0.0,
    }
    await store(
        sdk,
        {"hallucinated": True, "latency_sec": 0.5, "throughput_qps": 2, "semantic_drift": 0.2, "agent_name": "a"},
        {"hallucinated": False, "latency_sec": 1.5, "uncertainty": 0.3, "factual_support": 0.9, "agent_name": "b"},
        {"model_name": "m"},
    )
    assert (await sdk.get("/evaluations/stats")).json() == {
        "total_evaluations": 3,
        "total_hallucinations": 1,
        "hallucination_rate": 0.5,
        "avg_latency": 1.0,
        "avg_throughput": 2.0,
        "avg_semantic_drift": 0.2,
        "avg_uncertainty": 0.3,
        "avg_factual_support": 0.9,
    }
    assert (await sdk.get("/evaluations/stats?agent_name=a")).json()["avg_latency"] == 0.5
    assert (await sdk.get("/evaluations/stats?model_name=m")).json()["total_evaluations"] == 1


async def test_statistics_count_the_days_that_were_asked_for(sdk: AsyncClient) -> None:
    now = clock.now()
    await store(sdk, *[{"created_at": (now - timedelta(days=days)).isoformat()} for days in (0, 2, 8, 20)])
    counts = [(await sdk.get(f"/evaluations/stats?days={days}")).json()["total_evaluations"] for days in (1, 7, 10, 30)]
    assert counts == [1, 2, 3, 4]
    for refused in ("days=0", "days=100000", "days=x", "weeks=1"):
        assert (await sdk.get(f"/evaluations/stats?{refused}")).status_code == 422


async def test_deleting_takes_the_evaluation_out_of_list_and_statistics(sdk: AsyncClient) -> None:
    made = str(uuid4())
    kept, gone = await store(sdk, {"hallucinated": True, "latency_sec": 1}, {"id": made, "latency_sec": 3})
    assert (await sdk.delete(f"/evaluations/{gone}")).status_code == 204
    assert (await sdk.get(f"/evaluations/{gone}")).status_code == 404
    assert (await sdk.delete(f"/evaluations/{gone}")).status_code == 404
    assert await listed(sdk) == [kept]
    assert (await sdk.get("/evaluations/stats")).json()["avg_latency"] == 1.0
    assert (await store(sdk, {"id": made}))[0] == made


async def test_reading_one_visits_one_partition(sdk: AsyncClient, database: TestDatabase) -> None:
    by_server, by_client = await store(sdk, {}, {"id": str(uuid4())})
    for id in (by_server, by_client):
        assert (await sdk.get(f"/evaluations/{id}")).json()["id"] == id
    with psycopg.connect(database.superuser_url) as admin:
        admin.execute("SET plan_cache_mode = force_generic_plan")
        plan = admin.execute(
            """
            EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF)
            SELECT id FROM evaluations WHERE id = %(id)s
            AND project_id = (SELECT project_id FROM evaluation_ids WHERE id = %(id)s)
            AND created_at = (SELECT created_at FROM evaluation_ids WHERE id = %(id)s)
            """,
            {"id": by_client},
        ).fetchall()
    visited = [line for (line,) in plan if "on evaluations_" in line and "never executed" not in line]
    assert len(visited) == 1, plan
