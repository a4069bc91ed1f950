"""A PostgreSQL of the server's own, as a supervised child process: the default when no DATABASE_URL is set.

Several server processes may share one data directory. Each holds `users.lock` shared while it needs the
database; one of them holds `supervisor.lock` and keeps PostgreSQL running, and when it dies another takes
over. The last to leave stops it. A postmaster that a killed server left behind is adopted when it answers and
ended when it does not. Knows no HTTP and no settings.
"""

import asyncio
import errno
import fcntl
import logging
import os
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psycopg
from psycopg.pq import Ping

from agentops_api import tasks
from agentops_api.db import postmaster
from agentops_api.db.cluster import LOGIN, OWNER, SUPERUSER, Cluster, bootstrap, can_log_in, make_cluster, make_data_dir
from agentops_api.db.disk import free_bytes, free_fraction, is_full, make_ballast, release_ballast
from agentops_api.db.installation import EmbeddedDatabaseError, Major, find_installation
from agentops_api.db.postmaster import Postmaster

__all__ = ["EmbeddedDatabase", "EmbeddedDatabaseError", "embedded_database", "free_fraction"]

log = logging.getLogger(__name__)
T = TypeVar("T")

POLL_S = 0.05
TURN_POLL_S = 0.25
BACKOFF_S_MIN = 0.1
BACKOFF_S_MAX = 5.0
STABLE_S = 10.0
HOUSEKEEPING_S = 5.0
PROGRESS_LOG_S = 5.0
# Recovery refuses connections; a postmaster that does not even do that for so long is not coming back.
SILENCE_S_MAX = 15.0
# Leaving processes hold the users' lock at most as long as a shutdown takes (18 s).
JOIN_S_MAX = 60.0
FIRST_START_ATTEMPTS_MAX = 6
LOG_TAIL_BYTES = 1500


@dataclass(frozen=True, slots=True)
class EmbeddedDatabase:
    """How to reach the embedded database; the URLs hold passwords."""

    owner_url: str
    """Role agentops_owner: owns the database and may make roles. For migrations only."""
    login_url: str
    """Role agentops_login: owns nothing and inherits nothing; what it may do is granted by the migrations."""
    superuser_url: str
    """For backups: row level security binds everybody else."""
    data_dir: Path


@asynccontextmanager
async def embedded_database(data_dir: Path, *, major: Major = "18") -> AsyncGenerator[EmbeddedDatabase]:
    """Enters when the database answers and its roles exist, having made what was missing; keeps it running.

    Ready in 0.2 s on a cluster that was shut down, 1 s on a new one, and as long as it takes after a crash.
    Raises EmbeddedDatabaseError when it cannot be made or does not start six times in a row. PostgreSQL is
    stopped at the end unless another process uses the same `data_dir`.
    """
    cluster = Cluster(data_dir=Path(data_dir).resolve(), major=major)
    make_data_dir(cluster)
    in_use = await _join(cluster)
    supervisor = _Supervisor(cluster)
    task = asyncio.create_task(supervisor.run(), name="embedded-postgresql")
    try:
        await _until_ready(supervisor, task)
        yield EmbeddedDatabase(
            owner_url=cluster.url(OWNER),
            login_url=cluster.url(LOGIN),
            superuser_url=cluster.url(SUPERUSER),
            data_dir=cluster.data_dir,
        )
    finally:
        await tasks.end(task)
        # Closed and only then asked for alone: of several who leave at once, the last to close is sure to get
        # it.
        os.close(in_use)
        await _in_thread(lambda: _stop_if_unused(cluster, supervisor.running))


