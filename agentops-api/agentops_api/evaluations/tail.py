"""Evaluations as they arrive, for whoever keeps listening: server-sent events (WHATWG HTML, section 9.2).

A stream reads the last half minute again and again, and tells what it has not told yet. So it misses nothing that
commits out of order, and it does not matter which process stores it or what stands between this one and the database.
Between two reads it holds no connection. That something was committed in this very process only brings the next read
forward.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from time import monotonic
from uuid import UUID

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from agentops_api import clock, tasks
from agentops_api.errors import AgentOpsError, TooManyRequests, Unavailable
from agentops_api.evaluations.models import Evaluation, Filters, Position
from agentops_api.evaluations.paging import cursor_of
from agentops_api.telemetry.store import EvaluationStore
from agentops_api.telemetry.writer import Writer

BACK = timedelta(seconds=30)
"""What is older than this when it is committed is no news: the list has it."""
AHEAD = timedelta(seconds=5)
"""What is dated further ahead is told when its time comes."""
RESUMED = timedelta(minutes=5)
"""How far back a stream that was interrupted goes on."""
PAGE_ROWS = 100
PER_PROJECT_MAX = 20
_TOLD_ROWS_MAX = 1_000
"""Where the window holds more than a reader could follow, it is made shorter."""
_LOOK_S = 1.0
"""Between two looks, whether the caller still may listen (with the authenticator's four seconds: five) and for news."""
_LOOK_S_MIN = 0.25
_HEARTBEAT_S = 15.0
STALL_S_MAX = 10.0
"""A client that takes nothing for so long is given up."""
_RETRY_MS = 2_000
_BUSY_RETRY_S = 10
_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    # nginx would hold events back until its buffer is full.
    "X-Accel-Buffering": "no",
}
_log = logging.getLogger(__name__)


class Streams:
    """Those that are open: each costs a read a second, so they are counted."""

    def __init__(
        self,
        store: EvaluationStore,
        writer: Writer,
        *,
        at_once_max: int,
        seconds_max: float,
        stall_s_max: float = STALL_S_MAX,
    ) -> None:
        self.store, self.writer = store, writer
        self.seconds_max, self.stall_s_max = seconds_max, stall_s_max
        self._at_once_max = at_once_max
        self._open = Counter[UUID]()

    @contextmanager
    def place(self, project_id: UUID) -> Generator[None]:
        """One of the places. Raises TooManyRequests or Unavailable when none is free."""
        if self._open[project_id] >= PER_PROJECT_MAX:
            message = f"{PER_PROJECT_MAX} streams of this project are open; close one."
            raise TooManyRequests(message, retry_after_s=_BUSY_RETRY_S)
        if self._open.total() >= self._at_once_max:
            message = "As many streams are open as the server allows (STREAMS_MAX); try again later."
            raise Unavailable(message, retry_after_s=_BUSY_RETRY_S)
        self._open[project_id] += 1
        try:
            yield
        finally:
            self._open[project_id] -= 1
            self._open = +self._open


@dataclass(slots=True)
class Tail:
    """What one listener was told of the window, and so is not told again."""

    store: EvaluationStore
    project_id: UUID
    filters: Filters
    _told: dict[UUID, datetime] = field(default_factory=dict[UUID, datetime])
    _since: datetime = field(default_factory=clock.now)

    async def begin(self, after: Position | None) -> None:
        """Takes all that is there for told; on going on behind `after`, all up to it. Raises Unavailable."""
        now = clock.now()
        since = now - BACK if after is None else max(min(after.created_at, now - BACK), now - RESUMED)
        there = await self.store.arrived(self.project_id, self._between(since, now), limit=_TOLD_ROWS_MAX)
        self._since = there[-1].created_at if len(there) == _TOLD_ROWS_MAX else since
        known = (each for each in there if after is None or _place(each) <= _place(after))
        self._told = {each.id: each.created_at for each in known}

    async def news(self) -> list[Evaluation]:
        """Up to PAGE_ROWS evaluations that were not told yet, the newest, oldest first. Raises Unavailable."""
        now = clock.now()
        window = self._between(self._since, now)
        page = await self.store.arrivals(self.project_id, window, besides=list(self._told), limit=PAGE_ROWS)
        self._told |= {each.id: each.created_at for each in page}
        since = now - BACK
        if len(page) == PAGE_ROWS:
            since = max(since, page[-1].created_at)
        if len(self._told) > _TOLD_ROWS_MAX:
            since = max(since, sorted(self._told.values())[-_TOLD_ROWS_MAX])
        self._since = max(self._since, min(since, now))
        self._told = {id: at for id, at in self._told.items() if at >= self._since}
        return page[::-1]

    def _between(self, since: datetime, now: datetime) -> Filters:
        return replace(self.filters, start_date=since, end_date=now + AHEAD)


