"""The worker: takes jobs, does several at once, keeps its leases, and takes jobs from workers that were lost.

It is told what each kind of job does, and knows no slice. A job is done at least once: what a job commits goes through
`Work.transaction` with `Work.advance` in it, which refuses once the job is another worker's.
"""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Self
from uuid import UUID

from agentops_api import tasks
from agentops_api.db.pool import Database, Tx
from agentops_api.errors import AgentOpsError
from agentops_api.jobs import store
from agentops_api.jobs.models import Claimed, Hopeless, LeaseLost, Schedule

log = logging.getLogger(__name__)

_STOP_S_MAX = 0.5
"""What runs when the worker is left may finish within this; the rest is given back to the queue, as long again."""
_RUN_S_MAX = 6 * 3_600.0


@dataclass(frozen=True, slots=True)
class Work:
    """What a job's function gets."""

    job: Claimed
    db: Database

    @property
    def project_id(self) -> UUID:
        """The project that asked for the job; not for the server's own jobs, which have none."""
        assert self.job.project_id is not None
        return self.job.project_id

    @asynccontextmanager
    async def transaction(self, *, statement_ms_max: int = 60_000) -> AsyncGenerator[Tx]:
        """A transaction of the job's project, with time for more than a request has."""
        async with self.db.as_project(self.project_id, statement_ms_max=statement_ms_max) as tx:
            yield tx

    async def advance(
        self,
        tx: Tx,
        *,
        done: int | None = None,
        total: int | None = None,
        report: Mapping[str, object] | None = None,
    ) -> None:
        """Notes progress in this transaction, so that it and the work it tells of are kept or lost together. Raises
        LeaseLost, which undoes both, when the job is no longer this worker's."""
        await store.advance(tx, self.job, done=done, total=total, report=report)


Kinds = Mapping[str, Callable[[Work], Awaitable[None]]]
"""What each kind of job does. A second run must do no harm: the worker may be killed between the work and its note."""


@dataclass(slots=True, eq=False)
class _Run:
    """An attempt at a job. There may be two at the same one: the first on its way out, because it lost its lease."""

    job: Claimed
    task: asyncio.Task[None] | None
    held_until: float
    """By the monotonic clock, and a little early: the lease is surely ours until then."""
    lost: bool = False


