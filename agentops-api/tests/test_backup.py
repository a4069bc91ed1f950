"""What was backed up comes back as it was, wherever it is restored; and what is not a whole backup changes nothing."""

import asyncio
import stat
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import uuid4
from zipfile import ZIP_STORED, ZipFile

import psycopg
import pytest
from agentops_api import restore as restoring
from agentops_api.app import create_app
from agentops_api.backup import backup
from agentops_api.db import contents
from agentops_api.db.archive import DATA, MANIFEST, BackupError, find_program, read_manifest
from agentops_api.db.migrate import HEAD, migrate, migration_sql
from agentops_api.edge.runtime import Runtime
from agentops_api.restore import restore
from agentops_api.settings import Settings
from agentops_api.upkeep import merge_rollups
from fastapi import FastAPI
from httpx2 import AsyncClient
from psycopg import sql
from tests.cast import SECRET_KEY, Postgres, Somebody, TestDatabase, client_of, somebody
from tests.command import agentops
from tests.conftest import data_directory
from tests.db.elsewhere import postgres_of_version, schema_of
from tests.jobs.queue import all_finished

pytestmark = pytest.mark.anyio

TRICKY = "\\. \\N \t 'quoted' \"too\" {braces} \r\n COPY users FROM stdin; \\\\ \u2028 \U0001f600"


def silent(what: str, done: int, total: int | None) -> None:
    """Nobody watches."""


def items(count: int) -> list[dict[str, object]]:
    return [
        {
            "prompt": TRICKY,
            "response": f"answer {n}",
            "retrieved_docs": ["a", TRICKY],
            "latency_sec": 0.1 + n / 7,
            "hallucinated": n % 3 == 0,
            "agent_name": f"agent {n % 4}",
            "metadata": {"n": n, "text": TRICKY, "big": 1e300},
            **({"id": str(uuid4())} if n % 2 else {}),
        }
        for n in range(count)
    ]


