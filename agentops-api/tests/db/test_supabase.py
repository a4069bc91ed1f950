"""On Supabase: the pasted schema, what docs/supabase.md says of the Data API's roles, Auth's tokens, and the one
connection string, for a role that owns everything.

What "Supabase" is here says `supabase_project.py`.
"""

import itertools
from collections.abc import AsyncGenerator, Generator
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import UUID, uuid4

import jwt
import psycopg
import pytest
from agentops_api.app import create_app
from agentops_api.db.migrate import migrate
from agentops_api.db.pool import Database
from agentops_api.doctor import examine
from agentops_api.settings import Settings
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from fastapi import FastAPI
from httpx2 import AsyncClient
from psycopg import sql
from pydantic import SecretStr
from tests.auth.test_supabase import LEGACY_SECRET, SupabaseServer
from tests.cast import SECRET_KEY, Somebody, client_of
from tests.command import agentops
from tests.db.elsewhere import Elsewhere, postgres_of_version, schema_of
from tests.db.supabase_project import API_ROLES, OWNER, SupabaseProject, make_roles, supabase_project

pytestmark = pytest.mark.anyio

SCHEMA = Path(__file__).resolve().parents[2] / "database/schema.sql"
EVALUATION = {"prompt": "Why?", "response": "Because.", "latency_sec": 0.4, "hallucinated": True}
REFUSED = psycopg.errors.InsufficientPrivilege
_numbers = itertools.count()


@pytest.fixture(scope="module", params=["18", "15"])
def machine(request: pytest.FixtureRequest) -> Generator[Elsewhere]:
    """Since PostgreSQL 16 the maker of a role is less than its master: both ways must work."""
    with postgres_of_version(request.param) as running:
        make_roles(running)
        yield running


@pytest.fixture(scope="module")
def pasted(machine: Elsewhere) -> Generator[SupabaseProject]:
    """A project with the schema, from which each test's own is copied."""
    with supabase_project(machine, "pasted") as made:
        paste(made)
        yield made


@pytest.fixture
def project(machine: Elsewhere, pasted: SupabaseProject) -> Generator[SupabaseProject]:
    with supabase_project(machine, f"project_{next(_numbers)}", like=pasted.name) as made:
        yield made


def paste(project: SupabaseProject) -> None:
    """As the dashboard's SQL editor does: the whole file as one query."""
    with psycopg.connect(project.owner_url, autocommit=True) as editor:
        editor.execute(SCHEMA.read_bytes())


@pytest.fixture(scope="module")
def auth() -> Generator[SupabaseServer]:
    server = SupabaseServer()
    server.keys["es"] = ec.generate_private_key(ec.SECP256R1())
    server.keys["rs"] = rsa.generate_private_key(65_537, 2_048)
    yield server
    server.close()


@pytest.fixture
def settings(project: SupabaseProject, auth: SupabaseServer, tmp_path: Path) -> Settings:
    """What a person copies from the dashboard, and a secret key."""
    return Settings(
        database_url=SecretStr(project.owner_url),
        secret_key=SecretStr(SECRET_KEY),
        supabase_url=auth.url,
        supabase_jwt_secret=SecretStr(LEGACY_SECRET),
        rate_limit_per_minute=100_000,
        agentops_data_dir=tmp_path,
        log_level="WARNING",
        _env_file=None,  # pyright: ignore[reportCallIssue] - pydantic-settings' own argument
    )


async def newcomer(app: FastAPI, stack: AsyncExitStack, token: str, sub: UUID) -> Somebody:
    """Signed up at Supabase, never seen here; makes a key, sends an evaluation with it, and labels that."""
    person = await stack.enter_async_context(client_of(app, {"Authorization": f"Bearer {token}"}))
    key = (await person.post("/auth/api-keys", json={"name": "sdk"})).json()
    sdk = await stack.enter_async_context(client_of(app, {"X-API-Key": key["key"]}))
    made = await sdk.post("/evaluations/", json=EVALUATION)
    assert made.status_code == 201
    label = await sdk.post(f"/api/v1/evaluations/{made.json()['id']}/label", json={"hallucinated": True})
    assert label.status_code == 200
    email = (await person.get("/auth/me")).json()["user"]["email"]
    return Somebody(email, sub, UUID(key["project_id"]), key["key"], token, person, sdk)


@pytest.fixture
async def people(app: FastAPI, auth: SupabaseServer) -> AsyncGenerator[tuple[Somebody, Somebody]]:
    """Ada, and a stranger."""
    async with AsyncExitStack() as stack:
        ada, bob = uuid4(), uuid4()
        yield (
            await newcomer(app, stack, auth.token("es", sub=str(ada), email="ada@example.com"), ada),
            await newcomer(app, stack, auth.token("rs", sub=str(bob), email="bob@example.com"), bob),
        )


