"""The server's clock is set while it works: what lasts is measured by another, and no wrong hour is counted in."""

import os
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from tests.cast import PASSWORD
from tests.chaos.load import Load
from tests.chaos.processes import Server, Site, join, until, until_async
from tests.chaos.verify import verify
from tests.chaos.wire import Connection

pytestmark = pytest.mark.anyio

STEPPED_MAIN = Path(__file__).with_name("stepped_main.py")
HOUR_S, DAY_S = 3_600, 86_400
REMEMBERED_S_MAX = 20
STEPS_S = (HOUR_S, -HOUR_S, -DAY_S)


async def step(site: Site, server: Server, seconds: int) -> None:
    """Sets the server's clock to so many seconds beside the true time."""
    file = site.place / "clock_step"
    file.write_text(str(seconds))
    os.kill(server.process.pid, signal.SIGUSR1)
    await until(lambda: not file.exists(), 10)


async def test_a_stepped_clock_loses_no_evaluation_and_makes_no_negative_duration(site: Site, tmp_path: Path) -> None:
    server = await site.start(program=STEPPED_MAIN, LOG_LEVEL="DEBUG")
    account = await join(server)
    async with Load(server.port, account.key, tmp_path / "acked") as load, Connection(server.port) as anyone:
        uptime_s = 0.0
        for seconds in (*STEPS_S, 0):
            await load.more(100)
            await step(site, server, seconds)
            before = datetime.now(UTC) + timedelta(seconds=seconds)
            made = (await anyone.post("/evaluations/", {"prompt": "p", "response": "r"}, account.sdk)).json()
            assert abs(datetime.fromisoformat(made["created_at"]) - before) < timedelta(seconds=30), "the clock moved"
            assert (await anyone.ask("DELETE", f"/evaluations/{made['id']}", headers=account.sdk)).status == 204
            health, database = (await anyone.get("/health")).json(), (await anyone.get("/health/db")).json()
            assert uptime_s < health["uptime_s"] < 600
            assert 0 <= database["latency_ms"] < 10_000
            uptime_s = health["uptime_s"]
        await load.more(100)
    assert set(load.statuses) == {201}
    assert load.slowest_s <= 10
    await verify(load.acked, account.project_id, login_url=site.login_url, superuser_url=site.superuser_url)
    log = server.log.read_text()
    assert '"duration_ms":' in log
    assert '"duration_ms":-' not in log.replace(" ", "")
    assert server.errors() == []


async def test_a_stepped_clock_frees_nobody_from_a_rate_limit(site: Site) -> None:
    server = await site.start(program=STEPPED_MAIN, RATE_LIMIT_PER_MINUTE="20")
    account = await join(server)
    async with Connection(server.port, account.sdk) as sdk:
        started, statuses = time.monotonic(), [(await sdk.get("/evaluations/")).status for _ in range(25)]
        assert set(statuses) == {200, 429}
        for seconds in STEPS_S:
            await step(site, server, seconds)
            answer = await sdk.get("/evaluations/")
            assert time.monotonic() - started < 50, "the machine is too slow for this test"
            assert answer.status == 429
            assert 1 <= int(answer.headers["retry-after"]) <= 61


async def test_a_token_outlives_a_clock_a_minute_off_and_a_person_can_always_sign_in(site: Site) -> None:
    server = await site.start(program=STEPPED_MAIN)
    account = await join(server)
    person = {"Authorization": f"Bearer {account.token}"}
    async with Connection(server.port) as anyone:

        async def me(headers: dict[str, str]) -> int:
            return (await anyone.ask("GET", "/auth/me", headers=headers)).status

        async def becomes(status: int) -> None:
            # What was true of a token is remembered for four seconds.
            async def is_so() -> bool:
                return await me(person) == status

            await until_async(is_so, REMEMBERED_S_MAX)

        await step(site, server, -50)
        assert await me(person) == 200
        await step(site, server, -HOUR_S)
        await becomes(401)  # Not valid yet.
        for seconds in (-HOUR_S, -DAY_S, HOUR_S):
            await step(site, server, seconds)
            login = await anyone.post("/auth/login", {"email": "owner@example.com", "password": PASSWORD})
            assert login.status == 200, login.body
            token = {"Authorization": f"Bearer {login.json()['access_token']}"}
            assert await me(token) == 200
            # What was made at a later time by this clock can be revoked at an earlier one.
            for key in (await anyone.ask("GET", "/auth/api-keys", headers=token)).json()["data"]:
                assert (await anyone.ask("DELETE", f"/auth/api-keys/{key['id']}", headers=token)).status == 204
            assert (await anyone.post("/auth/api-keys", {"name": "next"}, token)).status == 201
            assert (await anyone.ask("POST", "/auth/logout", headers=token)).status == 204
            assert await me(token) == 401
    assert server.errors() == []


async def test_a_client_with_a_wrong_clock_never_reaches_a_wrong_bucket(site: Site) -> None:
    server = await site.start()
    account = await join(server)
    now = datetime.now(UTC)
    bad = [
        now.replace(year=now.year + 10, day=1).isoformat(),
        now.replace(year=now.year - 50, day=1).isoformat(),
        "0000-01-01T00:00:00Z",
        f"{now.year - 1}-12-31T23:59:60Z",
        "1969-12-31T23:59:59Z",
        "9999-12-31T23:59:59.999999+14:00",
    ]
    items = [{"prompt": "p", "response": "r", "created_at": at} for at in (*bad, now.isoformat())]
    async with Connection(server.port, account.sdk) as sdk:
        for item in items[:-1]:
            assert (await sdk.post("/evaluations/", item)).status == 422
        answer = await sdk.post("/evaluations/batch", {"evaluations": items})
        assert answer.status == 207
        results = answer.json()["results"]
        assert [result["status"] for result in results] == ["rejected"] * len(bad) + ["created"]
        assert all("created_at" in result["error"] for result in results[:-1])
        assert (await sdk.get("/evaluations/stats?days=365")).json()["total_evaluations"] == 1
    with psycopg.connect(site.superuser_url) as admin:
        hours = admin.execute("SELECT DISTINCT date_trunc('hour', at) FROM evaluation_rollups WHERE resolution <= 60")
        assert hours.fetchall() == [(now.replace(minute=0, second=0, microsecond=0),)]
