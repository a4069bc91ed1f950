"""Months are made while others read, in steps, and a server starts without them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta

import psycopg
import pytest
from agentops_api import clock, upkeep
from agentops_api.app import create_app
from agentops_api.db.pool import Database
from agentops_api.settings import Settings
from tests.cast import TestDatabase, client_of
from tests.jobs.queue import ask

pytestmark = pytest.mark.anyio

MONTHS = "SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r' AND relname ~ '^evaluations_[0-9]'"


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
