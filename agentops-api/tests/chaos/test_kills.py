"""Server and PostgreSQL are killed under load: what was acknowledged stays, and sending again stores nothing twice."""

import os
import random
import signal
import time
from functools import partial
from pathlib import Path

import pytest
from agentops_api.db import postmaster
from tests.chaos.load import Load
from tests.chaos.processes import Site, join, ready, until
from tests.chaos.verify import verify

pytestmark = pytest.mark.anyio

READY_S_MAX = 5.0
BACK_S_MAX = 15.0
EXIT_S_MAX = 10.0
BUSY = 3.0
"""The short forms run beside other tests: there only the order of magnitude is checked."""


def times(short: int, long: int) -> pytest.MarkDecorator:
    """How often the fault happens, in the short form and in the long."""
    return pytest.mark.parametrize("count", [short, pytest.param(long, marks=pytest.mark.chaos)])


def limit_s(s_max: float, *, short: bool) -> float:
    return s_max * BUSY if short else s_max


@times(3, 20)
async def test_a_killed_server_loses_nothing_acknowledged(site: Site, tmp_path: Path, count: int) -> None:
    chance = random.Random(count)
    server = await site.start()
    account = await join(server)
    back_s: list[float] = []
    async with Load(server.port, account.key, tmp_path / "acked", senders=16) as load:
        for _ in range(count):
            await load.more(chance.randrange(20, 1_000))
            server.kill()
            server = site.spawn(port=server.port)
            back_s.append(await ready(server))
    print(f"{count} kills: {len(load.acked)} acknowledged, statuses {dict(load.statuses)}, ready {back_s}")
    verdict = await verify(load.acked, account.project_id, login_url=site.login_url, superuser_url=site.superuser_url)
    assert not verdict.doubtful
    assert not load.unfriendly
    assert max(back_s) <= limit_s(READY_S_MAX, short=count == 3)


@times(2, 5)
async def test_a_killed_postmaster_loses_nothing_acknowledged(site: Site, tmp_path: Path, count: int) -> None:
    chance = random.Random(count)
    server = await site.start()
    account = await join(server)
    back_s: list[float] = []
    async with Load(server.port, account.key, tmp_path / "acked", senders=16) as load:
        for _ in range(count):
            await load.more(chance.randrange(100, 1_000))
            os.kill(site.postmaster_pid(), signal.SIGKILL)
            killed = time.monotonic()
            await until(partial(load.refused_since, killed), BACK_S_MAX)
            await load.more(1)
            back_s.append(time.monotonic() - killed)
    print(f"{count} kills: {len(load.acked)} acknowledged, statuses {dict(load.statuses)}, back {back_s}")
    verdict = await verify(load.acked, account.project_id, login_url=site.login_url, superuser_url=site.superuser_url)
    assert not verdict.doubtful
    assert set(load.statuses) <= {201, 503}
    assert not load.unfriendly
    assert load.slowest_s <= 10
    assert max(back_s) <= limit_s(BACK_S_MAX, short=count == 2)


@times(1, 5)
async def test_a_stopped_server_cuts_nobody_off(site: Site, tmp_path: Path, count: int) -> None:
    server = await site.start()
    account = await join(server)
    for n in range(count):
        async with Load(server.port, account.key, tmp_path / f"acked-{n}", senders=16, resend=False, seed=n) as load:
            await load.more(200)

            exit_s = await server.stop()
        print(f"{len(load.acked)} acknowledged, statuses {dict(load.statuses)}, exit {exit_s:.2f} s")
        # Stopped in order, uvicorn ends by the signal it was sent; PostgreSQL, stopped last, is the proof of order.
        assert server.process.returncode in (0, -signal.SIGTERM)
        assert postmaster.find(site.cluster()) is None
        assert server.errors() == []
        assert exit_s <= limit_s(EXIT_S_MAX, short=count == 1)
        server = await site.start(port=server.port)
    acked = {id for n in range(count) for id in (tmp_path / f"acked-{n}").read_text().split()}
    verdict = await verify(acked, account.project_id, login_url=site.login_url, superuser_url=site.superuser_url)
    # A request that was accepted, stored and then cut off would be here.
    assert not verdict.doubtful


async def test_a_postmaster_left_behind_by_a_killed_server_serves_the_next(site: Site, tmp_path: Path) -> None:
    server = await site.start()
    account = await join(server)
    async with Load(server.port, account.key, tmp_path / "acked") as load:
        await load.more(100)
        left = site.postmaster_pid()
        server.kill()
        assert postmaster.find(site.cluster()), "the postmaster outlives its server: that is what this test is about"
        server = await site.start(port=server.port)
        assert site.postmaster_pid() == left
        await load.more(100)
    await verify(load.acked, account.project_id, login_url=site.login_url, superuser_url=site.superuser_url)
    await server.stop()
    assert postmaster.find(site.cluster()) is None
