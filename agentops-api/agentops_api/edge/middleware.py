"""What holds for every request: its id, its limits, its log line, its answer's headers, and the last resort.

One plain ASGI layer, because it lies on the ingest path: 6 us a request there (measured 2026-11). Bodies of all but the
ingest paths are read here, within bounds, so that no handler can forget to.
"""

import asyncio
import logging
import re
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import orjson
from fastapi import FastAPI
from psycopg import OperationalError
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agentops_api import ids
from agentops_api.edge import limits
from agentops_api.edge.body import has_nul, read_body
from agentops_api.edge.problems import problem_response
from agentops_api.errors import AgentOpsError, Invalid, Malformed, Unavailable
from agentops_api.log import request_id
from agentops_api.metrics import Requests
from agentops_api.settings import Settings

INGEST_PATHS = frozenset({"/evaluations", "/evaluations/batch", "/metrics"})
"""Paths whose POST handlers read the body themselves, after they know who is calling."""
_QUIET = {("POST", path) for path in INGEST_PATHS} | {
    ("GET", path) for path in ("/health", "/health/live", "/health/ready", "/health/db", "/metrics")
}
"""Called so often that their log lines would hide the others: they are written at DEBUG."""
_BODY_BYTES_MAX = 2**20
"""For bodies that are not telemetry."""
_BODY_BYTES_MAX_OF = {"/api/v1/evaluate": 4 * 2**20}
"""The 300,000 characters that may be judged take twelve bytes each where JSON escapes all of them."""
_HEADERS_MAX = 100
_HEADER_BYTES_MAX = 64 * 1024
_PATH_BYTES_MAX = 8 * 1024
# What a client sends as its id is repeated and logged: a key that strayed there is not taken.
_REQUEST_ID = re.compile(rb"(?!.*agops_)[A-Za-z0-9._-]{1,64}")
_CLIENT_CLOSED_REQUEST = 499

_SECURITY = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]
_CSP = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
# For a year (RFC 6797). Not of the subdomains, which may be somebody else's. Whoever claims TLS in vain tells only
# themselves, and browsers heed it over TLS only.
_HSTS = (b"strict-transport-security", b"max-age=31536000")
_NO_STORE = (b"cache-control", b"no-store")
_ALLOWED = (
    "Authorization",
    "X-API-Key",
    "X-Project-Id",
    "X-Request-ID",
    "Content-Type",
    "Idempotency-Key",
    "Last-Event-ID",
)
_EXPOSED = ("X-Request-ID", "RateLimit", "RateLimit-Policy", "Retry-After", "Link")
_log = logging.getLogger(__name__)
_access = logging.getLogger("agentops_api.access")


Handler = Callable[[Request], Awaitable[Response]]


def install(
    app: FastAPI,
    settings: Settings,
    *,
    direct: Mapping[str, Handler] | None = None,
    requests: Requests | None = None,
) -> None:
    """Puts the edge around the app, when its exception handlers are known. No route has a trailing slash; all answer
    with one too. `requests`: where answers are counted.

    `direct`: handlers of POST that are called without the framework between, by path. Its layers and routers cost
    twice what such a handler does (measured 2026-11-23: 279 us of CPU a request with them, 119 us without).
    """
    app.router.redirect_slashes = False
    stack = app.build_middleware_stack()
    app.middleware_stack = Edge(
        stack,
        origins=settings.allowed_origins,
        body_bytes_max=settings.body_bytes_max,
        direct=direct or {},
        requests=requests or Requests(),
    )


