"""Sliding window counters in Redis or Valkey, so that several processes share one limit."""

import logging
import time
from contextlib import suppress

from limits.aio.storage import RedisStorage
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

from agentops_api.edge.windows import Counts, Taken, reset_s
from agentops_api.errors import Misconfigured

_REDIS_OPTIONS = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5}
_REDIS_PAUSE_S = 5.0
"""After a failure Redis is left alone this long, so that a dead one costs its timeout seldom."""
_WARN_EVERY_S = 60.0
_log = logging.getLogger(__name__)


class RedisWindow:
    """Counts in Redis. While it fails it says so, and each process counts for itself."""

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
