"""A search finds exactly what a look at every evaluation finds, whatever is filed, queued or deleted by then."""

import re
import unicodedata
from collections.abc import AsyncGenerator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest
from agentops_api import clock, upkeep
from agentops_api.db.pool import Database
from agentops_api.errors import Invalid
from agentops_api.evaluations.accept import Reception, accept
from agentops_api.evaluations.models import EvaluationIn, Filters, Position, Window
from agentops_api.telemetry import search, words
from agentops_api.telemetry.postgres import PostgresStore
from agentops_api.telemetry.store import Record
from agentops_api.telemetry.writer import Writer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.cast import TestDatabase

pytestmark = pytest.mark.anyio

VOCABULARY = ["the", "order", "refund", "Ünïcode", "order_7", "7", "l'eau", "x" * 70, "x" * 80, "日本語"]
SCRIPTS = ["語日本", "日本語の文章7", "น้ำมัน", "น้ำ", "한국어", unicodedata.normalize("NFD", "한국어")]
FORMS = ["Cafe\u0301", "café", "ΟΔΟΣ", "οδος", "\uff21\uff22c", "abc", "ab\u00adc", "q\u0304"]
QUERIES = [*VOCABULARY, *SCRIPTS, *FORMS, "THE refund", "order 7", f"the {'x' * 64}", "nothing", "ref", "本", "日本の"]
texts = st.lists(st.sampled_from(VOCABULARY + SCRIPTS + FORMS), max_size=6).map(", ".join)
# What happens one after the other: an evaluation (prompt, response, minutes ago), a deletion, or filing.
events = st.lists(
    st.one_of(
        st.tuples(st.just("make"), texts, texts, st.sampled_from([0, 1, 300, 9_000])),
        st.tuples(st.just("make"), texts, texts, st.sampled_from([0, 1, 300, 9_000])),
        st.tuples(st.just("delete"), st.integers(0, 30)),
        st.tuples(st.just("file")),
        st.tuples(st.just("rebuild")),
    ),
    min_size=1,
    max_size=25,
)


@pytest.fixture
async def db(database: TestDatabase) -> AsyncGenerator[Database]:
    async with Database(database.login_url, connections_max=4) as opened:
        await upkeep.ensure_partitions(opened, past=timedelta(days=30))
        yield opened


def record_of(project_id: UUID, prompt: str, response: str, at: datetime, **fields: Any) -> Record:
    reception = Reception(project_id, Window(timedelta(days=30), timedelta(hours=1)), clock.now(), has_nul=False)
    item = EvaluationIn(prompt=prompt, response=response, created_at=at, id=uuid4(), **fields)
    return accept(item, reception)


SPACELESS = r"[\u3041-\u30FA\u30FC-\u30FF\u4E00-\u9FFF\u0E01-\u0E3A\u0E40-\u0E4E]+"


def has(text: str, query: str) -> bool:
    text, query = plain(text), plain(query)
    return words_of(query) <= words_of(text) and all(phrase in text for phrase in re.findall(SPACELESS, query))


def plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower().replace("ς", "\u03c3").replace("\u00ad", "")


def words_of(text: str) -> set[str]:
    return set(re.findall(r"[\w\u0300-\u036F]+", re.sub(SPACELESS, " ", text)))


async def found(store: PostgresStore, project_id: UUID, text: str, *, limit: int = 2, **filters: object) -> list[UUID]:
    """All pages of a search."""
    ids: list[UUID] = []
    after: Position | None = None
    while True:
        page = await store.search(project_id, text, Filters(**filters), after=after, limit=limit)  # pyright: ignore[reportArgumentType]
        assert len(page.evaluations) <= limit
        ids += [each.id for each in page.evaluations]
        after = page.next
        if after is None:
            return ids


async def check(db: Database, history: list[tuple[object, ...]]) -> None:
    store, project_id, stranger = PostgresStore(db), uuid4(), uuid4()
    now = clock.now()
    # The stranger has all of it, in the same moments.
    there: dict[UUID, tuple[datetime, str]] = {}
    session: set[UUID] = set()
    for event in history:
        match event:
            case ("make", str(prompt), str(response), int(age)):
                at, fields = now - timedelta(minutes=age), {"session_id": "s"} if age == 1 else {}
                record = record_of(project_id, prompt or "-", response or "-", at, **fields)
                await store.insert([record, record_of(stranger, "the order", "refund", at, **fields)])
                there[record.id] = record.created_at, f"{prompt} {response}"
                if fields:
                    session.add(record.id)
            case ("delete", int(n)) if there:
                id = list(there)[n % len(there)]
                assert await store.delete(project_id, id)
                del there[id]
            case ("file",):
                async with db.as_project(project_id) as tx:
                    await words.file(tx, project_id)
            case ("rebuild",):
                async with db.as_project(project_id) as tx:
                    await words.requeue(tx, project_id)
            case _:
                pass
    for query in QUERIES:
        at_these = sorted((at, id) for id, (at, text) in there.items() if has(text, query))
        expected = [id for _, id in reversed(at_these)]
        assert await found(store, project_id, query) == expected, query
        if query in VOCABULARY:
            expected = [id for id in expected if id in session]
            assert await found(store, project_id, query, session_id="s") == expected, query