class Edge:
    """The outermost layer of the server."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        origins: tuple[str, ...],
        body_bytes_max: int,
        direct: Mapping[str, Handler],
        requests: Requests,
    ) -> None:
        self._cors: Callable[[ASGIApp], ASGIApp] = partial(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
            allow_headers=_ALLOWED,
            allow_credentials=True,
            expose_headers=_EXPOSED,
        )
        self._app = app
        self._cors_app = self._cors(app)
        self._body_bytes_max = body_bytes_max
        self._direct = direct
        self._requests = requests

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, partial(_tell_plainly, send))
            return
        path: str = scope["path"]
        # A slash that was sent as %2F is the end of a name, as conversations may have.
        if path.endswith("/") and len(path) > 1 and (scope.get("raw_path") or b"/").endswith(b"/"):
            path = scope["path"] = path[:-1]
        facts = _Facts(scope)
        request_id.set(facts.request_id)
        limits.allowance.set(None)
        level = logging.DEBUG if (scope["method"], path) in _QUIET else logging.INFO
        started = time.perf_counter()
        answer = _Answer(send, facts)
        direct = None
        try:
            facts.check(scope)
            direct = self._direct.get(path) if scope["method"] == "POST" else None
            # Pages need the headers of CORS, and a query is refused, both by layers that the direct way leaves out.
            if direct is not None and not facts.from_page and not scope["query_string"]:
                response = await direct(Request(scope, receive))
                await response(scope, receive, answer.send)
                return
            if facts.has_body and not (path in INGEST_PATHS and scope["method"] == "POST"):
                bytes_max = min(_BODY_BYTES_MAX_OF.get(path, _BODY_BYTES_MAX), self._body_bytes_max)
                receive = await _read_ahead(scope, receive, bytes_max)
            app = self._cors_app if facts.from_page else self._app
            await app(scope, receive, answer.send)
        except ClientDisconnect:
            answer.status = _CLIENT_CLOSED_REQUEST
        except _Refused as refused:
            await self._cors(problem_response(refused.status, detail=str(refused)))(scope, receive, answer.send)
        except AgentOpsError as error:
            await self._cors(problem_response(error))(scope, receive, answer.send)
        except asyncio.CancelledError:
            # The server stops and waits no longer: who is told so asks again, elsewhere.
            if not answer.status:
                stopping = Unavailable("The server is stopping; send the same request again.", retry_after_s=5)
                await self._cors(problem_response(stopping))(scope, receive, answer.send)
            raise
        except Exception:  # noqa: BLE001 - The last resort: every other layer had its chance.
            _log.exception("A request failed")
            # After the start of an answer nothing can be said any more; the server closes the connection.
            if not answer.status:
                await self._cors(problem_response(500))(scope, receive, answer.send)
        finally:
            seconds = time.perf_counter() - started
            route = path if direct is not None else _template(scope)
            self._requests.count(scope["method"], route, answer.status or _CLIENT_CLOSED_REQUEST, seconds)
            if _access.isEnabledFor(level):
                extra = {"duration_ms": round(seconds * 1e3, 2)}
                _access.log(level, "%s %s %d", scope["method"], path, answer.status, extra=extra)


def _template(scope: Scope) -> str:
    """The path of the route that was found, with its parameters in braces; `none` where none was."""
    route = scope.get("route")
    return route.path_format if isinstance(route, Route) else "none"


async def _tell_plainly(send: Send, message: Message) -> None:
    """Sends on why the application did not start: in a line what its reader can mend, a bug with its traceback."""
    error = sys.exception()
    if message["type"] == "lifespan.startup.failed" and isinstance(error, AgentOpsError | OperationalError):
        message = {**message, "message": f"The server cannot start: {' '.join(str(error).split())}"}
    await send(message)


class _Refused(Exception):
    """A request that is not even looked at."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class _Facts:
    """What one pass over the request's headers tells."""

    __slots__ = ("_bytes", "_hosts", "by_tls", "from_page", "has_body", "request_id")

    def __init__(self, scope: Scope) -> None:
        size = hosts = 0
        id = b""
        self.from_page = self.has_body = False
        self.by_tls = scope.get("scheme") == "https"
        for name, value in scope["headers"]:
            size += len(name) + len(value)
            if name == b"host":
                hosts += 1
            elif name == b"content-length" or name == b"transfer-encoding":
                self.has_body = True
            elif name == b"origin":
                self.from_page = True
            elif name == b"x-request-id":
                id = value
            elif name == b"x-forwarded-proto":
                self.by_tls = value == b"https"
        self._bytes, self._hosts = size, hosts
        self.request_id: str = id.decode() if id and _REQUEST_ID.fullmatch(id) else ids.new().hex

    def check(self, scope: Scope) -> None:
        """Raises _Refused or Malformed for requests beyond the limits."""
        if len(scope["headers"]) > _HEADERS_MAX or self._bytes > _HEADER_BYTES_MAX:
            raise _Refused(431, f"More than {_HEADERS_MAX} headers, or {_HEADER_BYTES_MAX} bytes of them.")
        query: bytes = scope["query_string"]
        if len(scope.get("raw_path") or scope["path"]) + len(query) > _PATH_BYTES_MAX:
            raise _Refused(414, f"The address is longer than {_PATH_BYTES_MAX} bytes.")
        # HTTP/1.0, which some health probes speak, has no Host.
        if self._hosts > 1 or (self._hosts == 0 and scope["http_version"] == "1.1"):
            raise _Refused(400, "A request has exactly one Host header.")
        if b"%00" in query or "\0" in scope["path"]:
            raise Malformed("The address holds a NUL character.")


class _Answer:
    """Adds what every answer carries."""

    __slots__ = ("_facts", "_send", "status")

    def __init__(self, send: Send, facts: _Facts) -> None:
        self._send, self._facts = send, facts
        self.status = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [*message.get("headers", ()), *_SECURITY, (b"x-request-id", self._facts.request_id.encode())]
            if self._facts.by_tls:
                headers.append(_HSTS)
            names = {name for name, _ in headers}
            if b"content-security-policy" not in names:
                headers.append(_CSP)
            if b"cache-control" not in names:
                headers.append(_NO_STORE)
            left = limits.allowance.get()
            if left is not None:
                headers += limits.headers(left)
            message = {**message, "headers": headers}
        await self._send(message)


async def _read_ahead(scope: Scope, receive: Receive, bytes_max: int) -> Receive:
    """Reads the body whole, and returns a `receive` that gives it once more."""
    body = await read_body(receive, scope["headers"], bytes_max=bytes_max)
    # FastAPI's parser takes byte order marks, half surrogates and NaN, and what comes of them cannot be stored or sent.
    try:
        orjson.loads(body or b"null")
    except orjson.JSONDecodeError as error:
        raise Malformed("The body is not valid JSON in UTF-8.") from error
    if has_nul(body):
        raise Invalid("The body holds a NUL character, which cannot be stored.")
    first: Message | None = {"type": "http.request", "body": body, "more_body": False}

    async def again() -> Message:
        nonlocal first
        if first is None:
            return await receive()
        message, first = first, None
        return message

    return again
