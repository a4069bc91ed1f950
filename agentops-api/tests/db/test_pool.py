"""The door: for whom a transaction is, it is only for that transaction, also where a pooler shares the sessions."""

import asyncio
from collections.abc import Generator
from uuid import UUID, uuid4

import psycopg
import pytest
from agentops_api.db import pool
from agentops_api.db.installation import choose_account
from agentops_api.db.migrate import migrate
from agentops_api.db.pool import Database, Tx
from agentops_api.errors import Unavailable
from tests.cast import Postgres, TestDatabase
from tests.db.elsewhere import pgbouncer

pytestmark = pytest.mark.anyio

Identity = tuple[str, str, str, str]
WHO = """
SELECT current_user::text,
       coalesce(current_setting('agentops.project_id', true), ''),
       coalesce(current_setting('agentops.user_id', true), ''),
       coalesce(current_setting('agentops.project_ids', true), '')
"""
PROJECT, USER, OTHER = uuid4(), uuid4(), uuid4()


async def who(tx: psycopg.AsyncConnection[tuple[object, ...]]) -> Identity:
    found = await tx.execute(WHO)
    row = await found.fetchone()
    assert row
    role, project_id, user_id, project_ids = map(str, row)
    return role, project_id, user_id, project_ids


async def nothing_is_left(connection: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
    assert await who(connection) == ("agentops_login", "", "", "")
    found = await connection.execute("SHOW statement_timeout")
    assert await found.fetchone() == ("0",)
    await connection.rollback()


async def test_each_door_sets_its_role_and_claims_and_takes_them_along(database: TestDatabase) -> None:
    async with Database(database.login_url, connections_max=1) as db:
        async with db.as_project(PROJECT) as tx:
            assert await who(tx) == ("agentops_project", str(PROJECT), "", "")
        async with db.as_system() as tx:
            assert await who(tx) == ("agentops_system", "", "", "")
        async with db.as_jobs() as tx:
            assert await who(tx) == ("agentops_jobs", "", "", "")
        async with db.as_user(USER) as tx:
            assert await who(tx) == ("agentops_user", "", str(USER), "")
        async with db.as_ingest([PROJECT, OTHER]) as tx:
            assert await who(tx) == ("agentops_ingest", "", "", f"{{{PROJECT},{OTHER}}}")
        with pytest.raises(ValueError, match="the handler fails"):
            async with db.as_project(PROJECT) as tx:
                raise ValueError("the handler fails")
        # There is one connection, and this is it, outside of every door.
        async with db._pool.connection() as connection:  # pyright: ignore[reportPrivateUsage] - what the door hides
            await nothing_is_left(connection)


async def test_leaving_commits_and_an_error_rolls_back(database: TestDatabase) -> None:
    async def failures() -> int:
        async with db.as_system() as tx:
            found = await tx.execute("SELECT account FROM login_failures")
            return len(await found.fetchall())

    async def fail(tx: Tx) -> None:
        await tx.execute("INSERT INTO login_failures (account, address) VALUES (sha256('a'), '::1')")

    async def fail_to_handle() -> None:
        async with db.as_system() as tx:
            await fail(tx)
            raise ZeroDivisionError

    async with Database(database.login_url, connections_max=2) as db:
        with pytest.raises(ZeroDivisionError):
            await fail_to_handle()
        assert await failures() == 0
        async with db.as_system() as tx:
            await fail(tx)
        assert await failures() == 1


async def test_a_cancelled_transaction_is_neither_committed_nor_handed_on(database: TestDatabase) -> None:
    entered = asyncio.Event()

    async def hang() -> None:
        async with db.as_system() as tx:
            await tx.execute("INSERT INTO login_failures (account, address) VALUES (sha256('a'), '::1')")
            entered.set()
            await tx.execute("SELECT pg_sleep(60)")

    async with Database(database.login_url, connections_max=1) as db:
        hanging = asyncio.create_task(hang())
        await entered.wait()
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hanging
        async with asyncio.timeout(20), db.as_system() as tx:
            found = await tx.execute("SELECT count(*) FROM login_failures")
            assert await found.fetchone() == (0,)


async def test_when_all_sessions_are_ended_the_next_transaction_has_a_new_one_at_once(database: TestDatabase) -> None:
    async def busy(db: Database) -> None:
        async with db.as_system() as tx:
            await tx.execute("SELECT pg_sleep(0.05)")

    async with Database(database.login_url, connections_max=8) as db:
        for _ in range(3):
            await asyncio.gather(*(busy(db) for _ in range(32)))
            with psycopg.connect(database.superuser_url, autocommit=True) as admin:
                admin.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND usename = 'agentops_login'"
                )
            async with asyncio.timeout(20), db.as_system() as tx:
                await tx.execute("SELECT 1")