def tables(project: SupabaseProject, schema: str = "public") -> list[sql.Identifier]:
    """Every table there."""
    with psycopg.connect(project.superuser_url) as admin:
        found = admin.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm') AND relnamespace = %s::regnamespace",
            (schema,),
        ).fetchall()
    return [sql.Identifier(schema, name) for (name,) in found]


async def test_the_pasted_schema_is_the_migrated_one_and_belongs_to_the_owner(
    machine: Elsewhere, project: SupabaseProject
) -> None:
    assert not await migrate(project.owner_url), "the server finds nothing to do"
    pasted = schema_of(machine.bin_dir, project.superuser_url)
    assert pasted.count("CREATE POLICY supabase ON") == 9
    assert f"ALTER TABLE public.users OWNER TO {OWNER};" in pasted
    with supabase_project(machine, "migrated") as other:
        assert await migrate(other.owner_url)
        assert schema_of(machine.bin_dir, other.superuser_url) == pasted


async def test_through_the_data_api_people_see_what_is_theirs_and_no_more(
    project: SupabaseProject, people: tuple[Somebody, Somebody]
) -> None:
    for me in people:
        mine: dict[str, tuple[str, UUID]] = {
            "users": ("id", me.user_id),
            "memberships": ("user_id", me.user_id),
            "projects": ("id", me.project_id),
            "api_keys": ("project_id", me.project_id),
            "evaluations": ("project_id", me.project_id),
            "evaluation_rollups": ("project_id", me.project_id),
            "evaluation_labels": ("project_id", me.project_id),
        }
        for table, (column, id) in mine.items():
            query = sql.SQL("SELECT {} FROM {}").format(sql.Identifier(column), sql.Identifier(table))
            assert project.ask("authenticated", query, sub=me.user_id) == [(id,)], table
            assert project.ask("authenticated", query, sub=uuid4()) == [], table
            assert project.ask("authenticated", query) == [], table
        names = project.ask("authenticated", "SELECT name FROM organizations", sub=me.user_id)
        assert len(names) == 1
        answers = project.ask("authenticated", "SELECT prompt, response FROM evaluations", sub=me.user_id)
        assert answers == [("Why?", "Because.")]


async def test_through_the_data_api_hashes_and_what_is_behind_the_scenes_are_out_of_reach(
    project: SupabaseProject, people: tuple[Somebody, Somebody]
) -> None:
    behind_the_scenes = (
        "sessions",
        "login_failures",
        "evaluation_ids",
        "search_words",
        "search_pending",
        "project_scoring",
        "scoring_log",
        "alembic_version",
    )
    for query in (
        sql.SQL("SELECT key_hash FROM api_keys"),
        sql.SQL("SELECT * FROM api_keys"),
        sql.SQL("SELECT password_hash FROM users"),
        sql.SQL("SELECT * FROM users"),
        *(sql.SQL("SELECT FROM {}").format(sql.Identifier(table)) for table in behind_the_scenes),
    ):
        with pytest.raises(REFUSED):
            project.ask("authenticated", query, sub=people[0].user_id)


async def test_through_the_data_api_nobody_writes(project: SupabaseProject) -> None:
    every = tables(project)
    assert len(every) >= 11
    for role in API_ROLES:
        for table in every:
            for statement in ("INSERT INTO {} DEFAULT VALUES", "DELETE FROM {}", "TRUNCATE {} CASCADE"):
                with pytest.raises(REFUSED):
                    project.ask(role, sql.SQL(statement).format(table), sub=uuid4())
        with psycopg.connect(project.superuser_url) as admin:
            writable = admin.execute(
                """
                SELECT relname, attname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0
                WHERE relnamespace IN ('public'::regnamespace, 'agentops_partitions'::regnamespace)
                  AND relkind IN ('r', 'p') AND has_column_privilege(%s, attrelid, attnum, 'UPDATE')
                """,
                (role,),
            ).fetchall()
        assert writable == [], role


async def test_the_anonymous_and_the_service_role_read_nothing_at_all(
    project: SupabaseProject, people: tuple[Somebody, Somebody]
) -> None:
    for role in ("anon", "service_role"):
        for table in tables(project):
            with pytest.raises(REFUSED):
                project.ask(role, sql.SQL("SELECT FROM {}").format(table), sub=people[0].user_id)


