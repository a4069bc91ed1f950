"""Events between the application, which never waits, and the thread that sends them. Bounded in events and bytes.

Its lock is held for moments only, never during input or output. It is reentrant, because a signal handler or a
finalizer may record while the same thread records.
"""

import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from agentops.config import Bounds
from agentops.events import Event


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of the evaluations that this process recorded, and of those it found in the spool."""

    captured: int
    """Recorded by the application, and not sampled out."""
    recovered: int
    """Found in the spool, where a process that ended had left them."""
    delivered: int
    """Committed by the server."""
    duplicates: int
    """Those of `delivered` that the server had already: sent again because an answer was lost."""
    dropped: dict[str, int]
    """Given up, by reason."""
    sampled_out: int
    """Not captured, because of the sample rate."""
    retries: int
    """Requests that were or will be repeated."""
    queued_bytes: int
    """Held in memory."""
    spooled_bytes: int
    """Held on disk."""
    last_error: str | None
    """Why the last request that failed did."""

    @property
    def queued(self) -> int:
        """Neither delivered nor dropped yet; of a spool, what was in it when the first event or `flush` opened it."""
        return self.captured + self.recovered - self.delivered - sum(self.dropped.values())


class Outbox:
    """A queue of events, and the counts of what became of them."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self.changed = threading.Condition()
        self._events: deque[Event] = deque()
        self._interrupting: deque[Event] = deque()
        self._is_adding = False
        self._waiting_bytes = 0
        self._waiting_since = 0.0
        self._held_events = 0
        self._held_bytes = 0
        self._counts: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._last_error: str | None = None
        self.closing = False
        self.abandoned = False
        """Nobody waits for what is left: it need not be scored or encoded any more."""
        self.flushing = 0
        """How many callers wait for the delivery: nothing lingers."""
        self.hurries = 0
        """Grows when a wait before the next attempt is to be cut short, once."""

    def put(self, event: Event) -> str | None:
        """Queues the event, or counts why not, and answers that. Never waits for input or output."""
        with self.changed:
            if self._is_adding:
                # A signal handler has interrupted this very method: the numbers are in the middle of a change.
                self._interrupting.append(event)
                return None
            dropped = self._add(event)
            while self._interrupting:
                self._add(self._interrupting.popleft())
            return dropped

    def take(
        self, *, linger_s: float, wait_s: float = math.inf, ends: Callable[[], object] = lambda: False
    ) -> list[Event]:
        """A batch, when one is due: full, or old enough.

        Nothing when closing leaves nothing, after `wait_s`, or as soon as `ends` holds.
        """
        until = time.monotonic() + wait_s
        with self.changed:
            while True:
                now = time.monotonic()
                if self._is_due(now, linger_s):
                    return self._pop(now)
                if self.closing or now >= until or ends():
                    return []
                due_at = self._waiting_since + linger_s if self._events else math.inf
                self.changed.wait(min(min(due_at, until) - now, threading.TIMEOUT_MAX))

    def release(self, events: Sequence[Event]) -> None:
        """These need no memory here any more."""
        with self.changed:
            if not self.abandoned:
                self._held_events -= len(events)
                self._held_bytes -= sum(event.bytes for event in events)
            self.changed.notify_all()

    def count(self, what: str, events: int = 1) -> None:
        """Counts one of `Delivery`'s numbers up."""
        with self.changed:
            self._counts[what] += events

    def drop(self, reason: str, events: int = 1) -> None:
        """Counts captured events that are given up."""
        with self.changed:
            self._dropped[reason] += events

    def note(self, error: str) -> None:
        """Keeps what went wrong last."""
        with self.changed:
            self._last_error = error

    @contextmanager
    def hurried(self) -> Generator[None]:
        """Meanwhile nothing lingers; a wait before the next attempt is cut short once."""
        with self.changed:
            self.flushing += 1
            self.hurries += 1
            self.changed.notify_all()
        try:
            yield
        finally:
            with self.changed:
                self.flushing -= 1

    def close(self) -> None:
        """Takes nothing more in."""
        with self.changed:
            self.closing = True
            self.hurries += 1
            self.changed.notify_all()

    def abandon(self, reason: str) -> int:
        """Gives up what memory still holds, and says how much that was."""
        with self.changed:
            left = min(self._held_events, self.delivery().queued)
            if left:
                self._dropped[reason] += left
            self.abandoned = True
            self._events.clear()
            self._held_events = self._held_bytes = self._waiting_bytes = 0
            return left

    @property
    def is_empty(self) -> bool:
        """Nothing is held, waiting or on its way."""
        return not self._held_events

    def delivery(self, spooled_bytes: int = 0) -> Delivery:
        """The counts at this moment."""
        with self.changed:
            counts = self._counts
            return Delivery(
                captured=counts["captured"],
                recovered=counts["recovered"],
                delivered=counts["delivered"],
                duplicates=counts["duplicates"],
                dropped=dict(self._dropped),
                sampled_out=counts["sampled_out"],
                retries=counts["retries"],
                queued_bytes=self._held_bytes,
                spooled_bytes=spooled_bytes,
                last_error=self._last_error,
            )

    def _add(self, event: Event) -> str | None:
        self._is_adding = True
        try:
            self._counts["captured"] += 1
            bounds = self._bounds
            if self.closing:
                self._dropped["closed"] += 1
                return "closed"
            if self._held_events >= bounds.queue_events_max or self._held_bytes + event.bytes > bounds.queue_bytes_max:
                self._dropped["queue_full"] += 1
                return "queue_full"
            if not self._events:
                self._waiting_since = time.monotonic()
            self._events.append(event)
            self._held_events += 1
            self._held_bytes += event.bytes
            self._waiting_bytes += event.bytes
            # Waking a thread costs more than all of the above: only when it has something new to wait for or to do.
            if len(self._events) in (1, bounds.batch_events_max) or self._waiting_bytes >= bounds.batch_bytes_max:
                self.changed.notify_all()
            return None
        finally:
            self._is_adding = False

    def _is_due(self, now: float, linger_s: float) -> bool:
        if not self._events:
            return False
        bounds = self._bounds
        is_full = len(self._events) >= bounds.batch_events_max or self._waiting_bytes >= bounds.batch_bytes_max
        return is_full or self.closing or self.flushing > 0 or now - self._waiting_since >= linger_s

    def _pop(self, now: float) -> list[Event]:
        taken: list[Event] = []
        size = 0
        while self._events and len(taken) < self._bounds.batch_events_max:
            size += self._events[0].bytes
            if taken and size > self._bounds.batch_bytes_max:
                break
            taken.append(self._events.popleft())
        self._waiting_bytes -= sum(event.bytes for event in taken)
        self._waiting_since = now
        return taken
