"""How many wrong passwords are too many."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

WINDOW = timedelta(minutes=15)
FAILURES_PER_ADDRESS_MAX = 5
FAILURES_PER_ACCOUNT_MAX = 20


@dataclass(frozen=True, slots=True)
class Failure:
    """One wrong password for an account."""

    address: str
    failed_at: datetime


def wait_s(failures: Sequence[Failure], address: str, *, known: bool, at: datetime) -> int:
    """Seconds until this address may try again for the account; 0 when it may now.

    `failures` are the account's, of the last 15 minutes, oldest first. `known`: the account's holder once logged in
    from this address, so only its own failures count: strangers all over the world cannot lock the holder out.
    """
    own = [failure for failure in failures if failure.address == address]
    free_at = at
    if len(own) >= FAILURES_PER_ADDRESS_MAX:
        free_at = own[-FAILURES_PER_ADDRESS_MAX].failed_at + WINDOW
    if not known and len(failures) >= FAILURES_PER_ACCOUNT_MAX:
        free_at = max(free_at, failures[-FAILURES_PER_ACCOUNT_MAX].failed_at + WINDOW)
    return max(0, ceil((free_at - at).total_seconds()))
