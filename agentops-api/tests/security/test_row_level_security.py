"""Row level security alone, with every WHERE of the server left out: each door's role, let loose on every table."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString, cast
from uuid import UUID, uuid4

import psycopg
import pytest
from agentops_api.calibrations import store as calibrations
from agentops_api.calibrations.fit import fit
from agentops_api.calibrations.models import LabelItem
from agentops_api.db.pool import Database, Tx
from agentops_api.edge.runtime import Runtime
from agentops_api.evaluations.models import Position
from agentops_api.exports.store import add_part
from agentops_api.jobs.store import enqueue
from agentops_api.retention.models import Retention
from agentops_api.retention.store import set_retention
from agentops_api.scoring import store as scoring
from agentops_api.scoring.models import ProjectScoring
from agentops_api.telemetry import words
from psycopg import sql
from psycopg.errors import InsufficientPrivilege, UndefinedColumn
from psycopg.types.json import Jsonb
from tests.cast import Somebody, TestDatabase

pytestmark = pytest.mark.anyio

DOORS = ("as_project", "as_user", "as_ingest", "as_system", "as_jobs")
TENANT_TABLES = {
    "users", "sessions", "organizations", "memberships", "projects", "api_keys",
    "evaluations", "evaluation_ids", "evaluation_rollups", "search_words", "search_pending",
    "jobs", "project_retention", "evaluation_labels", "calibrations", "project_scoring", "scoring_log",
    "export_parts",
}  # fmt: skip
NO_TENANTS = {"login_failures", "alembic_version", "job_slots"}
HAS_NO_BUSINESS_WITH = {
    "as_system": TENANT_TABLES
    - {"users", "sessions", "organizations", "memberships", "projects", "api_keys", "search_pending"},
    "as_jobs": TENANT_TABLES - {"jobs", "project_retention", "project_scoring", "export_parts"},
}
"""The system's role must find out who is calling, and that of the jobs takes everybody's from the queue."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Two tenants with rows in every table, and the doors open to the second."""

    db: Database
    superuser_url: str
    owner_ids: frozenset[str]
    """Every id of the owner: a row that holds one is the owner's."""
    stranger: Somebody

    def door(self, name: str) -> AbstractAsyncContextManager[Tx]:
        """A transaction as the stranger."""
        doors: dict[str, Callable[[], AbstractAsyncContextManager[Tx]]] = {
            "as_project": lambda: self.db.as_project(self.stranger.project_id),
            "as_user": lambda: self.db.as_user(self.stranger.user_id),
            "as_ingest": lambda: self.db.as_ingest([self.stranger.project_id]),
            "as_system": self.db.as_system,
            "as_jobs": self.db.as_jobs,
        }
        return doors[name]()

    def owners_rows(self, table: str) -> list[str]:
        """The owner's rows, with where they lie and who wrote them last: any change shows."""
        with psycopg.connect(self.superuser_url) as admin:
            query = sql.SQL("SELECT t.tableoid::text || t.ctid || t.xmin || to_jsonb(t) FROM {} AS t ORDER BY 1")
            rows = [cast(str, row) for (row,) in admin.execute(query.format(sql.Identifier(table)))]
        return [row for row in rows if self.is_owners(row)]

    def is_owners(self, row: object) -> bool:
        return any(id in str(row) for id in self.owner_ids)

    def columns(self, table: str, role: str, privilege: LiteralString) -> list[str]:
        """The columns that the role may use in this way."""
        ask = """
            SELECT attname FROM pg_attribute
            WHERE attrelid = %(table)s::regclass AND attnum > 0 AND NOT attisdropped
              AND has_column_privilege(%(role)s, attrelid, attnum, %(privilege)s)
            ORDER BY attnum
            """
        with psycopg.connect(self.superuser_url) as admin:
            params = {"table": f"public.{table}", "role": role, "privilege": privilege}
            return [name for (name,) in admin.execute(ask, params)]


