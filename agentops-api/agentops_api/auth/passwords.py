"""Passwords: what may be one, how it is kept, and how it is recognised.

Argon2id with OWASP's parameters (19 MiB, two passes, one lane): 28 ms of a core. So hashing happens in threads,
at most two at a time, and the rest of the server goes on.
"""

import base64
import importlib.util
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar, TypeVarTuple, cast

from anyio import CapacityLimiter, to_thread
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from agentops_api.errors import Invalid, Misconfigured, Unavailable

Arguments = TypeVarTuple("Arguments")
T = TypeVar("T")

_THREADS_MAX = 2
_WAITING_MAX = 200
"""At 28 ms each, in two threads, the last one waits three seconds."""
_COMMON_MAX = 3_000
_COMMON_CHARS_MIN = 8
_MEMORY_KIB = 19_456
_PASSES = 2


class Passwords:
    """Hashes and verifies; one per process, because it bounds what the process spends on this."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=_PASSES, memory_cost=_MEMORY_KIB, parallelism=1)
        self._threads = CapacityLimiter(_THREADS_MAX)
        # Nobody's password: verified where there is no account, so that this answer takes as long as any.
        salt, digest = (base64.b64encode(os.urandom(n)).rstrip(b"=").decode() for n in (16, 32))
        self._nobody = f"$argon2id$v=19$m={_MEMORY_KIB},t={_PASSES},p=1${salt}${digest}"

    async def hash(self, password: str) -> str:
        """What is stored of a password; its exact bytes count. Raises Unavailable when too many wait."""
        return await self._in_thread(self._hasher.hash, password)

    async def verify(self, stored: str | None, password: str) -> bool:
        """It is the password of which `stored` was made. None, for no account, takes as long and is False."""
        return await self._in_thread(self._matches, stored or self._nobody, password) and stored is not None

    async def refuse_common(self, password: str, *, field: str) -> None:
        """Raises Invalid for one of the 3,000 most common passwords of this length. `field`: its name."""
        if password.lower() in await to_thread.run_sync(common_passwords):
            message = "Is one of the most common passwords; choose one that others do not use"
            raise Invalid("This password is too easy to guess.", fields=[{"field": field, "message": message}])

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_thread(self, work: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
        if self._threads.statistics().tasks_waiting >= _WAITING_MAX:
            raise Unavailable("Too many passwords are being checked; try again.", retry_after_s=2)
        return await to_thread.run_sync(work, *arguments, limiter=self._threads)


@cache
def common_passwords() -> frozenset[str]:
    """The 3,000 most common passwords of at least 8 characters. The first call takes 50 ms."""
    # Of the package only this one file is run, and then forgotten: importing it builds ranked dictionaries of all
    # its word lists, which would stay in memory.
    package = importlib.util.find_spec("zxcvbn")
    if package is None or not package.submodule_search_locations:
        raise Misconfigured("The package zxcvbn is not installed; install the locked requirements.")
    path = Path(package.submodule_search_locations[0]) / "frequency_lists.py"
    spec = importlib.util.spec_from_file_location("zxcvbn_frequency_lists", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    ranked = cast(dict[str, list[str]], module.FREQUENCY_LISTS)["passwords"]
    return frozenset([word for word in ranked if len(word) >= _COMMON_CHARS_MIN][:_COMMON_MAX])