async def test_what_takes_too_long_is_ended_and_said_to_be_so(
    database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The server ends the statement, and may have to wait for the machine to say so.
    monkeypatch.setattr(pool, "_REPLY_GRACE_S", 30)
    async with Database(database.login_url, connections_max=1) as db:
        with pytest.raises(Unavailable, match="took too long"):
            async with db.as_project(PROJECT, statement_ms_max=50) as tx:
                await tx.execute("SELECT pg_sleep(60)")
        async with db.as_project(PROJECT) as tx:
            found = await tx.execute("SHOW statement_timeout")
            assert await found.fetchone() == ("5s",)


async def test_a_database_that_is_not_there_is_unavailable_and_not_a_fault(database: TestDatabase) -> None:
    async with Database(database.login_url.replace(database.name, "nowhere"), connections_max=1) as db:
        with pytest.raises(Unavailable, match="does not answer"):
            async with db.as_system():
                pytest.fail("entered")


@pytest.fixture
def pooled(postgres: Postgres, database: TestDatabase) -> Generator[str]:
    """The database behind a transaction-mode pooler that shares one session among everybody."""
    account = choose_account(postgres.data_dir / "postgres-18")
    with pgbouncer(database.login_url, account=account, server_connections=1) as url:
        yield url


async def test_behind_a_pooler_nothing_of_one_transaction_is_seen_by_the_next(pooled: str) -> None:
    async with Database(pooled, connections_max=3, pooled=True) as db:
        for _ in range(200):
            async with db.as_project(PROJECT):
                pass
            async with db.as_user(USER):
                pass
            async with db.as_ingest([PROJECT]):
                pass
            # Another client of the pooler: the session behind is the only one there is, and must have been given back.
            async with await psycopg.AsyncConnection.connect(pooled, prepare_threshold=None) as other:
                await nothing_is_left(other)


async def test_fifty_tenants_at_once_behind_a_pooler_see_their_own_rows_only(
    database: TestDatabase, pooled: str
) -> None:
    tenants = [uuid4() for _ in range(50)]
    with psycopg.connect(database.superuser_url) as admin, admin.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO evaluation_ids (project_id, id, created_at) VALUES (%s, %s, now())",
            [(tenant, uuid4()) for tenant in tenants],
        )

    async def seen(db: Database, tenant: UUID) -> set[UUID]:
        async with db.as_project(tenant) as tx:
            assert await who(tx) == ("agentops_project", str(tenant), "", "")
            found = await tx.execute("SELECT project_id FROM evaluation_ids")
            return {project_id for (project_id,) in await found.fetchall()}

    async with Database(pooled, connections_max=8, pooled=True) as db:
        for _ in range(3):
            assert await asyncio.gather(*(seen(db, tenant) for tenant in tenants)) == [{each} for each in tenants]


async def test_migrations_run_behind_a_pooler(postgres: Postgres, empty: TestDatabase) -> None:
    account = choose_account(postgres.data_dir / "postgres-18")
    with pgbouncer(empty.owner_url, account=account, server_connections=3) as url:
        assert sorted(await asyncio.gather(migrate(url), migrate(url), migrate(url))) == [False, False, True]
