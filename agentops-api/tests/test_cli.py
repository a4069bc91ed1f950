"""The `agentops` command as people run it: a process, its exit code, and what it prints where."""

import re
import subprocess
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import orjson
import psycopg
import pytest
from agentops_api.app import create_app
from agentops_api.db.migrate import schema_sql
from agentops_api.settings import Settings
from agentops_api.version import VERSION
from fastapi import FastAPI
from tests.cast import PASSWORD, SECRET_KEY, TestDatabase, client_of
from tests.command import agentops

pytestmark = pytest.mark.anyio

Done = subprocess.CompletedProcess[str]


@pytest.fixture
def environment(database: TestDatabase) -> dict[str, str]:
    """A database of one's own, as a login that owns nothing."""
    return {
        "DATABASE_URL": database.login_url,
        "MIGRATION_DATABASE_URL": database.owner_url,
        "REQUIRE_LEAST_PRIVILEGE": "true",
        "SECRET_KEY": SECRET_KEY,
    }


def refused(done: Done) -> str:
    """The one line that a mistake is answered with."""
    assert done.returncode == 1, done.stdout
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("agentops: ")
    return line


def printed(done: Done) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


async def stats(app: FastAPI, key: str) -> dict[str, object]:
    async with client_of(app, {"X-API-Key": key}) as sdk:
        answer = await sdk.get("/evaluations/stats?days=30")
        assert answer.status_code == 200, answer.text
        return answer.json()


def test_what_needs_no_settings_works_without_any(tmp_path: Path) -> None:
    assert printed(agentops("version", directory=tmp_path)) == f"agentops-api {VERSION}\n"
    document = printed(agentops("openapi", directory=tmp_path))
    settings = Settings(_env_file=None)  # pyright: ignore[reportCallIssue] - pydantic-settings' own argument
    assert orjson.loads(document) == orjson.loads(orjson.dumps(create_app(settings).openapi()))
    assert printed(agentops("migrate", "--sql", directory=tmp_path)) == schema_sql()
    assert list(tmp_path.iterdir()) == []


def test_help_names_every_command(tmp_path: Path) -> None:
    shown = agentops(directory=tmp_path)
    names = (
        "serve migrate backup restore doctor user key rollups search compare export import openapi seed-demo version"
    )
    for name in names.split():
        assert re.search(rf"\b{name}\b", shown.stdout + shown.stderr), name


def test_a_wrong_setting_is_one_line_without_its_value(tmp_path: Path) -> None:
    line = refused(agentops("doctor", directory=tmp_path, SECRET_KEY="changeme-and-the-rest-of-it-0123456789"))
    assert "SECRET_KEY is an example or guessable; make one with `openssl rand -hex 32`" in line
    assert "and-the-rest" not in line
    line = refused(agentops("migrate", directory=tmp_path, SUPABASE_URL="https://abcdefghijkl.supabase.co"))
    assert "SUPABASE_URL is set, but the Supabase URL and keys cannot open SQL: set DATABASE_URL too" in line


def test_a_database_that_cannot_be_used_is_one_line(tmp_path: Path, database: TestDatabase) -> None:
    def migrating(url: str) -> str:
        return refused(agentops("migrate", directory=tmp_path, DATABASE_URL=url, SECRET_KEY=SECRET_KEY))

    with psycopg.connect(database.owner_url) as owner:
        owner.execute("DROP TABLE alembic_version")
    password = urlsplit(database.login_url).password
    assert password
    assert "No such file or directory" in migrating(f"postgresql://me:{password}@/agentops?host=/nowhere")
    assert 'database "nowhere" does not exist' in migrating(database.login_url.replace(database.name, "nowhere"))
    assert "permission denied" in migrating(database.login_url)
    assert password not in migrating(f"postgres:me:{password}@nowhere")


def test_migrate_says_whether_it_did_anything(
    tmp_path: Path, environment: dict[str, str], database: TestDatabase
) -> None:
    with psycopg.connect(database.superuser_url, autocommit=True) as admin:
        admin.execute("DROP SCHEMA public, agentops_partitions CASCADE")
        admin.execute("CREATE SCHEMA public AUTHORIZATION agentops_owner")
    for said in ("The schema was brought up to date.", "The schema is up to date."):
        done = agentops("migrate", directory=tmp_path, **environment)
        assert printed(done) == ""
        assert done.stderr.strip() == said


async def test_a_user_and_a_key_made_here_work_over_http(
    tmp_path: Path, environment: dict[str, str], app: FastAPI
) -> None:
    made = agentops(
        *("user", "create", "Ada@Example.com", "--full-name", "Ada Lovelace"),
        directory=tmp_path,
        AGENTOPS_PASSWORD=PASSWORD,
        **environment,
    )
    assert PASSWORD not in printed(made) + made.stderr
    user_id = made.stdout.strip()
    key = printed(agentops("key", "create", "ada@example.com", "--scope", "ingest", directory=tmp_path, **environment))
    async with client_of(app) as client:
        tokens = await client.post("/auth/login", json={"email": "ada@example.com", "password": PASSWORD})
        bearer = {"Authorization": f"Bearer {tokens.json()['access_token']}"}
        me = (await client.get("/auth/me", headers=bearer)).json()["user"]
        assert (me["id"], me["full_name"]) == (user_id, "Ada Lovelace")
    async with client_of(app, {"X-API-Key": key.strip()}) as sdk:
        assert (await sdk.post("/evaluations/", json={"prompt": "a", "response": "b"})).status_code == 201
        assert (await sdk.get("/evaluations/")).status_code == 403, "it may only send"


