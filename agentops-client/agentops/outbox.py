"""Events between the application, which never waits, and the thread that sends them. Bounded in events and bytes.

Its lock is held for moments only, never during input or output. It is reentrant, because a signal handler or a
finalizer may record while the same thread records. Such a handler may also raise, in the middle of any call: an event
is queued by one step, the appending, and the sums are counted from what was appended.
"""

import math
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

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


class _Sum(NamedTuple):
    """How many events, and what they keep in memory."""

    events: int = 0
    bytes: int = 0


class Outbox:
    """A queue of events, and the counts of what became of them."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        # A condition's own `with` is Python: a handler that raises in it would leave the lock held.
        self._lock = threading.RLock()
        self.changed = threading.Condition(self._lock)
        self._events: deque[tuple[Event, _Sum]] = deque()
        """Each with the sum of all that were queued up to it."""
        self._interrupting: deque[Event] = deque()
        self._is_adding = False
        self._waiting_since = 0.0
        # These two change in the background only, but where all is given up.
        self._taken = _Sum()
        self._released = _Sum()
        self._wakes_at = math.inf
        """How many waiting events wake the thread that takes them."""
        self._counts: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._refused = 0
        """Those of the dropped that were never queued."""
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
        with self._lock:
            if self._is_adding:
                # A signal handler has interrupted this very method: the sums are in the middle of a change.
                self._interrupting.append(event)
                return None
            try:
                return self._add(event)
            finally:
                while self._interrupting:
                    self._add(self._interrupting.popleft())

    def take(
        self, *, linger_s: float, wait_s: float = math.inf, ends: Callable[[], object] = lambda: False
    ) -> list[Event]:
        """A batch, when one is due: full, or old enough.

        Nothing when closing leaves nothing, after `wait_s`, or as soon as `ends` holds.
        """
        until = time.monotonic() + wait_s
        with self._lock:
            while True:
                self._wakes_at = math.inf
                now = time.monotonic()
                if self._is_due(now, linger_s):
                    return self._pop(now)
                if self.closing or now >= until or ends():
                    return []
                due_at = self._waiting_since + linger_s if self._events else math.inf
                self._wakes_at = self._bounds.batch_events_max if self._events else 1
                self.changed.wait(min(min(due_at, until) - now, threading.TIMEOUT_MAX))

    def release(self, events: Sequence[Event], *, dropped: str | None = None) -> None:
        """These need no memory here any more; with a reason, because they are given up. Nothing once all are."""
        size = sum(event.bytes for event in events)
        with self._lock:
            if not self.abandoned:
                self._released = _Sum(self._released.events + len(events), self._released.bytes + size)
                if dropped:
                    self._dropped[dropped] += len(events)
            self.changed.notify_all()

    def count(self, what: str, events: int = 1) -> None:
        """Counts one of `Delivery`'s numbers up."""
        with self._lock:
            self._counts[what] += events

    def drop(self, reason: str, events: int = 1) -> None:
        """Counts events that are given up."""
        with self._lock:
            self._dropped[reason] += events

    def refuse(self, reason: str) -> None:
        """Counts an event that is captured, and given up before it is queued."""
        with self._lock:
            self._dropped[reason] += 1
            self._refused += 1

    def note(self, error: str) -> None:
        """Keeps what went wrong last."""
        with self._lock:
            self._last_error = error

    def wait_for(self, fact: Callable[[], object], within_s: float) -> bool:
        """Waits until it holds; False when that took too long. It is looked at when `changed` is told."""
        with self._lock:
            return bool(self.changed.wait_for(fact, min(within_s, threading.TIMEOUT_MAX)))

    def flush(self, fact: Callable[[], object], within_s: float) -> bool:
        """As `wait_for`; meanwhile nothing lingers, and a wait before the next attempt is cut short once."""
        with self._lock:
            self.flushing += 1
            try:
                self.hurries += 1
                self.changed.notify_all()
                return self.wait_for(fact, within_s)
            finally:
                self.flushing -= 1

    def close(self) -> None:
        """Takes nothing more in."""
        with self._lock:
            self.closing = True
            self.hurries += 1
            self.changed.notify_all()

    def abandon(self, reason: str) -> int:
        """Gives up what memory still holds, and says how much that was."""
        with self._lock:
            self.abandoned = True
            left = self._queued.events - self._released.events
            if left:
                self._dropped[reason] += left
            self._taken = self._released = self._queued
            self._events.clear()
            return left

    @property
    def is_empty(self) -> bool:
        """Nothing is held, waiting or on its way."""
        with self._lock:
            return self._queued.events == self._released.events

    def delivery(self, spooled_bytes: int = 0) -> Delivery:
        """The counts at this moment."""
        with self._lock:
            counts = self._counts
            return Delivery(
                captured=self._queued.events + self._refused,
                recovered=counts["recovered"],
                delivered=counts["delivered"],
                duplicates=counts["duplicates"],
                dropped=dict(self._dropped),
                sampled_out=counts["sampled_out"],
                retries=counts["retries"],
                queued_bytes=self._queued.bytes - self._released.bytes,
                spooled_bytes=spooled_bytes,
                last_error=self._last_error,
            )

    @property
    def _queued(self) -> _Sum:
        """Everything that was ever queued."""
        return self._events[-1][1] if self._events else self._taken

    @property
    def _is_full(self) -> bool:
        """There is enough for a batch."""
        bounds = self._bounds
        size = self._queued.bytes - self._taken.bytes
        return len(self._events) >= bounds.batch_events_max or size >= bounds.batch_bytes_max

    def _add(self, event: Event) -> str | None:
        self._is_adding = True
        try:
            reason = self._append(event)
            if reason:
                self.refuse(reason)
            # Waking a thread costs more than all of the above: only when it has something new to wait for or to do.
            elif len(self._events) >= self._wakes_at or (self._wakes_at < math.inf and self._is_full):
                self.changed.notify_all()
            return reason
        finally:
            self._is_adding = False

    def _append(self, event: Event) -> str | None:
        bounds, queued, released = self._bounds, self._queued, self._released
        size = queued.bytes + event.bytes
        if self.closing:
            return "closed"
        if queued.events - released.events >= bounds.queue_events_max or size - released.bytes > bounds.queue_bytes_max:
            return "queue_full"
        if not self._events:
            self._waiting_since = time.monotonic()
        added = (event, _Sum(queued.events + 1, size))
        self._events.append(added)
        if self.closing and self._events and self._events[-1] is added:
            # A signal handler closed the client in the middle of this, and nobody has seen the event.
            self._events.pop()
            return "closed"
        return None

    def _is_due(self, now: float, linger_s: float) -> bool:
        if not self._events:
            return False
        return self._is_full or self.closing or self.flushing > 0 or now - self._waiting_since >= linger_s

    def _pop(self, now: float) -> list[Event]:
        taken: list[Event] = []
        before = self._taken
        while self._events and len(taken) < self._bounds.batch_events_max:
            event, upto = self._events[0]
            if taken and upto.bytes - before.bytes > self._bounds.batch_bytes_max:
                break
            taken.append(event)
            self._taken = upto
            self._events.popleft()
        self._waiting_since = now
        return taken
