"""Who a request comes from is what the network says, unless a trusted proxy says otherwise."""

from ipaddress import ip_network

import psycopg
import pytest
from agentops_api.app import create_app
from agentops_api.settings import Settings
from httpx2 import ASGITransport, AsyncClient
from tests.cast import PASSWORD, Somebody, TestDatabase

pytestmark = pytest.mark.anyio

LIMIT = 20
FORGED = [
    {"X-Forwarded-For": "10.{n}.0.1"},
    {"X-Forwarded-For": "1.1.1.1, 10.{n}.0.1"},
    {"X-Real-IP": "10.{n}.0.1"},
    {"Forwarded": "for=10.{n}.0.1"},
    {"CF-Connecting-IP": "10.{n}.0.1"},
    {"True-Client-IP": "10.{n}.0.1"},
    {"X-Client-IP": "10.{n}.0.1"},
]


async def granted(settings: Settings, peer: str, headers: dict[str, str]) -> int:
    """How many of twice as many requests as the limit are let through, each naming another address."""
    app = create_app(settings.model_copy(update={"rate_limit_per_minute": LIMIT}))
    transport = ASGITransport(app=app, client=(peer, 4_321))
    async with app.router.lifespan_context(app), AsyncClient(transport=transport, base_url="http://t") as client:
        count = 0
        for n in range(2 * LIMIT):
            sent = {name: value.replace("{n}", str(n)) for name, value in headers.items()}
            answer = await client.get("/auth/me", headers=sent)
            assert answer.status_code in (401, 429)
            count += answer.status_code == 401
        return count


async def test_an_invented_address_makes_nobody_new(settings: Settings) -> None:
    everything = {name: value for headers in FORGED for name, value in headers.items()}
    for headers in (FORGED[0], everything):
        assert await granted(settings, "203.0.113.7", headers) == LIMIT


async def test_a_trusted_proxy_is_believed_about_whoever_it_names_last(settings: Settings) -> None:
    trusting = settings.model_copy(update={"trusted_proxies": (ip_network("192.0.2.0/24"),)})
    assert await granted(trusting, "192.0.2.9", {"X-Forwarded-For": "1.1.1.1, 10.{n}.0.1"}) == 2 * LIMIT
    assert await granted(trusting, "192.0.2.9", {"X-Forwarded-For": "10.{n}.0.1, 198.51.100.4"}) == LIMIT
    assert await granted(trusting, "203.0.113.7", {"X-Forwarded-For": "10.{n}.0.1"}) == LIMIT


async def test_a_session_notes_the_real_address(
    owner: Somebody, anonymous: AsyncClient, database: TestDatabase
) -> None:
    headers = {"X-Forwarded-For": "6.6.6.6", "X-Real-IP": "6.6.6.6"}
    account = {"email": owner.email, "password": PASSWORD}
    assert (await anonymous.post("/auth/login", json=account, headers=headers)).status_code == 200
    await anonymous.post("/auth/login", json=account | {"password": "wrong"}, headers=headers)
    with psycopg.connect(database.superuser_url) as admin:
        seen = admin.execute("SELECT address FROM sessions UNION SELECT address FROM login_failures").fetchall()
    assert seen == [("127.0.0.1",)]
