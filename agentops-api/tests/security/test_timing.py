"""How long an answer takes tells nothing about a secret. Each kind of request is sent in turn with the other, so that
what else the machine does falls on both."""

import random
import string
import time
import zlib
from math import sqrt
from statistics import fmean, median, variance

import psycopg
import pytest
from agentops_api.auth.authenticate import Authenticator
from agentops_api.auth.models import is_key, new_key
from agentops_api.edge.runtime import Runtime
from agentops_api.errors import Unauthenticated
from httpx2 import AsyncClient
from tests.cast import Somebody, TestDatabase

pytestmark = pytest.mark.anyio

T_MAX = 4.5
"""Dudect's bound: beyond it two sets of times differ for a reason (Reparaz, Balasch and Verbauwhede, 2017)."""
_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase


def welch_t(a: list[float], b: list[float]) -> float:
    """Welch's t of two samples (Welch, 1947), both without their slowest tenth: interruptions, not the code."""
    a, b = (sorted(times)[: len(times) * 9 // 10] for times in (a, b))
    return (fmean(a) - fmean(b)) / sqrt(variance(a) / len(a) + variance(b) / len(b))


def key_like(key: str) -> str:
    """A well-formed key that shares the first 32 of 42 characters with another."""
    body = key[:32] + "".join(random.choices(_BASE62, k=4))
    rest, digits = zlib.crc32(body.encode()), ""
    for _ in range(6):
        rest, digit = divmod(rest, 62)
        digits = _BASE62[digit] + digits
    assert is_key(body + digits)
    return body + digits


async def refusal_s(authenticator: Authenticator, key: str) -> float:
    started = time.perf_counter()
    try:
        await authenticator.key(key)
    except Unauthenticated:
        return time.perf_counter() - started
    raise AssertionError("nobody has this key")


async def compare_keys(server: Runtime, key: str, samples: int) -> float:
    """Welch's t between keys that begin as a real one does, and others."""
    authenticator = Authenticator(server.db, server.authenticator.signing_keys)
    alike: list[float] = []
    unlike: list[float] = []
    for _ in range(samples):
        for kind, tried in random.sample([(alike, key_like(key)), (unlike, new_key())], 2):
            kind.append(await refusal_s(authenticator, tried))
    return welch_t(alike, unlike)


async def test_a_key_that_begins_like_a_real_one_is_refused_as_fast(server: Runtime, owner: Somebody) -> None:
    assert abs(await compare_keys(server, owner.key, 1_000)) < T_MAX


@pytest.mark.chaos
async def test_ten_thousand_keys_that_begin_like_a_real_one_are_refused_as_fast(
    server: Runtime, owner: Somebody
) -> None:
    assert abs(await compare_keys(server, owner.key, 10_000)) < T_MAX


def test_the_comparison_would_notice_a_difference() -> None:
    same, other, slower = ([random.gauss(mean, 10) for _ in range(1_000)] for mean in (100, 100, 105))
    assert abs(welch_t(same, other)) < T_MAX
    assert abs(welch_t(same, slower)) > T_MAX


async def compare_logins(anonymous: AsyncClient, owner: Somebody, database: TestDatabase, samples: int) -> float:
    """How much longer a wrong password for a known address takes than for an unknown one, relative to the latter."""
    times: dict[str, list[float]] = {"known": [], "unknown": []}
    with psycopg.connect(database.superuser_url, autocommit=True) as admin:
        for number in range(samples):
            for kind in random.sample(list(times), 2):
                email = owner.email if kind == "known" else f"nobody{number}@example.com"
                started = time.perf_counter()
                answer = await anonymous.post("/auth/login", json={"email": email, "password": "wrong-password"})
                times[kind].append(time.perf_counter() - started)
                assert answer.status_code == 401
            admin.execute("DELETE FROM login_failures")
    return abs(median(times["known"]) / median(times["unknown"]) - 1)


async def test_an_unknown_address_is_refused_as_fast_as_a_wrong_password(
    anonymous: AsyncClient, owner: Somebody, database: TestDatabase
) -> None:
    difference = await compare_logins(anonymous, owner, database, 15)
    assert difference < 0.25, "hashing is most of the time: without it an unknown address would take a fifth"


@pytest.mark.chaos
async def test_over_many_tries_the_medians_are_within_five_percent(
    anonymous: AsyncClient, owner: Somebody, database: TestDatabase
) -> None:
    assert await compare_logins(anonymous, owner, database, 150) < 0.05
