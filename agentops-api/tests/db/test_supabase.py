"""What docs/supabase.md says of the Data API's roles, on a PostgreSQL with Supabase's roles and `auth` schema."""

import json
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from agentops_api.db.cluster import SUPERUSER
from agentops_api.db.migrate import migrate
from psycopg import sql
from psycopg.errors import InsufficientPrivilege
from tests.db.elsewhere import postgres_of_version

SCHEMA = Path(__file__).resolve().parents[2] / "database/schema.sql"
TABLES = ("users", "memberships", "organizations", "projects", "api_keys", "evaluations", "evaluation_rollups")
SECRET_TABLES = ("sessions", "login_failures", "evaluation_ids", "alembic_version")

# As a new Supabase project has them: `postgres` owns the database without being a superuser, and every new table of
# `public` is granted to the roles of the Data API.
_SUPABASE = """
CREATE ROLE owner LOGIN CREATEROLE BYPASSRLS PASSWORD 'owner';
CREATE ROLE anon NOLOGIN;
CREATE ROLE authenticated NOLOGIN;
CREATE ROLE service_role NOLOGIN BYPASSRLS;
GRANT CREATE ON SCHEMA public TO owner;
GRANT USAGE ON SCHEMA public TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA public GRANT ALL ON TABLES TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES FOR ROLE owner IN SCHEMA public GRANT ALL ON FUNCTIONS TO anon, authenticated, service_role;
CREATE SCHEMA auth;
GRANT USAGE ON SCHEMA auth TO owner, anon, authenticated, service_role;
CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE
    RETURN (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid;
"""


@dataclass(frozen=True, slots=True)
class Project:
    """The URLs of one Supabase project, and two people in it who each have one of everything."""

    superuser_url: str
    owner_url: str
    alice: UUID
    bob: UUID


@pytest.fixture(scope="module")
def supabase() -> Generator[Project]:
    with postgres_of_version("18") as server:
        with psycopg.connect(server.superuser_url, autocommit=True) as admin:
            admin.execute("CREATE DATABASE supabase")
        superuser_url = server.cluster.url(SUPERUSER, "supabase")
        owner_url = server.url("owner", "owner", "supabase")
        with psycopg.connect(superuser_url) as admin:
            admin.execute(_SUPABASE)
            admin.execute("GRANT CREATE ON DATABASE supabase TO owner")
        with psycopg.connect(owner_url, autocommit=True) as editor:
            editor.execute(SCHEMA.read_bytes())
        alice, bob = uuid4(), uuid4()
        with psycopg.connect(superuser_url) as admin:
            for person in (alice, bob):
                settle(admin, person)
        yield Project(superuser_url, owner_url, alice, bob)


def settle(admin: psycopg.Connection[tuple[object, ...]], person: UUID) -> None:
    """Gives the person an organization, a project, a key, an evaluation and a rollup of it."""
    admin.execute(
        """
        WITH organization AS (INSERT INTO organizations (id, name) VALUES (%(person)s, 'o')),
             account AS (
                 INSERT INTO users (id, email, provider, password_hash)
                 VALUES (%(person)s, %(email)s, 'password', 'hash')),
             project AS (INSERT INTO projects (id, organization_id, name) VALUES (%(person)s, %(person)s, 'p')),
             member AS (INSERT INTO memberships VALUES (%(person)s, %(person)s, 'owner')),
             key AS (
                 INSERT INTO api_keys (id, project_id, name, key_hash, preview, scopes)
                 VALUES (%(person)s, %(person)s, 'k', sha256(%(email)s::bytea), 'agops_', '{read}')),
             claim AS (INSERT INTO evaluation_ids VALUES (%(person)s, %(person)s, now()))
        INSERT INTO evaluations (project_id, created_at, id, prompt, response)
        VALUES (%(person)s, now(), %(person)s, 'p', 'r')
        """,
        {"person": person, "email": f"{person}@example.com"},
    )
    columns = admin.execute(
        """
        SELECT string_agg(CASE WHEN data_type = 'ARRAY' THEN '''{}''' WHEN data_type = 'text' THEN '''''' ELSE '0' END,
                          ', ' ORDER BY ordinal_position)
        FROM information_schema.columns WHERE table_name = 'evaluation_rollups' AND ordinal_position > 2
        """
    ).fetchone()
    assert columns is not None
    values = sql.SQL(str(columns[0]))  # pyright: ignore[reportArgumentType] - made by the query above
    admin.execute(
        sql.SQL("INSERT INTO evaluation_rollups VALUES ({}, date_trunc('hour', now()), {})").format(person, values)
    )


