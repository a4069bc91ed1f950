"""The server on a disk that fills up: it says so, keeps answering, and goes on by itself when there is room again."""

import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Generator
from pathlib import Path

import pytest
from agentops_api.db.disk import free_bytes
from agentops_api.db.migrate import create_login, migrate
from tests.chaos.clusters import external_postgres
from tests.chaos.load import Load
from tests.chaos.processes import Account, Server, Site, join, new_site, until, until_async
from tests.chaos.verify import verify
from tests.chaos.wire import Connection

pytestmark = pytest.mark.anyio

BACK_S_MAX = 30.0
LEFT_BYTES = 8 * 2**20
REFUSALS = 200


@pytest.fixture
def small_site() -> Generator[Site]:
    """A site whose data directory is a file system of 300 MB."""
    with new_site() as site:
        site.data_dir.mkdir(mode=0o711)
        mount = ["mount", "-t", "tmpfs", "-o", "size=300m,mode=711", "none", str(site.data_dir)]
        if not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
            pytest.skip("mounting a small file system takes root on Linux")
        try:
            yield site
        finally:
            site.end()
            subprocess.run(["umount", str(site.data_dir)], check=True)


@pytest.mark.parametrize("count", [1, pytest.param(4, marks=pytest.mark.chaos)])
async def test_a_full_disk_refuses_writes_answers_reads_and_loses_nothing(
    small_site: Site, tmp_path: Path, count: int
) -> None:
    site = small_site
    server = await site.start()
    account = await join(server)
    filler = site.data_dir / "filler"
    async with Load(server.port, account.key, tmp_path / "acked", batch=20, chars=2_000) as load:
        for _ in range(count):
            await load.more(20)
            fill(filler, free=LEFT_BYTES)
            await stays_readable(server, account, load, filler)
    await verify(load.acked, account.project_id, login_url=site.login_url, superuser_url=site.superuser_url)


async def test_a_full_disk_of_an_external_database_is_told_apart_from_an_error(
    small_site: Site, tmp_path: Path
) -> None:
    site = small_site
    data_dir = site.data_dir / "cluster"
    site.data_dir.chmod(0o777)
    with external_postgres(site.place, data_dir=data_dir) as postgres:
        owner_url, _ = postgres.make_database()
        await migrate(owner_url)
        login_url = await create_login(owner_url)
        server = await site.start(DATABASE_URL=login_url, MIGRATION_DATABASE_URL=owner_url)
        account = await join(server)
        filler = site.data_dir / "filler"
        async with Load(server.port, account.key, tmp_path / "acked", batch=20, chars=2_000) as load:
            await load.more(20)
            fill(filler, free=0)
            await stays_readable(server, account, load, filler)
        superuser_url = postgres.url("postgres", "agentops")
        await verify(load.acked, account.project_id, login_url=login_url, superuser_url=superuser_url)


async def test_a_disk_with_less_than_a_tenth_free_is_warned_of_before_it_is_full(small_site: Site) -> None:
    server = await small_site.start()
    await server.stop()
    assert "make room before writes fail" not in server.log.read_text()
    fill(small_site.data_dir / "filler", free=20 * 2**20)
    server = await small_site.start()
    await until(lambda: "make room before writes fail" in server.log.read_text(), 10)


async def stays_readable(server: Server, account: Account, load: Load, filler: Path) -> None:
    """Under a load that the disk has no room for, reads are answered all the while; with room, writes are again."""
    filled, refusals = time.monotonic(), load.statuses[503]
    statuses: Counter[int] = Counter()
    async with Connection(server.port, account.sdk) as sdk:

        async def is_refused_and_read() -> bool:
            statuses.update([(await sdk.get("/evaluations/")).status, (await sdk.get("/health/live")).status])
            return load.statuses[503] >= refusals + REFUSALS

        await until_async(is_refused_and_read, 60)
    filler.unlink()
    freed = time.monotonic()
    await load.more(20)
    back_s = time.monotonic() - freed
    print(f"full for {freed - filled:.2f} s, reads {dict(statuses)}, writes {dict(load.statuses)}, back {back_s:.2f} s")
    assert set(statuses) == {200}
    assert back_s <= BACK_S_MAX
    assert set(load.statuses) == {201, 503}
    assert not load.unfriendly
    assert server.errors() == []


def fill(path: Path, *, free: int) -> None:
    """Leaves no more than so many bytes."""
    with path.open("wb", buffering=0) as file:
        while (room := free_bytes(path.parent) - free) > 0:
            file.write(b"x" * min(room, 2**20))