@pytest.mark.parametrize(("step_bytes", "wide"), [(1, 32), (32, 1), (8_192, 1), (8_192, 32)])
async def test_a_search_finds_what_a_scan_finds(
    db: Database, step_bytes: int, wide: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever part of a period its steps take, and whichever words' places it reads."""
    monkeypatch.setattr(search, "_FIRST_STEP_BYTES", step_bytes)
    monkeypatch.setattr(search, "_WIDE", wide)
    monkeypatch.setattr(search, "_DOUBTFUL_MAX", 2 if wide == 1 else 1_000)
    monkeypatch.setattr(search, "_SESSION_ROWS_MAX", 3 if step_bytes == 32 else 5_000)

    @settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
    @given(events)
    def holds(history: list[tuple[object, ...]]) -> None:
        anyio.from_thread.run(check, db, history)

    await anyio.to_thread.run_sync(holds)


async def filed_words(db: Database, project_id: UUID) -> list[tuple[str, int]]:
    async with db.as_project(project_id) as tx:
        while await words.file(tx, project_id):
            pass
        rows = await tx.execute(
            "SELECT word, count(DISTINCT (period, ms)) FROM search_words, unnest(times) AS ms GROUP BY word ORDER BY 1"
        )
        return await rows.fetchall()


async def test_a_deleted_evaluation_leaves_no_word_behind(db: Database) -> None:
    store, project_id, at = PostgresStore(db), uuid4(), clock.now()
    secret, other = record_of(project_id, "the secret", "of Anna", at), record_of(project_id, "the", "rest", at)
    await store.insert([secret, other])
    assert await filed_words(db, project_id) == [("anna", 1), ("of", 1), ("rest", 1), ("secret", 1), ("the", 1)]
    await store.delete(project_id, secret.id)
    assert await filed_words(db, project_id) == [("rest", 1), ("the", 1)]


async def test_what_is_past_is_forgotten(db: Database) -> None:
    store, project_id, now = PostgresStore(db), uuid4(), clock.now()
    old, new = (record_of(project_id, "a word", "b", now - timedelta(days=days)) for days in (9, 1))
    await store.insert([old, new])
    await filed_words(db, project_id)
    async with db.as_project(project_id) as tx:
        await tx.execute("DELETE FROM evaluations WHERE id = %s", (old.id,))
        await words.forget(tx, project_id, now - timedelta(days=8))
    assert await filed_words(db, project_id) == [("a", 1), ("b", 1), ("word", 1)]
    assert await found(store, project_id, "word") == [new.id]


async def test_a_common_word_stays_in_few_rows(db: Database) -> None:
    store, project_id, now = PostgresStore(db), uuid4(), clock.now() - timedelta(hours=8)
    start = now.replace(hour=now.hour // 4 * 4, minute=0, second=0, microsecond=0)
    ids: list[UUID] = []
    for n in range(100):
        record = record_of(project_id, "common", f"rare{n}", start + timedelta(seconds=n))
        await store.insert([record])
        ids.append(record.id)
        await filed_words(db, project_id)
    async with db.as_project(project_id) as tx:
        rows = await tx.execute("SELECT cardinality(times) FROM search_words WHERE word = 'common' ORDER BY 1 DESC")
        sizes = [size for (size,) in await rows.fetchall()]
    assert sizes == [73, 9, 9, 9]
    assert await found(store, project_id, "common", limit=30) == ids[::-1]


async def test_what_need_not_have_all_words_is_looked_at_in_portions(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, project_id, now = PostgresStore(db), uuid4(), clock.now().replace(microsecond=0)
    records = [
        record_of(project_id, "seldom" if n % 2 else "other", "often" if n % 5 else "-", now - timedelta(seconds=n))
        for n in range(100)
    ]
    await store.insert(records)
    await filed_words(db, project_id)
    monkeypatch.setattr(search, "_WIDE", 1)
    monkeypatch.setattr(search, "_DOUBTFUL_MAX", 20)
    page = await store.search(project_id, "seldom often", Filters(), after=None, limit=50)
    assert len(page.evaluations) == 16
    assert page.next is not None
    expected = [each.id for n, each in enumerate(records) if n % 2 and n % 5]
    assert await found(store, project_id, "seldom often", limit=50) == expected


async def test_a_search_that_looked_at_much_says_where_it_stopped(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, project_id, now = PostgresStore(db), uuid4(), clock.now().replace(microsecond=0)
    records = [
        record_of(project_id, f"n{n}", "common", now - timedelta(minutes=n), agent_name=f"a{n % 50}")
        for n in range(100)
    ]
    await store.insert(records)
    monkeypatch.setattr(search, "_CANDIDATES_MAX", 20)
    for filed in (False, True):
        if filed:
            await filed_words(db, project_id)
        page = await store.search(project_id, "common", Filters(agent_name="a49"), after=None, limit=5)
        assert page.evaluations == []
        assert page.next is not None
        assert await found(store, project_id, "common", agent_name="a49") == [records[49].id, records[99].id]
        assert await found(store, project_id, "n99") == [records[99].id]
        for step_bytes in (1, 40, 200):
            monkeypatch.setattr(search, "_FIRST_STEP_BYTES", step_bytes)
            assert await found(store, project_id, "common", limit=7) == [each.id for each in records]
        first, end = now - timedelta(minutes=60), now - timedelta(minutes=40)
        assert await found(store, project_id, "common", start_date=first, end_date=end) == [
            each.id for each in records[41:61]
        ]


async def test_a_session_is_looked_through_itself_with_the_same_result(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, project_id, now = PostgresStore(db), uuid4(), clock.now().replace(microsecond=0)
    # Three are made at once, two of them in the session.
    records = {
        n: record_of(
            project_id,
            "seldom" if n % 90 == 89 else "p",
            "common",
            now - timedelta(minutes=n // 3),
            session_id="s" if n % 3 else "other",
            hallucinated=n % 2 == 0,
        )
        for n in range(300)
    }
    await store.insert([*records.values()])
    await filed_words(db, project_id)
    monkeypatch.setattr(search, "_CANDIDATES_MAX", 20)
    page = await store.search(project_id, "seldom", Filters(session_id="s"), after=None, limit=5)
    assert [each.id for each in page.evaluations] == [records[n].id for n in (89, 179, 269)]
    assert page.next is None, "in one page, whatever there is beside the session"
    session = sorted((n for n in records if n % 3), key=lambda n: (records[n].created_at, records[n].id), reverse=True)
    half = {"start_date": now - timedelta(minutes=80), "end_date": now - timedelta(minutes=20)}
    for rows_max, portion in ((5_000, 1_000), (5_000, 7), (10, 1_000), (0, 1_000)):
        monkeypatch.setattr(search, "_SESSION_ROWS_MAX", rows_max)
        monkeypatch.setattr(search, "_DOUBTFUL_MAX", portion)
        for expected, filters in (
            (session, {}),
            ([n for n in session if 20 < n // 3 <= 80], half),
            ([n for n in session if n % 2], {"hallucinated": False}),
        ):
            ids = await found(store, project_id, "common", session_id="s", limit=7, **filters)
            assert ids == [records[n].id for n in expected]
        assert await found(store, project_id, "common", session_id="none") == []


@pytest.mark.parametrize("step_bytes", [1, 7, 40])
async def test_no_millisecond_is_lost_between_two_parts_of_a_day(
    db: Database, step_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, project_id = PostgresStore(db), uuid4()
    midnight = clock.now().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    records = [record_of(project_id, "p", "common", midnight + timedelta(milliseconds=n)) for n in range(60, 0, -1)]
    await store.insert(records)
    await filed_words(db, project_id)
    monkeypatch.setattr(search, "_FIRST_STEP_BYTES", step_bytes)
    monkeypatch.setattr(search, "_GROWTH_MAX", 1)
    assert await found(store, project_id, "common", limit=7) == [each.id for each in records]


@pytest.mark.parametrize("text", ["...", " ", "a b c d e f g h i j k"])
async def test_a_search_takes_one_to_ten_words(db: Database, text: str) -> None:
    with pytest.raises(Invalid):
        await PostgresStore(db).search(uuid4(), text, Filters(), after=None, limit=5)


async def test_words_are_filed_while_evaluations_come_and_go(db: Database) -> None:
    store, project_id = PostgresStore(db), uuid4()
    kept: list[UUID] = []

    async def come_and_go(name: str) -> None:
        for n in range(40):
            record = record_of(project_id, f"common {name}", f"n{n}", clock.now())
            await store.insert([record])
            if n % 3 == 0:
                await store.delete(project_id, record.id)
            else:
                kept.append(record.id)

    async with Writer(store, queue_rows_max=10, queue_bytes_max=2**20) as writer, anyio.create_task_group() as tasks:
        for name in ("a", "b", "c"):
            tasks.start_soon(come_and_go, name)
        for _ in range(10):
            await upkeep.file_words(db, writer, 0)
    assert sorted(await found(store, project_id, "common")) == sorted(kept)
    await filed_words(db, project_id)
    assert sorted(await found(store, project_id, "common")) == sorted(kept)
