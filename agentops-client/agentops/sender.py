"""The thread that sends what the application recorded. The application only ever puts events down here.

It starts with the first event, in each process anew: a forked child begins with nothing, since what its parent recorded
is its parent's to send.
"""

import atexit
import os
import random
import sys
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass

from agentops.batches import Batch, Batches, Encode, Encoder, FromMemory, FromSpool
from agentops.config import Config
from agentops.events import Event
from agentops.notices import warn
from agentops.outbox import Delivery, Outbox
from agentops.spool import IS_SUPPORTED, Spool
from agentops.wire import Later, Outcome, Poster, Refused, Server, Settled, account

_EXPONENT_MAX = 30
_GRACE_S = 0.1
_DROPS = {
    "queue_full": "Evaluations are dropped, because the queue is full: they come faster than they can be delivered.",
    "closed": "Evaluations are dropped, because their client was closed.",
}


@dataclass(slots=True)
class _Work:
    """What belongs to one process."""

    outbox: Outbox
    batches: Batches
    thread: threading.Thread | None = None
    is_done: bool | None = None
    """Nothing was left over when it was closed; None until then."""


class Sender:
    """Delivers events in the background."""

    def __init__(self, config: Config, encode: Encode, encoding_at_once: int = 1) -> None:
        self._config = config
        self._encode = Encoder(encode, encoding_at_once)
        self.server = Server(config)
        self._work = self._begin()
        _all.add(self)

    def put(self, event: Event) -> bool:
        """Queues an event. Waits for nothing."""
        work = self._work
        if work.thread is None:
            self._start(work)
        dropped = work.outbox.put(event)
        if dropped:
            warn(dropped, _DROPS[dropped])
        return dropped is None

    def count(self, what: str) -> None:
        """Counts one of `Delivery`'s numbers up."""
        self._work.outbox.count(what)

    def drop(self, reason: str) -> None:
        """Counts an event that is given up before it is queued."""
        self._work.outbox.refuse(reason)

    def flush(self, timeout_s: float, is_left: Callable[[], bool] = lambda: False) -> bool:
        """Waits until everything is delivered or given up; False when that took too long.

        Whoever `is_left` by those who wanted it ends at the next `wake`.
        """
        work = self._work
        if work.thread is None and not _is_idle(work):
            # Another process may have left something in the spool.
            self._start(work)
        work.outbox.flush(lambda: is_left() or work.outbox.abandoned or _is_idle(work), timeout_s)
        return _is_idle(work) if work.is_done is None else work.is_done

    def wake(self) -> None:
        """Whoever waits looks whether that is still of use."""
        with self._work.outbox.changed:
            self._work.outbox.changed.notify_all()

    def close(self, timeout_s: float) -> bool:
        """Takes nothing more in, sends what there is, and gives up what is left; False when something was."""
        self.begin_to_close()
        is_done, lost = self.finish(time.monotonic() + timeout_s)
        if lost:
            warn("shutdown", _lost(lost))
        return is_done

    def begin_to_close(self) -> None:
        """Takes nothing more in."""
        self._work.outbox.close()

    def finish(self, until: float) -> tuple[bool, int]:
        """The rest of `close`: whether all was done by then (of `time.monotonic`), and how much was given up."""
        work = self._work
        if work.thread:
            is_done = self.flush(until - time.monotonic())
        else:
            is_done = work.outbox.is_empty and not work.batches.is_running
        if not is_done:
            work.batches.save(until + self._config.bounds.save_s_max - time.monotonic())
        with work.outbox.changed:
            if work.is_done is None:
                work.is_done = is_done
            left = work.outbox.abandon("shutdown")
            work.outbox.changed.notify_all()
        if work.thread and self._config.spool_dir:
            # What it leaves on disk is then anybody's to send.
            work.thread.join(min(max(0.0, until + _GRACE_S - time.monotonic()), threading.TIMEOUT_MAX))
        # Last: the interpreter's exit waits for a thread that is in the middle of this.
        _running.discard(self)
        return work.is_done, left

    @property
    def exit_s_max(self) -> float:
        """How long the interpreter's exit may wait for this."""
        return self._config.bounds.exit_s_max

    def delivery(self) -> Delivery:
        """What became of everything so far."""
        return self._work.outbox.delivery(self._work.batches.stored_bytes)

    def renew(self) -> None:
        """Begins with nothing, as a forked child does: locks may be held by threads that it does not have."""
        self._work.batches.disown()
        self._work = self._begin()

    def _begin(self) -> _Work:
        config = self._config
        outbox = Outbox(config.bounds)
        if config.spool_dir is None or not config.can_send:
            return _Work(outbox, FromMemory(outbox, config.bounds, self._encode))
        if not IS_SUPPORTED:
            warn("spool", "This system has no spool: evaluations stay in memory until they are sent.")
            return _Work(outbox, FromMemory(outbox, config.bounds, self._encode))
        spool = Spool(config.spool_dir / account(config), config.bounds)
        return _Work(outbox, FromSpool(outbox, config.bounds, self._encode, spool))

    def _start(self, work: _Work) -> None:
        with work.outbox.changed:
            if work.thread is not None or work.outbox.closing:
                return
            thread = threading.Thread(target=self._run, args=(work,), name="agentops-sender", daemon=True)
            # Before it runs: a signal handler that records meanwhile must not start another.
            work.thread = thread
            # Also where no thread starts: the interpreter's exit says what is lost.
            _running.add(self)
            _finish_forked_workers()
            try:
                work.batches.start()
                thread.start()
            except RuntimeError as error:
                # The interpreter is ending, or the process may have no more threads.
                work.thread = None
                warn("thread", f"Evaluations cannot be sent now: {error}")

    def _run(self, work: _Work) -> None:
        poster = Poster(self.server)
        while batch := work.batches.next():
            try:
                self._deliver(batch, poster, work)
            except Exception as error:  # noqa: BLE001 - this loop must survive whatever a batch does
                warn("internal", "Evaluations could not be sent, because of a fault of agentops.", error=error)
                with work.outbox.changed:
                    if work.outbox.abandoned:
                        break
                    work.outbox.drop("internal", batch.left)
                    batch.settle(batch.left, work.outbox)
                batch.done()
        poster.close()
        work.batches.end()

    def _deliver(self, batch: Batch, poster: Poster, work: _Work) -> None:
        outbox = work.outbox
        parts = [batch.lines]
        attempt = 0
        while parts:
            lines = parts.pop()
            hurries = outbox.hurries
            outcome = poster.post(lines)
            if outbox.abandoned:
                return
            if isinstance(outcome, Refused) and outcome.splits and len(lines) > 1:
                middle = len(lines) // 2
                parts += (lines[middle:], lines[:middle])
                continue
            # Before it is counted: whoever waits for that finds it said.
            _tell(outcome)
            with outbox.changed:
                if outbox.abandoned:
                    # It was counted as lost. Should it be stored all the same: its id makes that harmless.
                    return
                _count(outcome, len(lines), outbox)
                if not isinstance(outcome, Later):
                    batch.settle(len(lines), outbox)
            if isinstance(outcome, Later):
                parts.append(lines)
                attempt += 1
                self._wait(attempt, outcome, outbox, hurries)
            else:
                attempt = 0
        batch.done()

    def _wait(self, attempt: int, outcome: Later, outbox: Outbox, hurries: int) -> None:
        """Waits as the server asks, and a random part of a bound that doubles, so that clients do not come together."""
        bounds = self._config.bounds
        bound = min(bounds.backoff_s_max, bounds.backoff_s * 2 ** min(attempt - 1, _EXPONENT_MAX))
        wait_s = random.uniform(0, bound)  # noqa: S311 - these dice decide nothing secret
        asked_s = min(outcome.retry_after_s or 0.0, bounds.retry_after_s_max)
        until = time.monotonic() + asked_s
        outbox.wait_for(lambda: outbox.abandoned or outbox.closing, asked_s)
        # What the server asked for is waited even when somebody hurries, unless this is the last chance.
        rest_s = max(0.0, until - time.monotonic()) + wait_s
        outbox.wait_for(lambda: outbox.abandoned or outbox.hurries != hurries, rest_s)


