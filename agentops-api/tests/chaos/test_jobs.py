"""Workers are killed: their jobs are done all the same, each step once; one that kills them all is dead in the end."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from agentops_api.db.installation import choose_account
from agentops_api.db.pool import Database
from tests.cast import Postgres, TestDatabase
from tests.chaos import jobs_main
from tests.chaos.processes import Site, join, until_async
from tests.chaos.wire import Connection
from tests.db.elsewhere import pgbouncer
from tests.jobs.queue import ask, asked_for, new_project, state

pytestmark = pytest.mark.anyio

_SERVER = Path(__file__).parents[2]
DONE_S_MAX = 120.0
LEASE_EXPIRY_S_MAX = 60.0
TRACES = "SELECT count(*), count(DISTINCT args) FROM jobs WHERE kind = 'trace' AND args ->> 'job' = %s"


@contextmanager
def running(log: Path, *words: str, **environment: str) -> Generator[subprocess.Popen[bytes]]:
    """A Python process; killed at the end if it still lives."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *words],
            env={"PATH": os.defpath, "PYTHONPATH": str(_SERVER)} | environment,
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


def worker(url: str, place: Path) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """A worker process that does the jobs of these tests."""
    return running(place / "log", str(Path(jobs_main.__file__)), url, "pooled")


async def reached(db: Database, id: UUID, *statuses: str, steps: int = 0) -> None:
    """Waits until the job is in such a state, with so many steps done."""

    async def is_there() -> bool:
        async with db.as_jobs() as tx:
            found = await tx.execute("SELECT status, coalesce(done, 0) FROM jobs WHERE id = %s", (id,))
            row = await found.fetchone()
        assert row
        return row[0] in statuses and row[1] >= steps

    await until_async(is_there, DONE_S_MAX)


@pytest.mark.parametrize("kills", [2, pytest.param(10, marks=pytest.mark.chaos)])
async def test_the_job_of_a_killed_worker_is_done_by_another(
    postgres: Postgres, database: TestDatabase, tmp_path: Path, kills: int
) -> None:
    chance = random.Random(kills)
    account = choose_account(postgres.data_dir / "postgres-18")
    with pgbouncer(database.login_url, account=account, server_connections=3) as url:
        async with Database(url, connections_max=4, pooled=True) as db:
            for _ in range(kills):
                project_id = new_project(database.superuser_url)
                id = await asked_for(db, "walk", project_id=project_id)
                with worker(url, tmp_path):
                    await reached(db, id, "running", steps=chance.randrange(1, jobs_main.STEPS - 5))
                with worker(url, tmp_path):
                    await reached(db, id, "succeeded")
                assert (await state(db, id))[1] >= 2
                # Each step's effect and its note were kept together or lost together.
                assert ask(database.superuser_url, TRACES, (str(id),)) == [(jobs_main.STEPS, jobs_main.STEPS)]


async def test_a_job_that_kills_every_worker_is_dead_after_five_and_the_others_go_on(
    database: TestDatabase, tmp_path: Path
) -> None:
    skip_the_wait = "UPDATE jobs SET due_at = now() WHERE status = 'queued'"
    async with Database(database.login_url, connections_max=4) as db:
        poison = await asked_for(db, "poison")
        kills = 0
        while (await state(db, poison))[0] != "failed":
            await asked_for(db, "quick")
            with worker(database.login_url, tmp_path) as process:

                async def is_over(process: subprocess.Popen[bytes] = process) -> bool:
                    ask(database.superuser_url, skip_the_wait)
                    return process.poll() is not None or (await state(db, poison))[0] == "failed"

                await until_async(is_over, DONE_S_MAX)
                kills += process.returncode == -signal.SIGKILL
        assert kills == 5
        assert await state(db, poison) == ("failed", 5, "The worker was lost while it did this.")
        with worker(database.login_url, tmp_path):

            async def all_quick_are_done() -> bool:
                return ask(database.superuser_url, "SELECT DISTINCT status FROM jobs WHERE kind = 'quick'") == [
                    ("succeeded",)
                ]

            await until_async(all_quick_are_done, DONE_S_MAX)


async def fill(connection: Connection, rows: int) -> None:
    item = {"prompt": "p", "response": "r", "agent_name": "a", "latency_sec": 0.5}
    for _ in range(rows // 1_000):
        assert (await connection.post("/evaluations/batch", {"evaluations": [item] * 1_000})).status == 201


async def test_a_worker_beside_the_server_does_its_jobs_and_stops_when_told(site: Site, tmp_path: Path) -> None:
    server = await site.start(JOBS_IN_SERVER="false")
    account = await join(server)
    log = tmp_path / "log"
    with running(log, "-m", "agentops_api.cli", "worker", AGENTOPS_DATA_DIR=str(site.data_dir)) as beside:
        async with Connection(server.port, account.sdk) as sdk:
            await fill(sdk, 3_000)
            job = (await sdk.post("/api/v1/deletions", {"filter": {"agent_name": "a"}})).json()
            done = await succeeded(sdk, job["id"])
            assert done["report"]["evaluations"] == 3_000
            assert (await sdk.get("/evaluations/stats")).json()["total_evaluations"] == 0
        beside.terminate()
        assert beside.wait(10) == 0, log.read_text()
    assert server.errors() == []


@pytest.mark.chaos
async def test_a_deletion_survives_its_killed_server_within_the_lease_and_counts_exactly(site: Site) -> None:
    server = await site.start()
    account = await join(server)
    async with Connection(server.port, account.sdk) as sdk:
        await fill(sdk, 60_000)
        job = (await sdk.post("/api/v1/deletions", {"filter": {"agent_name": "a"}})).json()

        async def is_under_way() -> bool:
            return bool((await sdk.get(f"/api/v1/jobs/{job['id']}")).json()["done"])

        await until_async(is_under_way, DONE_S_MAX)
    server.kill()
    killed = time.monotonic()
    server = await site.start(port=server.port)
    async with Connection(server.port, account.sdk) as sdk:

        async def is_taken_again() -> bool:
            return (await sdk.get(f"/api/v1/jobs/{job['id']}")).json()["attempts"] > 1

        await until_async(is_taken_again, DONE_S_MAX)
        taken_s = time.monotonic() - killed
        done = await succeeded(sdk, job["id"])
        print(f"taken again {taken_s:.1f} s after the kill")
        assert taken_s <= LEASE_EXPIRY_S_MAX
        assert done["report"]["evaluations"] == 60_000
        assert (await sdk.get("/evaluations/stats")).json()["total_evaluations"] == 0


async def succeeded(sdk: Connection, id: str) -> dict[str, Any]:
    """The job, once it has succeeded."""
    job: dict[str, Any] = {}

    async def is_done() -> bool:
        nonlocal job
        job = (await sdk.get(f"/api/v1/jobs/{id}")).json()
        return job["status"] == "succeeded"

    await until_async(is_done, DONE_S_MAX)
    return job
