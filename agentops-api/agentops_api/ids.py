"""UUIDv7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds, then random bits, so that new ids sort by time."""

import os
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

from agentops_api import clock

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
# Ids are names, not secrets. The system's own randomness costs a call into the kernel each time: a fifth of the CPU of
# a batch of evaluations (measured 2026-11-23). It seeds these dice, in each process anew.
_dice = Random(os.urandom(32))  # noqa: S311
os.register_at_fork(after_in_child=_dice.seed)


def new(at: datetime | None = None) -> UUID:
    """A UUIDv7 that carries `at` (now, when not given) in whole milliseconds."""
    milliseconds = ((at or clock.now()) - _EPOCH) // _MILLISECOND
    high = (milliseconds << 16) | 0x7000 | _dice.getrandbits(12)
    low = (0b10 << 62) | _dice.getrandbits(62)
    return UUID(int=(high << 64) | low)


def time_of(id: UUID) -> datetime | None:
    """The time a UUIDv7 carries, in whole milliseconds; None for ids of other versions or beyond year 9999."""
    if id.version != 7:
        return None
    try:
        return _EPOCH + timedelta(milliseconds=id.int >> 80)
    except OverflowError:
        return None