async def fill(owner: Somebody, server: Runtime, count: int = 40) -> None:
    """Evaluations with and without ids of the client's, and statistics of which half is merged."""
    for half in (items(count // 2), items(count // 2)):
        await merge_rollups(server.db, server.writer, 1)
        answer = await owner.sdk.post("/evaluations/batch", json={"evaluations": half})
        assert answer.status_code == 201, answer.text


@pytest.fixture
def other(postgres: Postgres) -> Generator[TestDatabase]:
    """A database with nothing in it."""
    admin_url = postgres.url("postgres", role="superuser")
    name = f"restored_{uuid4().hex[:12]}"
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {} OWNER agentops_owner").format(sql.Identifier(name)))
    yield TestDatabase(name, postgres.url(name), postgres.url(name, role="owner"), postgres.url(name, role="superuser"))
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def tables(superuser_url: str) -> dict[str, object]:
    with psycopg.connect(superuser_url) as admin:
        contents.prepare_session(admin)
        return {**contents.count_all(admin, silent)}


def schema(superuser_url: str) -> list[str]:
    pg_dump, _ = find_program("pg_dump", major_min=18)
    return schema_of(pg_dump.parent, superuser_url).splitlines()


@asynccontextmanager
async def serving(settings: Settings, **urls: str) -> AsyncGenerator[FastAPI]:
    app = create_app(Settings.model_validate(settings.model_dump() | urls))
    async with app.router.lifespan_context(app):
        yield app


async def seen(client: AsyncClient) -> tuple[object, object]:
    """The statistics and the evaluations that a caller sees."""
    statistics = await client.get("/evaluations/stats")
    listed = await client.get("/evaluations?limit=500")
    assert statistics.status_code == listed.status_code == 200
    return statistics.json(), listed.json()["data"]


async def test_everything_comes_back_in_an_empty_database(
    owner: Somebody,
    stranger: Somebody,
    server: Runtime,
    settings: Settings,
    database: TestDatabase,
    other: TestDatabase,
    tmp_path: Path,
) -> None:
    await fill(owner, server)
    with psycopg.connect(database.superuser_url) as admin:
        admin.execute("SELECT agentops_ensure_partitions('2019-02-01', '2019-03-01')")
        for at in ("2019-02-28", "2031-05-17"):  # A month of its own, and one of the default partition.
            admin.execute(
                "INSERT INTO evaluations (project_id, created_at, id, prompt, response) VALUES (%s, %s, %s, 'a', 'b')",
                (owner.project_id, at, uuid4()),
            )
        # The file of an export holds nothing that the backup has not.
        asked = (await owner.sdk.post("/api/v1/exports", json={})).json()["id"]
        admin.execute("INSERT INTO export_parts VALUES (%s, %s, 7, 'bytes')", (owner.project_id, asked))
    await all_finished(database.superuser_url)
    file = tmp_path / "it.backup"
    made = backup(database.superuser_url, file, silent)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert made.tables["public.evaluations"].rows == 42
    assert made.tables["public.users"].rows == 2
    assert made.tables["public.jobs"].rows >= 1
    assert "public.export_parts" not in made.tables
    assert restore(other.owner_url, file, silent, login=None, replace=False) == made
    assert tables(other.superuser_url) == tables(database.superuser_url)
    assert schema(other.superuser_url) == schema(database.superuser_url)
    expected = await seen(owner.sdk)
    async with serving(settings, database_url=other.login_url, migration_database_url=other.owner_url) as restored:
        async with client_of(restored, {"X-API-Key": owner.key}) as client:
            assert await seen(client) == expected
            assert (await client.post("/evaluations", json={"prompt": "a", "response": "b"})).status_code == 201
        async with client_of(restored, {"X-API-Key": stranger.key}) as client:
            assert (await seen(client))[1] == []


async def test_what_was_changed_and_deleted_since_is_as_it_was(
    owner: Somebody, server: Runtime, app: FastAPI, stack: AsyncExitStack, database: TestDatabase, tmp_path: Path
) -> None:
    await fill(owner, server)
    file = tmp_path / "it.backup"
    backup(database.superuser_url, file, silent)
    before, shape = tables(database.superuser_url), schema(database.superuser_url)
    await fill(owner, server)
    await somebody(app, stack, "newcomer@example.com")
    with psycopg.connect(database.superuser_url) as admin:
        admin.execute("DELETE FROM memberships")
        admin.execute("DROP POLICY self ON users")
        admin.execute("ALTER TABLE evaluations NO FORCE ROW LEVEL SECURITY")
    with pytest.raises(BackupError, match="not empty"):
        restore(database.owner_url, file, silent, login=None, replace=False)
    with psycopg.connect(database.superuser_url) as admin:
        assert admin.execute("SELECT count(*) FROM users").fetchone() == (2,), "a refusal changes nothing"
    restore(database.owner_url, file, silent, login=None, replace=True)
    assert tables(database.superuser_url) == before
    assert schema(database.superuser_url) == shape


async def test_a_backup_beside_a_busy_server_is_of_one_moment(
    owner: Somebody, server: Runtime, database: TestDatabase, other: TestDatabase, tmp_path: Path
) -> None:
    async def keep_sending() -> None:
        while True:
            await fill(owner, server, 4)

    sending = asyncio.create_task(keep_sending())
    await fill(owner, server)
    made = await asyncio.to_thread(backup, database.superuser_url, tmp_path / "it.backup", silent)
    assert not sending.done(), "it was sending all the time"
    sending.cancel()
    assert made.tables["public.evaluations"].rows >= 40
    # In a thread: a connection that the server is just opening would else stand half open, and hold up the next DROP
    # DATABASE until it is given up after a minute.
    await asyncio.to_thread(restore, other.owner_url, tmp_path / "it.backup", silent, login=None, replace=False)
    with psycopg.connect(other.superuser_url) as admin:
        stored = admin.execute("SELECT count(*) FROM evaluations").fetchone()
        rolled_up = admin.execute(
            "SELECT sum(evaluations) FROM evaluation_rollups WHERE resolution IN (0, 60) AND dims = 'all'"
        ).fetchone()
        assert stored == rolled_up


async def test_a_backup_of_an_older_schema_is_brought_up_to_date(
    database: TestDatabase, other: TestDatabase, tmp_path: Path
) -> None:
    with psycopg.connect(other.owner_url) as older:
        older.execute(migration_sql(None, "0001").encode())
    with psycopg.connect(other.superuser_url) as admin:
        admin.execute("INSERT INTO users (id, email, provider) VALUES (%s, 'ada@example.com', 'supabase')", (uuid4(),))
    made = backup(other.superuser_url, tmp_path / "it.backup", silent)
    assert made.revision == "0001"
    restore(database.owner_url, tmp_path / "it.backup", silent, login=None, replace=False)
    await migrate(database.owner_url)
    with psycopg.connect(database.superuser_url) as admin:
        assert contents.revision_of(admin) == HEAD
        assert admin.execute("SELECT email FROM users").fetchall() == [("ada@example.com",)]


async def test_a_role_that_row_level_security_binds_cannot_make_one(
    owner: Somebody, database: TestDatabase, tmp_path: Path
) -> None:
    for url in (database.owner_url, database.login_url):
        with pytest.raises(BackupError, match="BYPASSRLS"):
            backup(url, tmp_path / "it.backup", silent)
    assert list(tmp_path.iterdir()) == []


async def test_a_backup_overwrites_nothing_and_an_empty_database_has_none(
    database: TestDatabase, other: TestDatabase, tmp_path: Path
) -> None:
    file = tmp_path / "it.backup"
    file.write_text("mine")
    with pytest.raises(BackupError, match="there already"):
        backup(database.superuser_url, file, silent)
    assert file.read_text() == "mine"
    with pytest.raises(BackupError, match="is empty"):
        backup(other.superuser_url, tmp_path / "other.backup", silent)
    with pytest.raises(BackupError, match="cannot be written"):
        backup(database.superuser_url, tmp_path / "nowhere" / "it.backup", silent)
    assert [path.name for path in tmp_path.iterdir()] == ["it.backup"]


def rewritten(file: Path, **members: bytes) -> Path:
    """The same backup with another manifest or other data."""
    changed = file.with_name("changed.backup")
    with ZipFile(file) as old, ZipFile(changed, "w", ZIP_STORED) as new:
        for name in (DATA, MANIFEST):
            new.writestr(name, members.get(name.partition(".")[0], old.read(name)))
    return changed


def remade(file: Path, **changed: object) -> Path:
    """The same backup with another manifest."""
    manifest = read_manifest(file).model_copy(update=changed)
    return rewritten(file, manifest=manifest.model_dump_json().encode())


async def test_what_is_not_a_whole_backup_changes_nothing(
    owner: Somebody, server: Runtime, database: TestDatabase, other: TestDatabase, tmp_path: Path
) -> None:
    await fill(owner, server)
    file = tmp_path / "it.backup"
    made = backup(database.superuser_url, file, silent)

    def refused(changed: Path, why: str) -> None:
        with pytest.raises(BackupError, match=why):
            restore(other.owner_url, changed, silent, login=None, replace=True)
        with psycopg.connect(other.superuser_url) as admin:
            found = admin.execute("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace")
            assert found.fetchone() == (0,)

    cut = tmp_path / "cut.backup"
    whole = file.read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])
    refused(cut, "only a part")
    refused(tmp_path / "missing", "cannot be read")
    cut.write_text("hello")
    refused(cut, "no backup")
    at = len(whole) // 2
    cut.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    refused(cut, "cannot be read|differs|ends in the middle|is no backup")
    with ZipFile(file) as archive:
        refused(rewritten(file, data=archive.read(DATA)[:-2_000]), "cannot be read|ends in the middle")
    refused(rewritten(file, data=b""), "cannot be read")
    refused(rewritten(file, manifest=b'{"format": 2}'), "newer version")
    refused(remade(file, revision="9999"), "newer than")
    refused(remade(file, pg_dump=99), "install postgresql-client-99")
    wrong = made.tables["public.users"].model_copy(update={"checksum": "1"})
    refused(remade(file, tables=made.tables | {"public.users": wrong}), "differs.* in public.users")
    refused(remade(file, tables=made.tables | {"public.more": wrong}), "differs.* in public.more")
    refused(remade(file, policies=[*made.policies, "public.users more ALL agentops_user"]), "less protected")
    restore(other.owner_url, file, silent, login=None, replace=False)


