"""A lint over the catalogue of a migrated database: what a new table or function could forget."""

from collections.abc import Generator
from typing import LiteralString

import psycopg
import pytest
from psycopg.rows import TupleRow
from tests.cast import TestDatabase

DOOR_ROLES = ("agentops_project", "agentops_user", "agentops_ingest", "agentops_system", "agentops_jobs")
WHOLE_TABLE_POLICIES = {
    ("agentops_system", table)
    for table in ("alembic_version", "users", "sessions", "login_failures", "organizations", "memberships", "projects",
                  "api_keys", "search_pending")
} | {
    ("agentops_jobs", table)
    for table in ("jobs", "job_slots", "project_retention", "project_scoring", "export_parts")
}  # fmt: skip
"""Policies that hide no row: the system finds out who is calling, so it reads every account, and no evaluation; of the
queue of words it may read whose they are and how many bytes. The worker takes every project's jobs, and
deletes files whose time is over without reading them."""

Ask = psycopg.Connection[TupleRow]


@pytest.fixture
def admin(database: TestDatabase) -> Generator[Ask]:
    with psycopg.connect(database.superuser_url) as connection:
        connection.execute("SELECT agentops_ensure_partitions('2026-01-01', '2026-03-01')")
        yield connection


def names(admin: Ask, query: LiteralString) -> list[TupleRow]:
    return admin.execute(query).fetchall()


def test_every_tenant_table_is_enabled_forced_and_has_a_policy(admin: Ask) -> None:
    unsafe = names(
        admin,
        """
        SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class AS c
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
          AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = c.oid AND NOT attisdropped
                      AND attname IN ('project_id', 'user_id', 'organization_id')
                      OR c.relname IN ('users', 'organizations'))
          AND NOT (relrowsecurity AND relforcerowsecurity
                   AND EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid))
        """,
    )
    assert unsafe == []


def test_no_table_at_all_is_without_row_level_security(admin: Ask) -> None:
    open_tables = names(
        admin,
        """
        SELECT oid::regclass::text FROM pg_class
        WHERE relkind IN ('r', 'p', 'm', 'v', 'f') AND NOT relrowsecurity
          AND relnamespace IN ('public'::regnamespace, 'agentops_partitions'::regnamespace)
        """,
    )
    assert open_tables == []


def test_every_tenant_column_leads_an_index(admin: Ask) -> None:
    unindexed = names(
        admin,
        """
        SELECT c.relname, a.attname FROM pg_class AS c
        JOIN pg_attribute AS a ON a.attrelid = c.oid AND NOT a.attisdropped
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
          AND a.attname IN ('project_id', 'user_id', 'organization_id')
          AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = c.oid AND indkey[0] = a.attnum AND indisvalid)
        """,
    )
    assert unindexed == []


def test_partitions_are_locked_up(admin: Ask) -> None:
    partitions = names(
        admin,
        """
        SELECT relname, relrowsecurity, relforcerowsecurity, coalesce(relacl::text, ''),
               EXISTS (SELECT FROM pg_policy WHERE polrelid = oid)
        FROM pg_class WHERE relispartition AND relkind = 'r'
        """,
    )
    assert len(partitions) >= 4
    for name, enabled, forced, _, has_policy in partitions:
        assert (enabled, forced, has_policy) == (True, True, False), name
    for role in (*DOOR_ROLES, "agentops_login"):
        granted = admin.execute(
            """
            SELECT relname FROM pg_class
            WHERE relispartition AND relkind = 'r' AND (
                has_table_privilege(%(role)s, oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')
                OR has_any_column_privilege(%(role)s, oid, 'SELECT, INSERT, UPDATE'))
            """,
            {"role": role},
        ).fetchall()
        assert granted == [], role
        usage = admin.execute("SELECT has_schema_privilege(%s, 'agentops_partitions', 'USAGE, CREATE')", (role,))
        assert usage.fetchone() == (False,), role


def test_functions_pin_their_search_path(admin: Ask) -> None:
    unpinned = names(
        admin,
        """
        SELECT oid::regprocedure::text FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace
          AND NOT EXISTS (SELECT FROM unnest(proconfig) AS setting WHERE setting LIKE 'search_path=%')
        """,
    )
    assert unpinned == []


def test_what_runs_as_its_owner_is_executable_by_the_system_alone(admin: Ask) -> None:
    definers = names(
        admin, "SELECT oid, proname FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace"
    )
    assert definers
    for oid, name in definers:
        allowed = [
            role
            for role in ("public", *DOOR_ROLES, "agentops_login")
            if admin.execute("SELECT has_function_privilege(%s, %s::oid, 'EXECUTE')", (role, oid)).fetchone() == (True,)
        ]
        assert allowed == ["agentops_system"], name


def test_only_the_documented_policies_let_a_whole_table_through(admin: Ask) -> None:
    found = names(
        admin,
        """
        SELECT unnest(polroles)::regrole::text, polrelid::regclass::text FROM pg_policy
        WHERE pg_get_expr(polqual, polrelid) = 'true' OR pg_get_expr(polwithcheck, polrelid) = 'true'
        """,
    )
    assert set(found) == WHOLE_TABLE_POLICIES


def test_every_policy_is_for_a_named_role(admin: Ask) -> None:
    assert names(admin, "SELECT polname, polrelid::regclass FROM pg_policy WHERE polroles = '{0}'") == []


def test_nobody_in_particular_may_do_anything(admin: Ask) -> None:
    granted = names(
        admin,
        """
        SELECT relname, privilege_type FROM pg_class, aclexplode(relacl)
        WHERE grantee = 0 AND relnamespace IN ('public'::regnamespace, 'agentops_partitions'::regnamespace)
        UNION ALL
        SELECT attrelid::regclass::text, privilege_type FROM pg_attribute, aclexplode(attacl)
        WHERE grantee = 0 AND attrelid >= 16384
        UNION ALL
        SELECT nspname, privilege_type FROM pg_namespace, aclexplode(nspacl)
        WHERE grantee = 0 AND privilege_type = 'CREATE' AND nspname NOT LIKE 'pg_%'
        """,
    )
    assert granted == []


def test_the_doors_roles_can_only_be_become(admin: Ask) -> None:
    roles = admin.execute(
        """
        SELECT rolname, rolcanlogin, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication, rolinherit
        FROM pg_roles WHERE rolname = ANY(%s) ORDER BY rolname
        """,
        (list(DOOR_ROLES),),
    ).fetchall()
    assert [name for name, *_ in roles] == sorted(DOOR_ROLES)
    assert {tuple(rest) for _, *rest in roles} == {(False,) * 7}


def test_the_login_owns_nothing_inherits_nothing_and_is_nothing(admin: Ask) -> None:
    login = admin.execute(
        "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication, rolinherit "
        "FROM pg_roles WHERE rolname = 'agentops_login'"
    ).fetchone()
    assert login == (False,) * 6
    owned = admin.execute(
        "SELECT count(*) FROM pg_shdepend WHERE deptype = 'o' AND refobjid = 'agentops_login'::regrole"
    )
    assert owned.fetchone() == (0,)


def test_secrets_are_granted_to_the_system_alone(admin: Ask) -> None:
    for table, column in (("users", "password_hash"), ("api_keys", "key_hash"), ("sessions", "generation")):
        readers = [
            role
            for role in (*DOOR_ROLES, "agentops_login")
            if admin.execute("SELECT has_column_privilege(%s, %s, %s, 'SELECT')", (role, table, column)).fetchone()
            == (True,)
        ]
        assert readers == ["agentops_system"], column