class _Supervisor:
    """Waits for its turn, then keeps one postmaster running for as long as its task is not cancelled."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.ready = asyncio.Event()
        self.running: Postmaster | None = None

    async def run(self) -> None:
        """Never returns. Raises only before the database was ready for the first time."""
        lock = await self._turn()
        try:
            await self._keep_running()
        finally:
            os.close(lock)

    async def _turn(self) -> int:
        """The supervisor's lock once it is free; meanwhile notices when the other's database is ready."""
        while True:
            lock = _try_lock(self.cluster.data_dir / "supervisor.lock", fcntl.LOCK_EX)
            if lock is not None:
                return lock
            if not self.ready.is_set() and await _in_thread(lambda: can_log_in(self.cluster)):
                self.ready.set()
            await asyncio.sleep(TURN_POLL_S if self.ready.is_set() else POLL_S)

    async def _keep_running(self) -> None:
        backoff_s = BACKOFF_S_MIN
        attempt = 0
        while True:
            attempt += 1
            started = time.monotonic()
            problem = "it ended"
            try:
                if await self._bring_up():
                    await self._watch()
            except (OSError, EmbeddedDatabaseError, psycopg.Error) as error:
                # This loop must survive whatever the machine does to it: what failed now may succeed later.
                problem = str(error)
                if isinstance(error, EmbeddedDatabaseError) and not self.ready.is_set():
                    raise
            if not self.ready.is_set() and attempt >= FIRST_START_ATTEMPTS_MAX:
                raise EmbeddedDatabaseError(f"PostgreSQL does not start: {problem}.{self._last_words()}")
            if time.monotonic() - started > STABLE_S:
                backoff_s = BACKOFF_S_MIN
            log.warning("PostgreSQL is down (%s); again in %.1f s.%s", problem, backoff_s, self._last_words())
            _relieve_disk(self.cluster)
            await asyncio.sleep(backoff_s)
            backoff_s = min(BACKOFF_S_MAX, 2 * backoff_s)

    async def _bring_up(self) -> bool:
        """Makes what is missing, adopts or starts a postmaster, and waits; False when it did not come up."""
        self.running = await _in_thread(lambda: _adopt_or_start(self.cluster))
        if not await self._answers(self.running):
            return False
        if not self.ready.is_set():
            await _in_thread(lambda: bootstrap(self.cluster))
            self.ready.set()
        log.info("PostgreSQL %s is up (process %d).", self.cluster.major, self.running.pid)
        return True

    async def _answers(self, running: Postmaster) -> bool:
        """Waits as long as the process lives, since crash recovery has no limit; False when it ends."""
        began = last_heard = last_logged = time.monotonic()
        while running.is_running():
            match await _in_thread(lambda: postmaster.answer(self.cluster)):
                case Ping.OK:
                    return True
                case Ping.REJECT:
                    last_heard = time.monotonic()
                case _:
                    if time.monotonic() - last_heard > SILENCE_S_MAX:
                        log.warning("PostgreSQL (process %d) is silent and will be ended.", running.pid)
                        await _in_thread(lambda: postmaster.end(running))
                        return False
            if time.monotonic() - last_logged > PROGRESS_LOG_S:
                last_logged = time.monotonic()
                log.warning("PostgreSQL is still starting after %.0f s.", last_logged - began)
            await asyncio.sleep(POLL_S)
        return False

    async def _watch(self) -> None:
        """Returns when the postmaster is gone."""
        assert self.running
        running, last_kept = self.running, time.monotonic()
        while running.is_running():
            await asyncio.sleep(POLL_S if not running.adopted else TURN_POLL_S)
            if time.monotonic() - last_kept > HOUSEKEEPING_S:
                await _in_thread(lambda: _keep_house(running))
                last_kept = time.monotonic()

    def _last_words(self) -> str:
        tail = postmaster.log_tail(self.cluster.log_file, LOG_TAIL_BYTES).decode("utf-8", errors="replace")
        return f" The end of {self.cluster.log_file}:\n{tail.strip()}" if tail else ""


async def _join(cluster: Cluster) -> int:
    """The users' lock, shared; waits while one who leaves holds it alone to stop PostgreSQL."""
    deadline = time.monotonic() + JOIN_S_MAX
    while True:
        lock = _try_lock(cluster.data_dir / "users.lock", fcntl.LOCK_SH)
        if lock is not None:
            return lock
        if time.monotonic() > deadline:
            raise EmbeddedDatabaseError(f"Another process has been stopping {cluster.data_dir} for too long.")
        await asyncio.sleep(POLL_S)


async def _until_ready(supervisor: _Supervisor, task: asyncio.Task[None]) -> None:
    ready = asyncio.create_task(supervisor.ready.wait())
    try:
        await asyncio.wait([ready, task], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
    finally:
        ready.cancel()


def _adopt_or_start(cluster: Cluster) -> Postmaster:
    installation = find_installation(cluster.major, cluster.data_dir, cluster.path)
    make_cluster(cluster, installation)
    found = postmaster.find(cluster)
    if found and not postmaster.is_stopping(cluster):
        log.info("Found PostgreSQL running (process %d).", found.pid)
        return found
    if found:
        postmaster.end(found)
    return postmaster.start(cluster, installation)


def _stop_if_unused(cluster: Cluster, running: Postmaster | None) -> None:
    # Whoever supervises is a user too, so alone with the users' lock nobody else can be starting it.
    users = _try_lock(cluster.data_dir / "users.lock", fcntl.LOCK_EX)
    if users is None:
        return
    try:
        still = running if running and running.is_running() else postmaster.find(cluster)
        if still:
            postmaster.end(still)
    finally:
        os.close(users)


def _relieve_disk(cluster: Cluster) -> None:
    if is_full(cluster.data_dir) and release_ballast(cluster.ballast):
        log.error(
            "The disk of %s is full and PostgreSQL does not serve: the ballast was released, %d MB are free. "
            "Make room now.",
            cluster.data_dir,
            free_bytes(cluster.data_dir) // 1024 // 1024,
        )


def _keep_house(running: Postmaster) -> None:
    """Bounds the log, makes the ballast when there is room, ends a postmaster whose socket is gone."""
    cluster = running.cluster
    # After a crash it outlived, PostgreSQL needs some room to take any connection: it writes its cache's init file.
    if is_full(cluster.data_dir) and not can_log_in(cluster):
        _relieve_disk(cluster)
    postmaster.bound_log(cluster.log_file)
    if make_ballast(cluster.ballast):
        log.info("Kept back %s for the day the disk is full.", cluster.ballast)
    if not cluster.socket.exists() and running.is_running():
        # Cleaners of /tmp do this. PostgreSQL never makes its socket anew.
        log.error("The socket %s was removed; PostgreSQL is restarted to have it back.", cluster.socket)
        postmaster.end(running)


def _try_lock(path: Path, kind: int) -> int | None:
    """A descriptor that holds the lock until it is closed, or None when others hold it."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise EmbeddedDatabaseError(
            f"{path} cannot be opened: {error.strerror}. The data directory belongs to whoever started the "
            "server first; start it as that user."
        ) from error
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return None
        raise
    return descriptor


async def _in_thread(work: Callable[[], T]) -> T:
    """Runs blocking work in a thread, to its end even when cancelled: a lock must not go before its work."""
    future = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.wait([future])
        raise
