"""Rate limits: how much a client may still do, in this process's memory or shared through Redis.

The headers are those of draft-ietf-httpapi-ratelimit-headers-10.
"""

import time
from contextvars import ContextVar
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Literal, Self

from agentops_api.edge.windows import MemoryWindow
from agentops_api.errors import TooManyRequests
from agentops_api.settings import Settings

if TYPE_CHECKING:
    from agentops_api.edge.redis_windows import RedisWindow

Policy = Literal["ordinary", "people", "ingest", "register"]
PEOPLE_FACTOR = 10
"""Signed-in people get this many times the ordinary limit: a dashboard asks a lot."""


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
        url = settings.rate_limit_storage_url
        self._shared = _redis(url.get_secret_value()) if url else None
        self.refused: dict[Policy, int] = dict.fromkeys(self._limits, 0)
        """Hits that were refused, since the start."""

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
        self.refused[policy] += 1
        if cost > limit:
            message = f"This asks for {cost} at once, and {limit} in {window_s} seconds are allowed; send less."
        else:
            message = f"More than {limit} in {window_s} seconds; wait, then send the same request again."
        raise TooManyRequests(message, retry_after_s=int(taken.reset_s + 0.001) + 1)


def _redis(url: str) -> "RedisWindow":
    # The client library takes 22 MB and 0.2 s (2026-11), which only those shall pay who use it.
    from agentops_api.edge.redis_windows import RedisWindow  # noqa: PLC0415

    return RedisWindow(url)
