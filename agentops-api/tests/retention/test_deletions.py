"""Evaluations deleted by a filter: just those, with their statistics and their ids, and nobody else's."""

from collections.abc import Mapping
from datetime import timedelta
from typing import cast
from uuid import UUID, uuid4

import pytest
from agentops_api import clock
from agentops_api.edge.runtime import Runtime
from agentops_api.telemetry import rollups
from agentops_api.telemetry.deletion import STEP_ROWS
from httpx2 import AsyncClient
from tests.cast import Somebody, TestDatabase
from tests.jobs.queue import all_finished, ask

pytestmark = pytest.mark.anyio

Json = dict[str, object]


async def send(sdk: AsyncClient, *items: Mapping[str, object]) -> None:
    for first in range(0, len(items), 1_000):
        batch = [{"prompt": "p", "response": "r", **item} for item in items[first : first + 1_000]]
        answer = await sdk.post("/evaluations/batch", json={"evaluations": batch})
        assert answer.status_code == 201, answer.text


async def agents(sdk: AsyncClient) -> list[str]:
    return sorted(row["agent_name"] for row in (await sdk.get("/evaluations?limit=500")).json()["data"])


async def total(sdk: AsyncClient, days: int = 3) -> int:
    return (await sdk.get(f"/evaluations/stats?days={days}")).json()["total_evaluations"]


async def delete(somebody: Somebody, database: TestDatabase, **wanted: object) -> Json:
    """Asks for a deletion and waits until it is done; the job as it is then. A dry run says the same before."""
    dry = await somebody.sdk.post("/api/v1/deletions", json={"filter": wanted, "dry_run": True})
    assert dry.status_code == 200, dry.text
    asked = await somebody.sdk.post("/api/v1/deletions", json={"filter": wanted})
    assert asked.status_code == 202, asked.text
    await all_finished(database.superuser_url)
    job = (await somebody.sdk.get(f"/api/v1/jobs/{asked.json()['id']}")).json()
    assert (job["status"], job["report"]["evaluations"]) == ("succeeded", dry.json()["evaluations"])
    assert job["done"] == job["total"]
    return cast(Json, job)


async def check_statistics(server: Runtime, project_id: UUID) -> None:
    """Rollups are what counting the rows anew makes of them."""

    async def kept() -> list[tuple[object, ...]]:
        query = "SELECT * FROM evaluation_rollups ORDER BY resolution, dims, at, agent_name, model_name, mode"
        async with server.db.as_project(project_id) as tx:
            return await (await tx.execute(query)).fetchall()

    async with server.db.as_project(project_id) as tx:
        await rollups.merge(tx, project_id, await rollups.unmerged_slots(tx, project_id))
    before = await kept()
    async with server.db.as_project(project_id) as tx:
        await rollups.rebuild(tx, project_id)
    assert await kept() == before


async def test_what_a_filter_names_goes_and_the_rest_stays(
    owner: Somebody, stranger: Somebody, server: Runtime, database: TestDatabase
) -> None:
    items: list[Json] = [
        {"agent_name": "a", "session_id": "1", "metadata": {"customer": "acme", "n": 1}, "latency_sec": 1.5},
        {"agent_name": "b", "session_id": "1", "metadata": {"customer": "acme", "n": "1"}, "hallucinated": True},
        {"agent_name": "c", "session_id": "2", "metadata": {"customer": "other"}, "semantic_drift": 0.25},
        {"agent_name": "d", "created_at": (clock.now() - timedelta(days=2)).isoformat()},
        {"agent_name": "e", "session_id": "2"},
    ]
    for somebody in (owner, stranger):
        await send(somebody.sdk, *items)
    await delete(owner, database, metadata={"customer": "acme", "n": 1})
    assert await agents(owner.sdk) == ["b", "c", "d", "e"]
    await delete(owner, database, before=(clock.now() - timedelta(days=1)).isoformat())
    assert await agents(owner.sdk) == ["b", "c", "e"]
    await delete(owner, database, session_id="2", metadata={"customer": "other"})
    assert await agents(owner.sdk) == ["b", "e"]
    await delete(owner, database, agent_name="nobody")
    assert await agents(owner.sdk) == ["b", "e"]
    assert await total(owner.sdk) == 2
    await check_statistics(server, owner.project_id)
    await delete(owner, database, before=(clock.now() + timedelta(hours=1)).isoformat())
    assert await agents(owner.sdk) == []
    assert await total(owner.sdk) == 0
    assert (
        ask(database.superuser_url, "SELECT FROM evaluation_rollups WHERE project_id = %s", (owner.project_id,)) == []
    )
    assert await agents(stranger.sdk) == ["a", "b", "c", "d", "e"]
    assert await total(stranger.sdk) == 5


async def test_a_large_deletion_goes_in_steps_and_counts_exactly(
    owner: Somebody, server: Runtime, database: TestDatabase
) -> None:
    rows = STEP_ROWS + 500
    at = clock.now() - timedelta(days=1)
    # Many of one time, so that a step ends within it.
    await send(
        owner.sdk,
        *(
            {"created_at": (at - timedelta(hours=n // 900)).isoformat(), "metadata": {"odd": n % 2}, "agent_name": "a"}
            for n in range(rows)
        ),
    )
    job = await delete(owner, database, agent_name="a", metadata={"odd": 1})
    assert job["report"] == {"evaluations": rows // 2, "rollups": 0}
    assert job["done"] == rows
    assert await total(owner.sdk) == rows // 2
    await check_statistics(server, owner.project_id)


async def test_an_id_that_was_deleted_is_free_again(owner: Somebody, database: TestDatabase) -> None:
    item = {"id": str(uuid4()), "agent_name": "a"}
    await send(owner.sdk, item)
    await delete(owner, database, agent_name="a")
    assert ask(database.superuser_url, "SELECT FROM evaluation_ids") == []
    again = await owner.sdk.post("/evaluations", json={"prompt": "p", "response": "r"} | item)
    assert again.json()["status"] == "created"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"filter": {}},
        {"filter": {"metadata": {}}},
        {"filter": {"model_name": "m"}},
        {"filter": {"agent_name": ""}},
        {"filter": {"before": 5}},
        {"filter": {"agent_name": "a"}, "dry_run": "true"},
        {"filter": {"agent_name": "a"}, "dry_run": 1},
        {"agent_name": "a"},
    ],
)
async def test_a_filter_that_says_nothing_or_too_much_is_refused(
    owner: Somebody, database: TestDatabase, body: Json
) -> None:
    answer = await owner.sdk.post("/api/v1/deletions", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"]
    assert ask(database.superuser_url, "SELECT FROM jobs") == []


async def test_who_may_not_write_may_not_delete(
    owner: Somebody, viewer: Somebody, anonymous: AsyncClient, database: TestDatabase
) -> None:
    for body in ({"filter": {"agent_name": "a"}}, {"filter": {"agent_name": "a"}, "dry_run": True}):
        assert (await viewer.person.post("/api/v1/deletions", json=body)).status_code == 403
        assert (await anonymous.post("/api/v1/deletions", json=body)).status_code == 401
    assert ask(database.superuser_url, "SELECT FROM jobs") == []