async def test_what_is_not_ours_is_neither_backed_up_nor_deleted_nor_restored(
    owner: Somebody, server: Runtime, database: TestDatabase, other: TestDatabase, tmp_path: Path
) -> None:
    await fill(owner, server)
    with psycopg.connect(other.owner_url) as theirs:
        theirs.execute("CREATE TABLE public.theirs AS SELECT 1 AS n")
    file = tmp_path / "it.backup"
    backup(database.superuser_url, file, silent)
    restore(other.owner_url, file, silent, login=None, replace=False)
    restore(other.owner_url, file, silent, login=None, replace=True)
    with psycopg.connect(other.superuser_url) as admin:
        assert admin.execute("SELECT n FROM public.theirs").fetchone() == (1,)
    assert "public.theirs" not in backup(other.superuser_url, tmp_path / "second.backup", silent).tables


def test_every_table_of_the_schema_is_in_a_backup(database: TestDatabase) -> None:
    with psycopg.connect(database.superuser_url) as admin:
        found = {str(name) for name in contents.tables_of(admin)}
        made = admin.execute(
            "SELECT format('%s.%s', nspname, relname) FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace"
            " WHERE relkind IN ('r', 'p', 'm') AND NOT relispartition AND relname <> 'alembic_version'"
            " AND nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'"
        ).fetchall()
    assert found == {name for (name,) in made}


