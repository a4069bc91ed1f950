"""Cells of filtered evaluations are what plain Python counts of the same history, by no SQL at all."""

from collections import Counter
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from uuid import uuid4

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest
from agentops_api import clock, upkeep
from agentops_api.analytics.models import UNITS, Cell, Group, Measure, Question
from agentops_api.db.pool import Database
from agentops_api.evaluations.models import EvaluationIn
from agentops_api.telemetry.postgres import PostgresStore
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.cast import TestDatabase
from tests.telemetry.histories import insert

pytestmark = pytest.mark.anyio
COLUMN_OF: dict[Measure, str] = {"probability": "hallucination_probability", "drift": "semantic_drift"}


@dataclass(frozen=True)
class Wanted:
    session_id: str | None
    metadata: tuple[str, str] | None
    agent: str | None
    by: tuple[str, ...]


_values = st.sampled_from([None, "", "v", "w", "1", 1, True, 1.5])
_items = st.builds(
    EvaluationIn,
    prompt=st.just("p"),
    response=st.just("r"),
    agent_name=st.sampled_from([None, "a", "b"]),
    session_id=st.sampled_from([None, "s", "t"]),
    metadata=st.dictionaries(st.sampled_from(["k", "release"]), _values, max_size=2),
    hallucinated=st.none() | st.booleans(),
    hallucination_probability=st.none() | st.integers(0, 100).map(lambda k: k / 100),
    semantic_drift=st.none() | st.integers(0, 1_000).map(lambda k: k / 1_000),
)
_histories = st.lists(st.tuples(_items, st.integers(0, 60)), min_size=1, max_size=25)
WANTED = [
    Wanted(*each)
    for each in product(
        (None, "s"), (None, ("k", ""), ("k", "v"), ("k", "1"), ("k", "true")), (None, "a", ""), ((), ("metadata:k",))
    )
]


@pytest.fixture
async def db(database: TestDatabase) -> AsyncGenerator[Database]:
    async with Database(database.login_url, connections_max=4) as opened:
        await upkeep.ensure_partitions(opened, past=timedelta(days=30))
        yield opened


def text_of(item: EvaluationIn, key: str) -> str | None:
    """A metadata value as its JSON is written, texts without their quotes; None: there is none, or it is null."""
    value = (item.metadata or {}).get(key)
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)


def means(wanted: Wanted, item: EvaluationIn) -> bool:
    return (
        wanted.session_id in (None, item.session_id)
        and (wanted.metadata is None or text_of(item, wanted.metadata[0]) == wanted.metadata[1])
        and wanted.agent in (None, item.agent_name or "")
    )


def counted(wanted: Wanted, history: list[tuple[EvaluationIn, datetime]], starts: list[datetime]) -> list[Cell]:
    cells: dict[tuple[int, tuple[str, ...]], Cell] = {}
    for item, at in history:
        if not (starts[0] <= at and means(wanted, item)):
            continue
        bucket = sum(start <= at for start in starts) - 1
        keys = tuple(text_of(item, name.removeprefix("metadata:")) or "" for name in wanted.by)
        cell = cells.setdefault((bucket, keys), Cell(bucket, keys))
        measures: dict[Measure, float | None] = {each: getattr(item, column) for each, column in COLUMN_OF.items()}
        cell.add(
            Cell(
                evaluations=1,
                verdicts=int(item.hallucinated is not None),
                hallucinations=int(item.hallucinated is True),
                counts={each: 1 for each, value in measures.items() if value is not None},
                sums={each: round(value * UNITS[each]) for each, value in measures.items() if value is not None},
                histograms={
                    # Thousandths are whole numbers, of which ten are a bucket.
                    each: Counter([min(round(value * 1_000) // 10, 99)])
                    for each, value in measures.items()
                    if value is not None
                },
            )
        )
    return sorted(cells.values(), key=lambda cell: (cell.bucket, cell.keys))


def seen(cells: list[Cell]) -> list[dict[str, object]]:
    """What is compared: measures that nobody has may be missing or 0."""
    return [
        {
            "place": (cell.bucket, cell.keys),
            "counts": (cell.evaluations, cell.verdicts, cell.hallucinations),
            **{each: (cell.counts.get(each, 0), cell.sums.get(each, 0)) for each in COLUMN_OF},
            "histograms": {each: dict(cell.histograms[each]) for each in COLUMN_OF if cell.histograms.get(each)},
        }
        for cell in cells
    ]


async def check(db: Database, history: list[tuple[EvaluationIn, int]], asked: list[Wanted]) -> None:
    store, project_id = PostgresStore(db), uuid4()
    records = await insert(store, project_id, history)
    dated = [(item, record.created_at) for record, (item, _) in zip(records, history, strict=True)]
    end = clock.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    # Sixty times 7 minutes are 7 hours: some lie before the window.
    starts = [end - timedelta(hours=hours) for hours in (6, 4, 1)]
    for wanted in asked:
        question = Question(
            starts[0],
            end,
            starts,
            Group(agent=wanted.agent),
            session_id=wanted.session_id,
            metadata=wanted.metadata,
            by=wanted.by,
            histograms=tuple(COLUMN_OF),
        )
        found = await store.cells(project_id, question)
        found = sorted(found, key=lambda cell: (cell.bucket, cell.keys))
        assert seen(found) == seen(counted(wanted, dated, starts)), wanted


async def test_cells_are_what_plain_python_counts(db: Database) -> None:
    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
    @given(_histories, st.lists(st.sampled_from(WANTED), min_size=1, max_size=6, unique=True))
    def holds(history: list[tuple[EvaluationIn, int]], asked: list[Wanted]) -> None:
        anyio.from_thread.run(check, db, history, asked)

    # Hypothesis is synchronous: it drives from a thread, and each example runs in this test's loop.
    await anyio.to_thread.run_sync(holds)
