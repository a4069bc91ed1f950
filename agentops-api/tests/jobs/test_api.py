"""Jobs over HTTP, and readiness by their queue."""

import time
from uuid import UUID, uuid4

import pytest
from agentops_api import tasks
from agentops_api.app import create_app
from agentops_api.edge.runtime import Runtime
from agentops_api.jobs import store
from agentops_api.settings import Settings
from agentops_api.work import worker_of
from httpx2 import AsyncClient
from tests.cast import Somebody, TestDatabase, client_of
from tests.jobs.queue import all_finished, ask
from tests.scraping import scrape

pytestmark = pytest.mark.anyio


async def enqueue(server: Runtime, project_id: UUID, kind: str) -> str:
    async with server.db.as_project(project_id) as tx:
        return str(await store.enqueue(tx, kind, {"secret": "args"}, project_id=project_id))


async def test_a_project_sees_its_jobs_and_nobody_elses(
    server: Runtime, owner: Somebody, viewer: Somebody, stranger: Somebody, anonymous: AsyncClient,
    database: TestDatabase,
) -> None:  # fmt: skip
    ids = [await enqueue(server, owner.project_id, kind) for kind in ("unheard_of", "unheard_of", "other")]
    async with server.db.as_jobs() as tx:
        await store.enqueue(tx, "unheard_of", {}, project_id=None)
    for client in (owner.person, owner.sdk, viewer.person):
        page = (await client.get("/api/v1/jobs")).json()
        assert [job["id"] for job in page["data"]] == ids[::-1]
        assert "args" not in page["data"][0]
        first = (await client.get("/api/v1/jobs?limit=2")).json()
        rest = (await client.get("/api/v1/jobs", params={"cursor": first["next_cursor"]})).json()
        assert [job["id"] for job in first["data"] + rest["data"]] == ids[::-1]
        assert (first["has_more"], rest["has_more"], rest["next_cursor"]) == (True, False, None)
        only = (await client.get("/api/v1/jobs?kind=other&status=queued")).json()["data"]
        assert [job["id"] for job in only] == ids[2:]
        assert (await client.get("/api/v1/jobs?status=failed")).json()["data"] == []
        assert (await client.get(f"/api/v1/jobs/{ids[0]}")).json()["status"] == "queued"
    for client in (stranger.person, stranger.sdk):
        assert (await client.get("/api/v1/jobs")).json()["data"] == []
        assert (await client.get(f"/api/v1/jobs/{ids[0]}")).status_code == 404
        assert (await client.post(f"/api/v1/jobs/{ids[0]}/retry")).status_code == 404
    assert (await anonymous.get("/api/v1/jobs")).status_code == 401
    ask(database.superuser_url, "DELETE FROM jobs")


async def test_a_failed_job_can_be_retried_by_those_who_may_write(
    server: Runtime, owner: Somebody, viewer: Somebody, database: TestDatabase
) -> None:
    id = await enqueue(server, owner.project_id, "unheard_of")
    assert (await owner.sdk.post(f"/api/v1/jobs/{id}/retry")).status_code == 409
    ask(
        database.superuser_url,
        "UPDATE jobs SET status = 'failed', attempts = 5, started_at = now(), finished_at = now(), error = 'Rain.'",
    )
    assert (await viewer.person.post(f"/api/v1/jobs/{id}/retry")).status_code == 403
    assert (await owner.sdk.post(f"/api/v1/jobs/{uuid4()}/retry")).status_code == 404
    again = await owner.sdk.post(f"/api/v1/jobs/{id}/retry")
    assert again.status_code == 202
    assert {name: again.json()[name] for name in ("status", "attempts", "attempts_max", "finished_at")} == {
        "status": "queued",
        "attempts": 5,
        "attempts_max": 10,
        "finished_at": None,
    }
    ask(database.superuser_url, "DELETE FROM jobs")


