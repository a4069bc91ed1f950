"""A Supabase project's database, as far as the schema meets it: its roles, `auth.uid()` and its default grants."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import LiteralString
from uuid import UUID

import orjson
import psycopg
from psycopg import sql
from tests.db.elsewhere import Elsewhere

OWNER, OWNER_PASSWORD = "project_owner", "of the project"
GATEWAY, GATEWAY_PASSWORD = "authenticator", "of the Data API"
API_ROLES = ("anon", "authenticated", "service_role")

# The owner is called `postgres` there; here the superuser has that name.
_ROLES = f"""
CREATE ROLE anon          NOLOGIN NOINHERIT;
CREATE ROLE authenticated NOLOGIN NOINHERIT;
CREATE ROLE service_role  NOLOGIN NOINHERIT BYPASSRLS;
CREATE ROLE {GATEWAY} LOGIN NOINHERIT PASSWORD '{GATEWAY_PASSWORD}';
CREATE ROLE {OWNER} LOGIN NOSUPERUSER CREATEROLE CREATEDB BYPASSRLS PASSWORD '{OWNER_PASSWORD}';
GRANT anon, authenticated, service_role TO {GATEWAY}, {OWNER};
"""

_PROJECT = f"""
CREATE SCHEMA auth;
CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE
    RETURN (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid;
GRANT USAGE ON SCHEMA auth, public TO anon, authenticated, service_role, {OWNER};
ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA public GRANT ALL ON TABLES    TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA public GRANT ALL ON SEQUENCES TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA public GRANT ALL ON FUNCTIONS TO anon, authenticated, service_role;
"""


@dataclass(frozen=True, slots=True)
class SupabaseProject:
    """One project's database."""

    name: str
    owner_url: str
    """The one connection string that the dashboard shows."""
    gateway_url: str
    superuser_url: str

    def ask(
        self, role: LiteralString, query: LiteralString | sql.SQL | sql.Composed, *, sub: UUID | None = None
    ) -> Sequence[tuple[object, ...]]:
        """What supabase-js is answered: the Data API takes the token's role and claims for one transaction."""
        claims = {"role": role} | ({"sub": str(sub)} if sub else {})
        with psycopg.connect(self.gateway_url) as gateway:
            gateway.execute(
                "SELECT set_config('role', %s, true), set_config('request.jwt.claims', %s, true)",
                (role, orjson.dumps(claims).decode()),
            )
            return gateway.execute(query).fetchall()


def make_roles(machine: Elsewhere) -> None:
    """The roles that every project of the cluster shares."""
    with psycopg.connect(machine.superuser_url, autocommit=True) as admin:
        admin.execute(_ROLES.encode())


@contextmanager
def supabase_project(machine: Elsewhere, name: str, *, like: str | None = None) -> Generator[SupabaseProject]:
    """A new project's database, empty but for what Supabase puts there; or a copy of the one named `like`."""
    with psycopg.connect(machine.superuser_url, autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(OWNER), sql.Identifier(like or "template1")
            )
        )
        superuser_url = machine.superuser_url.replace("/postgres?", f"/{name}?")
        if like is None:
            with psycopg.connect(superuser_url) as project:
                project.execute(_PROJECT.encode())
        yield SupabaseProject(
            name=name,
            owner_url=machine.url(OWNER, OWNER_PASSWORD, name),
            gateway_url=machine.url(GATEWAY, GATEWAY_PASSWORD, name),
            superuser_url=superuser_url,
        )
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
