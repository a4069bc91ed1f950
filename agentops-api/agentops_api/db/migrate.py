"""Brings a database's schema up to date, and makes the login that may use it.

Alembic orders the revisions and turns them into SQL text. The same text is run here, in one transaction, and printed as
`database/schema.sql`, so the two cannot differ.
"""

import asyncio
import secrets
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import LiteralString, cast
from urllib.parse import quote, urlencode

from psycopg import AsyncConnection, conninfo, sql
from psycopg.rows import TupleRow

from agentops_api.errors import Misconfigured

HEAD = max(path.stem[:4] for path in (Path(__file__).parent / "migrations" / "versions").glob("[0-9]*.py"))
"""The revision that this version of the server needs; read from file names, so that a start needs no Alembic."""

_DOORS = ("agentops_project", "agentops_user", "agentops_ingest", "agentops_system", "agentops_jobs")
_LOCK_S_MAX = 120


def migration_sql(current: str | None = None, target: str = HEAD) -> str:
    """The SQL that leads from revision `current` (None: an empty database) to `target`.

    Made by a process of its own: a server that has nothing to migrate, which is almost every one, then carries neither
    Alembic nor SQLAlchemy in its memory.
    """
    command = [sys.executable, "-m", "agentops_api.db.revisions", current or "base", target]
    root = str(Path(__file__).parents[2])
    made = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    if made.returncode:
        raise Misconfigured(f"The migrations cannot be read: {made.stderr.strip()[-500:]}")
    return made.stdout


def schema_sql() -> str:
    """The whole schema as one script, for a SQL editor."""
    return (
        "-- The schema of AgentOps API, made from its migrations by `make schema`. Do not edit.\n"
        "-- Paste it into the SQL editor of an empty Supabase project, or run it with `psql -f`.\n\n"
        f"BEGIN;\n\n{migration_sql()}\nCOMMIT;\n"
    )


async def migrate(url: str, *, login: str | None = None) -> bool:
    """Runs what is missing; False when there was nothing to do. `login`: who may then become the roles of the door.

    Of several that start together one migrates and the others wait: the lock ends with the transaction, so it works
    behind a transaction-mode pooler too.
    """
    async with await AsyncConnection.connect(url, prepare_threshold=None, connect_timeout=10) as connection:
        if (encoding := connection.info.parameter_status("server_encoding")) not in (None, "UTF8"):
            raise Misconfigured(
                f"The database has the encoding {encoding}. Make one of UTF8: CREATE DATABASE … ENCODING 'UTF8'."
            )
        if await current_revision(connection) == HEAD:
            return False
        await connection.execute("SELECT set_config('lock_timeout', %s, true)", (f"{_LOCK_S_MAX}s",))
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext('agentops.migrations'))")
        current = await current_revision(connection)
        if current == HEAD:
            return False
        if current is not None and current > HEAD:
            raise Misconfigured(
                f"The database is at revision {current}, newer than this server's {HEAD}: run the newer server."
            )
        script = await asyncio.to_thread(migration_sql, current)
        # Alembic made this text from the revisions of this package; no input is in it.
        await connection.execute(cast(LiteralString, script))
        if login:
            # In the same transaction: another server that finds the schema there finds its login allowed too.
            await grant_doors(connection, login)
    return True


async def current_revision(connection: AsyncConnection[TupleRow]) -> str | None:
    """The revision the database is at; None when it is empty."""
    # Not to_regclass: in one transaction it goes on saying no after another server's migration was waited for, because
    # only opening a table reads what other sessions did to the catalog's cache.
    found = await connection.execute(
        "SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = 'public' AND tablename = 'alembic_version')"
    )
    if (await found.fetchone()) != (True,):
        return None
    found = await connection.execute("SELECT version_num FROM public.alembic_version")
    row = await found.fetchone()
    return row[0] if row else None


async def create_login(owner_url: str, *, name: str = "agentops_login", password: str | None = None) -> str:
    """Makes (or re-keys) a login that owns nothing and may only become the roles of the door; returns its URL."""
    secret = password or secrets.token_urlsafe(32)
    async with await AsyncConnection.connect(owner_url, prepare_threshold=None, connect_timeout=10) as connection:
        found = await connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,))
        verb = sql.SQL("ALTER") if await found.fetchone() else sql.SQL("CREATE")
        # As a verifier, because PostgreSQL's log may keep the statement (Supabase's does).
        verifier = connection.pgconn.encrypt_password(secret.encode(), name.encode(), b"scram-sha-256").decode()
        await connection.execute(
            sql.SQL("{} ROLE {} LOGIN NOINHERIT PASSWORD {}").format(verb, sql.Identifier(name), sql.Literal(verifier))
        )
        await grant_doors(connection, name)
    owner = conninfo.conninfo_to_dict(owner_url)
    # Supabase's pooler takes user names with the project's reference behind a dot.
    _, dot, tenant = str(owner.get("user", "")).partition(".")
    return url_of(owner | {"user": f"{name}{dot}{tenant}", "password": secret})


def url_of(parts: Mapping[str, object]) -> str:
    """A libpq URL of these connection parameters."""
    given = {name: str(value) for name, value in parts.items() if value is not None}
    login = f"{quote(given.pop('user', ''), safe='')}:{quote(given.pop('password', ''), safe='')}"
    database = quote(given.pop("dbname", ""), safe="")
    return f"postgresql://{login}@/{database}?{urlencode(given, quote_via=quote)}"


async def grant_doors(connection: AsyncConnection[TupleRow], name: str) -> None:
    """Lets the login `name` become each role of the door, and inherit nothing from it."""
    for statement in door_grants(name):
        await connection.execute(statement)


def door_grants(name: str) -> list[sql.Composed]:
    """The statements of `grant_doors`."""
    return [sql.SQL("GRANT {} TO {}").format(sql.Identifier(door), sql.Identifier(name)) for door in _DOORS]
