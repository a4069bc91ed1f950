"""One request over HTTP, bounded in time and in bytes, whatever the other side does."""

import ssl
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import httpx2

from agentops.connection import Watchdog

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
    watchdog = Watchdog()
    until = time.monotonic() + timeout_s
    try:
        with (
            watchdog.watching(timeout_s),
            httpx2.Client(verify=trust, timeout=timeout_s) as http,
            http.stream("POST", url, content=body, headers=sent, extensions={"trace": watchdog.see}) as answer,
        ):
            return Reply(answer.status_code, answer.headers, _decoded(answer, until))
    except TimeoutError as error:
        raise Cut(str(error)) from error
    except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError) as error:
        raise Cut(f"{type(error).__name__}: {error}") from error


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
