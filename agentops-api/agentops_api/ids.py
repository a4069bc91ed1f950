"""UUIDv7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, then random bits, so that new ids sort by time."""

import os
from datetime import UTC, datetime, timedelta
from uuid import UUID

from agentops_api import clock

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def new(at: datetime | None = None) -> UUID:
    """A UUIDv7 that carries `at` (now, when not given) in whole milliseconds."""
    milliseconds = ((at or clock.now()) - _EPOCH) // _MILLISECOND
    random = int.from_bytes(os.urandom(10))
    high = (milliseconds << 16) | 0x7000 | (random >> 68)
    low = (0b10 << 62) | (random & (1 << 62) - 1)
    return UUID(int=(high << 64) | low)


def time_of(id: UUID) -> datetime | None:
    """The time a UUIDv7 carries, in whole milliseconds; None for ids of other versions or beyond year 9999."""
    if id.version != 7:
        return None
    try:
        return _EPOCH + timedelta(milliseconds=id.int >> 80)
    except OverflowError:
        return None