def _place(each: Position) -> tuple[datetime, UUID]:
    return each.created_at, each.id


class Stream(Response):
    """The answer: what fails before its first byte is a problem document. It ends by an event `end` that says why."""

    def __init__(
        self, streams: Streams, tail: Tail, after: Position | None, *, check: Callable[[], Awaitable[str | None]]
    ) -> None:
        """`check`: why the stream ends now, or None. Raises an AgentOpsError when the caller may listen no more."""
        self._streams, self._tail, self._after, self._check = streams, tail, after, check
        self.status_code, self.background = 200, None
        self.init_headers(_HEADERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        project_id = self._tail.project_id
        with self._streams.place(project_id), self._streams.writer.watched(project_id) as committed:
            await self._tail.begin(self._after)
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            gone = asyncio.create_task(_until_gone(receive, committed))
            try:
                await self._tell(_Line(send, self._streams.stall_s_max), committed, gone)
            except TimeoutError:
                _log.info("A stream was given up: its client took nothing for %.0f s", self._streams.stall_s_max)
                return
            finally:
                await tasks.end(gone)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _tell(self, line: "_Line", committed: asyncio.Event, gone: asyncio.Task[None]) -> None:
        ends_at = monotonic() + self._streams.seconds_max
        await line.write(b"retry: %d\n\n" % _RETRY_MS)
        while not gone.done():
            page: list[Evaluation] = []
            try:
                reason = await self._check()
                if reason is None:
                    committed.clear()
                    page = await self._tail.news()
            except Unavailable:
                # Nobody can tell now who may listen, nor is there news; the database will be back.
                reason = None
            except AgentOpsError as error:
                reason = str(error)
            if reason is None and monotonic() >= ends_at:
                reason = "The stream has lasted as long as one may (STREAM_SECONDS_MAX); ask anew."
            for each in page:
                await line.write(_event(each))
            if reason is not None:
                await line.write(b"event: end\ndata: " + orjson.dumps({"reason": reason}) + b"\n\n")
                return
            await line.keep_open()
            # A full page is as much as anybody reads in a second.
            pause = _LOOK_S if len(page) == PAGE_ROWS else _LOOK_S_MIN
            await asyncio.wait([gone], timeout=min(pause, max(ends_at - monotonic(), 0)))
            if not gone.done():
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(_LOOK_S - pause, max(ends_at - monotonic(), 0))):
                        await committed.wait()


class _Line:
    """What the client reads, and how long it has heard nothing."""

    def __init__(self, send: Send, stall_s_max: float) -> None:
        self._send, self._stall_s_max = send, stall_s_max
        self._spoke = monotonic()

    async def write(self, part: bytes) -> None:
        """Raises TimeoutError when the client takes nothing."""
        async with asyncio.timeout(self._stall_s_max):
            await self._send({"type": "http.response.body", "body": part, "more_body": True})
        self._spoke = monotonic()

    async def keep_open(self) -> None:
        """Says something, if nothing was said for long, so that no proxy takes the connection for dead."""
        if monotonic() - self._spoke >= _HEARTBEAT_S:
            await self.write(b":\n\n")


def _event(each: Evaluation) -> bytes:
    id = cursor_of(Position(each.created_at, each.id)).encode()
    return b"event: evaluation\nid: " + id + b"\ndata: " + orjson.dumps(each, option=orjson.OPT_UTC_Z) + b"\n\n"


async def _until_gone(receive: Receive, waiting: asyncio.Event) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    # Its place is free at once, not when the next look is due.
    waiting.set()