def acting(url: str, role: str, person: UUID | None = None) -> psycopg.Connection[tuple[object, ...]]:
    """A connection as PostgREST makes one: in the token's role, with the token's claims."""
    connection = psycopg.connect(url, autocommit=True)
    connection.execute("SELECT set_config('role', %s, false)", (role,))
    claims = json.dumps({"sub": str(person)}) if person else ""
    connection.execute("SELECT set_config('request.jwt.claims', %s, false)", (claims,))
    return connection


def count(connection: psycopg.Connection[tuple[object, ...]], table: str) -> object:
    column = "email" if table == "users" else "name" if table == "api_keys" else "1"
    found = connection.execute(
        sql.SQL("SELECT count({}) FROM {}").format(sql.SQL(column), sql.Identifier(table))  # pyright: ignore[reportArgumentType] - one of three literals
    ).fetchone()
    assert found is not None
    return found[0]


@pytest.mark.parametrize("table", TABLES)
def test_a_person_sees_their_own_rows_and_no_others(supabase: Project, table: str) -> None:
    with acting(supabase.superuser_url, "authenticated", supabase.alice) as alice:
        assert count(alice, table) == 1
    with acting(supabase.superuser_url, "authenticated", uuid4()) as stranger:
        assert count(stranger, table) == 0
    with acting(supabase.superuser_url, "authenticated") as nobody:
        assert count(nobody, table) == 0


@pytest.mark.parametrize("role", ["anon", "service_role"])
@pytest.mark.parametrize("table", TABLES + SECRET_TABLES)
def test_the_other_roles_may_read_nothing(supabase: Project, role: str, table: str) -> None:
    with acting(supabase.superuser_url, role, supabase.alice) as caller, pytest.raises(InsufficientPrivilege):
        caller.execute(sql.SQL("SELECT 1 FROM {}").format(sql.Identifier(table)))


@pytest.mark.parametrize("table", SECRET_TABLES)
def test_a_person_may_not_look_behind_the_scenes(supabase: Project, table: str) -> None:
    with acting(supabase.superuser_url, "authenticated", supabase.alice) as alice, pytest.raises(InsufficientPrivilege):
        alice.execute(sql.SQL("SELECT 1 FROM {}").format(sql.Identifier(table)))


@pytest.mark.parametrize("column", ["password_hash", "key_hash"])
def test_a_person_sees_no_hashes(supabase: Project, column: str) -> None:
    table = "users" if column == "password_hash" else "api_keys"
    statement = sql.SQL("SELECT {} FROM {}").format(sql.Identifier(column), sql.Identifier(table))
    with acting(supabase.superuser_url, "authenticated", supabase.alice) as alice, pytest.raises(InsufficientPrivilege):
        alice.execute(statement)


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
@pytest.mark.parametrize("table", TABLES + SECRET_TABLES)
def test_nobody_writes_through_the_data_api(supabase: Project, role: str, table: str) -> None:
    with acting(supabase.superuser_url, role, supabase.alice) as caller:
        for statement in ("DELETE FROM {}", "TRUNCATE {}", "INSERT INTO {} DEFAULT VALUES"):
            with pytest.raises(InsufficientPrivilege):
                caller.execute(sql.SQL(statement).format(sql.Identifier(table)))  # pyright: ignore[reportArgumentType] - literals


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
def test_a_partition_cannot_be_named(supabase: Project, role: str) -> None:
    with acting(supabase.superuser_url, role, supabase.alice) as caller, pytest.raises(InsufficientPrivilege):
        caller.execute("SELECT 1 FROM agentops_partitions.evaluations_default")


@pytest.mark.anyio
async def test_the_server_finds_nothing_to_migrate_after_the_paste(supabase: Project) -> None:
    assert not await migrate(supabase.owner_url)
