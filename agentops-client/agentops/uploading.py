"""The command line has no host to protect: it waits for room in the queue, and for delivery at the end."""

import sys
import time
from collections.abc import Callable

from agentops.client import AgentOps
from agentops.config import Bounds

_SHOWN_S = 0.2
_LOOK_S = 0.2
_FLUSH_S = 10.0
_TERMINAL_COLUMNS = 79


class Progress:
    """How far it is, on one line of a terminal; elsewhere nothing."""

    def __init__(self) -> None:
        self._is_shown = sys.stderr.isatty()
        self._shown_at = 0.0
        self.lines = 0

    def show(self, besides: str = "", *, is_last: bool = False) -> None:
        """Says how many lines there were, and what besides; five times a second at most, but for the last time."""
        if not self._is_shown or not (is_last or time.monotonic() - self._shown_at >= _SHOWN_S):
            return
        self._shown_at = time.monotonic()
        text = f"{self.lines:,} lines{besides}"[:_TERMINAL_COLUMNS].ljust(_TERMINAL_COLUMNS)
        end = "\n" if is_last else ""
        sys.stderr.write(f"\r{text}{end}")
        sys.stderr.flush()


class Upload:
    """Waits for the server as long as it takes something now and then."""

    def __init__(self, ops: AgentOps, bounds: Bounds, progress: Progress, patience_s: float) -> None:
        self._ops = ops
        # An evaluation more, however long, then fits in.
        self._events_max = max(1, bounds.queue_events_max // 2)
        self._bytes_max = bounds.queue_bytes_max // 2
        self._progress = progress
        self._patience_s = patience_s
        self._has_given_up = False

    def wait_for_room(self) -> None:
        """Returns when there is room for another evaluation, or no more hope of any."""
        self._wait(self._has_room)

    def finish(self) -> int:
        """Waits for the delivery, and says on one line what became of it; how many were not delivered."""
        self._wait(lambda: self._ops.flush(min(_FLUSH_S, self._patience_s)))
        told = self._ops.delivery()
        sys.stderr.write(f"delivered {told.delivered:,} of {told.captured + told.recovered:,}\n")
        lost = told.captured + told.recovered - told.delivered
        if lost:
            reasons = [f"{count:,} {reason}" for reason, count in told.dropped.items()]
            reasons += [f"{told.queued:,} waiting"] if told.queued else []
            error = f"; the last error: {told.last_error}" if told.last_error else ""
            sys.stderr.write(f"not delivered: {', '.join(reasons)}{error}\n")
        return lost

    def _has_room(self) -> bool:
        told = self._ops.delivery()
        has_room = told.queued < self._events_max and told.queued_bytes < self._bytes_max
        if not has_room:
            time.sleep(_LOOK_S)
        return has_room

    def _wait(self, until: Callable[[], bool]) -> None:
        settled, since = -1, time.monotonic()
        while not self._has_given_up and not until():
            told = self._ops.delivery()
            now = told.delivered + sum(told.dropped.values())
            if now != settled:
                settled, since = now, time.monotonic()
            self._has_given_up = time.monotonic() - since >= self._patience_s
            self._progress.show(f", {told.queued:,} wait for the server ({told.last_error or 'it answers slowly'})")