class Worker:
    """Works from `async with` on until it is left. Any number may share a queue."""

    def __init__(
        self,
        db: Database,
        kinds: Kinds,
        schedules: Sequence[Schedule] = (),
        *,
        jobs_max: int = 4,
        lease_s: float = 30.0,
        poll_s: float = 1.0,
    ) -> None:
        """`jobs_max`: at once. `lease_s`: a job of a worker that was killed waits this long, then for its backoff."""
        self._db = db
        self._kinds = kinds
        self._schedules = schedules
        self._jobs_max = jobs_max
        self._lease_s = lease_s
        self._poll_s = poll_s
        self._runs = set[_Run]()
        self._loops: list[asyncio.Task[None]] = []
        self._stopping = False
        self._wake = asyncio.Event()
        self._beat: float | None = None
        self._tended: float | None = None

    @property
    def kinds(self) -> list[str]:
        """What it can do."""
        return list(self._kinds)

    @property
    def beat_age_s(self) -> float:
        """Seconds since its loop last went round; 0 for one that was not started."""
        return 0.0 if self._beat is None else time.monotonic() - self._beat

    async def is_late(self) -> bool:
        """Whether jobs that it can do have waited too long for any worker."""
        async with self._db.as_jobs() as tx:
            return await store.is_late(tx, self.kinds)

    async def __aenter__(self) -> Self:
        self._beat = time.monotonic()
        self._loops = [asyncio.create_task(self._work(), name="jobs"), asyncio.create_task(self._keep(), name="leases")]
        return self

    def stop(self) -> None:
        """Takes no more jobs from now on."""
        self._stopping = True
        self._wake.set()

    async def __aexit__(self, *_: object) -> None:
        self.stop()
        taking, keeping = self._loops
        # First the loop, in its own time: to cut it off could leave a job taken and not begun.
        await asyncio.wait([taking, *self._running()], timeout=_STOP_S_MAX)
        for task in self._running():
            task.cancel()
        if self._runs:
            await asyncio.wait(self._running(), timeout=_STOP_S_MAX)
        for task in (taking, keeping, *self._running()):
            await tasks.end(task)

    def _running(self) -> list[asyncio.Task[None]]:
        return [run.task for run in self._runs if run.task]

    async def _work(self) -> None:
        while not self._stopping:
            self._beat = time.monotonic()
            self._wake.clear()
            try:
                await self._tend()
                while not self._stopping and len(self._runs) < self._jobs_max and await self._take():
                    pass
            except Exception:
                # The loop must survive: the database may be away for a while.
                log.warning("the queue of jobs could not be read and will be again", exc_info=True)
            try:
                async with asyncio.timeout(self._poll_s):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _tend(self) -> None:
        """Reaps, and makes the jobs that are due by schedule: not at every turn."""
        now = time.monotonic()
        if self._tended is not None and now - self._tended < self._lease_s / 6:
            return
        async with self._db.as_jobs() as tx:
            for reaped in await store.reap(tx):
                log.warning("job %s (%s) lost its worker and is %s", reaped.id, reaped.kind, reaped.status)
            for schedule in self._schedules:
                await store.tick(tx, schedule)
        self._tended = now

    async def _take(self) -> bool:
        began = time.monotonic()
        async with self._db.as_jobs() as tx:
            job = await store.claim(tx, self.kinds, lease_s=self._lease_s)
        if job is None:
            return False
        run = _Run(job, None, began + self._lease_s * 0.9)
        self._runs.add(run)
        run.task = asyncio.create_task(self._do(run), name=f"job {job.kind} {job.id}")
        run.task.add_done_callback(partial(self._ended, run))
        return True

    def _ended(self, run: _Run, task: asyncio.Task[None]) -> None:
        self._runs.remove(run)
        self._wake.set()
        if not task.cancelled() and (error := task.exception()):
            log.error("job %s ended and could not be written down", run.job.id, exc_info=error)

    async def _do(self, run: _Run) -> None:
        job = run.job
        try:
            async with asyncio.timeout(_RUN_S_MAX):
                await self._kinds[job.kind](Work(job, self._db))
        except LeaseLost:
            log.warning("job %s (%s) is another worker's now", job.id, job.kind)
        except asyncio.CancelledError:
            if not run.lost:
                await self._write_down(run, lambda tx: store.give_back(tx, job))
            raise
        except Exception as error:
            # Whatever went wrong, the job must not stay this worker's.
            log.warning("job %s (%s) failed, attempt %d", job.id, job.kind, job.attempts, exc_info=True)
            told, hopeless = _told(error), isinstance(error, Hopeless)
            await self._write_down(run, lambda tx: store.fail(tx, job, error=told, hopeless=hopeless))
        else:
            await self._write_down(run, lambda tx: store.succeed(tx, job))

    async def _write_down(self, run: _Run, write: Callable[[Tx], Awaitable[object]]) -> None:
        """Tries for as long as the job is ours; afterwards it is reaped, and done again."""
        while True:
            try:
                async with self._db.as_jobs() as tx:
                    await write(tx)
            except AgentOpsError:
                if run.lost or self._stopping or time.monotonic() > run.held_until:
                    raise
                await asyncio.sleep(self._poll_s)
            else:
                return

    async def _keep(self) -> None:
        """Renews leases. A run whose lease ended is cancelled: the job may be another worker's by then."""
        while True:
            await asyncio.sleep(self._lease_s / 4)
            runs = list(self._runs)
            if not runs:
                continue
            began = time.monotonic()
            kept: set[tuple[UUID, int]] | None = None
            try:
                async with self._db.as_jobs() as tx:
                    kept = await store.renew(tx, [run.job for run in runs], lease_s=self._lease_s)
            except Exception:
                # The loop must survive, as above; until the leases end there is time to try again.
                log.warning("the leases of %d jobs could not be renewed", len(runs), exc_info=True)
            for run in runs:
                if kept is not None and (run.job.id, run.job.attempts) in kept:
                    run.held_until = began + self._lease_s * 0.9
                elif run in self._runs and (kept is not None or time.monotonic() > run.held_until):
                    run.lost = True
                    assert run.task is not None
                    run.task.cancel()


def _told(error: Exception) -> str:
    """What may be told of it: our own errors are written for readers; others may quote a tenant's text or a secret."""
    if isinstance(error, AgentOpsError):
        return str(error)[:500]
    if isinstance(error, TimeoutError):
        return "It took too long."
    return f"The server failed ({type(error).__name__}); its log has the rest under the job's id."
