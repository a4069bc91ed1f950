"""Passwords are kept as slow hashes, and recognised byte by byte."""

import asyncio
import threading
import time

import pytest
from agentops_api.auth.passwords import Passwords, common_passwords
from agentops_api.errors import Invalid, Unavailable

pytestmark = pytest.mark.anyio


async def test_a_password_matches_only_its_exact_bytes() -> None:
    passwords = Passwords()
    stored = await passwords.hash(" Pässword 1 ")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await passwords.verify(stored, " Pässword 1 ")
    for other in ("Pässword 1", " pässword 1 ", " Pa\u0308ssword 1 ", " Pässword 1 \0", ""):
        assert not await passwords.verify(stored, other)


async def test_long_passwords_are_not_cut() -> None:
    passwords = Passwords()
    stored = await passwords.hash("x" * 128)
    assert await passwords.verify(stored, "x" * 128)
    assert not await passwords.verify(stored, "x" * 127 + "y")


async def test_nobody_has_a_password_and_no_broken_hash_matches() -> None:
    passwords = Passwords()
    for stored in (None, "", "not a hash", "$argon2id$v=19$m=19456,t=2,p=1$AAAA$AAAA"):
        assert not await passwords.verify(stored, "securepassword123")


async def test_looking_for_nobody_takes_as_long_as_for_somebody() -> None:
    passwords = Passwords()
    stored = await passwords.hash("securepassword123")
    took: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(20):
        for known in (True, False):
            started = time.perf_counter()
            await passwords.verify(stored if known else None, "another-password")
            took[known].append(time.perf_counter() - started)
    # The fastest of many, with room, because other processes disturb them; a look-up without hashing takes a
    # hundredth. On an idle machine the medians are within 1 % (measured 2026-11).
    assert min(took[False]) == pytest.approx(min(took[True]), rel=0.6)


async def test_common_passwords_are_refused_and_the_example_of_the_readme_is_not() -> None:
    passwords = Passwords()
    assert len(common_passwords()) == 3_000
    assert min(map(len, common_passwords())) == 8
    for common in ("password", "12345678", "1QAZ2WSX", "Football"):
        with pytest.raises(Invalid) as refusal:
            await passwords.refuse_common(common, field="new_password")
        assert refusal.value.fields[0]["field"] == "new_password"
    for good in ("securepassword123", "correct-horse-battery", "aaaaaaaaaaaaaaaaaaaaa"):
        await passwords.refuse_common(good, field="password")


async def test_at_most_two_threads_hash_at_once_while_the_loop_goes_on() -> None:
    passwords = Passwords()
    busiest, turns = 0, 0
    before = threading.active_count()
    hashing = asyncio.gather(*(passwords.hash("securepassword123") for _ in range(12)))
    while not hashing.done():
        busiest = max(busiest, threading.active_count() - before)
        turns += 1
        await asyncio.sleep(0.001)
    assert busiest <= 2
    assert turns > 12


async def test_more_passwords_than_can_be_checked_soon_are_put_off() -> None:
    passwords = Passwords()
    waiting = [asyncio.ensure_future(passwords.hash("securepassword123")) for _ in range(202)]
    for _ in range(10):
        await asyncio.sleep(0)
    try:
        with pytest.raises(Unavailable):
            await passwords.hash("securepassword123")
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
