"""Sliding window counters, and those kept in this process's memory.

A client has the hits of its current window, plus those of the window before, weighted by how much of it still lies
within the last period. `limits` counts in the same way, but in memory it looks at every client it knows on each hit.
"""

from dataclasses import dataclass
from typing import NamedTuple


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
