"""The embedded PostgreSQL on a disk that is really full: a small file system of its own, which takes root to mount."""

import asyncio
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Generator
from pathlib import Path

import psycopg
import pytest
from agentops_api.db.disk import is_full, make_ballast
from agentops_api.db.embedded import embedded_database

pytestmark = pytest.mark.anyio

BACK_S_MAX = 30.0


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def small_disk() -> Generator[Path]:
    """The root of an empty file system of 300 MB."""
    path = Path(tempfile.mkdtemp(prefix="agentops-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", "size=300m,mode=755", "none", str(path)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        path.rmdir()
        pytest.skip("mounting a small file system takes root on Linux")
    yield path
    subprocess.run(["umount", str(path)], check=True)
    path.rmdir()


def fill(path: Path) -> None:
    """Writes until not even one more block fits."""
    with path.open("wb", buffering=0) as file:
        for size in (1024 * 1024, 4096):
            try:
                while file.write(b"x" * size) == size:
                    pass
            except OSError:
                continue


def insert(url: str) -> None:
    with psycopg.connect(url, connect_timeout=5) as connection:
        connection.execute("INSERT INTO notes SELECT repeat('x', 1000) FROM generate_series(1, 500)")


def succeeds(work: Callable[[str], None], url: str) -> bool:
    try:
        work(url)
    except psycopg.OperationalError:
        return False
    return True


def count(url: str) -> object:
    with psycopg.connect(url, connect_timeout=5) as connection:
        return connection.execute("SELECT count(*) FROM notes").fetchone()


def crash(data_dir: Path) -> None:
    os.kill(int((data_dir / "postgres-18/postmaster.pid").read_text().split()[0]), signal.SIGKILL)


async def until(fact: Callable[[], bool]) -> None:
    deadline = time.monotonic() + BACK_S_MAX
    while not fact():
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.05)


async def test_a_full_disk_and_a_crash_lose_nothing_and_reads_come_back_by_the_ballast(small_disk: Path) -> None:
    data_dir = small_disk / "data"
    async with embedded_database(data_dir) as database:
        make_ballast(data_dir / "ballast")
        with psycopg.connect(database.owner_url) as connection:
            connection.execute("CREATE TABLE notes (note text)")
        acknowledged = 0
        fill(small_disk / "filler")
        while succeeds(insert, database.owner_url):
            acknowledged += 500
        assert is_full(data_dir)

        crash(data_dir)
        await until(lambda: succeeds(lambda url: assert_count(url, acknowledged), database.owner_url))
        assert not (data_dir / "ballast").exists()

        (small_disk / "filler").unlink()
        await until(lambda: succeeds(insert, database.owner_url))
        await until((data_dir / "ballast").exists)


def assert_count(url: str, expected: int) -> None:
    assert count(url) == (expected,)