async def test_nobody_reaches_a_partition_or_makes_one(
    project: SupabaseProject, people: tuple[Somebody, Somebody]
) -> None:
    partitions = tables(project, "agentops_partitions")
    assert len(partitions) > 3, "the server made the months that evaluations may come in for"
    for role in API_ROLES:
        for partition in partitions:
            with pytest.raises(REFUSED):
                project.ask(role, sql.SQL("SELECT FROM {}").format(partition), sub=people[0].user_id)
        with pytest.raises(REFUSED):
            project.ask(role, "SELECT agentops_ensure_partitions('2026-01-01', '2026-01-01')")
        claim = "SELECT agentops_claim('project_id'), agentops_claims('project_ids')"
        assert project.ask(role, claim) == [(None, None)], "harmless, and all there is to call"
    with psycopg.connect(project.superuser_url) as admin:
        callable_ = admin.execute(
            "SELECT DISTINCT proname FROM pg_proc, unnest(%s::text[]) AS role"
            " WHERE pronamespace = 'public'::regnamespace AND has_function_privilege(role, pg_proc.oid, 'EXECUTE')",
            (list(API_ROLES),),
        ).fetchall()
    assert sorted(callable_) == [("agentops_claim",), ("agentops_claims",)]


async def test_tokens_of_all_three_kinds_open_an_account(app: FastAPI, auth: SupabaseServer) -> None:
    subs = [uuid4(), uuid4(), uuid4()]
    claims = [auth.claims(sub=str(sub), email=f"{sub}@example.com") for sub in subs]
    tokens = [
        jwt.encode(claims[0], auth.keys["es"], algorithm="ES256", headers={"kid": "es"}),
        jwt.encode(claims[1], auth.keys["rs"], algorithm="RS256", headers={"kid": "rs"}),
        jwt.encode(claims[2], LEGACY_SECRET, algorithm="HS256"),
    ]
    async with AsyncExitStack() as stack:
        holders = [await newcomer(app, stack, token, sub) for token, sub in zip(tokens, subs, strict=True)]
        assert len({each.project_id for each in holders}) == 3
        for each in holders:
            listed = (await each.person.get("/evaluations/")).json()["data"]
            assert len(listed) == 1
            for other in holders:
                answer = await other.person.get(f"/evaluations/{listed[0]['id']}")
                assert answer.status_code == (200 if other is each else 404)


async def test_with_the_owners_url_each_transaction_still_drops_to_its_least_role(
    settings: Settings, project: SupabaseProject, people: tuple[Somebody, Somebody], anonymous: AsyncClient
) -> None:
    async with Database(project.owner_url, connections_max=1) as db, db.as_project(people[0].project_id) as tx:
        found = await tx.execute("SELECT current_user::text, project_id FROM evaluations")
        assert await found.fetchall() == [("agentops_project", people[0].project_id)]
    ready = await anonymous.get("/health/ready")
    assert ready.status_code == 200, ready.text
    (check,) = (each for each in ready.json()["checks"] if each["name"] == "least_privilege")
    assert check["ok"]
    assert "bypasses row level security" in check["detail"]
    assert "agentops migrate --create-login" in check["detail"]
    warned = [each.text for each in await examine(settings) if each.level == "warning"]
    assert any("bypasses row level security; every transaction still drops" in text for text in warned)
    assert not [each for each in await examine(settings) if each.level == "error"]


async def test_where_least_privilege_is_required_the_owners_url_is_not_ready(settings: Settings) -> None:
    strict = settings.model_copy(update={"require_least_privilege": True})
    app = create_app(strict)
    async with app.router.lifespan_context(app), client_of(app) as probe:
        ready = await probe.get("/health/ready")
    assert ready.status_code == 503
    (check,) = (each for each in ready.json()["checks"] if not each["ok"])
    assert check["name"] == "least_privilege"
    assert f"the login role {OWNER} bypasses row level security" in check["detail"]
    assert any(each.level == "error" and "bypasses" in each.text for each in await examine(strict))


async def test_create_login_prints_a_url_that_works_and_owns_nothing(
    settings: Settings, project: SupabaseProject, tmp_path: Path
) -> None:
    owner = {"DATABASE_URL": project.owner_url, "SECRET_KEY": SECRET_KEY}
    made = agentops("migrate", "--create-login", directory=tmp_path, **owner)
    assert made.returncode == 0, made.stderr
    assert "up to date" in made.stderr
    (url,) = made.stdout.splitlines()
    strict = settings.model_copy(
        update={
            "database_url": SecretStr(url),
            "migration_database_url": SecretStr(project.owner_url),
            "require_least_privilege": True,
        }
    )
    app = create_app(strict)
    async with app.router.lifespan_context(app), client_of(app) as probe:
        ready = await probe.get("/health/ready")
    assert ready.status_code == 200, ready.text
    assert all(each["detail"] is None for each in ready.json()["checks"])
    with psycopg.connect(url) as login:
        owned = login.execute("SELECT FROM pg_class WHERE relowner = (SELECT oid FROM pg_roles WHERE rolname = user)")
        assert owned.fetchall() == []
        with pytest.raises(REFUSED):
            login.execute("SELECT FROM evaluations")
