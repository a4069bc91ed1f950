"""Guessing passwords is slow, and locks nobody out of their own account."""

import asyncio
from datetime import timedelta

import pytest
from agentops_api import clock
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient, Response
from tests.cast import PASSWORD, Somebody

pytestmark = pytest.mark.anyio


def at(app: FastAPI, address: str) -> AsyncClient:
    """Somebody at this address."""
    transport = ASGITransport(app=app, raise_app_exceptions=False, client=(address, 40_000))
    return AsyncClient(transport=transport, base_url="http://testserver")


async def login(app: FastAPI, address: str, password: str, email: str = "owner@example.com") -> Response:
    async with at(app, address) as somebody:
        return await somebody.post("/auth/login", json={"email": email, "password": password})


@pytest.mark.parametrize("email", ["owner@example.com", "nobody@example.com"])
async def test_five_wrong_passwords_close_an_account_to_their_address(
    owner: Somebody, app: FastAPI, email: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    statuses = [(await login(app, "10.0.0.1", "wrong-password", email)).status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]
    closed = await login(app, "10.0.0.1", PASSWORD, email)
    assert closed.status_code == 429
    assert 890 <= int(closed.headers["retry-after"]) <= 900
    elsewhere = await login(app, "10.0.0.2", PASSWORD, email)
    assert elsewhere.status_code == (200 if email == owner.email else 401)
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(minutes=15, seconds=1))
    opened = await login(app, "10.0.0.1", PASSWORD, email)
    assert opened.status_code == (200 if email == owner.email else 401)


async def test_the_right_password_forgives_the_wrong_ones_before(owner: Somebody, app: FastAPI) -> None:
    for _ in range(3):
        for _ in range(4):
            assert (await login(app, "10.0.0.1", "wrong-password")).status_code == 401
        assert (await login(app, "10.0.0.1", PASSWORD, owner.email)).status_code == 200


async def test_a_thousand_addresses_get_twenty_guesses_and_the_holder_still_gets_in(
    owner: Somebody, app: FastAPI
) -> None:
    guesses = [(await login(app, f"10.0.1.{n}", "wrong-password")).status_code for n in range(25)]
    assert guesses == [401] * 20 + [429] * 5
    assert (await login(app, "10.0.9.9", PASSWORD)).status_code == 429
    home = "127.0.0.1"
    assert (await login(app, home, PASSWORD, owner.email)).status_code == 200, "where they logged in before"
    statuses = [(await login(app, home, "wrong-password")).status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429], "even there, five guesses"


async def test_of_many_guesses_at_once_five_are_heard(owner: Somebody, app: FastAPI) -> None:
    guesses = ["wrong-password"] * 15 + [PASSWORD]
    answers = await asyncio.gather(*(login(app, "10.0.0.1", guess, owner.email) for guess in guesses))
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(401) <= 5 + statuses.count(200)
    assert statuses.count(429) >= 9


async def test_thirty_two_right_logins_at_once_all_succeed(owner: Somebody, app: FastAPI) -> None:
    answers = await asyncio.gather(*(login(app, "10.0.0.1", PASSWORD, owner.email) for _ in range(32)))
    assert {answer.status_code for answer in answers} == {200}


async def test_a_restart_forgets_no_failure(owner: Somebody, app: FastAPI, another_process: FastAPI) -> None:
    for _ in range(5):
        await login(app, "10.0.0.1", "wrong-password", owner.email)
    assert (await login(another_process, "10.0.0.1", PASSWORD, owner.email)).status_code == 429


async def test_wrong_current_passwords_count_as_failures_to_log_in(owner: Somebody) -> None:
    change = {"current_password": "wrong-password", "new_password": "another-battery-staple"}
    statuses = [(await owner.person.post("/auth/password", json=change)).status_code for _ in range(6)]
    assert statuses == [403] * 5 + [429]
    right = await owner.person.post("/auth/password", json=change | {"current_password": PASSWORD})
    assert right.status_code == 429


async def test_a_forged_forwarded_address_changes_nothing(owner: Somebody, app: FastAPI) -> None:
    async with at(app, "10.0.0.1") as guesser:
        statuses = [
            (
                await guesser.post(
                    "/auth/login",
                    json={"email": owner.email, "password": "wrong-password"},
                    headers={"X-Forwarded-For": f"10.9.9.{n}"},
                )
            ).status_code
            for n in range(6)
        ]
    assert statuses == [401] * 5 + [429]
