"""One request over HTTP, bounded in time and in bytes, whatever the other side does.

A time limit of httpx2 is one for each read. Who sends a byte a second never breaks it, so a watchdog ends the
connection when the whole has taken too long.
"""

import contextlib
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

BODY_BYTES_MAX = 4 * 2**20
"""Of an answer, decompressed. A judge's is a thousandth of that."""
_GZIP = 31


class Cut(Exception):
    """There is no whole answer: the network, or a bound. The message says which."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer."""

    status: int
    headers: httpx2.Headers
    body: bytes


def post(url: str, body: bytes, headers: Mapping[str, str], *, trust: ssl.SSLContext, timeout_s: float) -> Reply:
    """Sends it over a connection of its own, and follows no redirect: the key is for this address. Raises Cut."""
    sent = {"Content-Type": "application/json", "Accept-Encoding": "gzip", **headers}
    watchdog = _Watchdog(timeout_s)
    try:
        with (
            watchdog.watching(),
            httpx2.Client(verify=trust, timeout=timeout_s) as http,
            http.stream("POST", url, content=body, headers=sent, extensions={"trace": watchdog.see}) as answer,
        ):
            return Reply(answer.status_code, answer.headers, _decoded(answer, watchdog.until))
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, RuntimeError) as error:
        # RuntimeError: the interpreter is ending and starts no more threads.
        told = f"no answer within {timeout_s:g} s" if watchdog.has_barked else f"{type(error).__name__}: {error}"
        raise Cut(told) from error


class _Watchdog:
    """Ends a connection in time."""

    def __init__(self, timeout_s: float) -> None:
        self.until = time.monotonic() + timeout_s
        self.has_barked = False
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(timeout_s, self._bark)
        self._timer.daemon = True

    @contextlib.contextmanager
    def watching(self) -> Generator[None]:
        """Meanwhile the clock runs."""
        self._timer.start()
        try:
            yield
        finally:
            self._timer.cancel()

    def see(self, event: str, info: Mapping[str, Any]) -> None:
        """Remembers the socket, as soon as there is one, and that of TLS instead when it lies over the first."""
        if event in ("connection.connect_tcp.complete", "connection.start_tls.complete"):
            self._socket = info["return_value"].get_extra_info("socket")
            if self.has_barked:
                self._bark()

    def _bark(self) -> None:
        self.has_barked = True
        if self._socket is not None:
            # Not `close`: its number could already be another connection's. This wakes the reader up.
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)


def _decoded(answer: httpx2.Response, until: float) -> bytes:
    """The body. Decompressed here and not by httpx2, which makes of one small piece as many bytes as it holds."""
    encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", ""):
        raise Cut(f"the answer is encoded as {encoding[:20]!r}, which was not asked for")
    inflate = zlib.decompressobj(_GZIP) if encoding == "gzip" else None
    body = bytearray()
    for piece in answer.iter_raw():
        room = BODY_BYTES_MAX + 1 - len(body)
        try:
            body += inflate.decompress(piece, room) if inflate else piece[:room]
        except zlib.error as error:
            raise Cut("the answer is not the gzip that it says it is") from error
        if len(body) > BODY_BYTES_MAX:
            raise Cut(f"the answer is longer than {BODY_BYTES_MAX:,} bytes")
        if time.monotonic() > until:
            raise Cut("the answer took too long")
    if inflate and not inflate.eof:
        raise Cut("the answer ended in the middle")
    return bytes(body)
