"""The one door to the database: a transaction is only had by saying for whom.

Each door sets role and claims for its transaction only, because a transaction-mode pooler hands the same session to
another tenant next. Row level security does the rest: the login role itself may read nothing.
"""

import asyncio
from collections.abc import AsyncGenerator, Collection, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import LiteralString, Self, TypeVar
from uuid import UUID

import orjson
from psycopg import AsyncConnection, OperationalError, waiting
from psycopg.abc import PQGen
from psycopg.errors import DiskFull, QueryCanceled, ReadOnlySqlTransaction
from psycopg.rows import TupleRow, class_row
from psycopg.types.json import set_json_loads
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from agentops_api import tasks
from agentops_api.errors import Unavailable

Params = Mapping[str, object] | Sequence[object]
T = TypeVar("T")

_STATEMENT_MS_MAX = 5_000
"""The server ends a statement that runs longer."""
_REPLY_GRACE_S = 1.0
"""A server that has not even ended the statement this much later is not there: the connection is given up."""
_CHECKOUT_S_MAX = 3.0
_PIPELINE_BYTES_MAX = 64 * 2**10
"""Well below what a socket takes at once."""

_ENTER = """
SELECT set_config('role', %s, true),
       set_config('agentops.project_id', %s, true),
       set_config('agentops.user_id', %s, true),
       set_config('agentops.project_ids', %s, true),
       set_config('statement_timeout', %s, true)
"""


class Tx(AsyncConnection[TupleRow]):
    """A connection, for its user inside a transaction.

    A stopped server (SIGSTOP, a cut network) sends nothing, not even an answer to the cancel request that psycopg
    would wait for, so every wait for a reply is bounded here, and an interrupted one costs the connection.
    """

    reply_s_max = _STATEMENT_MS_MAX / 1_000 + _REPLY_GRACE_S

    async def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        try:
            async with asyncio.timeout(timeout or self.reply_s_max):
                return await waiting.wait_async(gen, self.pgconn.socket, interval=interval)
        except TimeoutError:
            self.pgconn.finish()
            raise OperationalError("the database did not reply in time") from None
        except asyncio.CancelledError:
            self.pgconn.finish()
            raise


async def _configure(connection: Tx) -> None:
    # A number beyond 64 bits is read as a double, as it was sent, and not as an integer that no JSON writer takes.
    set_json_loads(orjson.loads, connection)