@pytest.fixture
async def scene(server: Runtime, owner: Somebody, stranger: Somebody, database: TestDatabase) -> AsyncGenerator[Scene]:
    for somebody in (owner, stranger):
        for id in ({}, {"id": str(uuid4())}):
            body = {"prompt": "p", "response": "r", "agent_name": f"of {somebody.email}"} | id
            made = await somebody.sdk.post("/evaluations", json=body)
            assert made.status_code == 201
            if not id:
                async with server.db.as_project(somebody.project_id) as tx:
                    await words.file(tx, somebody.project_id)
        async with server.db.as_user(somebody.user_id) as tx:
            await set_retention(tx, somebody.project_id, Retention(raw_days=30))
            await scoring.set_project_scoring(tx, somebody.project_id, ProjectScoring(enabled=True))
        async with server.db.as_project(somebody.project_id) as tx:
            job_id = await enqueue(tx, "unheard_of", {}, project_id=somebody.project_id)
            assert job_id
            evaluation = Position(datetime.fromisoformat(made.json()["created_at"]), UUID(made.json()["id"]))
            await add_part(tx, somebody.project_id, job_id, 0, b"a file")
            await scoring.log(tx, somebody.project_id, job_id, [(evaluation, "scored", None)])
            label = LabelItem(evaluation_id=evaluation.id, hallucinated=True)
            assert await calibrations.label(tx, somebody.project_id, [label])
            await calibrations.add(tx, somebody.project_id, fit([0.5] * 60, [True, False] * 30))
    with psycopg.connect(database.superuser_url) as admin:
        found = admin.execute(
            """
            SELECT unnest(ARRAY[m.user_id, m.organization_id, p.id, k.id, s.id, e.id])::text
            FROM memberships AS m
            JOIN projects AS p USING (organization_id)
            JOIN api_keys AS k ON k.project_id = p.id
            JOIN sessions AS s ON s.user_id = m.user_id
            JOIN evaluations AS e ON e.project_id = p.id
            WHERE m.user_id = %s
            """,
            (owner.user_id,),
        ).fetchall()
    scene = Scene(server.db, database.superuser_url, frozenset(id for (id,) in found), stranger)
    assert all(scene.owners_rows(table) for table in TENANT_TABLES)
    yield scene
    with psycopg.connect(database.superuser_url) as admin:
        admin.execute("DELETE FROM jobs")


def test_the_tables_named_here_are_all_that_hold_tenants(database: TestDatabase) -> None:
    ask = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
    with psycopg.connect(database.superuser_url) as admin:
        tables = {name for (name,) in admin.execute(ask)}
    assert tables == TENANT_TABLES | NO_TENANTS


@pytest.mark.parametrize("door", DOORS)
async def test_reading_everything_shows_no_foreign_row(scene: Scene, door: str) -> None:
    own = 0
    for table in sorted(HAS_NO_BUSINESS_WITH.get(door, TENANT_TABLES)):
        columns = scene.columns(table, role_of(door), "SELECT")
        if not columns:
            with pytest.raises(InsufficientPrivilege):
                async with scene.door(door) as tx:
                    await (await tx.execute(sql.SQL("SELECT FROM {}").format(sql.Identifier(table)))).fetchall()
            continue
        query = sql.SQL("SELECT {} FROM {}").format(
            sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(table)
        )
        async with scene.door(door) as tx:
            rows = await (await tx.execute(query)).fetchall()
        assert not [row for row in rows if scene.is_owners(row)], table
        own += len(rows)
    assert own or door in HAS_NO_BUSINESS_WITH, "the stranger sees what is theirs"


@pytest.mark.parametrize("door", DOORS)
async def test_changing_and_deleting_everything_touches_no_foreign_row(scene: Scene, door: str) -> None:
    tables = sorted(HAS_NO_BUSINESS_WITH.get(door, TENANT_TABLES))
    before = {table: scene.owners_rows(table) for table in tables}
    for table in tables:
        named = sql.Identifier(table)
        statements = [sql.SQL("DELETE FROM {}").format(named), sql.SQL("TRUNCATE {} CASCADE").format(named)]
        statements += [
            sql.SQL("UPDATE {} SET {} = {}").format(named, sql.Identifier(column), sql.Identifier(column))
            for column in scene.columns(table, role_of(door), "UPDATE") or ["id"]
        ]
        for statement in statements:
            try:
                async with scene.door(door) as tx:
                    await tx.execute(statement)
            except (InsufficientPrivilege, UndefinedColumn):
                continue
    assert {table: scene.owners_rows(table) for table in tables} == before


