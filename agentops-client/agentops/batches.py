"""Where the sender's batches come from: memory, or the spool with memory behind it where the disk fails."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Batch:
    """Events that share a request, each already JSON; `done` is called when the server has judged them all."""

    lines: Sequence[bytes]
    done: Callable[[], None]


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

    def start(self) -> None:
        """Begins its work, in this process."""
        ...

    def next(self) -> Batch | None:
        """Waits for a batch; None when closing leaves nothing to send."""
        ...

    def save(self) -> None:
        """Waits, for a bounded time, while the disk takes what only memory holds."""
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

    def lines(self, events: Sequence[Event], outbox: Outbox) -> list[bytes]:
        """The events as JSON; one that cannot be is counted and left out, and so are all once they were given up."""

        def line(event: Event) -> bytes | None:
            if outbox.abandoned:
                return None
            try:
                return self._encode(event)
            except BaseException as error:  # noqa: BLE001 - detectors are the application's; one bad event is no reason to stop
                outbox.drop("unencodable")
                warn("unencodable", f"An evaluation cannot be sent: {error!r}")
                return None

        return [each for each in in_threads(line, events, self._at_once) if each is not None]


class FromMemory:
    """Batches straight from the outbox, which holds their events until they are done."""

    stored_bytes = 0
    is_empty = True

    def __init__(self, outbox: Outbox, bounds: Bounds, encoder: Encoder) -> None:
        self._outbox = outbox
        self._linger_s = bounds.linger_s
        self._encoder = encoder

    def start(self) -> None:
        """There is nothing to begin."""

    def save(self) -> None:
        """There is no disk."""

    def end(self) -> None:
        """There is nothing to end."""

    def disown(self) -> None:
        """There is nothing but memory."""

    def next(self) -> Batch | None:
        """A batch, when one is due."""
        while events := self._outbox.take(linger_s=self._linger_s):
            lines = self._encoder.lines(events, self._outbox)
            if lines and not self._outbox.abandoned:
                return Batch(lines, lambda: self._outbox.release(events))
            self._outbox.release(events)
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

    def start(self) -> None:
        """Starts the thread that writes."""
        self._thread.start()

    def save(self) -> None:
        """Waits until all is on disk, or the disk refuses it, or the time is up."""
        with self._outbox.changed:
            self._outbox.changed.wait_for(lambda: self._outbox.is_empty or self._rescued, self._bounds.save_s_max)

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
                return Batch(lines, partial(self._settle, segment))
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
            lines = self._encoder.lines(events, self._outbox)
            is_broken = not self._save(lines)
            if is_broken:
                self._rescue(events, lines)
            else:
                # Before the disk is asked for more: this outlives the process.
                self._outbox.release(events)
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

    def _rescue(self, events: Sequence[Event], lines: Sequence[bytes]) -> None:
        """Hands the events to the sender, and waits until it is done with them: the outbox is bounded, this is not."""
        changed = self._outbox.changed

        def done() -> None:
            with changed:
                self._rescued = None
                self._outbox.release(events)

        if not lines:
            self._outbox.release(events)
            return
        with changed:
            self._rescued = Batch(lines, done)
            changed.notify_all()
            changed.wait_for(lambda: self._rescued is None)
