"""Writes an export while its rows are read and its parts are taken, holding little of it.

The format is written by a thread, which asks the event loop for each portion of rows and to take each part. Knows
neither HTTP nor a database.
"""

import asyncio
import zlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from anyio import CapacityLimiter, from_thread, to_thread

from agentops_api.evaluations.models import Evaluation
from agentops_api.exports.formats import Format, Summary, write

_PART_BYTES = 64 * 1024
_GZIP_LEVEL = 1
_GZIP_WINDOW_BITS = 16 + zlib.MAX_WBITS
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Form:
    """How a file is written."""

    format: Format
    gzip: bool = False
    spreadsheet: bool = False


class Left(Exception):
    """Nobody takes the file any more."""


class Flow:
    """One export on its way."""

    def __init__(
        self,
        portions: AsyncGenerator[list[Evaluation]],
        take: Callable[[bytes], Awaitable[None]],
        *,
        seconds_max: float | None = None,
    ) -> None:
        """`take`: takes each part; what it raises ends the flow. `seconds_max`: for all of it, then TimeoutError."""
        self._portions, self._take = portions, take
        self._seconds_max = seconds_max
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock()
        self._gone = False
        self._answering: asyncio.Task[object] | None = None
        self._error: Exception | None = None
        self.rows_read = 0

    async def write(self, form: Form, *, threads: CapacityLimiter, first: list[Evaluation] | None = None) -> Summary:
        """Writes the file: `first`, then all that follow it. Raises what `take` does, Left, TimeoutError or
        Unavailable."""

        def work() -> Summary:
            body = _Body(self._send, gzip=form.gzip)
            summary = write(self._rows(first), body, form.format, spreadsheet=form.spreadsheet)
            body.finish()
            return summary

        writing = asyncio.ensure_future(to_thread.run_sync(work, limiter=threads))
        try:
            # Not ended before the thread has: it may be asking for rows.
            return await asyncio.shield(writing)
        except Exception as error:
            # Arrow reports in its own words what it was told by ours.
            raise self._error or error from error
        finally:
            self.leave()
            with suppress(Exception):
                await writing

    def leave(self) -> None:
        """Lets the thread's next question, or the one it is asking, fail."""
        self._gone = True
        if self._answering:
            self._answering.cancel()

    def _rows(self, first: list[Evaluation] | None) -> Iterator[list[Evaluation]]:
        """All portions, for the thread."""
        portion = first if first is not None else self._ask(self._next)
        while portion:
            self.rows_read += len(portion)
            yield portion
            portion = self._ask(self._next)

    def _send(self, part: bytes) -> None:
        """Hands a part over, for the thread; returns when it was taken."""
        self._ask(lambda: self._take(part))

    def _ask(self, question: Callable[[], Awaitable[T]]) -> T:
        try:
            return from_thread.run(self._answer, question)
        except (Exception, asyncio.CancelledError) as error:
            # Cancelled is only what `leave` cancels.
            self._error = Left() if self._gone or isinstance(error, asyncio.CancelledError) else error
            raise self._error from error

    async def _answer(self, question: Callable[[], Awaitable[T]]) -> T:
        if self._gone:
            raise Left
        if self._seconds_max is not None and self._clock() - self._began > self._seconds_max:
            raise TimeoutError(f"it took longer than {self._seconds_max:g} s (EXPORT_SECONDS_MAX)")
        self._answering = asyncio.current_task()
        try:
            return await question()
        finally:
            self._answering = None

    def _next(self) -> Coroutine[None, None, list[Evaluation] | None]:
        return _next(self._portions)


async def _next(portions: AsyncGenerator[list[Evaluation]]) -> list[Evaluation] | None:
    return await anext(portions, None)


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
