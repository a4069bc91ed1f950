"""The database goes away, answers late or not at all: refusals come in time, and service comes back unaided."""

import asyncio
import os
import signal
import statistics
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import psycopg
import pytest
from agentops_api.db.migrate import create_login, migrate
from tests.chaos.clusters import external_postgres
from tests.chaos.load import Load
from tests.chaos.processes import Account, Server, Site, join, until
from tests.chaos.verify import verify
from tests.chaos.wire import Connection

pytestmark = pytest.mark.anyio

REQUEST_S_MAX = 10.0
BACK_S_MAX = 5.0
BACK_AFTER_STOP_S_MAX = 10.0
QUICK_S_MAX = 0.1
HELD_UP_S_MAX = 5.0
RSS_BYTES_MAX = 100 * 2**20
BUSY = 5.0
"""The short forms run beside other tests: there only the order of magnitude of what is quick is checked."""


def seconds(short: int, long: int) -> pytest.MarkDecorator:
    """How long the fault lasts, in the short form and in the long."""
    return pytest.mark.parametrize("fault_s", [short, pytest.param(long, marks=pytest.mark.chaos)])


@pytest.mark.parametrize("count", [2, pytest.param(20, marks=pytest.mark.chaos)])
async def test_when_all_sessions_are_terminated_the_pool_recovers(site: Site, tmp_path: Path, count: int) -> None:
    server = await site.start()
    account = await join(server)
    back_s: list[float] = []
    async with Load(server.port, account.key, tmp_path / "acked", senders=16) as load:
        for _ in range(count):
            await load.more(200)
            with psycopg.connect(site.superuser_url) as admin:
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
                )
            terminated = time.monotonic()
            await load.more(32)
            back_s.append(time.monotonic() - terminated)
    print(f"{count} times: statuses {dict(load.statuses)}, back {back_s}")
    await verify(load.acked, account.project_id, login_url=site.login_url, superuser_url=site.superuser_url)
    assert max(back_s) <= BACK_S_MAX * BUSY
    friendly(load)


@seconds(3, 30)
async def test_an_external_database_may_be_restarted(site: Site, tmp_path: Path, fault_s: int) -> None:
    with external_postgres(site.place) as postgres:
        owner_url, _ = postgres.make_database()
        await migrate(owner_url)
        login_url = await create_login(owner_url)
        server = await site.start(DATABASE_URL=login_url, MIGRATION_DATABASE_URL=owner_url)
        account = await join(server)
        async with Load(server.port, account.key, tmp_path / "acked") as load:
            await load.more(200)
            await asyncio.to_thread(postgres.stop)
            stopped = time.monotonic()
            async with probing(server, account) as answers:
                await until(partial(passed, stopped, fault_s), fault_s + 1)
                await asyncio.to_thread(postgres.start)
            started = time.monotonic()
            await load.more(32)
            back_s = time.monotonic() - started
        print(
            f"statuses {dict(load.statuses)}, slowest {load.slowest_s:.2f} s, {slowest(answers)}, back {back_s:.2f} s"
        )
        await verify(
            load.acked, account.project_id, login_url=login_url, superuser_url=postgres.url("postgres", "agentops")
        )
        assert back_s <= BACK_S_MAX * BUSY
        friendly(load)


@seconds(10, 60)
async def test_a_database_that_stands_still_is_reported_in_time(site: Site, tmp_path: Path, fault_s: int) -> None:
    server = await site.start()
    account = await join(server)
    async with Load(server.port, account.key, tmp_path / "acked", pause_s=0.2) as load:
        await load.more(200)
        stopped, pids = time.monotonic(), site.postgres_pids()
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        async with probing(server, account) as answers:
            await until(partial(passed, stopped, fault_s), fault_s + 1)
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        continued = time.monotonic()
        await load.more(32)
        back_s = time.monotonic() - continued
    print(f"statuses {dict(load.statuses)}, slowest {load.slowest_s:.2f} s, {slowest(answers)}, back {back_s:.2f} s")
    await verify(load.acked, account.project_id, login_url=site.login_url, superuser_url=site.superuser_url)
    assert load.statuses[503]
    assert back_s <= BACK_AFTER_STOP_S_MAX
    assert slowest(answers)["/evaluations/"] <= REQUEST_S_MAX
    at_once(answers["/health/live"], short=fault_s == 10)
    friendly(load)


