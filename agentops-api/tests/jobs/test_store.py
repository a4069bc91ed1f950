"""The queue in the database: who may ask for what, who gets a job, and what becomes of it."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from agentops_api.db.pool import Database
from agentops_api.jobs import store
from agentops_api.jobs.models import LeaseLost, Schedule
from psycopg.errors import InsufficientPrivilege
from tests.cast import TestDatabase
from tests.jobs.queue import ask, asked_for, claimed, new_project, state

pytestmark = pytest.mark.anyio

GONE = timedelta(0)
MINUTE = Schedule("minutely", every=timedelta(minutes=1))


async def ask_in_vain(db: Database, project_id: UUID) -> None:
    async with db.as_project(project_id) as tx:
        await store.enqueue(tx, "work", {}, project_id=project_id)
        raise ZeroDivisionError


async def test_a_job_is_there_when_its_transaction_commits_and_not_otherwise(db: Database, project_id: UUID) -> None:
    with pytest.raises(ZeroDivisionError):
        await ask_in_vain(db, project_id)
    assert await claimed(db, "work") is None
    async with db.as_project(project_id) as tx:
        id = await store.enqueue(tx, "work", {"a": 1}, project_id=project_id)
        assert await claimed(db, "work") is None, "nobody sees it before the commit"
    job = await claimed(db, "work")
    assert job
    assert (job.id, job.project_id, job.args, job.attempts) == (id, project_id, {"a": 1}, 1)


async def test_a_project_asks_for_its_own_jobs_only_and_sees_no_others(
    db: Database, project_id: UUID, other_project_id: UUID
) -> None:
    for foreign in (other_project_id, None):
        with pytest.raises(InsufficientPrivilege):
            async with db.as_project(project_id) as tx:
                await store.enqueue(tx, "work", {}, project_id=foreign)
    id = await asked_for(db, "work", project_id=other_project_id)
    await asked_for(db, "work")
    async with db.as_project(project_id) as tx:
        assert await store.page(tx, other_project_id, status=None, kind=None, before=None, limit=9) == []
        assert await store.get(tx, other_project_id, id) is None
        assert (await tx.execute("UPDATE jobs SET due_at = now()")).rowcount == 0
        assert (await (await tx.execute("SELECT count(*) FROM jobs")).fetchone()) == (0,)


async def test_a_project_cannot_take_jobs_or_change_what_they_are(db: Database, project_id: UUID) -> None:
    await asked_for(db, "work", project_id=project_id)
    for statement in (
        "UPDATE jobs SET lease_until = now()",
        "UPDATE jobs SET args = '{}'",
        "UPDATE jobs SET kind = 'other'",
        "UPDATE jobs SET attempts = 0",
        "UPDATE jobs SET project_id = NULL",
        "DELETE FROM jobs",
        "INSERT INTO job_slots VALUES ('work', now())",
    ):
        with pytest.raises(InsufficientPrivilege):
            async with db.as_project(project_id) as tx:
                await tx.execute(statement.encode())


async def test_the_role_of_the_jobs_sees_the_queue_and_nothing_else(database: TestDatabase) -> None:
    readable = ask(
        database.superuser_url,
        """
        SELECT relname FROM pg_class
        WHERE relnamespace IN ('public'::regnamespace, 'agentops_partitions'::regnamespace) AND relkind IN ('r', 'p')
          AND (has_table_privilege('agentops_jobs', oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')
               OR has_any_column_privilege('agentops_jobs', oid, 'SELECT, INSERT, UPDATE'))
        """,
    )
    assert {name for (name,) in readable} == {
        "jobs",
        "job_slots",
        "project_retention",
        "project_scoring",
        "export_parts",
    }
    # It deletes files whose time is over, and may not read them.
    may_read = "SELECT has_column_privilege('agentops_jobs', 'export_parts', 'bytes', 'SELECT')"
    assert ask(database.superuser_url, may_read) == [(False,)]


async def test_many_who_ask_at_once_each_get_another_job(db: Database) -> None:
    ids = {await asked_for(db, "work") for _ in range(200)}

    async def take() -> list[UUID]:
        mine: list[UUID] = []
        while job := await claimed(db, "work"):
            mine.append(job.id)
        return mine

    taken = [id for mine in await asyncio.gather(*(take() for _ in range(6))) for id in mine]
    assert len(taken) == 200
    assert set(taken) == ids


async def test_only_kinds_that_the_worker_knows_and_jobs_that_are_due_are_taken(db: Database) -> None:
    await asked_for(db, "unheard_of")
    async with db.as_jobs() as tx:
        await store.enqueue(tx, "work", {}, project_id=None, delay_s=60)
    assert await claimed(db, "work") is None


async def test_a_project_has_one_job_of_a_kind_done_at_a_time_and_others_go_on(
    db: Database, project_id: UUID, other_project_id: UUID
) -> None:
    first = await asked_for(db, "work", project_id=project_id)
    second = await asked_for(db, "work", project_id=project_id)
    foreign = await asked_for(db, "work", project_id=other_project_id)
    other_kind = await asked_for(db, "other", project_id=project_id)
    taken = [await claimed(db, "work", "other") for _ in range(4)]
    assert [job and job.id for job in taken] == [first, foreign, other_kind, None]
    assert taken[0]
    async with db.as_jobs() as tx:
        assert await store.succeed(tx, taken[0])
    job = await claimed(db, "work", "other")
    assert job
    assert job.id == second


async def test_of_those_who_ask_for_the_same_before_it_begins_one_makes_the_job(
    db: Database, project_id: UUID, other_project_id: UUID
) -> None:
    async def ask_for(project_id: UUID | None, key: str) -> UUID | None:
        async with db.as_jobs() as tx:
            return await store.enqueue(tx, "work", {}, project_id=project_id, key=key)

    assert sum(bool(id) for id in await asyncio.gather(*(ask_for(project_id, "k") for _ in range(5)))) == 1
    assert sum(bool(id) for id in await asyncio.gather(*(ask_for(None, "k") for _ in range(5)))) == 1
    assert await ask_for(other_project_id, "k")
    assert await ask_for(project_id, "other")
    while await claimed(db, "work"):
        pass
    assert await ask_for(project_id, "k"), "what changes after it began is not what it works on"


async def test_failures_wait_longer_each_time_and_end_after_five(db: Database, database: TestDatabase) -> None:
    id = await asked_for(db, "work")
    for attempt in range(1, 6):
        job = await claimed(db, "work")
        assert job
        assert job.attempts == attempt
        async with db.as_jobs() as tx:
            assert await store.fail(tx, job, error="It rained.")
        [(wait_s,)] = ask(database.superuser_url, "SELECT extract(epoch FROM due_at - now())::float8 FROM jobs")
        assert wait_s <= 5 * 2 ** (attempt - 1)
        expected = "queued" if attempt < 5 else "failed"
        assert await state(db, id) == (expected, attempt, "It rained.")
        ask(database.superuser_url, "UPDATE jobs SET due_at = now()")
    assert await claimed(db, "work") is None


async def test_the_wait_is_random_and_bounded(db: Database, database: TestDatabase) -> None:
    for _ in range(50):
        await asked_for(db, "work")
    ask(database.superuser_url, "UPDATE jobs SET attempts = 30, attempts_max = 100")
    while job := await claimed(db, "work"):
        async with db.as_jobs() as tx:
            await store.fail(tx, job, error="It rained.")
        ask(database.superuser_url, "UPDATE jobs SET kind = 'done' WHERE id = %s", (job.id,))
    query = "SELECT min(due_at - now()), max(due_at - now()), count(DISTINCT due_at) FROM jobs"
    [(shortest, longest, different)] = ask(database.superuser_url, query)
    assert longest <= timedelta(minutes=15)
    assert longest - shortest > timedelta(minutes=5)
    assert different == 50


async def test_a_lost_workers_job_is_reaped_and_the_late_worker_changes_nothing(
    db: Database, project_id: UUID, database: TestDatabase
) -> None:
    id = await asked_for(db, "work", project_id=project_id)
    late = await claimed(db, "work", lease=GONE)
    assert late
    async with db.as_jobs() as tx:
        [reaped] = await store.reap(tx)
        assert (reaped.id, reaped.status) == (id, "queued")
        assert await store.reap(tx) == []
    ask(database.superuser_url, "UPDATE jobs SET due_at = now()")
    current = await claimed(db, "work")
    assert current
    async with db.as_jobs() as tx:
        assert await store.renew(tx, [late], lease_s=60) == set()
        assert await store.renew(tx, [late, current], lease_s=60) == {(id, current.attempts)}
        assert not await store.succeed(tx, late)
        assert not await store.fail(tx, late, error="late")
        await store.give_back(tx, late)
    with pytest.raises(LeaseLost):
        async with db.as_project(project_id) as tx:
            await store.advance(tx, late, done=1)
    assert await state(db, id) == ("running", 2, "The worker was lost while it did this.")
    async with db.as_project(project_id) as tx:
        await store.advance(tx, current, done=1, total=2, report={"rows": 1})
    async with db.as_jobs() as tx:
        assert await store.succeed(tx, current)
    assert await state(db, id) == ("succeeded", 2, None)


async def test_a_job_that_loses_five_workers_is_dead_and_can_be_retried(
    db: Database, project_id: UUID, database: TestDatabase
) -> None:
    id = await asked_for(db, "work", project_id=project_id)
    for _ in range(5):
        assert await claimed(db, "work", lease=GONE)
        async with db.as_jobs() as tx:
            assert len(await store.reap(tx)) == 1
        ask(database.superuser_url, "UPDATE jobs SET due_at = now()")
    assert (await state(db, id))[:2] == ("failed", 5)
    async with db.as_jobs() as tx:
        assert [(depth.kind, depth.status, depth.jobs) for depth in await store.depths(tx)] == [("work", "failed", 1)]
    async with db.as_project(project_id) as tx:
        job = await store.retry(tx, project_id, id)
        assert job
        assert (job.status, job.attempts, job.attempts_max) == ("queued", 5, 10)
        assert await store.retry(tx, project_id, id) is None, "it is not failed any more"
    assert await claimed(db, "work")


async def test_a_job_that_is_given_back_has_not_been_tried(db: Database) -> None:
    id = await asked_for(db, "work")
    job = await claimed(db, "work")
    assert job
    async with db.as_jobs() as tx:
        await store.give_back(tx, job)
    assert await state(db, id) == ("queued", 0, None)


async def test_each_of_a_thousand_slots_comes_once_whoever_ticks(db: Database, database: TestDatabase) -> None:
    start = datetime(2026, 11, 24, tzinfo=UTC)
    slots = [start + timedelta(minutes=n, seconds=n % 60) for n in range(-1, 1_000)]

    async def tick(at: datetime) -> UUID | None:
        async with db.as_jobs() as tx:
            return await store.tick(tx, MINUTE, at=at)

    assert await tick(slots[0]) is None, "a schedule that is new begins with its next slot"
    for n in range(1, 1_001):
        made = await asyncio.gather(tick(slots[n]), tick(slots[n]), tick(slots[max(0, n - 3)]))
        assert sum(id is not None for id in made) == 1, slots[n]
    assert await tick(slots[500]) is None, "nor by a clock that was set back"
    [(jobs, different)] = ask(database.superuser_url, "SELECT count(*), count(DISTINCT args) FROM jobs")
    assert (jobs, different) == (1_000, 1_000)


async def test_a_schedule_keeps_its_offset_and_leaves_out_what_nobody_was_there_for(
    db: Database, database: TestDatabase
) -> None:
    nightly = Schedule("nightly", every=timedelta(days=1), offset=timedelta(hours=3))
    times = ("2026-11-24T02:59", "2026-11-24T03:00", "2026-11-25T02:59", "2026-11-28T12:00", "2026-11-28T13:00")
    async with db.as_jobs() as tx:
        made = [await store.tick(tx, nightly, at=datetime.fromisoformat(f"{time}+00:00")) for time in times]
    assert [id is not None for id in made] == [False, True, False, True, False]
    slots = ask(database.superuser_url, "SELECT (args ->> 'slot')::timestamptz FROM jobs ORDER BY id")
    assert [slot.astimezone(UTC).isoformat() for (slot,) in slots] == [
        "2026-11-24T03:00:00+00:00",
        "2026-11-28T03:00:00+00:00",
    ]


async def test_lateness_is_what_no_worker_takes_and_not_a_line_that_moves(
    db: Database, project_id: UUID, database: TestDatabase
) -> None:
    async def late() -> bool:
        async with db.as_jobs() as tx:
            return await store.is_late(tx, ["work"])

    async def age(minutes: int) -> None:
        await asyncio.to_thread(
            ask, database.superuser_url, "UPDATE jobs SET due_at = now() - %s", (timedelta(minutes=minutes),)
        )

    await asked_for(db, "unheard_of")
    for _ in range(3):
        await asked_for(db, "work", project_id=project_id)
    assert not await late()
    await age(6)
    assert await late()
    job = await claimed(db, "work")
    assert job
    assert not await late(), "the other two wait for their turn"
    async with db.as_jobs() as tx:
        await store.succeed(tx, job)
    assert not await late(), "their turn has just come"
    ask(database.superuser_url, "UPDATE jobs SET finished_at = now() - interval '6 minutes' WHERE id = %s", (job.id,))
    assert await late()


async def test_no_job_is_late_while_workers_are_busy_under_good_leases(
    db: Database, project_id: UUID, database: TestDatabase
) -> None:
    async def late() -> bool:
        async with db.as_jobs() as tx:
            return await store.is_late(tx, ["work", "other"])

    await asked_for(db, "work", project_id=project_id)
    await asked_for(db, "work", project_id=project_id)
    await asked_for(db, "other")
    job = await claimed(db, "work")
    assert job
    long_ago = "UPDATE jobs SET due_at = now() - interval '6 minutes', started_at = now() - interval '6 minutes'"
    ask(database.superuser_url, long_ago)
    assert not await late(), "the worker is busy"
    ask(database.superuser_url, "UPDATE jobs SET lease_until = now() WHERE status = 'running'")
    assert await late(), "the worker is lost, also for those that wait for their turn"
    async with db.as_jobs() as tx:
        assert await store.succeed(tx, job)
    assert not await late(), "a worker has just been free"
    ask(database.superuser_url, "UPDATE jobs SET finished_at = now() - interval '6 minutes' WHERE id = %s", (job.id,))
    assert await late()


async def test_jobs_that_ended_long_ago_are_forgotten(db: Database, database: TestDatabase) -> None:
    for status, days in (("succeeded", 6), ("succeeded", 8), ("failed", 8), ("failed", 31)):
        ask(
            database.superuser_url,
            """
            INSERT INTO jobs (id, kind, status, started_at, finished_at)
            VALUES (gen_random_uuid(), 'work', %s, now(), now() - %s)
            """,
            (status, timedelta(days=days)),
        )
    await asked_for(db, "work")
    async with db.as_jobs() as tx:
        assert await store.forget_finished(tx, succeeded_days=7, failed_days=30) == 2
    found = ask(database.superuser_url, "SELECT status, count(*) FROM jobs GROUP BY 1 ORDER BY 1")
    assert found == [("failed", 1), ("queued", 1), ("succeeded", 1)]


async def test_a_project_that_goes_takes_its_jobs_along(db: Database, database: TestDatabase) -> None:
    project_id = new_project(database.superuser_url)
    await asked_for(db, "work", project_id=project_id)
    ask(database.superuser_url, "DELETE FROM projects WHERE id = %s", (project_id,))
    assert ask(database.superuser_url, "SELECT FROM jobs") == []
