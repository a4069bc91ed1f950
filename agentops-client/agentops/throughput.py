"""How many evaluations this process made, and how long they took, over all clients together."""

import os
import threading
from typing import TypedDict

QPS_MAX = 1_000_000.0
"""The server takes no more."""


class Throughput(TypedDict):
    """Counted since the process began or since the last reset."""

    total_evaluations: int
    total_time_sec: float
    throughput_qps: float
    """Evaluations divided by the time they took; 0 where that is 0."""


class Tracker:
    """A count and a sum that threads share."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._evaluations = 0
        self._time_s = 0.0

    def add(self, latency_s: float) -> float:
        """Counts one more evaluation; the throughput with it."""
        with self._lock:
            self._evaluations += 1
            self._time_s += latency_s
            return self.stats()["throughput_qps"]

    def stats(self) -> Throughput:
        """The figures at this moment, rounded to milliseconds and thousandths."""
        with self._lock:
            return {
                "total_evaluations": self._evaluations,
                "total_time_sec": round(self._time_s, 3),
                "throughput_qps": qps_of(self._evaluations, self._time_s),
            }

    def reset(self) -> None:
        """Begins from nothing."""
        with self._lock:
            self._evaluations = 0
            self._time_s = 0.0

    def unlock(self) -> None:
        """In a forked child: whoever held the lock is not there."""
        self._lock = threading.RLock()


tracker = Tracker()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=tracker.unlock)


def qps_of(evaluations: int, time_s: float) -> float:
    """Evaluations a second, rounded to thousandths and bounded; 0 where they took no time."""
    return min(QPS_MAX, round(evaluations / time_s, 3)) if time_s else 0.0


def get_throughput_stats() -> Throughput:
    """How many evaluations were made, how long they took, and how many that is a second."""
    return tracker.stats()


def reset_throughput_tracker() -> None:
    """Counts from nothing again."""
    tracker.reset()