@seconds(6, 60)
async def test_a_slow_database_bounds_the_queue_and_the_excess_hears_at_once(
    site: Site, tmp_path: Path, fault_s: int
) -> None:
    server = await site.start()
    account = await join(server)
    # More than the queue holds: 250 senders of 100 evaluations, 20,000 places.
    async with Load(server.port, account.key, tmp_path / "acked", senders=250, batch=100, pause_s=1) as load:
        await load.more(250)
        rss = server.rss_bytes()
        with psycopg.connect(site.superuser_url) as admin:
            # It waits for who reads the table; the senders must hear their answers meanwhile.
            await asyncio.to_thread(admin.execute, "LOCK TABLE evaluations IN ACCESS EXCLUSIVE MODE")
            locked = time.monotonic()
            async with probing(server, account) as answers:
                await until(partial(passed, locked, fault_s), fault_s + 1)
            grown = server.rss_bytes() - rss
        await load.more(250)
    refused = [seconds for status, seconds in load.latencies if status == 503 and seconds < 2]
    print(
        f"statuses {dict(load.statuses)}, {len(refused)} refused in a median of {statistics.median(refused):.3f} s,"
        f" RSS +{grown / 2**20:.0f} MiB, slowest {load.slowest_s:.2f} s, {slowest(answers)}"
    )
    await verify(load.acked, account.project_id, login_url=site.login_url, superuser_url=site.superuser_url)
    assert grown <= RSS_BYTES_MAX
    assert statistics.median(refused) <= QUICK_S_MAX * (BUSY if fault_s == 6 else 1)
    at_once(answers["/health/live"], short=fault_s == 6)
    friendly(load)


def friendly(load: Load) -> None:
    """Every request was acknowledged or told when to come again, in time."""
    assert set(load.statuses) <= {201, 503}
    assert not load.unfriendly
    assert load.slowest_s <= REQUEST_S_MAX


def passed(since: float, seconds: float) -> bool:
    return time.monotonic() >= since + seconds


def slowest(answers: dict[str, list[float]]) -> dict[str, float]:
    """The slowest answer to each."""
    return {path: max(took_s) for path, took_s in answers.items()}


def at_once(took_s: list[float], *, short: bool) -> None:
    """Answered in no time: each, or, where other tests take the machine's cores for a while, most, and none held up."""
    if short:
        assert statistics.median(took_s) <= QUICK_S_MAX * BUSY
        assert max(took_s) <= HELD_UP_S_MAX
    else:
        assert max(took_s) <= QUICK_S_MAX


@asynccontextmanager
async def probing(server: Server, account: Account) -> AsyncGenerator[dict[str, list[float]]]:
    """Asks for the process's life and for the newest evaluation all the while; how many seconds each answer took."""
    answers: dict[str, list[float]] = {"/health/live": [], "/evaluations/": []}
    stopping = asyncio.Event()

    async def probe(path: str, statuses: set[int]) -> None:
        async with Connection(server.port, account.sdk) as connection:
            while not stopping.is_set():
                started = time.monotonic()
                answer = await connection.get(path)
                answers[path].append(time.monotonic() - started)
                assert answer.status in statuses, answer.body
                await asyncio.sleep(0.1)

    async with asyncio.TaskGroup() as probes:
        probes.create_task(probe("/health/live", {200}))
        probes.create_task(probe("/evaluations/", {200, 503}))
        try:
            yield answers
        finally:
            # The requests under way come to their end while the fault lasts, and count.
            stopping.set()
