"""Answers that may be a few seconds old, so that not every request asks the database who is calling."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from time import monotonic
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Cache(Generic[K, V]):
    """Remembers what was loaded, None (there is none) included, for `ttl_s` and for `entries_max` keys.

    The age of an answer counts from before its look-up began: what was taken away is gone `ttl_s` later.
    """

    def __init__(self, *, ttl_s: float, entries_max: int) -> None:
        self._ttl_s = ttl_s
        self._entries_max = entries_max
        self._entries: dict[K, tuple[float, V | None]] = {}
        self._loading: dict[K, tuple[float, asyncio.Task[V | None]]] = {}

    async def get(self, key: K, load: Callable[[], Awaitable[V | None]]) -> V | None:
        """The fresh answer, or what `load` answers; those who ask meanwhile share one look-up, and its error."""
        entry = self._entries.get(key)
        now = monotonic()
        if entry is not None and now < entry[0]:
            return entry[1]
        loading = self._loading.get(key)
        if loading is None or now >= loading[0]:
            task = asyncio.ensure_future(self._load(key, load, now + self._ttl_s))
            # Somebody must look at its error, or asyncio complains when all who waited have left.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
            loading = self._loading[key] = (now + self._ttl_s, task)
        # Shielded: one of those who wait may give up without taking the answer from the others.
        return await asyncio.shield(loading[1])

    def forget(self, concerns: Callable[[V], bool]) -> None:
        """Drops the answers concerned, so that here a revocation works at once. Costs a walk through all."""
        for key in [k for k, (_, value) in self._entries.items() if value is not None and concerns(value)]:
            del self._entries[key]

    async def _load(self, key: K, load: Callable[[], Awaitable[V | None]], fresh_until: float) -> V | None:
        try:
            value = await load()
        finally:
            if (loading := self._loading.get(key)) is not None and loading[0] == fresh_until:
                del self._loading[key]
        # Last in the dictionary is freshest, so the first is the one to drop.
        self._entries.pop(key, None)
        self._entries[key] = (fresh_until, value)
        if len(self._entries) > self._entries_max:
            del self._entries[next(iter(self._entries))]
        return value
