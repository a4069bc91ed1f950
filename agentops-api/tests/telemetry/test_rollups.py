"""Rollups equal a count of the raw rows, to the last bit, whatever happened to the rows before."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import LiteralString
from uuid import UUID, uuid4

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest
from agentops_api import clock, upkeep
from agentops_api.analytics.models import Question
from agentops_api.db.pool import Database
from agentops_api.evaluations.accept import Reception, accept
from agentops_api.evaluations.models import EvaluationIn, Position, Window
from agentops_api.telemetry import rescore, rollups
from agentops_api.telemetry.postgres import PostgresStore
from agentops_api.telemetry.rollup_sql import MERGE
from agentops_api.telemetry.writer import Writer
from hypothesis import HealthCheck, given, settings
from tests.cast import TestDatabase
from tests.telemetry.histories import histories, insert
from tests.telemetry.plans import rows_looked_at

pytestmark = pytest.mark.anyio


FOUND: dict[str, object] = {
    "semantic_drift": 0.3, "uncertainty": 0.2, "factual_support": 0.7, "hallucination_probability": 0.6,
    "hallucinated": True, "mode": "m", "claims": list[object](), "status": "verified", "scoring": "grounding",
    "detector": "local/1",
}  # fmt: skip
"""What a scoring job writes."""


async def rows_of(db: Database, project_id: UUID) -> list[tuple[object, ...]]:
    async with db.as_project(project_id) as tx:
        found = await tx.execute(
            "SELECT * FROM evaluation_rollups ORDER BY resolution, dims, at, agent_name, model_name, mode"
        )
        return await found.fetchall()


@pytest.fixture
async def db(database: TestDatabase) -> AsyncGenerator[Database]:
    async with Database(database.login_url, connections_max=4) as opened:
        await upkeep.ensure_partitions(opened, past=timedelta(days=30))
        yield opened


async def check_history(db: Database, history: list[tuple[EvaluationIn, int, str]]) -> None:
    store, project_id = PostgresStore(db), uuid4()
    middle = len(history) // 2
    for part in filter(None, (history[:middle], history[middle:])):
        records = await insert(store, project_id, [(item, age * 60) for item, age, _ in part])
        for record, (_, _, fate) in zip(records, part, strict=True):
            if fate == "delete":
                assert await store.delete(project_id, record.id)
                assert not await store.delete(project_id, record.id)
            if fate == "score":
                async with db.as_project(project_id) as tx:
                    await rescore.write(tx, project_id, [(Position(record.created_at, record.id), FOUND)])
            if fate == "repeat":
                await store.insert([record])
                assert record.duplicate
    async with db.as_project(project_id) as tx:
        await rollups.merge(tx, project_id, await rollups.unmerged_slots(tx, project_id))
    kept = await rows_of(db, project_id)
    async with db.as_project(project_id) as tx:
        await rollups.rebuild(tx, project_id)
    assert kept == await rows_of(db, project_id)


async def test_a_rebuild_equals_what_was_kept_incrementally(db: Database) -> None:
    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
    @given(histories)
    def holds(history: list[tuple[EvaluationIn, int, str]]) -> None:
        anyio.from_thread.run(check_history, db, history)

    # Hypothesis is synchronous: it drives from a thread, and each example runs in this test's loop.
    await anyio.to_thread.run_sync(holds)


async def test_a_rebuild_corrects_days_with_and_without_evaluations(db: Database) -> None:
    project_id = uuid4()
    items = [(EvaluationIn(prompt="p", response="r", latency_sec=0.5, mode="m"), age) for age in (0, 30, 60 * 24 * 3)]
    await insert(PostgresStore(db), project_id, items)
    async with db.as_project(project_id) as tx:
        await rollups.rebuild(tx, project_id)
    right = await rows_of(db, project_id)
    damages: list[tuple[LiteralString, list[tuple[object, ...]]]] = [
        ("INSERT INTO evaluation_rollups SELECT * FROM evaluation_rollups", right),
        ("DELETE FROM evaluations", []),
    ]
    for damage, healed in damages:
        async with db.as_project(project_id) as tx:
            await tx.execute(damage)
            await rollups.rebuild(tx, project_id)
        assert await rows_of(db, project_id) == healed


async def test_a_week_that_is_forgotten_in_part_counts_its_days_that_are_left(db: Database) -> None:
    project_id = uuid4()
    items = [(EvaluationIn(prompt="p", response="r", latency_sec=0.5), 60 * 24 * day // 7) for day in range(24)]
    await insert(PostgresStore(db), project_id, items)
    async with db.as_project(project_id) as tx:
        await rollups.merge(tx, project_id, await rollups.unmerged_slots(tx, project_id))
    today = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    # Eight midnights in a row: a Monday is among them, and all other days.
    for before in (today - timedelta(days=days) for days in range(16, 8, -1)):
        async with db.as_project(project_id) as tx:
            due = await rollups.count_before(tx, project_id, before=before)
            assert await rollups.forget(tx, project_id, before=before) == due
            assert await rollups.count_before(tx, project_id, before=before) == 0
            left = await tx.execute(
                "SELECT sum(evaluations), sum(latency_count), sum((SELECT sum(n) FROM unnest(latency_counts) AS n))"
                " FROM evaluation_rollups WHERE dims = 'none' AND resolution IN (1440, 10080) GROUP BY resolution"
            )
            days, weeks = await left.fetchall()
            assert days == weeks
            assert 0 < days[0] < 24
        cells = [
            await PostgresStore(db).cells(project_id, Question(start, today, [start]))
            for start in (before, before - timedelta(days=before.weekday()), before - timedelta(days=7))
        ]
        assert cells[0] == cells[1] == cells[2]


async def test_histogram_buckets_keep_latency_within_one_percent(db: Database) -> None:
    project_id = uuid4()
    latencies = [1.02**n * factor for n in range(-300, 560, 37) for factor in (1.0, 1.0001, 1.019)]
    items = [(EvaluationIn(prompt="p", response="r", latency_sec=each), 0) for each in latencies]
    await insert(PostgresStore(db), project_id, items)
    async with db.as_project(project_id) as tx:
        found = await tx.execute(
            "SELECT bucket, sum(n)::int"
            " FROM evaluation_rollups, unnest(latency_buckets, latency_counts) AS histogram (bucket, n)"
            " WHERE resolution = 0 GROUP BY bucket ORDER BY bucket"
        )
        counted = [bucket for bucket, n in await found.fetchall() for _ in range(n)]
    assert len(counted) == len(latencies)
    for latency, bucket in zip(sorted(latencies), counted, strict=True):
        assert abs(2 * 1.02**bucket / 2.02 - latency) / latency <= 0.0101


async def test_merging_many_groups_compares_none_with_all_others(db: Database) -> None:
    """PostgreSQL takes what a merge works with for a few rows, whatever they are."""
    store, project_id = PostgresStore(db), uuid4()
    reception = Reception(project_id, Window(timedelta(days=1), timedelta(hours=1)), clock.now(), has_nul=False)
    for _ in range(4):
        await store.insert(
            [
                accept(EvaluationIn(prompt="p", response="r", latency_sec=0.5, agent_name=f"{n}"), reception)
                for n in range(400)
            ]
        )
    async with db.as_project(project_id) as tx:
        looked_at = await rows_looked_at(
            tx, MERGE, {"project_id": project_id, "slots": await rollups.unmerged_slots(tx, project_id)}
        )
    # 1,600 rows become about 2,800, in three hundred thousand; each compared with each would be millions.
    assert looked_at < 1_000_000


async def test_merging_waits_for_no_writer_and_loses_nothing(db: Database) -> None:
    store = PostgresStore(db)
    async with Writer(store, queue_rows_max=10_000, queue_bytes_max=2**24) as writer:
        project_id = uuid4()
        reception = Reception(project_id, Window(timedelta(days=1), timedelta(hours=1)), clock.now(), has_nul=False)
        item = EvaluationIn(prompt="p", response="r", latency_sec=0.5, agent_name="a")

        async def write(n: int) -> None:
            for _ in range(n):
                await writer.write([accept(item, reception)])

        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(write, 40)
            for _ in range(10):
                await upkeep.merge_rollups(db, writer, 1)
                async with db.as_project(project_id) as tx:
                    await rollups.rebuild(tx, project_id)
        await upkeep.merge_rollups(db, writer, 1)
        start = clock.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
        (cell,) = await store.cells(project_id, Question(start, start + timedelta(hours=3), [start]))
    assert (cell.evaluations, cell.sums["latency"]) == (320, 160_000_000)
    async with db.as_project(project_id) as tx:
        assert await rollups.unmerged_slots(tx, project_id) == []
