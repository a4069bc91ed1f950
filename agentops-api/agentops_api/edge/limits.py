"""Rate limits: how much a client may still do, in this process's memory or shared through Redis.

Both keep a sliding window counter: the hits of the client's current window, plus those of the window before, weighted
by how much of it still lies within the last period. In memory it is ours, because that of `limits` looks at every
client it knows on each hit. The fields' names are those of draft-ietf-httpapi-ratelimit-headers-10.
"""

import logging
import time
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from math import ceil
from typing import Literal, NamedTuple, Self

from limits.aio.storage import RedisStorage
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

from agentops_api.errors import Misconfigured, TooManyRequests
from agentops_api.settings import Settings

Policy = Literal["ordinary", "people", "ingest", "register"]
PEOPLE_FACTOR = 10
"""Signed-in people get this many times the ordinary limit: a dashboard asks a lot."""
_REDIS_OPTIONS = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5}
_REDIS_PAUSE_S = 5.0
"""After a failure Redis is left alone this long, so that a dead one costs its timeout seldom."""
_WARN_EVERY_S = 60.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left to a client after a hit."""

    policy: Policy
    limit: int
    window_s: int
    remaining: int
    reset_s: int
    """Seconds until the remaining quota is whole or grows again."""


allowance: ContextVar[Allowance | None] = ContextVar("allowance", default=None)
"""The allowance of the request being served; the middleware writes it into the answer's headers."""


def headers(left: Allowance) -> list[tuple[bytes, bytes]]:
    """The allowance as RateLimit-Policy and RateLimit, for an ASGI answer."""
    return [
        (b"ratelimit-policy", b'"%s";q=%d;w=%d' % (left.policy.encode(), left.limit, left.window_s)),
        (b"ratelimit", b'"%s";r=%d;t=%d' % (left.policy.encode(), left.remaining, left.reset_s)),
    ]


@dataclass(slots=True)
class Counts:
    """One client's hits in its current window, which started at `started`, and in the one before."""

    started: float
    current: int = 0
    previous: int = 0


class Taken(NamedTuple):
    """Whether the cost was granted, what remains, and in how many seconds there is more."""

    granted: bool
    remaining: int
    reset_s: float


class Limiter:
    """Counts hits against the limits of the settings. An async context manager; usable in one event loop."""

    def __init__(self, settings: Settings) -> None:
        ordinary = settings.rate_limit_per_minute
        self._limits: dict[Policy, tuple[int, int]] = {
            "ordinary": (ordinary, 60),
            "people": (ordinary * PEOPLE_FACTOR, 60),
            "ingest": (settings.ingest_limit_per_minute, 60),
            "register": (settings.register_limit_per_hour, 3600),
        }
        self._memory = {name: MemoryWindow(*limit) for name, limit in self._limits.items()}
        self._shared: SharedWindow | None = None
        if settings.rate_limit_storage_url:
            self._shared = SharedWindow(settings.rate_limit_storage_url.get_secret_value())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._shared:
            await self._shared.close()

    async def hit(self, policy: Policy, client: str, cost: int = 1) -> Allowance:
        """Takes `cost` from the client's quota, all or nothing. Raises TooManyRequests when that much is not left."""
        limit, window_s = self._limits[policy]
        taken = await self._shared.take(f"{policy}/{client}", limit, window_s, cost) if self._shared else None
        if taken is None:
            taken = self._memory[policy].take(client, cost, time.monotonic())
        left = Allowance(policy, limit, window_s, taken.remaining, ceil(taken.reset_s))
        allowance.set(left)
        if taken.granted:
            return left
        if cost > limit:
            message = f"This asks for {cost} at once, and {limit} in {window_s} seconds are allowed; send less."
        else:
            message = f"More than {limit} in {window_s} seconds; wait, then send the same request again."
        raise TooManyRequests(message, retry_after_s=max(1, left.reset_s))


def reset_s(counts: Counts, limit: int, window_s: int, *, left_s: float, refused: int) -> float:
    """Seconds until the window ends; when `refused` hits were, until as many would be granted at once."""
    if not refused or refused > limit:
        return left_s
    room = limit - refused + 1
    if counts.previous and counts.current < room:
        # The previous window's share shrinks with the time that is left.
        return max(0.0, left_s - (room - counts.current) * window_s / counts.previous)
    # Not in this window. In the next, this window's count is what shrinks.
    share = min(1.0, room / counts.current) if counts.current else 1.0
    return left_s + (1 - share) * window_s


