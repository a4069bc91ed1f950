"""A real PostgreSQL, a database a test, and a cast of HTTP clients that *are* somebody."""

import asyncio
import itertools
import shutil
import tempfile
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, contextmanager
from datetime import datetime
from pathlib import Path

import psycopg
import pytest
from agentops_api import clock, work
from agentops_api.app import create_app
from agentops_api.db.embedded import embedded_database
from agentops_api.db.migrate import grant_doors, migrate
from agentops_api.edge.runtime import Runtime
from agentops_api.settings import Settings
from anyio.from_thread import start_blocking_portal
from fastapi import FastAPI
from httpx2 import AsyncClient
from tests.cast import SECRET_KEY, Postgres, Somebody, TestDatabase, client_of, somebody

_JOBS_S_MAX = 30.0
_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 4 * 2**30


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres() -> Generator[Postgres]:
    """The embedded PostgreSQL, its database `agentops` migrated: the template of every test's own."""
    with (
        data_directory() as data_dir,
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(embedded_database(data_dir)) as embedded,
    ):
        portal.call(migrate, embedded.owner_url)
        portal.call(_grant, embedded.owner_url)
        password = (data_dir / "secrets" / "postgres").read_text().strip()
        superuser = embedded.owner_url.replace(embedded.owner_url.split("@")[0], f"postgresql://postgres:{password}")
        yield Postgres(superuser, embedded.owner_url, embedded.login_url, data_dir)


@contextmanager
def data_directory() -> Generator[Path]:
    """A temporary directory that the embedded database's own user may enter too, when root runs the tests.

    In memory where there is room: a test's database is then made in a twentieth of the time. What must survive faults
    is tested on a disk (`tests.chaos`).
    """
    in_memory = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM_BYTES
    directory = _MEMORY if in_memory else None
    with tempfile.TemporaryDirectory(prefix="agentops-", dir=directory, ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)


async def _grant(owner_url: str) -> None:
    async with await psycopg.AsyncConnection.connect(owner_url) as owner:
        await grant_doors(owner, "agentops_login")


_numbers = itertools.count()


@pytest.fixture
def database(postgres: Postgres) -> Generator[TestDatabase]:
    """A fresh database, cloned from the template."""
    name = f"test_{next(_numbers)}"
    admin_url = postgres.url("postgres", role="superuser")
    with psycopg.connect(admin_url, autocommit=True) as admin:
        # Files are copied in an eighth of the time that it takes to log their pages.
        sql = f"CREATE DATABASE {name} TEMPLATE agentops OWNER agentops_owner STRATEGY FILE_COPY"
        admin.execute(sql)  # pyright: ignore[reportArgumentType, reportCallIssue]
    yield TestDatabase(name, postgres.url(name), postgres.url(name, role="owner"), postgres.url(name, role="superuser"))
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")  # pyright: ignore[reportArgumentType, reportCallIssue]


@pytest.fixture
def stopped_clock(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """The time, which stands still from now on: no day begins between what a test stores and what it asks."""
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)
    return now


@pytest.fixture
def settings(database: TestDatabase, tmp_path: Path) -> Settings:
    """Limits out of the way; a test about limits makes its own. A live tail ends at once, so that the walks through all
    routes go on."""
    return Settings(
        database_url=database.login_url,
        migration_database_url=database.owner_url,
        require_least_privilege=True,
        secret_key=SECRET_KEY,
        rate_limit_per_minute=100_000,
        ingest_limit_per_minute=10_000_000,
        register_limit_per_hour=100_000,
        stream_seconds_max=0.01,
        agentops_data_dir=tmp_path,
        log_level="WARNING",
        _env_file=None,  # pyright: ignore[reportCallIssue] - pydantic-settings' own argument
    )


@pytest.fixture
async def app(settings: Settings, database: TestDatabase) -> AsyncGenerator[FastAPI]:
    """The application, running in this process. What a test asked it to do later is done before the test ends."""
    _nothing_is_scheduled(database)
    application = create_app(settings)
    async with application.router.lifespan_context(application):
        yield application
        await _no_job_is_left_behind(database)


def _nothing_is_scheduled(database: TestDatabase) -> None:
    """The server's own jobs are those that a test asks for, also when an hour or 03:00 passes while it runs."""
    kinds = [each.kind for each in work._SCHEDULES]  # pyright: ignore[reportPrivateUsage] - only told to the worker
    with psycopg.connect(database.superuser_url) as admin:
        # Another server of the test may be at work already, and have written its own.
        admin.execute(
            "INSERT INTO job_slots (kind, slot) SELECT unnest(%s::text[]), 'infinity'"
            " ON CONFLICT (kind) DO UPDATE SET slot = excluded.slot",
            (kinds,),
        )


async def _no_job_is_left_behind(database: TestDatabase) -> None:
    deadline = time.monotonic() + _JOBS_S_MAX
    async with await psycopg.AsyncConnection.connect(database.superuser_url, autocommit=True) as admin:
        while True:
            left = await admin.execute("SELECT kind, status, error FROM jobs WHERE status <> 'succeeded'")
            jobs = await left.fetchall()
            if not jobs:
                return
            assert time.monotonic() < deadline, f"jobs are left behind: {jobs}"
            await asyncio.sleep(0.05)


@pytest.fixture
def server(app: FastAPI) -> Runtime:
    """The running application's parts."""
    return app.state.runtime


@pytest.fixture
async def stack() -> AsyncGenerator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


@pytest.fixture
async def anonymous(app: FastAPI, stack: AsyncExitStack) -> AsyncClient:
    """Nobody that the server knows."""
    return await stack.enter_async_context(client_of(app))


@pytest.fixture
async def owner(app: FastAPI, stack: AsyncExitStack) -> Somebody:
    """Owns a project."""
    return await somebody(app, stack, "owner@example.com")


@pytest.fixture
async def stranger(app: FastAPI, stack: AsyncExitStack) -> Somebody:
    """Owns another project, and must never see anything of the first."""
    return await somebody(app, stack, "stranger@example.com")


@pytest.fixture
async def sdk(owner: Somebody) -> AsyncClient:
    """The program that holds the owner's key."""
    return owner.sdk


@pytest.fixture
async def viewer(app: FastAPI, stack: AsyncExitStack, owner: Somebody, database: TestDatabase) -> Somebody:
    """May look at the owner's project, and no more."""
    guest = await somebody(app, stack, "viewer@example.com")
    with psycopg.connect(database.superuser_url) as admin:
        admin.execute(
            """
            INSERT INTO memberships (organization_id, user_id, role)
            SELECT organization_id, %s, 'viewer' FROM projects WHERE id = %s
            """,
            (guest.user_id, owner.project_id),
        )
    guest.person.headers["X-Project-Id"] = str(owner.project_id)
    return guest