async def jobs_check(client: AsyncClient) -> tuple[int, bool]:
    answer = await client.get("/health/ready")
    [check] = [check for check in answer.json()["checks"] if check["name"] == "jobs"]
    assert check["ok"] or check["detail"]
    return answer.status_code, check["ok"]


async def test_the_server_is_not_ready_while_a_job_waits_for_more_than_five_minutes(
    anonymous: AsyncClient, server: Runtime, database: TestDatabase
) -> None:
    assert await jobs_check(anonymous) == (200, True)
    server.worker.stop()
    async with server.db.as_jobs() as tx:
        await store.enqueue(tx, "forget_jobs", {}, project_id=None)
    assert await jobs_check(anonymous) == (200, True)
    ask(database.superuser_url, "UPDATE jobs SET due_at = now() - interval '301 seconds'")
    assert await jobs_check(anonymous) == (503, False)
    async with worker_of(server.db, server.settings, server.detectors):
        await all_finished(database.superuser_url)
    assert await jobs_check(anonymous) == (200, True)


async def test_the_server_is_not_ready_while_its_loop_stands_still(anonymous: AsyncClient, server: Runtime) -> None:
    loop, leases = server.worker._loops  # pyright: ignore[reportPrivateUsage] - what stands still
    await tasks.end(loop)
    assert await jobs_check(anonymous) == (200, True)
    server.worker._beat = time.monotonic() - 61  # pyright: ignore[reportPrivateUsage] - the minute that is not waited for
    assert await jobs_check(anonymous) == (503, False)
    assert not leases.done()


async def test_a_server_that_leaves_jobs_to_others_does_none(settings: Settings, database: TestDatabase) -> None:
    elsewhere = settings.model_copy(update={"jobs_in_server": False})
    app = create_app(elsewhere)
    async with app.router.lifespan_context(app), client_of(app) as client:
        server: Runtime = app.state.runtime
        async with server.db.as_jobs() as tx:
            id = await store.enqueue(tx, "forget_jobs", {}, project_id=None)
        assert await jobs_check(client) == (200, True), "no loop of its own has to beat"
        assert ask(database.superuser_url, "SELECT status FROM jobs WHERE id = %s", (id,)) == [("queued",)]
        async with worker_of(server.db, elsewhere, server.detectors):
            await all_finished(database.superuser_url)
        assert ask(database.superuser_url, "SELECT status FROM jobs WHERE id = %s", (id,)) == [("succeeded",)]


async def test_prometheus_sees_what_waits_what_was_given_up_and_since_when(
    anonymous: AsyncClient, server: Runtime, owner: Somebody, database: TestDatabase
) -> None:
    server.worker.stop()
    before = await scrape(anonymous)
    assert before.value("agentops_jobs", kind="delete_evaluations", status="failed") == 0
    assert {"kind": "delete_evaluations", "status": "failed"} in before.labels("agentops_jobs"), "an alert needs a zero"
    assert before.value("agentops_jobs_oldest_due_seconds") == 0
    for _ in range(3):
        await owner.sdk.post("/api/v1/deletions", json={"filter": {"agent_name": "a"}})
    ask(database.superuser_url, "UPDATE jobs SET due_at = now() - interval '100 seconds'")
    dead = "UPDATE jobs SET status = 'failed', finished_at = now() WHERE id = (SELECT min(id::text)::uuid FROM jobs)"
    ask(database.superuser_url, dead)
    found = await scrape(anonymous)
    assert found.value("agentops_jobs", kind="delete_evaluations", status="queued") == 2
    assert found.value("agentops_jobs", kind="delete_evaluations", status="failed") == 1
    assert 100 <= found.value("agentops_jobs_oldest_due_seconds", kind="delete_evaluations") < 160
    server.worker._beat = time.monotonic() - 61  # pyright: ignore[reportPrivateUsage] - as above
    assert (await scrape(anonymous)).value("agentops_jobs_stalled_seconds") >= 61
    ask(database.superuser_url, "DELETE FROM jobs")
