"""The wall clock, in one place, so that a test can stop it. Durations use `time.monotonic` instead."""

from datetime import UTC, datetime


def now() -> datetime:
    """The current time, aware, in UTC."""
    return datetime.now(UTC)