class MemoryWindow:
    """One policy's counts in memory. A client's first hit starts its windows; two windows later it is forgotten."""

    def __init__(self, limit: int, window_s: int, *, clients_max: int = 100_000) -> None:
        self._limit, self._window_s, self._clients_max = limit, window_s, clients_max
        self._clients: dict[str, Counts] = {}
        self._sweep_at = 0.0

    def take(self, client: str, cost: int, now: float) -> Taken:
        """Takes all of `cost` or nothing. `now`: seconds of any clock that only goes forward."""
        window_s = self._window_s
        counts = self._clients.get(client)
        if counts is None:
            if now >= self._sweep_at or len(self._clients) >= self._clients_max:
                self._sweep(now)
            counts = self._clients[client] = Counts(now)
        elif (age := now - counts.started) >= window_s:
            if age < 2 * window_s:
                counts.started, counts.previous = counts.started + window_s, counts.current
            else:
                counts.started, counts.previous = now, 0
            counts.current = 0
        left_s = counts.started + window_s - now
        used = counts.current + int(counts.previous * left_s / window_s)
        granted = used + cost <= self._limit
        if granted:
            counts.current += cost
            return Taken(True, self._limit - used - cost, left_s)
        reset = reset_s(counts, self._limit, window_s, left_s=left_s, refused=cost)
        return Taken(False, max(0, self._limit - used), reset)

    def _sweep(self, now: float) -> None:
        self._sweep_at = now + self._window_s
        oldest = now - 2 * self._window_s
        self._clients = {client: counts for client, counts in self._clients.items() if counts.started > oldest}
        # So many within two windows is an attack from many addresses: those known longest make room.
        if len(self._clients) >= self._clients_max:
            for client in list(self._clients)[: self._clients_max // 2]:
                del self._clients[client]


class SharedWindow:
    """The same counts in Redis or Valkey, for several processes. While it fails, each process counts for itself."""

    def __init__(self, url: str) -> None:
        scheme, _, rest = url.partition("://")
        if scheme not in {"redis", "rediss", "valkey", "valkeys"}:
            raise Misconfigured("RATE_LIMIT_STORAGE_URL must begin with redis://, rediss:// or valkey://.")
        url = f"{scheme.replace('valkey', 'redis')}://{rest}"
        try:
            # redis leaves its options without types, and limits gives those it hands on too narrow ones.
            self._pool: ConnectionPool = ConnectionPool.from_url(url, **_REDIS_OPTIONS)  # pyright: ignore[reportUnknownMemberType]
            self._storage = RedisStorage(
                f"async+{url}",
                implementation="redispy",
                key_prefix="agentops",
                connection_pool=self._pool,  # pyright: ignore[reportArgumentType]
            )
        except ValueError as error:
            raise Misconfigured("RATE_LIMIT_STORAGE_URL is not the URL of a Redis or Valkey.") from error
        self._paused_until = 0.0
        self._warned_at = -_WARN_EVERY_S

    async def close(self) -> None:
        with suppress(RedisError, OSError):
            await self._pool.aclose()

    async def take(self, key: str, limit: int, window_s: int, cost: int) -> Taken | None:
        """As `MemoryWindow.take`; None when Redis does not answer."""
        if time.monotonic() < self._paused_until:
            return None
        try:
            granted = await self._storage.acquire_sliding_window_entry(key, limit, window_s, cost)
            previous, _, current, expires_s = await self._storage.get_sliding_window(key, window_s)
        except (RedisError, OSError, TimeoutError) as error:
            self._failed(error)
            return None
        # The current count is kept for one window more, to be the previous one then.
        left_s = max(0.0, expires_s - window_s)
        remaining = max(0, limit - current - int(previous * left_s / window_s))
        counts = Counts(0, current, previous)
        return Taken(
            granted,
            remaining,
            reset_s(counts, limit, window_s, left_s=left_s, refused=0 if granted else cost),
        )

    def _failed(self, error: Exception) -> None:
        now = time.monotonic()
        self._paused_until = now + _REDIS_PAUSE_S
        if now - self._warned_at >= _WARN_EVERY_S:
            self._warned_at = now
            _log.warning("Rate limits are counted by this process alone: Redis fails (%s)", type(error).__name__)
