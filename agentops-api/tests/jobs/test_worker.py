"""The worker: jobs are done, at once and side by side; failures say no secrets; it stops, and survives its database."""

import asyncio
from contextlib import AsyncExitStack, suppress
from datetime import timedelta
from uuid import UUID

import pytest
from agentops_api.db.installation import choose_account
from agentops_api.db.pool import Database
from agentops_api.errors import Invalid, Unavailable
from agentops_api.jobs import store
from agentops_api.jobs.models import Schedule
from agentops_api.jobs.worker import Kinds, Work, Worker
from psycopg.errors import AdminShutdown
from psycopg.rows import TupleRow
from tests.cast import Postgres, TestDatabase
from tests.chaos.processes import until, until_async
from tests.db.elsewhere import pgbouncer
from tests.jobs.queue import FINISHED_S_MAX, all_finished, ask, asked_for, state

pytestmark = pytest.mark.anyio

POLL_S = 0.02


def worker(db: Database, kinds: Kinds, *, lease_s: float = 30.0, jobs_max: int = 4) -> Worker:
    return Worker(db, kinds, poll_s=POLL_S, lease_s=lease_s, jobs_max=jobs_max)


class Tally:
    """Counts which jobs were done, and how many at once."""

    def __init__(self) -> None:
        self.done: list[UUID] = []
        self.now = self.most = 0

    async def count(self, work: Work) -> None:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0)
        async with work.db.as_jobs() as tx:
            await tx.execute("SELECT")
        self.now -= 1
        self.done.append(work.job.id)


async def test_two_workers_share_a_queue_and_do_each_job_once(db: Database, database: TestDatabase) -> None:
    ids = [await asked_for(db, "count") for _ in range(300)]
    tallies = [Tally(), Tally()]
    async with AsyncExitStack() as stack:
        for tally in tallies:
            await stack.enter_async_context(worker(db, {"count": tally.count}, jobs_max=3))
        await all_finished(database.superuser_url)
    assert sorted(tallies[0].done + tallies[1].done) == sorted(ids)
    assert all(tally.done for tally in tallies)
    assert max(tally.most for tally in tallies) <= 3
    assert ask(database.superuser_url, "SELECT DISTINCT status, attempts FROM jobs") == [("succeeded", 1)]


async def test_two_workers_with_the_same_schedule_do_each_slot_once(db: Database, database: TestDatabase) -> None:
    tally = Tally()
    often = [Schedule("count", every=timedelta(milliseconds=100))]
    async with AsyncExitStack() as stack:
        for _ in range(2):
            # A sixth of the lease is how often schedules are looked at.
            made = Worker(db, {"count": tally.count}, often, poll_s=POLL_S, lease_s=0.12)
            await stack.enter_async_context(made)
        await until(lambda: len(tally.done) >= 20, FINISHED_S_MAX)
    await finish(db, {"count": tally.count}, database)
    [(jobs, slots)] = ask(database.superuser_url, "SELECT count(*), count(DISTINCT args) FROM jobs")
    assert jobs == slots == len(set(tally.done))


async def finish(db: Database, kinds: Kinds, database: TestDatabase) -> None:
    async with worker(db, kinds):
        await all_finished(database.superuser_url)


async def test_what_a_failed_job_tells_holds_no_secret(db: Database, database: TestDatabase) -> None:
    async def leak(work: Work) -> None:
        raise ValueError("the prompt was: my password is hunter2")

    async def refuse(work: Work) -> None:
        raise Invalid("There is no such agent.")

    ids = [await asked_for(db, kind) for kind in ("leak", "refuse")]
    ask(database.superuser_url, "UPDATE jobs SET attempts_max = 1")
    await finish(db, {"leak": leak, "refuse": refuse}, database)
    status, _, error = await state(db, ids[0])
    assert status == "failed"
    assert error
    assert "ValueError" in error
    assert "hunter2" not in error
    assert await state(db, ids[1]) == ("failed", 1, "There is no such agent.")


async def test_work_and_progress_are_kept_together_or_lost_together(
    db: Database, database: TestDatabase, project_id: UUID
) -> None:
    """A worker that lost its lease while it stood still commits nothing more."""
    standing, go_on = asyncio.Event(), asyncio.Event()

    async def work_on(work: Work) -> None:
        async with work.transaction() as tx:
            if work.job.attempts == 1:
                standing.set()
                await go_on.wait()
            await store.enqueue(tx, "mark", {}, project_id=work.project_id)
            await work.advance(tx, done=work.job.attempts)

    id = await asked_for(db, "work", project_id=project_id)

    async def succeeded() -> bool:
        return (await state(db, id))[0] == "succeeded"

    async with worker(db, {"work": work_on}):
        await standing.wait()
        ask(database.superuser_url, "UPDATE jobs SET lease_until = now() - interval '1 s'")
        async with db.as_jobs() as tx:
            assert len(await store.reap(tx)) == 1
        ask(database.superuser_url, "UPDATE jobs SET due_at = now()")
        go_on.set()
        await until_async(succeeded, FINISHED_S_MAX)
    assert ask(database.superuser_url, "SELECT attempts, done FROM jobs WHERE kind = 'work'") == [(2, 2)]
    assert ask(database.superuser_url, "DELETE FROM jobs WHERE kind = 'mark' RETURNING 1") == [(1,)]


