"""The probes tell the truth about the server, its database and its role."""

import asyncio

import psycopg
import pytest
from agentops_api.edge.runtime import Runtime
from fastapi import FastAPI
from httpx2 import AsyncClient
from tests.cast import TestDatabase

pytestmark = pytest.mark.anyio


async def checks(client: AsyncClient, status: int) -> dict[str, bool]:
    answer = await client.get("/health/ready")
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body["status"] == ("ready" if status == 200 else "not_ready")
    for check in body["checks"]:
        assert check["ok"] or check["detail"]
    return {check["name"]: check["ok"] for check in body["checks"]}


def as_superuser(database: TestDatabase, statement: str) -> None:
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        connection.execute(statement.encode())


async def test_a_good_server_is_healthy_and_ready(anonymous: AsyncClient) -> None:
    for path in ("/health", "/health/"):
        health = (await anonymous.get(path)).json()
        assert health["status"] == "healthy"
        assert health["version"]
        assert health["uptime_s"] >= 0
    assert (await anonymous.get("/health/live")).json() == {"status": "alive"}
    database = await anonymous.get("/health/db")
    assert database.status_code == 200
    assert database.json()["latency_ms"] > 0
    assert all((await checks(anonymous, 200)).values())


async def test_without_its_database_the_server_lives_and_is_not_ready(anonymous: AsyncClient, server: Runtime) -> None:
    await server.db.__aexit__(None, None, None)
    assert (await anonymous.get("/health")).status_code == 200
    assert (await anonymous.get("/health/live")).status_code == 200
    down = await anonymous.get("/health/db")
    assert down.status_code == 503
    assert down.json()["status"] == "unhealthy"
    assert down.json()["detail"]
    assert (await checks(anonymous, 503))["database"] is False


async def test_a_database_that_does_not_answer_in_time_is_down(anonymous: AsyncClient, database: TestDatabase) -> None:
    async with await psycopg.AsyncConnection.connect(database.superuser_url) as other:
        # Whoever asks for the revision waits for this lock.
        await other.execute("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")
        async with asyncio.timeout(20):
            assert (await checks(anonymous, 503))["database"] is False


async def test_an_old_schema_is_not_ready(anonymous: AsyncClient, database: TestDatabase) -> None:
    as_superuser(database, "UPDATE alembic_version SET version_num = '0000'")
    found = await checks(anonymous, 503)
    assert (found["database"], found["migrations"]) == (True, False)


async def test_a_role_that_could_get_round_the_policies_is_not_ready(
    anonymous: AsyncClient, database: TestDatabase
) -> None:
    as_superuser(database, "CREATE TABLE owned (a integer); ALTER TABLE owned OWNER TO agentops_login")
    assert (await checks(anonymous, 503))["least_privilege"] is False
    as_superuser(database, "DROP TABLE owned")
    assert (await checks(anonymous, 200))["least_privilege"] is True


async def test_a_server_that_stops_or_cannot_write_is_not_ready(anonymous: AsyncClient, server: Runtime) -> None:
    server.writer.queued_rows = server.writer.queue_rows_max
    assert (await checks(anonymous, 503))["writer"] is False
    server.writer.queued_rows = 0
    server.draining = True
    assert (await checks(anonymous, 503))["serving"] is False
    server.draining = False
    assert (await checks(anonymous, 200))["serving"] is True


async def test_the_root_tells_where_to_go(anonymous: AsyncClient) -> None:
    root = (await anonymous.get("/")).json()
    assert root["name"] == "AgentOps API"
    for path in root["links"].values():
        assert (await anonymous.get(path)).status_code == 200


async def test_a_method_that_is_not_done_names_those_that_are(anonymous: AsyncClient, app: FastAPI) -> None:
    expected = {path: {method.upper() for method in operations} for path, operations in app.openapi()["paths"].items()}
    for path, methods in expected.items():
        refused = await anonymous.request("PUT", path.replace("{id}", "0198c3a2-7e4b-7d0c-9a1f-2b3c4d5e6f70"))
        assert refused.status_code == 405
        # `/evaluations/batch` is an id's place too, so it names more.
        assert {method.strip() for method in refused.headers["allow"].split(",")} >= methods
