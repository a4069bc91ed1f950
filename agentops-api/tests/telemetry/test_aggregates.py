"""Rollups and raw rows give the same answer to every question that both can answer, whatever was stored and deleted."""

import itertools
import random
from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest
from agentops_api import clock, upkeep
from agentops_api.analytics.figures import METRICS, value_of
from agentops_api.analytics.models import DIMS, MEASURES, Cell, Group, Order, Question
from agentops_api.analytics.windows import Window, boundaries
from agentops_api.db.pool import Database
from agentops_api.evaluations.models import EvaluationIn
from agentops_api.telemetry import rollups
from agentops_api.telemetry.postgres import PostgresStore
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.cast import TestDatabase
from tests.telemetry.histories import histories, insert

History = list[tuple[EvaluationIn, int, str]]
Asked = tuple[str, str, tuple[str, ...], Group, int]
pytestmark = pytest.mark.anyio

_questions = st.tuples(
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata", "Asia/Kathmandu", "America/St_Johns"]),
    st.sampled_from(["hour", "day", "week"]),
    st.lists(st.sampled_from(DIMS), max_size=2, unique=True).map(tuple),
    st.builds(Group, agent=st.sampled_from([None, "a", ""]), model=st.sampled_from([None, "m1"]), mode=st.none()),
    # Hours beyond two days: some windows hold whole weeks.
    st.integers(0, 100) | st.integers(240, 480),
)


@pytest.fixture
async def db(database: TestDatabase) -> AsyncGenerator[Database]:
    async with Database(database.login_url, connections_max=4) as opened:
        await upkeep.ensure_partitions(opened, past=timedelta(days=30))
        yield opened


@pytest.mark.parametrize("by", [("session",), ("metadata:tier", "session"), ("agent", "metadata:tier")])
async def test_the_groups_that_come_first_are_those_of_all(db: Database, by: tuple[str, ...]) -> None:
    store, project_id, dice = PostgresStore(db), uuid4(), random.Random(7)
    items = [
        EvaluationIn(
            prompt="p", response="r", session_id=f"s{dice.randrange(30)}", agent_name=dice.choice([None, "a", "b"]),
            hallucinated=dice.choice([True, False, None]), latency_sec=dice.choice([None, 0.5, dice.random() + 0.1]),
            uncertainty=dice.choice([None, dice.random()]), metadata=dice.choice([None, {"tier": "x"}, {"tier": ""}]),
        )
        for _ in range(200)
    ]  # fmt: skip
    await insert(store, project_id, [(item, n) for n, item in enumerate(items)])
    end = clock.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    start = end - timedelta(days=2)
    question = Question(start, end, [start], by=by, histograms=("latency",))
    cells = await store.cells(project_id, question)
    for metric, descending in itertools.product(METRICS, (True, False)):
        found = await store.groups(project_id, question, Order(metric, descending, 5))
        assert (found.groups, found.evaluations) == (len(cells), 200)
        values = [value for cell in cells if (value := value_of(cell, metric)) is not None]
        wanted = sorted(values, reverse=descending)[:5]
        shown = [value for cell in found.cells if (value := value_of(cell, metric)) is not None]
        # Percentiles of a group are those of the sketch, at most 1 % off; means are of whole units.
        assert sorted(shown, reverse=descending) == pytest.approx(wanted, rel=0.03, abs=1e-6), (metric, descending)


async def check(db: Database, history: History, asked: list[Asked]) -> None:
    store, project_id = PostgresStore(db), uuid4()
    questions = [_question(*each) for each in asked]
    middle = len(history) // 2
    for part in (history[:middle], history[middle:]):
        records = await insert(store, project_id, [(item, age * 60) for item, age, _ in part])
        doomed = [record.id for record, (_, _, fate) in zip(records, part, strict=True) if fate == "delete"]
        # Some go before they are merged, and some when they are and their sums are remembered. The second half is first
        # as it was written: answers add it to what is remembered.
        for gone in (doomed[::2], doomed[1::2]):
            for each in gone:
                assert await store.delete(project_id, each)
            await agree(store, project_id, questions)
            async with db.as_project(project_id) as tx:
                await rollups.merge(tx, project_id, await rollups.unmerged_slots(tx, project_id))
            await agree(store, project_id, questions)
    # A day that disappears, and comes back when it is counted again.
    async with db.as_project(project_id) as tx:
        await tx.execute("DELETE FROM evaluation_rollups WHERE resolution < 10080 AND at < %s", (_yesterday(),))
    for question in questions:
        await _answer(store, project_id, question)
    async with db.as_project(project_id) as tx:
        await rollups.rebuild(tx, project_id)
    await agree(store, project_id, questions)


async def agree(store: PostgresStore, project_id: UUID, questions: list[Question]) -> None:
    for question in questions:
        counted = await _answer(store, project_id, replace(question, minutes=True))
        assert await _answer(store, project_id, question) == counted
        assert await _answer(store, project_id, question) == counted, "what is remembered is the same"


def _yesterday() -> datetime:
    return clock.now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)


def _question(zone: str, interval: str, by: tuple[str, ...], group: Group, hours: int) -> Question:
    end = clock.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    window = Window(end - timedelta(days=2, hours=hours), end, ZoneInfo(zone))
    starts = boundaries(window, interval)  # pyright: ignore[reportArgumentType] - one of the sampled
    return Question(window.start, window.end, starts, group, by=by, histograms=MEASURES)


async def _answer(store: PostgresStore, project_id: UUID, question: Question) -> list[Cell]:
    cells = await store.cells(project_id, question)
    return sorted(cells, key=lambda cell: (cell.bucket, cell.keys))


async def test_rollups_and_rows_agree_on_every_question(db: Database) -> None:
    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
    @given(histories, st.lists(_questions, min_size=1, max_size=4))
    def holds(history: History, asked: list[Asked]) -> None:
        anyio.from_thread.run(check, db, history, asked)

    # Hypothesis is synchronous: it drives from a thread, and each example runs in this test's loop.
    await anyio.to_thread.run_sync(holds)
