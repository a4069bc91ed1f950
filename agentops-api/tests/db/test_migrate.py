"""Migrations, started together, again, on what is not empty, and on every version; and the login that they make."""

import asyncio
from collections.abc import Generator
from contextlib import AsyncExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import LiteralString
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest
from agentops_api.app import create_app
from agentops_api.db.migrate import create_login, migrate, migration_sql
from agentops_api.db.pool import Database
from agentops_api.db.privileges import excess_privileges
from agentops_api.errors import Misconfigured
from agentops_api.settings import Settings
from agentops_api.telemetry.tokens import WORDS_OF
from psycopg import sql
from tests.cast import SECRET_KEY, Postgres, TestDatabase, client_of, somebody
from tests.db.elsewhere import postgres_of_version

pytestmark = pytest.mark.anyio


async def test_of_many_that_start_together_one_migrates_and_the_others_wait(empty: TestDatabase) -> None:
    changed = await asyncio.gather(*(migrate(empty.owner_url) for _ in range(5)))
    assert sorted(changed) == [False] * 4 + [True]
    assert not await migrate(empty.owner_url)


async def test_migrating_what_is_up_to_date_waits_for_nobody(database: TestDatabase) -> None:
    with psycopg.connect(database.superuser_url) as busy:
        busy.execute("LOCK TABLE evaluations IN ACCESS EXCLUSIVE MODE")
        busy.execute("SELECT pg_advisory_xact_lock(hashtext('agentops.migrations'))")
        async with asyncio.timeout(20):
            assert not await migrate(database.owner_url)


async def test_a_migration_that_fails_leaves_nothing(empty: TestDatabase) -> None:
    with psycopg.connect(empty.owner_url) as somebody_else:
        somebody_else.execute("CREATE TABLE projects (what text)")
    with pytest.raises(psycopg.errors.DuplicateTable, match="projects"):
        await migrate(empty.owner_url)
    with psycopg.connect(empty.owner_url) as owner:
        found = owner.execute("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace").fetchall()
    assert found == [("projects",)]


async def test_an_older_server_does_not_touch_a_newer_database(database: TestDatabase) -> None:
    with psycopg.connect(database.owner_url) as newer:
        newer.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Misconfigured, match="newer than this server"):
        await migrate(database.owner_url)


async def test_a_database_of_another_encoding_is_refused(postgres: Postgres) -> None:
    with _database_of_c(postgres, "SQL_ASCII") as url, pytest.raises(Misconfigured, match="SQL_ASCII"):
        await migrate(url)


async def test_letters_are_letters_in_a_database_whose_locale_knows_ascii_only(postgres: Postgres) -> None:
    with _database_of_c(postgres, "UTF8") as url:
        await migrate(url)
        with psycopg.connect(url) as owner:
            assert owner.execute("SELECT lower('Ä')").fetchall() == [("Ä",)]
            found = owner.execute("SELECT word FROM " + WORDS_OF.replace("TEXT", "'ÄRGER in 京都'"))
            assert found.fetchall() == [("ärger",), ("in",), ("京",), ("都",)]


@contextmanager
def _database_of_c(postgres: Postgres, encoding: LiteralString) -> Generator[str]:
    name = f"c_{encoding.lower()}"
    made = "CREATE DATABASE {} OWNER agentops_owner TEMPLATE template0 LOCALE_PROVIDER libc LOCALE 'C' ENCODING {}"
    with psycopg.connect(postgres.url("postgres", role="superuser"), autocommit=True) as admin:
        admin.execute(sql.SQL(made).format(sql.Identifier(name), encoding))
        yield postgres.url(name, role="owner")
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


async def test_what_was_filed_by_an_older_rule_is_due_again(empty: TestDatabase) -> None:
    project_id, at = uuid4(), datetime(2031, 5, 5, 0, 0, 1, tzinfo=UTC)
    with psycopg.connect(empty.owner_url) as owner:
        owner.execute(migration_sql(None, "0008").encode())
    with psycopg.connect(empty.superuser_url) as admin:
        admin.execute(
            "INSERT INTO evaluations (project_id, created_at, id, prompt, response) VALUES (%s, %s, %s, '京都', '-')",
            (project_id, at, uuid4()),
        )
        admin.execute("INSERT INTO search_words VALUES (%s, '2031-05-05T00:00:00Z', '京都', '{1000}')", (project_id,))
    assert await migrate(empty.owner_url)
    with psycopg.connect(empty.superuser_url) as admin:
        assert admin.execute("SELECT FROM search_words").fetchall() == []
        assert admin.execute("SELECT times, bytes FROM search_pending").fetchall() == [([1000], 7)]


async def test_hours_that_are_there_count_in_their_first_quarter(empty: TestDatabase) -> None:
    project_id = uuid4()
    with psycopg.connect(empty.owner_url) as owner:
        owner.execute(migration_sql(None, "0008").encode())
    with psycopg.connect(empty.superuser_url) as admin:
        for dims, agent in (("all", "a"), ("agent", "a"), ("none", "")):
            admin.execute(
                "INSERT INTO evaluation_rollups VALUES (%s, 60, %s, '2031-05-05T07:00:00Z', %s, '', '', 3, 2, 1"
                + ", 3, 30, '{4,5}', '{1,2}'" * 6
                + ")",
                (project_id, dims, agent),
            )
    assert await migrate(empty.owner_url)
    with psycopg.connect(empty.superuser_url) as admin:
        same = admin.execute(
            "SELECT dims FROM evaluation_rollups AS quarter"
            " JOIN evaluation_rollups AS hour USING (project_id, dims, at)"
            " WHERE quarter.resolution = 15 AND hour.resolution = 60"
            "   AND to_jsonb(quarter) - 'resolution' = to_jsonb(hour) - 'resolution' ORDER BY dims"
        )
        assert same.fetchall() == [("all",), ("none",)]
        quarters = admin.execute("SELECT count(*) FROM evaluation_rollups WHERE resolution = 15")
        assert quarters.fetchall() == [(2,)]