@pytest.mark.parametrize("door", ["as_project", "as_user", "as_ingest"])
async def test_no_row_can_be_put_into_a_foreign_tenant(scene: Scene, door: str) -> None:
    for table in sorted(TENANT_TABLES):
        with psycopg.connect(scene.superuser_url) as admin:
            query = sql.SQL("SELECT to_jsonb(t) FROM {} AS t").format(sql.Identifier(table))
            rows = [row for (row,) in admin.execute(query) if scene.is_owners(row)]
        forged = {**rows[0], "created_at": rows[0].get("created_at"), "key_hash": "\\x" + "ab" * 32}
        if "organization_id" not in forged or table == "projects":
            forged["id"] = str(uuid4())
        columns = sql.SQL(", ").join(map(sql.Identifier, rows[0]))
        insert = sql.SQL("INSERT INTO {0} ({1}) SELECT {1} FROM jsonb_populate_record(NULL::{0}, %s)")
        with pytest.raises(InsufficientPrivilege):
            async with scene.door(door) as tx:
                await tx.execute(insert.format(sql.Identifier(table), columns), (Jsonb(forged),))


async def test_the_control_of_the_test_above_can_be_put_in(scene: Scene) -> None:
    """The same insert, into the stranger's own project: it is the policy that refuses, and not a mistake here."""
    async with scene.db.as_ingest([scene.stranger.project_id]) as tx:
        await tx.execute(
            "INSERT INTO evaluations (project_id, created_at, id, prompt, response) VALUES (%s, now(), %s, 'p', 'r')",
            (scene.stranger.project_id, uuid4()),
        )


@pytest.mark.parametrize("door", DOORS)
async def test_no_door_reaches_a_partition_by_its_own_name(scene: Scene, door: str) -> None:
    with psycopg.connect(scene.superuser_url) as admin:
        ask = "SELECT relname FROM pg_class WHERE relnamespace = 'agentops_partitions'::regnamespace AND relkind = 'r'"
        partitions = [name for (name,) in admin.execute(ask)]
    assert len(partitions) >= 3
    for partition in partitions:
        named = sql.Identifier("agentops_partitions", partition)
        for statement in ("SELECT FROM {}", "DELETE FROM {}", "INSERT INTO {} DEFAULT VALUES", "TRUNCATE {}"):
            with pytest.raises(InsufficientPrivilege):
                async with scene.door(door) as tx:
                    await tx.execute(sql.SQL(statement).format(named))


async def test_the_login_itself_reads_nothing(scene: Scene, database: TestDatabase) -> None:
    async with await psycopg.AsyncConnection.connect(database.login_url, autocommit=True) as login:
        for table in TENANT_TABLES | NO_TENANTS:
            with pytest.raises(InsufficientPrivilege):
                await login.execute(sql.SQL("SELECT FROM {}").format(sql.Identifier(table)))


async def test_a_door_without_claims_shows_nothing(scene: Scene, database: TestDatabase) -> None:
    for door in ("as_project", "as_user", "as_ingest"):
        async with await psycopg.AsyncConnection.connect(database.login_url, autocommit=True) as login:
            await login.execute(sql.SQL("SET ROLE {}").format(sql.Identifier(role_of(door))))
            for table in TENANT_TABLES:
                columns = scene.columns(table, role_of(door), "SELECT")
                if columns:
                    query = sql.SQL("SELECT {} FROM {}").format(sql.Identifier(columns[0]), sql.Identifier(table))
                    assert await (await login.execute(query)).fetchall() == [], (door, table)


def role_of(door: str) -> str:
    """The role that the door's transactions run as."""
    return door.replace("as_", "agentops_")
