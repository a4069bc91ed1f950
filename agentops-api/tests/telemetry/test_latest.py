"""Filters that meet nowhere cost little, and rollups hide no evaluation from the list."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import timedelta
from itertools import product
from uuid import UUID, uuid4

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest
from agentops_api import upkeep
from agentops_api.db.pool import Database
from agentops_api.evaluations.models import EvaluationIn, Filters, Position
from agentops_api.telemetry import rollups
from agentops_api.telemetry.latest import filters_of_rollups, latest
from agentops_api.telemetry.postgres import PostgresStore
from agentops_api.telemetry.store import Record
from hypothesis import HealthCheck, given, settings
from tests.cast import TestDatabase
from tests.telemetry.histories import histories, insert

History = list[tuple[EvaluationIn, int, str]]
pytestmark = pytest.mark.anyio

FILTERS = [
    Filters(agent_name=agent, model_name=model, mode=mode, hallucinated=verdict, min_hallucination_probability=least)
    for agent, model, mode, verdict, least in product(
        (None, "a"), (None, "m1"), (None, "judge"), (None, True, False), (None, 0.29, 0.6, 1.0)
    )
]


@pytest.fixture
async def db(database: TestDatabase) -> AsyncGenerator[Database]:
    async with Database(database.login_url, connections_max=4) as opened:
        await upkeep.ensure_partitions(opened, past=timedelta(days=30))
        yield opened


def means(filters: Filters, item: EvaluationIn) -> bool:
    least = filters.min_hallucination_probability
    return (
        filters.agent_name in (None, item.agent_name)
        and filters.model_name in (None, item.model_name)
        and filters.mode in (None, item.mode)
        and filters.hallucinated in (None, item.hallucinated)
        and (least is None or (item.hallucination_probability or -1) >= least)
    )


async def check(db: Database, history: History) -> None:
    store, project_id = PostgresStore(db), uuid4()
    kept: list[tuple[Record, EvaluationIn]] = []
    middle = len(history) // 2
    for part in (history[:middle], history[middle:]):
        # The second half is as it was written.
        async with db.as_project(project_id) as tx:
            await rollups.merge(tx, project_id, await rollups.unmerged_slots(tx, project_id))
        records = await insert(store, project_id, [(item, age * 60) for item, age, _ in part])
        for record, (item, _, fate) in zip(records, part, strict=True):
            if fate == "delete":
                await store.delete(project_id, record.id)
            else:
                kept.append((record, item))
    kept.sort(key=lambda each: (each[0].created_at, each[0].id), reverse=True)
    for filters in FILTERS:
        expected = [record.id for record, item in kept if means(filters, item)]
        assert [each.id for each in await store.page(project_id, filters, after=None, offset=0, limit=50)] == expected
    place = kept[middle][0] if len(kept) > middle else None
    if place:
        after = Position(place.created_at, place.id)
        filters = Filters(agent_name="a", hallucinated=True)
        expected = [record.id for record, item in kept[middle + 1 :] if means(filters, item)]
        assert [each.id for each in await store.page(project_id, filters, after=after, offset=0, limit=50)] == expected
        early = replace(filters, end_date=place.created_at)
        expected = [r.id for r, item in kept if r.created_at < place.created_at and means(filters, item)]
        assert [each.id for each in await store.page(project_id, early, after=None, offset=0, limit=50)] == expected


async def test_every_list_has_what_its_filters_mean(db: Database) -> None:
    @settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
    @given(histories)
    def holds(history: History) -> None:
        anyio.from_thread.run(check, db, history)

    # Hypothesis is synchronous: it drives from a thread, and each example runs in this test's loop.
    await anyio.to_thread.run_sync(holds)


async def _latest(db: Database, project_id: UUID, filters: Filters) -> bool:
    async with db.as_project(project_id) as tx:
        return await latest(tx, project_id, filters, after=None) is not None


async def test_rollups_know_what_never_meets(db: Database) -> None:
    project_id = uuid4()
    texts = EvaluationIn(prompt="p", response="r")
    items = [
        texts.model_copy(update={"agent_name": "a", "model_name": "m1", "hallucinated": False}),
        texts.model_copy(update={"agent_name": "b", "model_name": "m2", "hallucination_probability": 0.4}),
    ]
    await insert(PostgresStore(db), project_id, [(item, 60) for item in items])
    for merged in (False, True):
        if merged:
            async with db.as_project(project_id) as tx:
                await rollups.merge(tx, project_id, await rollups.unmerged_slots(tx, project_id))
        assert await _latest(db, project_id, Filters(agent_name="a", model_name="m1"))
        assert await _latest(db, project_id, Filters(agent_name="b", min_hallucination_probability=0.4))
        assert not await _latest(db, project_id, Filters(agent_name="a", model_name="m2"))
        assert not await _latest(db, project_id, Filters(agent_name="b", hallucinated=False))
        assert not await _latest(db, project_id, Filters(agent_name="a", hallucinated=True))
        assert not await _latest(db, project_id, Filters(agent_name="b", min_hallucination_probability=0.5))
        assert not await _latest(db, uuid4(), Filters(agent_name="a", model_name="m1"))


def test_filters_that_rollups_tell_apart_are_counted() -> None:
    assert filters_of_rollups(Filters(session_id="s")) == 0
    assert filters_of_rollups(Filters(agent_name="a", session_id="s")) == 1
    assert filters_of_rollups(Filters(hallucinated=False)) == 1
    assert filters_of_rollups(Filters(agent_name="a", hallucinated=False)) == 2
    assert filters_of_rollups(Filters(hallucinated=True, min_hallucination_probability=0.1)) == 2
