"""One batch over HTTP: the request, and what its answer means for the events in it."""

import encodings.idna
import gzip
import hashlib
import math
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast

import httpcore2
import httpx2

from agentops.config import Config
from agentops.connection import Connection
from agentops.notices import warn
from agentops.version import __version__

_USED = (encodings.idna, httpcore2)
"""A first request imports these, which would be in the sender's thread: a child that is forked in the middle of it has
half a module, or waits for an import that no thread of its own will end."""
_RETRIED = {408, 425, 429, 500, 502, 503, 504}
_SPLIT = {400, 413, 422}
"""One event may be at fault for all: the halves tell which."""
_REASON_CHARS_MAX = 300
UNREACHABLE = (httpx2.HTTPError, httpx2.InvalidURL, ValueError, OSError)
"""What a request raises without an answer: the network, or its time is over; a host that has no possible name, or a
proxy in the environment that is none (UnicodeError is a ValueError); certificates that cannot be read."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The server has judged every event."""

    delivered: int
    duplicates: int = 0
    rejected: list[str] = field(default_factory=list[str])
    """Why, for each event that it will never take."""


@dataclass(frozen=True, slots=True)
class Later:
    """The same request may succeed later."""

    why: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The request as a whole will never be taken."""

    reason: str
    """For counting: `http_401`."""
    why: str
    splits: bool = False
    """Its halves may be."""


Outcome = Settled | Later | Refused


class Server:
    """Whom to send to and to ask, and whom to trust there.

    Reading the certificates takes long, so it is done once.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._trust: ssl.SSLContext | None = None
        if not (config.api_url or "").lower().startswith("https:"):
            self._trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        elif config.can_send:
            # Before any thread or fork: it locks OpenSSL.
            try:
                self.trust()
            except OSError as error:
                warn("certificates", f"The certificates cannot be read (is SSL_CERT_FILE right?): {error}")

    @property
    def is_trusted(self) -> bool:
        """The certificates were read, if there are any to read."""
        return self._trust is not None

    def trust(self) -> ssl.SSLContext:
        """What a connection checks certificates by; made now, if it was not yet."""
        self._trust = self._trust or httpx2.create_ssl_context()
        return self._trust

    def options(self) -> dict[str, Any]:
        """What a client of HTTP is made with."""
        return {"headers": headers_of(self.config), "timeout": self.config.bounds.timeout_s, "verify": self.trust()}


class Poster:
    """A connection to the server, opened when it is first needed; for one thread of one process."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._url = f"{server.config.api_url}/evaluations/batch"
        self._http: Connection | None = None

    def post(self, lines: Sequence[bytes]) -> Outcome:
        """Sends these events, each already JSON. Raises nothing that a network can cause."""
        body = b'{"evaluations":[' + b",".join(lines) + b"]}"
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        try:
            # Level 1 costs a fifth of the default's CPU time, which is the host's, for a tenth more bytes.
            zipped = gzip.compress(body, compresslevel=1)
            self._http = self._http or Connection(**self._server.options())
            answer = self._http.ask(self._http.build_request("POST", self._url, content=zipped, headers=headers))
        except UNREACHABLE as error:
            return Later(f"{type(error).__name__}: {error}")
        return read(answer, len(lines))

    def close(self) -> None:
        """Gives the connection back."""
        if self._http:
            self._http.close()


def headers_of(config: Config) -> dict[str, str]:
    """Who is asking."""
    assert config.api_key
    return {"X-API-Key": config.api_key, "User-Agent": f"agentops-client/{__version__}"}


def account(config: Config) -> str:
    """A name for whose events these are: events of two keys or servers never mix on disk."""
    return hashlib.sha256(f"{config.api_url}\n{config.api_key}".encode()).hexdigest()[:16]


def read(answer: httpx2.Response, events: int) -> Outcome:
    """What an answer to a batch of so many events means."""
    if answer.is_success:
        return _settled(answer, events)
    why = f"{answer.status_code}: {problem(answer).get('detail') or answer.reason_phrase}"
    if answer.status_code in _RETRIED:
        return Later(why, retry_after_s(answer.headers))
    return Refused(f"http_{answer.status_code}", why, splits=answer.status_code in _SPLIT)


def problem(answer: httpx2.Response) -> dict[str, Any]:
    """The problem document of an answer, or nothing where it is none."""
    try:
        found: object = answer.json()
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def retry_after_s(headers: httpx2.Headers) -> float | None:
    """The wait that the server asks for: seconds, or a date (RFC 9110, section 10.2.3)."""
    said = headers.get("Retry-After", "").strip()
    try:
        seconds = float(said)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _settled(answer: httpx2.Response, events: int) -> Outcome:
    results: object = problem(answer).get("results")
    items = cast("list[Any]", results) if isinstance(results, list) else []
    if len(items) != events or not all(isinstance(item, dict) for item in items):
        # Whatever answered, a proxy or a log-in page perhaps, it did not say that the events are stored.
        return Later(f"{answer.status_code}: the answer is not AgentOps API's")
    judged = cast("list[dict[str, Any]]", items)
    rejected = [str(item.get("error"))[:_REASON_CHARS_MAX] for item in judged if item.get("status") == "rejected"]
    duplicates = sum(item.get("status") == "duplicate" for item in judged)
    return Settled(events - len(rejected), duplicates, rejected)