def test_the_rules_of_http_hold_here_too(tmp_path: Path, environment: dict[str, str]) -> None:
    def user(email: str, password: str) -> Done:
        return agentops("user", "create", email, directory=tmp_path, AGENTOPS_PASSWORD=password, **environment)

    printed(user("ada@example.com", PASSWORD))
    assert "cannot be registered" in refused(user("ADA@example.com", PASSWORD))
    assert "email" in refused(user("nobody", PASSWORD))
    short = refused(user("bob@example.com", "s3cret!"))
    assert "password" in short
    assert "s3cret!" not in short
    assert "easy to guess" in refused(user("bob@example.com", "password1"))
    assert "agentops user create" in refused(
        agentops("key", "create", "bob@example.com", directory=tmp_path, **environment)
    )
    unknown = agentops("key", "create", "ada@example.com", "--scope", "root", directory=tmp_path, **environment)
    assert "scopes" in refused(unknown)


async def test_a_seeded_project_can_be_looked_at_and_counted_anew(
    tmp_path: Path, environment: dict[str, str], app: FastAPI, database: TestDatabase
) -> None:
    done = agentops("seed-demo", "--rows", "500", directory=tmp_path, **environment)
    shown = dict(line.split(maxsplit=1) for line in printed(done).replace("log in", "email").splitlines())
    assert "500/500" in done.stderr
    first = await stats(app, shown["key"])
    assert first["total_evaluations"] == 500
    async with client_of(app) as client:
        account = {"email": shown["email"], "password": shown["password"]}
        assert (await client.post("/auth/login", json=account)).status_code == 200

    with psycopg.connect(database.superuser_url) as admin:
        admin.execute("UPDATE evaluation_rollups SET evaluations = evaluations * 3, latency_sum = 0")
    assert await stats(app, shown["key"]) != first
    printed(agentops("rollups", "rebuild", shown["project"], directory=tmp_path, **environment))
    assert await stats(app, shown["key"]) == first
    for command in ("rollups", "search"):
        nobody = agentops(command, "rebuild", str(uuid4()), directory=tmp_path, **environment)
        assert (nobody.returncode, "There is no project" in nobody.stderr) == (1, True)

    again = printed(agentops("seed-demo", "--rows", "50", directory=tmp_path, **environment))
    assert "password" not in again
    assert (await stats(app, shown["key"]))["total_evaluations"] == 550


def test_doctor_shows_every_setting_and_no_secret(
    tmp_path: Path, environment: dict[str, str], database: TestDatabase
) -> None:
    done = agentops("doctor", directory=tmp_path, **environment, PORT="8123", AGENTOPS_DATA_DIR=str(tmp_path))
    shown = printed(done)
    settings = dict(line.split("=", 1) for line in shown.partition("\n\n")[0].splitlines())
    assert settings.keys() == {name.upper() for name in Settings.model_fields}
    assert settings["PORT"] == "8123"
    assert settings["DATABASE_URL"] == settings["SECRET_KEY"] == "******** (set)"
    assert settings["SUPABASE_KEY"] == "(not set)"
    for url in (database.login_url, database.owner_url):
        assert str(urlsplit(url).password) not in shown + done.stderr
    assert SECRET_KEY not in shown + done.stderr
    assert "PostgreSQL 18 answers as agentops_login" in shown
    assert "the schema is at revision" in shown
    assert "warning" not in shown
    assert "error" not in shown


def test_doctor_names_what_is_wrong_and_fails_where_it_is_an_error(
    tmp_path: Path, environment: dict[str, str], database: TestDatabase
) -> None:
    def examine(**changed: str) -> tuple[int, str]:
        done = agentops("doctor", directory=tmp_path, AGENTOPS_DATA_DIR=str(tmp_path), **(environment | changed))
        assert done.stderr == ""
        return done.returncode, done.stdout.partition("\n\n")[2]

    code, said = examine(DATABASE_URL=database.superuser_url)
    assert code == 1
    assert re.search(r"^error +the login role postgres is a superuser;.*--create-login", said, re.MULTILINE)
    code, said = examine(DATABASE_URL=database.owner_url, REQUIRE_LEAST_PRIVILEGE="false", HOST="0.0.0.0")
    assert code == 0
    assert re.search(r"^warning +the login role agentops_owner owns \d+ of the tables", said, re.MULTILINE)
    assert re.search(r"^warning +TRUSTED_PROXIES is empty", said, re.MULTILINE)
    with psycopg.connect(database.owner_url) as owner:
        owner.execute("DROP TABLE alembic_version")
    code, said = examine()
    assert re.search(r"^warning +the schema is at revision None.*agentops migrate", said, re.MULTILINE)
    code, said = examine(DATABASE_URL=database.login_url.replace(database.name, "nowhere"))
    assert code == 1
    assert re.search(r"^error +the database cannot be reached: .*nowhere", said, re.MULTILINE)


def test_secrets_from_files_and_settings_from_dotenv_reach_the_command(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "url").write_text(environment["DATABASE_URL"] + "\n")
    (tmp_path / ".env").write_text(f"SECRET_KEY={SECRET_KEY}\nPORT=8124\n")
    done = agentops("doctor", directory=tmp_path, DATABASE_URL_FILE=str(tmp_path / "url"))
    assert "PORT=8124" in printed(done)
    assert "answers as agentops_login" in done.stdout
