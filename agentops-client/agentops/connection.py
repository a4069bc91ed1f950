"""Requests over HTTP that end in time, whatever the other side does.

A time limit of httpx2 is one for each read. Who sends a byte a second never breaks it, so a watchdog ends the
connection when the whole has taken too long.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Generator, Mapping
from typing import Any

import httpx2

_SLOW_LINE_BYTES_S = 10_000


class Connection(httpx2.Client):
    """A client for one thread, each of whose requests takes `timeout` seconds at most, and what sending it takes."""

    def __init__(self, *, timeout: float, **options: Any) -> None:
        super().__init__(timeout=timeout, **options)
        self._timeout_s = timeout
        self._watchdog = Watchdog()

    def ask(self, request: httpx2.Request) -> httpx2.Response:
        """The whole answer. Raises TimeoutError, and what httpx2 does."""
        request.extensions["trace"] = self._watchdog.see
        with self._watchdog.watching(self._timeout_s + _sending_s(request)):
            return self.send(request)


class AsyncConnection(httpx2.AsyncClient):
    """A client for an event loop, each of whose requests takes `timeout` seconds at most, and what sending it takes."""

    def __init__(self, *, timeout: float, **options: Any) -> None:
        super().__init__(timeout=timeout, **options)
        self._timeout_s = timeout

    async def ask(self, request: httpx2.Request) -> httpx2.Response:
        """The whole answer. Raises TimeoutError, and what httpx2 does."""
        timeout_s = self._timeout_s + _sending_s(request)
        try:
            async with asyncio.timeout(timeout_s):
                return await self.send(request)
        except TimeoutError:
            raise _late(timeout_s) from None


class Watchdog:
    """Watches one request after another of a client that has one connection at a time."""

    def __init__(self) -> None:
        self._has_barked = False
        self._socket: socket.socket | None = None

    @contextlib.contextmanager
    def watching(self, timeout_s: float) -> Generator[None]:
        """Meanwhile the clock runs. Raises TimeoutError when it ran out, also where an answer seems to be whole."""
        self._has_barked = False
        timer = threading.Timer(timeout_s, self._bark)
        timer.daemon = True
        # RuntimeError: the interpreter is ending, or the process may have no more threads. Each read is bounded still.
        with contextlib.suppress(RuntimeError):
            timer.start()
        try:
            yield
        except httpx2.HTTPError:
            if not self._has_barked:
                raise
        finally:
            timer.cancel()
            if timer.ident is not None:
                # It must not end the next request, which goes over the same connection.
                timer.join()
        if self._has_barked:
            raise _late(timeout_s)

    def see(self, event: str, info: Mapping[str, Any]) -> None:
        """Is each request's `trace`: remembers the socket, and that of TLS instead when it lies over the first."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._socket = info["return_value"].get_extra_info("socket")
            if self._has_barked:
                self._bark()

    def _bark(self) -> None:
        self._has_barked = True
        if self._socket is not None:
            # Not `close`: its number could already be another connection's. Not the method of SSLSocket: it would
            # first make it one that writes in the clear. This wakes the reader up.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


def _sending_s(request: httpx2.Request) -> float:
    """What a slow line takes to send it: what does not fit into a time limit would be sent again and again."""
    return len(request.content) / _SLOW_LINE_BYTES_S


def _late(timeout_s: float) -> TimeoutError:
    return TimeoutError(f"no answer within {timeout_s:g} s")