async def test_a_run_whose_lease_is_taken_away_is_ended(db: Database, database: TestDatabase) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def stand(work: Work) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    id = await asked_for(db, "stand")
    async with worker(db, {"stand": stand}, lease_s=2), asyncio.timeout(30):
        await begun.wait()
        ask(database.superuser_url, "UPDATE jobs SET attempts = attempts + 1")
        await ended.wait()
    assert (await state(db, id))[1] == 2
    ask(database.superuser_url, "DELETE FROM jobs")


async def test_a_long_job_keeps_its_lease(db: Database, database: TestDatabase) -> None:
    runs: list[int] = []

    async def take_long(work: Work) -> None:
        runs.append(work.job.attempts)
        await asyncio.sleep(5)

    await asked_for(db, "take_long")
    # Renewed each second: the machine may stand still for three.
    async with worker(db, {"take_long": take_long}, lease_s=4):
        await all_finished(database.superuser_url)
    assert runs == [1]


async def test_a_worker_that_stops_gives_back_what_it_has_not_finished(db: Database) -> None:
    begun = asyncio.Event()

    async def stand(work: Work) -> None:
        begun.set()
        await asyncio.Event().wait()

    id = await asked_for(db, "stand")
    async with worker(db, {"stand": stand}):
        await begun.wait()
    assert await state(db, id) == ("queued", 0, None)
    async with db.as_jobs() as tx:
        await tx.execute("DELETE FROM jobs")


async def test_the_loop_survives_sessions_that_are_cut(db: Database, database: TestDatabase) -> None:
    tally = Tally()
    cut = """
        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()
        """

    async def asked() -> bool:
        with suppress(Unavailable, AdminShutdown):
            await asked_for(db, "count")
            return True
        return False

    async with worker(db, {"count": tally.count}) as working:
        for _ in range(5):
            ask(database.superuser_url, cut)
            await until_async(asked, FINISHED_S_MAX)
            await all_finished(database.superuser_url)
        assert working.beat_age_s < 10
    assert len(set(tally.done)) == 5


async def test_it_works_behind_a_transaction_mode_pooler(
    postgres: Postgres, database: TestDatabase, project_id: UUID
) -> None:
    tally = Tally()
    account = choose_account(postgres.data_dir / "18")
    with pgbouncer(database.login_url, account=account, server_connections=2) as url:
        async with AsyncExitStack() as stack:
            dbs = [await stack.enter_async_context(Database(url, connections_max=4, pooled=True)) for _ in range(2)]
            for db in dbs:
                await stack.enter_async_context(worker(db, {"count": tally.count}))
            for n in range(50):
                await asked_for(dbs[n % 2], "count", project_id=project_id if n % 5 == 0 else None)
            await all_finished(database.superuser_url)
    assert len(tally.done) == len(set(tally.done)) == 50


async def test_a_worker_that_takes_its_own_lost_job_again_keeps_it(db: Database, database: TestDatabase) -> None:
    """The first run is still on its way out when the second begins, and must not take the second's lease with it."""
    began, go_on = [asyncio.Event() for _ in range(2)], [asyncio.Event() for _ in range(2)]

    async def work_on(work: Work) -> None:
        attempt = work.job.attempts - 1
        began[attempt].set()
        # As one does that has a thread to wait for.
        while not go_on[attempt].is_set():
            with suppress(asyncio.CancelledError):
                await go_on[attempt].wait()

    # In a thread: the worker's own transaction may hold the row, and must be able to end.
    async def tell(query: str) -> list[TupleRow]:
        return await asyncio.to_thread(ask, database.superuser_url, query)

    async def is_taken_again() -> bool:
        await tell("UPDATE jobs SET lease_until = now() - interval '1 s' WHERE status = 'running' AND attempts = 1")
        await tell("UPDATE jobs SET due_at = now() WHERE status = 'queued'")
        return began[1].is_set()

    seen = set[object]()

    async def is_renewed() -> bool:
        seen.update(await tell("SELECT lease_until, attempts FROM jobs"))
        return len(seen) >= 3

    id = await asked_for(db, "work")
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(worker(db, {"work": work_on}, lease_s=4.0))
        for event in go_on:
            stack.callback(event.set)
        await began[0].wait()
        await until_async(is_taken_again, FINISHED_S_MAX)
        go_on[0].set()
        await until_async(is_renewed, FINISHED_S_MAX)
        go_on[1].set()
        await all_finished(database.superuser_url)
    assert await state(db, id) == ("succeeded", 2, None)