def test_all_that_migrations_made_is_dropped_before_it_is_made_again(database: TestDatabase) -> None:
    with psycopg.connect(database.owner_url) as owner:
        contents.drop_everything(owner)
        left = owner.execute(
            """
            SELECT 'class', relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace
            UNION ALL SELECT 'routine', proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
            UNION ALL SELECT 'type', typname FROM pg_type WHERE typnamespace = 'public'::regnamespace
            UNION ALL SELECT 'schema', nspname FROM pg_namespace WHERE nspname LIKE 'agentops%'
            """
        ).fetchall()
    assert left == []


def test_a_sequence_is_followed_and_another_statement_is_not() -> None:
    found = restoring.SETVAL.fullmatch(b"SELECT pg_catalog.setval('public.jobs_id_seq', 42, true);\n")
    assert found
    assert found.groups() == (b"public.jobs_id_seq", b"42", b"true")
    assert not restoring.SETVAL.fullmatch(b"SELECT pg_catalog.setval('public.x', 1, true), drop_it();\n")
    assert not restoring.COPY.fullmatch(b"COPY public.users FROM PROGRAM 'sh';\n")
    assert not restoring.COPY.fullmatch(b"COPY public.users (id) FROM stdin; DROP TABLE users;\n")


@pytest.mark.parametrize("major", ["15", "18"])
def test_an_embedded_database_moves_to_another_server_and_back(major: str, tmp_path: Path) -> None:
    with postgres_of_version(major) as machine, data_directory() as first, data_directory() as second:
        with psycopg.connect(machine.superuser_url, autocommit=True) as admin:
            admin.execute("CREATE ROLE an_owner LOGIN CREATEROLE PASSWORD 'of the tables'")
            admin.execute("CREATE DATABASE telemetry OWNER an_owner")
        external = {"DATABASE_URL": machine.url("an_owner", "of the tables", "telemetry"), "SECRET_KEY": SECRET_KEY}

        def run(*words: str, **environment: str) -> str:
            done = agentops(*words, directory=tmp_path, **environment)
            assert done.returncode == 0, done.stderr
            return done.stdout + done.stderr

        embedded = {"AGENTOPS_DATA_DIR": str(first / "data")}
        run("seed-demo", "--rows", "300", **embedded)
        told = run("backup", "one.backup", **embedded)
        assert "tables checked" in told
        assert "Backed up" in told
        assert "Restored" in run("restore", "one.backup", **external)
        refused = agentops("backup", "two.backup", directory=tmp_path, **external)
        assert refused.returncode == 1
        assert "BYPASSRLS" in refused.stderr
        with psycopg.connect(machine.superuser_url, autocommit=True) as admin:
            admin.execute("ALTER ROLE an_owner BYPASSRLS")
        run("backup", "two.backup", **external)
        run("restore", "two.backup", AGENTOPS_DATA_DIR=str(second / "data"))
        run("backup", "three.backup", AGENTOPS_DATA_DIR=str(second / "data"))
    one, two, three = (read_manifest(tmp_path / f"{name}.backup") for name in ("one", "two", "three"))
    assert one.tables == two.tables == three.tables
    assert one.policies == two.policies == three.policies
    assert one.months == two.months == three.months
    assert one.revision == HEAD
    assert one.tables["public.evaluations"].rows == 300
