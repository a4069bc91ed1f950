"""Words are filed at a cost that grows with what comes, and are forgotten whenever their evaluations were made."""

from datetime import timedelta
from itertools import count
from uuid import UUID, uuid4

import psycopg
import pytest
from agentops_api import clock
from agentops_api.db.pool import Database
from agentops_api.telemetry import words
from agentops_api.telemetry.postgres import PostgresStore
from agentops_api.telemetry.store import Record
from tests.cast import TestDatabase
from tests.telemetry.plans import rows_looked_at
from tests.telemetry.test_search import db, found, record_of

pytestmark = pytest.mark.anyio
__all__ = ["db"]

MIDNIGHT = clock.now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)


async def file_all(db: Database, project_id: UUID) -> None:
    async with db.as_project(project_id) as tx:
        while await words.file(tx, project_id):
            pass


async def test_a_projects_first_words_cost_as_much_as_later_ones(db: Database) -> None:
    """PostgreSQL has no statistics of a table's first minute, and its plans must not depend on them."""
    project_id, store, numbers = uuid4(), PostgresStore(db), count()

    def made(rows: int) -> list[Record]:
        return [
            record_of(project_id, f"word{next(numbers)}", "-", MIDNIGHT + timedelta(seconds=n)) for n in range(rows)
        ]

    await store.insert(made(500))
    await file_all(db, project_id)
    await store.insert(made(500))
    async with db.as_project(project_id) as tx:
        given = {"project_id": project_id, "period": MIDNIGHT, "times": [1_000 * n for n in range(500)]}
        looked_at = await rows_looked_at(tx, words.FILE, given)
    # A thousand evaluations, each with a word that no other has: comparing all with all would be a million.
    assert looked_at < 100_000


@pytest.mark.parametrize("second", [0, 1, 30, 40, 70_000])
async def test_the_words_of_what_is_deleted_go_whenever_it_was_made(db: Database, second: int) -> None:
    """Milliseconds of a period's first half minute fit into sixteen bits."""
    project_id, store, at = uuid4(), PostgresStore(db), MIDNIGHT + timedelta(seconds=second)
    gone, stays = record_of(project_id, "same gone", "-", at), record_of(project_id, "same stays", "-", at)
    await store.insert([gone, stays])
    await file_all(db, project_id)
    assert await store.delete(project_id, gone.id)
    await file_all(db, project_id)
    assert await places(db, project_id) == {"same": [second], "stays": [second]}
    assert await found(store, project_id, "same") == [stays.id]


async def test_many_deleted_evaluations_and_common_words_are_not_compared_each_with_each(
    db: Database, database: TestDatabase
) -> None:
    """What took the product of both, ended at the limit of a statement, at each try again."""
    project_id, common = uuid4(), [f"word{n}" for n in range(8)]
    given = {"project_id": project_id, "period": MIDNIGHT, "words": common}
    with psycopg.connect(database.superuser_url) as admin:
        admin.execute(
            "INSERT INTO search_words SELECT %(project_id)s, %(period)s, word, ARRAY(SELECT generate_series(0, 44999))"
            " FROM unnest(%(words)s::text[]) AS word",
            given,
        )
        admin.execute(
            "INSERT INTO search_pending SELECT %(project_id)s, %(period)s, ARRAY[40000 + n], 10, %(words)s"
            " FROM generate_series(0, 4999) AS n",
            given,
        )
    await file_all(db, project_id)
    async with db.as_project(project_id) as tx:
        left = await tx.execute("SELECT cardinality(times) FROM search_words")
        assert await left.fetchall() == [(40_000,)] * len(common)


async def places(db: Database, project_id: UUID) -> dict[str, list[int]]:
    """The seconds that are filed of each word."""
    async with db.as_project(project_id) as tx:
        kept = await tx.execute(
            "SELECT word, array_agg(DISTINCT ms / 1000) FROM search_words, unnest(times) AS ms GROUP BY word"
        )
        return dict(await kept.fetchall())
