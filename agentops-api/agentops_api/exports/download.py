"""Sends an export to somebody who downloads it: as fast as they take it, holding little of it, and not for ever.

The format is written by a thread, which asks the event loop for each portion of rows and to send each part.
"""

import asyncio
import logging
import zlib
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterator
from contextlib import aclosing, contextmanager, suppress
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from anyio import CapacityLimiter, from_thread, to_thread
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from agentops_api import tasks
from agentops_api.errors import AgentOpsError, TooManyRequests, Unavailable
from agentops_api.evaluations.models import Evaluation, Filters
from agentops_api.exports.formats import Format, write
from agentops_api.telemetry.store import EvaluationStore

AT_ONCE_PER_PROJECT_MAX = 2
STALL_S_MAX = 60.0
"""A client that takes nothing for so long is given up, and its transaction with it."""
_BUSY_RETRY_S = 15
_PART_BYTES = 64 * 1024
_GZIP_LEVEL = 1
_GZIP_WINDOW_BITS = 16 + zlib.MAX_WBITS
_log = logging.getLogger(__name__)
T = TypeVar("T")


class Downloads:
    """Those that run: each holds a connection, a transaction and a thread, so they are few."""

    def __init__(self, store: EvaluationStore, *, at_once_max: int, seconds_max: int) -> None:
        self.store = store
        self.seconds_max = seconds_max
        # Threads of their own: downloads that wait for their clients keep nothing else waiting.
        self.threads = CapacityLimiter(at_once_max)
        self._at_once_max = at_once_max
        self._running = Counter[UUID]()

    @contextmanager
    def place(self, project_id: UUID) -> Generator[None]:
        """One of the places. Raises TooManyRequests or Unavailable when none is free."""
        if self._running[project_id] >= AT_ONCE_PER_PROJECT_MAX:
            message = f"{AT_ONCE_PER_PROJECT_MAX} exports of this project are being downloaded; wait for one to end."
            raise TooManyRequests(message, retry_after_s=_BUSY_RETRY_S)
        if self._running.total() >= self._at_once_max:
            message = "As many exports are being downloaded as the server allows (EXPORTS_MAX); try again later."
            raise Unavailable(message, retry_after_s=_BUSY_RETRY_S)
        self._running[project_id] += 1
        try:
            yield
        finally:
            self._running[project_id] -= 1
            self._running = +self._running


@dataclass(frozen=True, slots=True)
class Export:
    """What is to be written, and how."""

    project_id: UUID
    filters: Filters
    format: Format
    spreadsheet: bool
    gzip: bool


class Download(Response):
    """The answer: what fails before its first byte is a problem document; what fails later cuts it."""

    def __init__(self, downloads: Downloads, export: Export, headers: dict[str, str]) -> None:
        self._downloads, self._export = downloads, export
        self.status_code, self.background = 200, None
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        export = self._export
        with self._downloads.place(export.project_id):
            async with aclosing(self._downloads.store.scan(export.project_id, export.filters)) as portions:
                first = await anext(portions, None)
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                flow = _Flow(portions, send, seconds_max=self._downloads.seconds_max)
                watching = asyncio.create_task(_until_gone(receive, flow))
                try:
                    await self._write(first, flow)
                except ClientDisconnect:
                    return
                except (AgentOpsError, TimeoutError) as error:
                    # Without its last chunk: every HTTP client reports that.
                    reason = str(error) or f"its client took nothing for {STALL_S_MAX:.0f} s"
                    _log.warning("An export was cut: %s", reason)
                    return
                finally:
                    await tasks.end(watching)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _write(self, first: list[Evaluation] | None, flow: "_Flow") -> None:
        export = self._export

        def work() -> None:
            body = _Body(flow.send, gzip=export.gzip)
            write(flow.rows(first), body, export.format, spreadsheet=export.spreadsheet)
            body.finish()

        writing = asyncio.ensure_future(to_thread.run_sync(work, limiter=self._downloads.threads))
        try:
            # Not ended before the thread has: it may be asking for rows.
            await asyncio.shield(writing)
        except Exception as error:
            # Arrow reports in its own words what it was told by ours.
            raise flow.error or error from error
        finally:
            flow.leave()
            with suppress(Exception):
                await writing


class _Flow:
    """What the thread may ask of the event loop, while there is a client and time."""

    def __init__(self, portions: AsyncGenerator[list[Evaluation]], send: Send, *, seconds_max: int) -> None:
        self._portions, self._send = portions, send
        self._clock = asyncio.get_running_loop().time
        self._seconds_max = seconds_max
        self._deadline = self._clock() + seconds_max
        self._gone = False
        self._delivering: asyncio.Task[None] | None = None
        self.error: Exception | None = None

    def rows(self, first: list[Evaluation] | None) -> Iterator[list[Evaluation]]:
        """All portions, for the thread."""
        portion = first
        while portion:
            yield portion
            portion = self._ask(self._fetch)

    def send(self, part: bytes) -> None:
        """Sends a part, for the thread; returns when the client's connection took it."""
        self._ask(lambda: self._deliver(part))

    def leave(self) -> None:
        """Lets the thread's next question, or the one it is asking, fail."""
        self._gone = True
        if self._delivering:
            self._delivering.cancel()

    def _ask(self, question: Callable[[], Coroutine[None, None, T]]) -> T:
        try:
            return from_thread.run(question)
        except (Exception, asyncio.CancelledError) as error:
            # Cancelled is only what `leave` cancels.
            self.error = ClientDisconnect() if self._gone or isinstance(error, asyncio.CancelledError) else error
            raise self.error from error

    async def _fetch(self) -> list[Evaluation] | None:
        self._check()
        return await anext(self._portions, None)

    async def _deliver(self, part: bytes) -> None:
        self._check()
        self._delivering = asyncio.current_task()
        try:
            async with asyncio.timeout(STALL_S_MAX):
                await self._send({"type": "http.response.body", "body": part, "more_body": True})
        finally:
            self._delivering = None

    def _check(self) -> None:
        if self._gone:
            raise ClientDisconnect
        if self._clock() > self._deadline:
            raise TimeoutError(f"it took longer than {self._seconds_max} s (EXPORT_SECONDS_MAX)")


async def _until_gone(receive: Receive, flow: _Flow) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    flow.leave()


class _Body:
    """Gathers what a format writes into parts that are worth sending."""

    def __init__(self, send: Callable[[bytes], None], *, gzip: bool) -> None:
        self._send = send
        self._compressor = zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP_WINDOW_BITS) if gzip else None
        self._parts: list[bytes] = []
        self._bytes = 0

    def write(self, part: bytes) -> None:
        if self._compressor:
            part = self._compressor.compress(part)
        self._parts.append(part)
        self._bytes += len(part)
        if self._bytes >= _PART_BYTES:
            self._flush()

    def finish(self) -> None:
        """Sends what is left."""
        if self._compressor:
            self._parts.append(self._compressor.flush())
        self._flush()

    def _flush(self) -> None:
        part = b"".join(self._parts)
        self._parts, self._bytes = [], 0
        if part:
            self._send(part)
