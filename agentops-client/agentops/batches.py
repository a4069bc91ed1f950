"""Where the sender's batches come from: memory, or the spool with memory behind it where the disk fails."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from agentops.config import Bounds
from agentops.events import Event
from agentops.notices import warn
from agentops.outbox import Outbox
from agentops.spool import Segment, Spool
from agentops.threads import in_threads

Encode = Callable[[Event], bytes]
_READ_AGAIN_S = 1.0


@dataclass(slots=True)
class Batch:
    """Events that share a request, each already JSON."""

    lines: Sequence[bytes]
    held: deque[Event] = field(default_factory=deque[Event])
    """Those of them that memory holds until they are settled, in the same order."""
    done: Callable[[], None] = lambda: None
    """To be called when all are settled, outside the outbox's lock."""
    left: int = field(init=False)
    """How many are not settled."""

    def __post_init__(self) -> None:
        self.left = len(self.lines)

    def settle(self, count: int, outbox: Outbox) -> None:
        """The next so many are delivered or given up."""
        self.left -= count
        outbox.release([self.held.popleft() for _ in range(min(count, len(self.held)))])


class Batches(Protocol):
    """Gives batches to one thread."""

    @property
    def is_empty(self) -> bool:
        """Nothing is held outside the outbox."""
        ...

    @property
    def stored_bytes(self) -> int:
        """What is held on disk."""
        ...

    @property
    def is_running(self) -> bool:
        """A thread of its own was started."""
        ...

    def start(self) -> None:
        """Begins its work, if it has not begun. Raises RuntimeError where no thread can start."""
        ...

    def next(self) -> Batch | None:
        """Waits for a batch; None when closing leaves nothing to send."""
        ...

    def save(self, within_s: float) -> None:
        """Waits, for no longer than that, while the disk takes what only memory holds."""
        ...

    def end(self) -> None:
        """No more batches are wanted."""
        ...

    def disown(self) -> None:
        """Lets go, in a forked child, of what is its parent's."""
        ...


class Encoder:
    """Makes JSON of events; where that means to ask somebody, of several at one time."""

    def __init__(self, encode: Encode, at_once: int) -> None:
        self._encode = encode
        self._at_once = at_once

    def encoded(self, events: Sequence[Event], outbox: Outbox) -> list[tuple[Event, bytes]]:
        """The events with their JSON; one that cannot be is dropped and left out. None once all were given up."""

        def pair(event: Event) -> tuple[Event, bytes] | None:
            if outbox.abandoned:
                return None
            try:
                return event, self._encode(event)
            except BaseException as error:  # noqa: BLE001 - detectors are the application's; one bad event is no reason to stop
                warn("unencodable", f"An evaluation cannot be sent: {error!r}")
                outbox.release([event], dropped="unencodable")
                return None

        pairs = [each for each in in_threads(pair, events, self._at_once) if each is not None]
        return [] if outbox.abandoned else pairs


class FromMemory:
    """Batches straight from the outbox, which holds their events until they are done."""

    stored_bytes = 0
    is_empty = True
    is_running = False

    def __init__(self, outbox: Outbox, bounds: Bounds, encoder: Encoder) -> None:
        self._outbox = outbox
        self._linger_s = bounds.linger_s
        self._encoder = encoder

    def start(self) -> None:
        """There is nothing to begin."""

    def save(self, within_s: float) -> None:
        """There is no disk."""

    def end(self) -> None:
        """There is nothing to end."""

    def disown(self) -> None:
        """There is nothing but memory."""

    def next(self) -> Batch | None:
        """A batch, when one is due."""
        while events := self._outbox.take(linger_s=self._linger_s):
            if encoded := self._encoder.encoded(events, self._outbox):
                return _held(encoded)
        return None


