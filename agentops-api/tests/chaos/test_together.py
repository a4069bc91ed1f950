"""Several servers on one database: they start together, share the load, and store what comes twice once."""

import asyncio
import os
import signal
import time
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from agentops_api.db.migrate import HEAD
from agentops_api.evaluations.ingest_api import BatchAnswer
from psycopg.rows import TupleRow
from tests.chaos.clusters import external_postgres
from tests.chaos.load import Load
from tests.chaos.processes import Account, Server, Site, join, ready, status_of, until
from tests.chaos.verify import verify
from tests.chaos.wire import Connection

pytestmark = pytest.mark.anyio

BACK_S_MAX = 15.0
LOCK = "SELECT pg_advisory_xact_lock(hashtext('agentops.migrations'))"
WAITING = "SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


async def test_two_servers_that_start_together_on_an_empty_database_migrate_it_once(site: Site, tmp_path: Path) -> None:
    with external_postgres(site.place) as postgres:
        owner_url, _ = postgres.make_database()
        superuser_url = postgres.url("postgres", "agentops")
        with psycopg.connect(superuser_url) as admin, psycopg.connect(superuser_url, autocommit=True) as watcher:
            # Both arrive at the migration before either may begin.
            admin.execute(LOCK)
            servers = [site.spawn(DATABASE_URL=owner_url) for _ in range(2)]
            await until(lambda: one(watcher, WAITING) == 2, 60)
        await asyncio.gather(*map(ready, servers))
        with psycopg.connect(superuser_url) as admin:
            assert one(admin, "SELECT array_agg(version_num)::text FROM alembic_version") == f"{{{HEAD}}}"
        await both_serve(servers, tmp_path, owner_url, superuser_url)

        # The same on what is populated now: nothing is left to do, and both serve.
        for server in servers:
            server.kill()
        servers = [site.spawn(DATABASE_URL=owner_url) for _ in range(2)]
        await asyncio.gather(*map(ready, servers))
        assert not any(server.errors() for server in servers)


async def test_two_servers_that_start_together_share_an_embedded_database(site: Site, tmp_path: Path) -> None:
    servers = [site.spawn(), site.spawn()]
    started = time.monotonic()
    await asyncio.gather(*map(ready, servers))
    print(f"both ready {time.monotonic() - started:.2f} s after the start of both")
    await both_serve(servers, tmp_path, site.login_url, site.superuser_url)


async def test_one_of_two_servers_is_killed_and_then_postgresql(site: Site, tmp_path: Path) -> None:
    first = await site.start()
    second = await site.start()
    account = await join(first)
    async with Load([first.port, second.port], account.key, tmp_path / "acked") as load:
        await load.more(200)
        # The first supervises PostgreSQL: the second must have taken that over to bring it back.
        first.kill()
        os.kill(site.postmaster_pid(), signal.SIGKILL)
        killed = time.monotonic()
        await load.more(100)
        back_s = time.monotonic() - killed
        assert await status_of(second, "/health/ready") == 200
        await site.start(port=first.port)
        await load.more(100)
    print(f"served again by the other server {back_s:.2f} s after both kills: {dict(load.statuses)}")
    await verify(load.acked, account.project_id, login_url=site.login_url, superuser_url=site.superuser_url)
    assert back_s <= BACK_S_MAX


@pytest.mark.parametrize("rounds", [3, pytest.param(100, marks=pytest.mark.chaos)])
async def test_what_is_sent_five_times_at_once_to_two_servers_is_stored_once(site: Site, rounds: int) -> None:
    servers = [await site.start(), await site.start()]
    account = await join(servers[0])
    acked: set[str] = set()
    ports = [servers[n % 2].port for n in range(5)]
    for n in range(rounds):
        items = [{"id": str(uuid4()), "prompt": f"p{i}", "response": "r", "latency_sec": i + 1} for i in range(50)]
        answers = await at_once(ports, account, {"evaluations": items}, {})
        ids = [{str(each.id) for each in answer.results} for answer in answers]
        assert ids == [{item["id"] for item in items}] * 5
        assert sum(answer.created for answer in answers) == 50
        assert sum(answer.duplicates for answer in answers) == 200
        acked |= ids[0]

        nameless = [{"prompt": f"p{i}", "response": "r", "latency_sec": i + 1} for i in range(50)]
        answers = await at_once(ports, account, {"evaluations": nameless}, {"Idempotency-Key": f"round-{n}"})
        replays = [[str(each.id) for each in answer.results] for answer in answers]
        assert replays == [replays[0]] * 5, "a replay answers with the same ids"
        assert sum(answer.created for answer in answers) == 50
        acked |= set(replays[0])
    verdict = await verify(acked, account.project_id, login_url=site.login_url, superuser_url=site.superuser_url)
    assert not verdict.doubtful


async def test_poison_among_good_evaluations_fails_alone_and_is_not_tried_again(site: Site, tmp_path: Path) -> None:
    server = await site.start()
    account = await join(server)
    with psycopg.connect(site.superuser_url, autocommit=True) as admin:
        admin.execute("ALTER TABLE evaluations ADD CONSTRAINT poison CHECK (prompt <> 'poison')")
        async with (
            Load(server.port, account.key, tmp_path / "acked") as load,
            Connection(server.port, account.sdk) as sdk,
        ):
            for n in range(10):
                items = [{"id": str(uuid4()), "prompt": "fine", "response": "r"} for _ in range(100)]
                items[n]["prompt"] = "poison"
                answer = await sdk.post("/evaluations/batch", {"evaluations": items})
                assert answer.status == 207
                rejected = [each for each in answer.json()["results"] if each["status"] == "rejected"]
                assert [each["index"] for each in rejected] == [n]
                assert rejected[0]["error"]
                with (tmp_path / "acked").open("a") as file:
                    file.writelines(f"{item['id']}\n" for index, item in enumerate(items) if index != n)
        assert set(load.statuses) == {201}
        await verify(load.acked, account.project_id, login_url=site.login_url, superuser_url=site.superuser_url)
        # What is tried again for ever would go on failing.
        failures = "SELECT xact_rollback::int FROM pg_stat_database WHERE datname = 'agentops'"
        settled = [one(admin, failures)]
        await until(lambda: settled.append(one(admin, failures)) or len(settled) > 100, 60)
        assert settled[20:] == [settled[-1]] * len(settled[20:])


async def at_once(
    ports: list[int], account: Account, body: dict[str, object], headers: dict[str, str]
) -> list[BatchAnswer]:
    """The answers to one batch that is sent over a connection to each port at the same time."""

    async def send(port: int) -> BatchAnswer:
        async with Connection(port, account.sdk) as connection:
            answer = await connection.post("/evaluations/batch", body, headers)
            assert answer.status == 201, answer.body
            return BatchAnswer.model_validate_json(answer.body)

    return await asyncio.gather(*map(send, ports))


async def both_serve(servers: list[Server], tmp_path: Path, login_url: str, superuser_url: str) -> None:
    account = await join(servers[0])
    async with Load([server.port for server in servers], account.key, tmp_path / "acked") as load:
        await load.more(200)
    assert set(load.statuses) == {201}
    await verify(load.acked, account.project_id, login_url=login_url, superuser_url=superuser_url)
    assert not any(server.errors() for server in servers)


def one(connection: psycopg.Connection[TupleRow], question: str) -> object:
    row = connection.execute(question.encode()).fetchone()
    return row[0] if row else None