async def test_the_login_may_become_each_role_of_the_door_and_do_nothing_else(database: TestDatabase) -> None:
    url = await create_login(database.owner_url, name="login_of_a_test")
    with psycopg.connect(url, autocommit=True) as login:
        for statement in ("SELECT FROM users", "SELECT FROM evaluations", "CREATE TABLE mine ()"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                login.execute(statement.encode())
        for role in ("agentops_owner", "postgres", "agentops_login"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                login.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
        for role in ("agentops_project", "agentops_user", "agentops_ingest", "agentops_system", "agentops_jobs"):
            login.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role)))
    async with await psycopg.AsyncConnection.connect(url) as session:
        assert await excess_privileges(session) == []


async def test_making_the_login_again_gives_it_a_new_password(database: TestDatabase) -> None:
    first = await create_login(database.owner_url, name="login_made_again")
    second = await create_login(database.owner_url, name="login_made_again")
    assert urlsplit(first).username == urlsplit(second).username == "login_made_again"
    psycopg.connect(second).close()
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(first)


async def test_the_password_of_the_login_is_in_no_log(postgres: Postgres, database: TestDatabase) -> None:
    with psycopg.connect(database.superuser_url, autocommit=True) as admin:
        admin.execute(sql.SQL("ALTER DATABASE {} SET log_statement = 'ddl'").format(sql.Identifier(database.name)))
    url = await create_login(database.owner_url, name="login_that_is_logged")
    logged = (postgres.data_dir / "postgres.log").read_text()
    assert "login_that_is_logged" in logged
    password = urlsplit(url).password
    assert password
    assert password not in logged


async def test_rows_of_the_default_partition_move_when_their_month_is_made(database: TestDatabase) -> None:
    project_id, at = uuid4(), datetime(2031, 5, 17, tzinfo=UTC)
    with psycopg.connect(database.superuser_url) as admin:
        admin.execute(
            "INSERT INTO evaluations (project_id, created_at, id, prompt, response) VALUES (%s, %s, %s, 'a', 'b')",
            (project_id, at, uuid4()),
        )

    async def make_months() -> int:
        async with Database(database.login_url, connections_max=1) as db, db.as_system() as tx:
            made = await tx.execute("SELECT agentops_ensure_partitions('2031-04-30', '2031-06-01')")
            row = await made.fetchone()
            assert row
            return row[0]

    assert sorted(await asyncio.gather(make_months(), make_months())) == [0, 3]
    async with Database(database.login_url, connections_max=1) as db, db.as_project(project_id) as tx:
        found = await tx.execute("SELECT tableoid::regclass::text, created_at FROM evaluations")
        assert await found.fetchall() == [("agentops_partitions.evaluations_2031_05", at)]


@pytest.mark.parametrize("major", ["15", "16", "17"])
async def test_older_versions_are_migrated_and_serve(major: str, tmp_path: Path) -> None:
    with postgres_of_version(major) as machine:
        with psycopg.connect(machine.superuser_url, autocommit=True) as admin:
            admin.execute("CREATE ROLE an_owner LOGIN CREATEROLE PASSWORD 'of the tables'")
            admin.execute("CREATE DATABASE telemetry OWNER an_owner")
        owner_url = machine.url("an_owner", "of the tables", "telemetry")
        assert await migrate(owner_url)
        settings = Settings(
            database_url=await create_login(owner_url),
            migration_database_url=owner_url,
            require_least_privilege=True,
            secret_key=SECRET_KEY,
            agentops_data_dir=tmp_path,
            log_level="WARNING",
            _env_file=None,  # pyright: ignore[reportCallIssue] - pydantic-settings' own argument
        )
        app = create_app(settings)
        async with app.router.lifespan_context(app), AsyncExitStack() as stack:
            owner = await somebody(app, stack, "owner@example.com")
            stranger = await somebody(app, stack, "stranger@example.com")
            posted = {
                "prompt": "Why ÄRGER in 京都府?",
                "response": "Because.",
                "latency_sec": 0.4,
                "hallucinated": True,
            }
            made = await owner.sdk.post("/evaluations/", json=posted)
            assert made.status_code == 201, made.text
            listed = (await owner.person.get("/evaluations/")).json()["data"]
            assert [each["id"] for each in listed] == [made.json()["id"]]
            for q in ("ärger", "京都", "a\u0308rger IN"):
                assert (await owner.sdk.get("/evaluations", params={"q": q})).json()["data"] == listed
            assert (await owner.sdk.get("/evaluations", params={"q": "都京"})).json()["data"] == []
            assert (await owner.sdk.get("/evaluations/stats")).json()["total_evaluations"] == 1
            assert (await stranger.sdk.get(f"/evaluations/{made.json()['id']}")).status_code == 404
            assert (await owner.sdk.delete(f"/evaluations/{made.json()['id']}")).status_code == 204
            async with client_of(app) as probe:
                ready = await probe.get("/health/ready")
            assert ready.status_code == 200, ready.text