def _count(outcome: Outcome, events: int, outbox: Outbox) -> None:
    if isinstance(outcome, Settled):
        outbox.count("delivered", outcome.delivered)
        outbox.count("duplicates", outcome.duplicates)
        if outcome.rejected:
            outbox.drop("rejected", len(outcome.rejected))
            outbox.note(outcome.rejected[0])
        return
    outbox.note(outcome.why)
    if isinstance(outcome, Later):
        outbox.count("retries")
    else:
        outbox.drop(outcome.reason, events)


def _tell(outcome: Outcome) -> None:
    if isinstance(outcome, Later):
        warn("later", f"Evaluations cannot be delivered now ({outcome.why}): trying again later.")
    elif not isinstance(outcome, Settled):
        warn(outcome.reason, f"The server refuses evaluations: {outcome.why}")
    elif outcome.rejected:
        warn("rejected", f"The server rejects {len(outcome.rejected)} evaluations; the first: {outcome.rejected[0]}")


def _lost(count: int) -> str:
    return f"{count} evaluations were not delivered in time and are lost."


def _is_idle(work: _Work) -> bool:
    return work.outbox.is_empty and work.batches.is_empty


_all: weakref.WeakSet[Sender] = weakref.WeakSet()
_running: set[Sender] = set()
"""Those of this process that have a thread."""


def _finish() -> None:
    """Ends all senders, within the time that the interpreter's exit may be held up."""
    began = time.monotonic()
    ending = list(_running)
    for sender in ending:
        sender.begin_to_close()
    lost = sum(sender.finish(began + sender.exit_s_max)[1] for sender in ending)
    if lost:
        # There is no next time: what a `close` said a moment ago does not silence it.
        warn("exit", _lost(lost))


def _renew() -> None:
    _running.clear()
    for sender in list(_all):
        sender.renew()


def _finish_forked_workers() -> None:
    """multiprocessing ends its children without `atexit`, but with finalizers of its own."""
    util = sys.modules.get("multiprocessing.util")
    process = sys.modules.get("multiprocessing.process")
    if util and process and process.parent_process() is not None:
        util.Finalize(None, _finish, exitpriority=0)


atexit.register(_finish)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
