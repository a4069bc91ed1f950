"""Upkeep: each project by itself, whatever becomes of the others; months while others read, a few at a time."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import LiteralString
from uuid import UUID

import psycopg
import pytest
from agentops_api import clock, upkeep
from agentops_api.app import create_app
from agentops_api.db.pool import Database
from agentops_api.evaluations.accept import Reception, accept
from agentops_api.evaluations.models import EvaluationIn, Window
from agentops_api.settings import Settings
from agentops_api.telemetry.postgres import PostgresStore
from agentops_api.telemetry.writer import Writer
from psycopg import sql
from tests.cast import TestDatabase, client_of
from tests.jobs.queue import ask, new_project

pytestmark = pytest.mark.anyio

MONTHS = "SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r' AND relname ~ '^evaluations_[0-9]'"
LEFT: list[LiteralString] = [
    "SELECT project_id FROM search_pending",
    "SELECT project_id FROM evaluation_rollups WHERE resolution = 0",
]
POISON: LiteralString = """
CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'poisoned'; END $$;
CREATE TRIGGER files BEFORE INSERT ON search_words FOR EACH ROW WHEN (NEW.project_id = {id}) EXECUTE FUNCTION fails();
CREATE TRIGGER merges BEFORE DELETE ON evaluation_rollups FOR EACH ROW WHEN (OLD.project_id = {id})
    EXECUTE FUNCTION fails();
"""
"""What a project stores can be stored then, and not be tidied up."""


@asynccontextmanager
async def writing(database: TestDatabase) -> AsyncGenerator[tuple[Database, Writer]]:
    async with (
        Database(database.login_url, connections_max=4) as db,
        Writer(PostgresStore(db), queue_rows_max=1_000, queue_bytes_max=2**24) as writer,
    ):
        await upkeep.ensure_partitions(db, past=timedelta(days=30))
        yield db, writer


def left(database: TestDatabase) -> Sequence[set[UUID]]:
    """Whose words are not filed, and whose rollups are not merged."""
    with psycopg.connect(database.superuser_url) as admin:
        return [{project_id for (project_id,) in admin.execute(query)} for query in LEFT]


@pytest.mark.parametrize("poisoned", range(3))
async def test_a_project_whose_upkeep_fails_holds_up_no_other(
    database: TestDatabase, caplog: pytest.LogCaptureFixture, poisoned: int
) -> None:
    ids = [new_project(database.superuser_url) for _ in range(3)]
    poison = ids[poisoned]
    with psycopg.connect(database.superuser_url) as admin:
        admin.execute(sql.SQL(POISON).format(id=poison))
    async with writing(database) as (db, writer):
        for id in ids:
            reception = Reception(id, Window(timedelta(days=1), timedelta(hours=1)), clock.now(), has_nul=False)
            await writer.write([accept(EvaluationIn(prompt="p", response="r"), reception)])
        assert left(database) == [set(ids), set(ids)]
        await upkeep.file_words(db, writer, 0)
        await upkeep.merge_rollups(db, writer, 1)
        assert left(database) == [{poison}, {poison}]
        assert {project_id for project_id, _ in writer.touched} == {poison}
        await upkeep.merge_what_was_left(db)
        with psycopg.connect(database.superuser_url) as admin:
            admin.execute("DROP FUNCTION fails CASCADE")
        await upkeep.file_words(db, writer, 0)
        await upkeep.merge_what_was_left(db)
        assert left(database) == [set(), set()]
    assert [record.message for record in caplog.records if record.name == "agentops_api.upkeep"] == [
        f"upkeep of project {poison} failed and will be tried again"
    ] * 3


def months(database: TestDatabase) -> set[str]:
    return {name for (name,) in ask(database.superuser_url, MONTHS)}


@asynccontextmanager
async def reading(database: TestDatabase) -> AsyncGenerator[None]:
    """Somebody reads evaluations, and goes on."""
    async with await psycopg.AsyncConnection.connect(database.superuser_url) as reader:
        await reader.execute("SELECT count(*) FROM evaluations")
        yield


async def test_months_wait_for_a_reader_no_longer_than_those_behind_them_may(
    database: TestDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    async with Database(database.login_url, connections_max=1) as db:
        async with reading(database):
            await upkeep.ensure_partitions(db, past=timedelta(days=30))
        assert "lock timeout" in caplog.text
        assert months(database) == set()
        await upkeep.ensure_partitions(db, past=timedelta(days=30))
    assert f"evaluations_{clock.now():%Y_%m}" in months(database)


async def test_a_server_starts_while_somebody_reads_and_the_default_partition_takes_the_rows(
    settings: Settings, database: TestDatabase
) -> None:
    app = create_app(settings)
    async with reading(database), app.router.lifespan_context(app), client_of(app) as client:
        assert (await client.get("/health/ready")).status_code == 200
        assert months(database) == set()


async def test_many_months_are_made_newest_first_and_a_few_in_a_transaction(database: TestDatabase) -> None:
    async with Database(database.login_url, connections_max=1) as db:
        await upkeep.ensure_partitions(db, past=timedelta(days=730))
    by_transaction: dict[str, list[str]] = {}
    for name, transaction in ask(database.superuser_url, MONTHS.replace("relname", "relname, xmin::text", 1)):
        by_transaction.setdefault(transaction, []).append(name)
    made = [sorted(by_transaction[each]) for each in sorted(by_transaction, key=int)]
    assert made == sorted(made, reverse=True)
    assert max(map(len, made)) <= 5
    assert sum(map(len, made)) in (27, 28)
