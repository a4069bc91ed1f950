"""Group commit: a request waits for the commit of its own batch, and while batches are written the next gathers.

So there is no timer: a lone request is written at once, and a thousand at once share one fsync. The queue is bounded in
rows and bytes; when it is full the sender is told to come back, because memory is the only other place to put the rest.
"""

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self
from uuid import UUID

from agentops_api import metrics, tasks
from agentops_api.errors import Unavailable
from agentops_api.metrics import Outcome
from agentops_api.telemetry import rollups
from agentops_api.telemetry.store import EvaluationStore, Record, RecordRefused

log = logging.getLogger(__name__)

_BATCH_ROWS_MAX = 1_000
_BATCH_BYTES_MAX = 4 * 2**20
_CROWD_ROWS_MIN = 100
"""With so many rows waiting a second batch is written beside the first: PostgreSQL works while Python reads the next
requests, and the other way round. It gave large batches a quarter more, and lone requests nothing (2026-11-23)."""
_WAIT_S_MAX = 8.0
"""A request that is not committed by then is answered 503: proxies and clients give up soon after."""


@dataclass(slots=True, eq=False)
class _Request:
    records: list[Record]
    bytes: int
    done: asyncio.Future[None]


class Writer:
    """Takes records from many requests and stores them in few transactions."""

    def __init__(
        self,
        store: EvaluationStore,
        *,
        queue_rows_max: int,
        queue_bytes_max: int,
        group_commit: bool = True,
        has_room: Callable[[], bool] = lambda: True,
    ) -> None:
        """`has_room`: whether the store's disk can take another batch; asked before each."""
        self._store = store
        self._has_room = has_room
        self._batch_rows_max = _BATCH_ROWS_MAX if group_commit else 1
        self._waiting: deque[_Request] = deque()
        self._waiting_rows = 0
        self._called, self._crowded = asyncio.Event(), asyncio.Event()
        self._beat = time.monotonic()
        self._lanes: list[asyncio.Task[None]] = []
        self._unanswered: set[asyncio.Future[None]] = set()
        self._watched: dict[UUID, set[asyncio.Event]] = {}
        self.queue_rows_max = queue_rows_max
        self.queue_bytes_max = queue_bytes_max
        self.queued_rows = 0
        self.queued_bytes = 0
        self.stored_rows = 0
        """Rows stored since the start."""
        self.touched: Counter[tuple[UUID, datetime]] = Counter()
        """Rows stored per project and slot since somebody last took them away: those rollups may want merging."""
        self.outcomes: dict[Outcome, int] = {"created": 0, "duplicate": 0, "rejected": 0, "unavailable": 0}
        """Evaluations by what their sender was told; those that broke a rule before they came here are not in it."""
        self.commit_seconds = metrics.commit_seconds()

    @property
    def beat_age_s(self) -> float:
        """Seconds since the loop last made progress; 0 while it has nothing to do."""
        return time.monotonic() - self._beat if self.queued_rows else 0.0

    async def __aenter__(self) -> Self:
        self._lanes = [
            asyncio.create_task(self._run(self._called, rows_min=1), name="writer"),
            asyncio.create_task(self._run(self._crowded, rows_min=_CROWD_ROWS_MIN), name="writer's second lane"),
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Writes what is waiting, then stops."""
        if self._unanswered:
            await asyncio.wait(self._unanswered, timeout=_WAIT_S_MAX)
        for lane in self._lanes:
            await tasks.end(lane)

    @contextmanager
    def watched(self, project_id: UUID) -> Generator[asyncio.Event]:
        """Sets the event whenever evaluations of the project were committed here."""
        committed = asyncio.Event()
        self._watched.setdefault(project_id, set()).add(committed)
        try:
            yield committed
        finally:
            watching = self._watched[project_id]
            watching.discard(committed)
            if not watching:
                del self._watched[project_id]

    async def write(self, records: list[Record]) -> None:
        """Returns when every record is committed or refused; each then says what became of it.

        Raises Unavailable when the queue is full or the database does not answer: nothing was acknowledged then, and
        sending again with the same ids stores nothing twice.
        """
        size = sum(len(record.row) for record in records)
        if self.queued_rows + len(records) > self.queue_rows_max or self.queued_bytes + size > self.queue_bytes_max:
            self.outcomes["unavailable"] += len(records)
            raise Unavailable("The server has as much to write as it can hold; send the same request again.")
        request = _Request(records, size, asyncio.get_running_loop().create_future())
        self.queued_rows += len(records)
        self.queued_bytes += size
        self._waiting.append(request)
        self._waiting_rows += len(records)
        self._unanswered.add(request.done)
        self._called.set()
        if self._waiting_rows >= _CROWD_ROWS_MIN:
            self._crowded.set()
        timer = asyncio.get_running_loop().call_later(_WAIT_S_MAX, _expire, request.done)
        try:
            await request.done
            for record in records:
                self.outcomes["rejected" if record.refused else "duplicate" if record.duplicate else "created"] += 1
        except Unavailable:
            self.outcomes["unavailable"] += len(records)
            raise
        finally:
            timer.cancel()
            self._unanswered.discard(request.done)
            # A failure's traceback holds this frame, and this frame the failure: without a cut only the collector of
            # cycles would free it, and all that the request had read.
            del request

    async def _run(self, called: asyncio.Event, *, rows_min: int) -> None:
        while True:
            await called.wait()
            batch = self._gather() if self._waiting_rows >= rows_min else []
            if not batch:
                called.clear()
                continue
            try:
                # PostgreSQL that finds no room for its log ends, and reads with it: it must not come to that.
                if not self._has_room():
                    raise Unavailable("The server's disk is full; nothing was stored.", retry_after_s=10)
                await self._store_all([record for request in batch for record in request.records])
                failure = None
            except Unavailable as error:
                failure = error
            except Exception as error:
                # The loop must survive whatever one batch does; its senders are told, and the log has the cause.
                log.exception("a batch of evaluations could not be written")
                failure = Unavailable("The evaluations could not be written; send the same request again.")
                failure.__cause__ = error
            finally:
                self._settle(batch)
            self._answer(batch, failure)

    def _gather(self) -> list[_Request]:
        """The next requests, up to a batch; a request is never split, and no id comes twice."""
        batch: list[_Request] = []
        claimed: set[tuple[UUID, UUID]] = set()
        rows = size = 0
        while self._waiting:
            request = self._waiting[0]
            if request.done.done():
                # Its sender was answered 503 already; storing it now would only surprise.
                self._settle([self._pop()])
                continue
            if batch and (
                rows + len(request.records) > self._batch_rows_max or size + request.bytes > _BATCH_BYTES_MAX
            ):
                break
            keys = {(record.project_id, record.id) for record in request.records if record.client_made_id}
            if not claimed.isdisjoint(keys):
                break
            claimed |= keys
            rows += len(request.records)
            size += request.bytes
            batch.append(self._pop())
        return batch

    def _pop(self) -> _Request:
        request = self._waiting.popleft()
        self._waiting_rows -= len(request.records)
        return request

    async def _store_all(self, records: list[Record]) -> None:
        """Stores the records; one that the database refuses fails alone, found by halving."""
        try:
            await self._commit(records)
        except RecordRefused as refusal:
            if len(records) == 1:
                records[0].refused = str(refusal)
                return
            half = len(records) // 2
            await self._store_all(records[:half])
            await self._store_all(records[half:])
            return
        self.stored_rows += len(records)
        self.touched.update((record.project_id, rollups.slot_of(record.created_at)) for record in records)
        if self._watched:
            for project_id in {record.project_id for record in records} & self._watched.keys():
                for committed in self._watched[project_id]:
                    committed.set()

    async def _commit(self, records: list[Record]) -> None:
        started = time.perf_counter()
        try:
            await self._store.insert(records)
        finally:
            self.commit_seconds.observe(time.perf_counter() - started)

    def _settle(self, batch: list[_Request]) -> None:
        self._beat = time.monotonic()
        self.queued_rows -= sum(len(request.records) for request in batch)
        self.queued_bytes -= sum(request.bytes for request in batch)

    def _answer(self, batch: list[_Request], failure: Unavailable | None) -> None:
        for request in batch:
            if request.done.done():
                continue
            if all(record.stored or record.refused for record in request.records):
                request.done.set_result(None)
            else:
                assert failure is not None, "a record without an outcome and without a failure"
                request.done.set_exception(failure)


def _expire(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_exception(Unavailable("The database did not commit in time; send the same request again."))