class Database:
    """A pool of connections, and its doors."""

    def __init__(self, url: str, *, connections_max: int, pooled: bool = False) -> None:
        """`pooled`: a transaction-mode pooler stands between, so nothing is prepared on a session, and no pipelines.

        A pooler takes the session back at the reply that ends a transaction. When a pipeline's next sync overtakes it,
        pgbouncer 1.18 leaves the session with the client that is done, and others wait until their time is over.
        """
        self.url = url
        self._pipelines = not pooled
        self._pool = AsyncConnectionPool(
            url,
            connection_class=Tx,
            kwargs={
                "prepare_threshold": None if pooled else 2,
                "connect_timeout": 5,
                "application_name": "agentops",
            },
            min_size=1,
            max_size=connections_max,
            timeout=_CHECKOUT_S_MAX,
            max_waiting=1_000,
            reconnect_timeout=0,
            configure=_configure,
            check=self._check,
            open=False,
        )
        self._sweep: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._pool.open(wait=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._sweep:
            await tasks.end(self._sweep)
        await self._pool.close(timeout=2)

    def statistics(self) -> dict[str, int]:
        """What the pool says of itself: psycopg_pool's names, and counts since the start."""
        return self._pool.get_stats()

    async def _check(self, connection: Tx) -> None:
        """A session that is gone is seldom gone alone, so all that are idle are looked at.

        The pool by itself would offer one after another, with a pause of 1 s, 2 s and 4 s between.
        """
        try:
            await AsyncConnectionPool.check_connection(connection)
        except OperationalError:
            if self._sweep is None or self._sweep.done():
                self._sweep = asyncio.create_task(self._pool.check())
            raise

    @asynccontextmanager
    async def as_project(self, project_id: UUID, *, statement_ms_max: int = _STATEMENT_MS_MAX) -> AsyncGenerator[Tx]:
        """Sees and deletes what belongs to one project."""
        async with self._enter("agentops_project", project_id=str(project_id), statement_ms=statement_ms_max) as tx:
            yield tx

    @asynccontextmanager
    async def as_project_snapshot(self, project_id: UUID, *, statement_ms_max: int) -> AsyncGenerator[Tx]:
        """Sees what belongs to one project, in every statement as the first one did, and changes nothing."""
        project = str(project_id)
        async with self._enter(
            "agentops_project", project_id=project, statement_ms=statement_ms_max, snapshot=True
        ) as tx:
            yield tx

    @asynccontextmanager
    async def as_user(self, user_id: UUID) -> AsyncGenerator[Tx]:
        """Sees a person's own account, organizations, projects and keys."""
        async with self._enter("agentops_user", user_id=str(user_id)) as tx:
            yield tx

    @asynccontextmanager
    async def as_ingest(self, project_ids: Collection[UUID], *, bytes_to_send: int = 0) -> AsyncGenerator[Tx]:
        """Inserts evaluations for these projects, and may do nothing else.

        Pipelined: begin, claims, insert and commit are one round trip, and an error appears where the next result is
        fetched, or at the end. Much is sent without a pipeline, whose round trips then count for little: psycopg stops
        sending one when the socket is full, and goes on each 0.1 s only (3.3.9: ten megabytes took 5 s).
        """
        claim = "{" + ",".join(map(str, project_ids)) + "}"
        pipelined = self._pipelines and bytes_to_send <= _PIPELINE_BYTES_MAX
        with _meaning():
            async with self._pool.connection() as tx, tx.pipeline() if pipelined else nullcontext():
                await tx.execute(_ENTER, ("agentops_ingest", "", "", claim, str(_STATEMENT_MS_MAX)))
                yield tx
                await tx.commit()

    @asynccontextmanager
    async def as_system(self) -> AsyncGenerator[Tx]:
        """Finds out who is calling (accounts, sessions, keys) and keeps partitions; sees no evaluation."""
        async with self._enter("agentops_system") as tx:
            yield tx

    @asynccontextmanager
    async def as_jobs(self) -> AsyncGenerator[Tx]:
        """Takes jobs of every project from the queue and puts them back; sees no evaluation."""
        async with self._enter("agentops_jobs") as tx:
            yield tx

    @asynccontextmanager
    async def _enter(
        self,
        role: LiteralString,
        *,
        project_id: str = "",
        user_id: str = "",
        statement_ms: int = _STATEMENT_MS_MAX,
        snapshot: bool = False,
    ) -> AsyncGenerator[Tx]:
        with _meaning():
            async with self._pool.connection() as tx:
                if snapshot:
                    await tx.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                await tx.execute(_ENTER, (role, project_id, user_id, "", str(statement_ms)))
                tx.reply_s_max = statement_ms / 1_000 + _REPLY_GRACE_S
                try:
                    yield tx
                finally:
                    del tx.reply_s_max


@contextmanager
def _meaning() -> Generator[None]:
    """Says of the database's failures what they mean to the caller: the same request may be sent again."""
    try:
        yield
    except (PoolTimeout, PoolClosed, TooManyRequests) as error:
        raise Unavailable("The database does not answer; send the same request again.") from error
    except DiskFull as error:
        raise Unavailable("The database's disk is full; nothing was stored.", retry_after_s=10) from error
    except QueryCanceled as error:
        raise Unavailable("The database took too long; ask for less, or again later.") from error
    except (OperationalError, ReadOnlySqlTransaction) as error:
        raise Unavailable("The database went away; send the same request again.") from error


async def one(tx: Tx, row: type[T], sql: LiteralString, params: Params = ()) -> T | None:
    """The first row, made into `row` by its column names; None when there is none."""
    async with tx.cursor(row_factory=class_row(row)) as cursor:
        await cursor.execute(sql, params)
        return await cursor.fetchone()


async def every(
    tx: Tx, row: type[T], sql: LiteralString, params: Params = (), *, prepare: bool | None = None
) -> list[T]:
    """All rows, each made into `row` by its column names. `prepare`: False plans for these very values, each time."""
    async with tx.cursor(row_factory=class_row(row)) as cursor:
        await cursor.execute(sql, params, prepare=prepare)
        return await cursor.fetchall()