class FromSpool:
    """A thread writes events to disk as they come; batches are what it wrote, or what the disk would not take."""

    def __init__(self, outbox: Outbox, bounds: Bounds, encoder: Encoder, spool: Spool) -> None:
        self._outbox = outbox
        self._bounds = bounds
        self._encoder = encoder
        self._spool = spool
        self._rescued: Batch | None = None
        self._sending: Segment | None = None
        self._unread: list[Segment] = []
        """What the disk would not give, to be read again at `_read_again_at`."""
        self._read_again_at = 0.0
        self._thread = threading.Thread(target=self._write, name="agentops-spool", daemon=True)
        self._has_looked = False
        """For what processes that ended have left."""
        self._is_over = False

    @property
    def stored_bytes(self) -> int:
        """What is held on disk."""
        return self._spool.stored_bytes

    @property
    def is_empty(self) -> bool:
        """Nothing is on disk."""
        spool = self._spool
        return self._has_looked and not (spool.is_writing or spool.ready or self._sending or self._unread)

    @property
    def is_running(self) -> bool:
        """The thread that writes was started."""
        return self._thread.ident is not None

    def start(self) -> None:
        """Starts the thread that writes, once."""
        if not self.is_running:
            self._thread.start()

    def save(self, within_s: float) -> None:
        """Waits until all is on disk, or the disk refuses it, or nobody writes, or the time is up."""
        outbox = self._outbox
        outbox.wait_for(lambda: outbox.is_empty or self._rescued or not self._thread.is_alive(), within_s)

    def end(self) -> None:
        """What is left on disk is for the next process."""
        with self._outbox.changed:
            self._rescued = None
            self._outbox.changed.notify_all()
        self._thread.join()
        try:
            self._spool.leave()
        except OSError as error:
            warn("spool", f"The spool cannot be tidied up: {error}")

    def disown(self) -> None:
        """The parent's directory stays locked for as long as the parent lives, and no longer."""
        self._spool.disown()

    def next(self) -> Batch | None:
        """What the disk would not take, else the oldest segment."""
        while True:
            with self._outbox.changed:
                self._wait()
                if self._outbox.abandoned:
                    return None
                if self._rescued:
                    return self._rescued
                if not self._spool.ready:
                    return None
                self._sending = segment = self._spool.ready.popleft()
            try:
                lines = segment.read()
            except OSError as error:
                warn("spool_read", f"Evaluations in the spool cannot be read now: {error}")
                self._put_aside(segment)
                continue
            if len(lines) < segment.events:
                self._outbox.drop("lost", segment.events - len(lines))
                warn("lost", "Evaluations are lost, because somebody else has taken them from the spool.")
            if lines:
                return Batch(lines, done=partial(self._settle, segment))
            self._settle(segment)

    def _wait(self) -> None:
        """Until there is something to send, or never will be."""
        outbox, spool = self._outbox, self._spool
        while not (outbox.abandoned or self._rescued or spool.ready or (self._is_over and not self._unread)):
            wait_s = self._read_again_at - time.monotonic() if self._unread else None
            if wait_s is not None and wait_s <= 0:
                spool.ready.extend(self._unread)
                self._unread.clear()
            else:
                outbox.changed.wait(wait_s)

    def _put_aside(self, segment: Segment) -> None:
        with self._outbox.changed:
            self._sending = None
            self._unread.append(segment)
            self._read_again_at = time.monotonic() + _READ_AGAIN_S

    def _settle(self, segment: Segment) -> None:
        try:
            self._spool.settle(segment)
        except OSError as error:
            warn("spool", f"Evaluations that were sent cannot be deleted from the spool: {error}")
        with self._outbox.changed:
            self._sending = None
            self._outbox.changed.notify_all()

    def _write(self) -> None:
        is_broken = False
        while not self._is_over:
            linger_s = self._bounds.linger_s if is_broken else 0
            events = self._outbox.take(
                linger_s=linger_s,
                wait_s=self._spool.idle_s,
                ends=lambda: self._spool.is_writing and self._outbox.flushing,
            )
            encoded = self._encoder.encoded(events, self._outbox)
            is_broken = not self._save([line for _, line in encoded])
            if is_broken:
                self._rescue(encoded)
            else:
                # Before the disk is asked for more: this outlives the process.
                self._outbox.release([event for event, _ in encoded])
            self._tend()
            with self._outbox.changed:
                self._has_looked = True
                # What came while the disk was busy waits to be taken, and what was written to be sent.
                self._is_over = self._outbox.closing and self._outbox.is_empty and not self._spool.is_writing
                self._outbox.changed.notify_all()

    def _save(self, lines: Sequence[bytes]) -> bool:
        try:
            if lines:
                self._spool.append(lines)
        except OSError as error:
            warn("spool", f"The spool cannot be written, evaluations stay in memory: {error}")
            return False
        return True

    def _tend(self) -> None:
        """Takes over what processes that ended have left, and closes what is to be sent."""
        try:
            self._spool.recover(partial(self._outbox.count, "recovered"))
        except OSError as error:
            warn("spool_left", f"What is left in the spool cannot be taken over: {error}")
        try:
            if self._spool.is_due or self._outbox.flushing or self._outbox.closing:
                self._spool.rotate()
        except OSError as error:
            warn("spool_sync", f"The spool may not outlive the machine: {error}")

    def _rescue(self, encoded: Sequence[tuple[Event, bytes]]) -> None:
        """Hands the events to the sender, and waits until it is done with them: the outbox is bounded, this is not."""
        changed = self._outbox.changed

        def done() -> None:
            with changed:
                self._rescued = None
                changed.notify_all()

        with changed:
            self._rescued = _held(encoded, done)
            changed.notify_all()
            changed.wait_for(lambda: self._rescued is None)


def _held(encoded: Sequence[tuple[Event, bytes]], done: Callable[[], None] = lambda: None) -> Batch:
    return Batch([line for _, line in encoded], deque(event for event, _ in encoded), done)
