"""How many requests are let through, by one server and by four that share a Redis."""

import asyncio
import shutil
import socket
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Generator
from contextlib import AsyncExitStack

import pytest
from agentops_api.app import create_app
from agentops_api.settings import Settings
from httpx2 import AsyncClient, Response
from pydantic import SecretStr
from tests.cast import Somebody, client_of
from tests.chaos.processes import free_port

pytestmark = pytest.mark.anyio

LIMIT = 200


@pytest.fixture
def redis_url() -> Generator[str]:
    """A Redis of this test's own."""
    if not shutil.which("redis-server"):
        pytest.skip("redis-server is not installed")
    port = free_port()
    with tempfile.TemporaryDirectory() as directory:
        words = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", directory]
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        while not answers(port):
            assert process.poll() is None, "redis-server ended"
        yield f"redis://127.0.0.1:{port}/0"
        process.terminate()
        process.wait(10)


@pytest.fixture
async def servers(settings: Settings, redis_url: str, stack: AsyncExitStack) -> list[AsyncClient]:
    """Four servers, each with counts of its own but for Redis; a process each would make no difference to those."""
    limited = settings.model_copy(
        update={
            "rate_limit_per_minute": LIMIT,
            "rate_limit_storage_url": SecretStr(redis_url),
            "database_pool_size": 2,
        }
    )
    clients: list[AsyncClient] = []
    for _ in range(4):
        app = create_app(limited)
        await stack.enter_async_context(app.router.lifespan_context(app))
        clients.append(await stack.enter_async_context(client_of(app)))
    return clients


def answers(port: int) -> bool:
    """Somebody listens there by now."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        time.sleep(0.01)
        return False
    return True


async def burst(clients: list[AsyncClient], headers: dict[str, str], count: int) -> list[Response]:
    gate = asyncio.Semaphore(16)

    async def one(number: int) -> Response:
        async with gate:
            return await clients[number % len(clients)].get("/evaluations/stats", headers=headers)

    return await asyncio.gather(*(one(number) for number in range(count)))


def check(answers: list[Response]) -> None:
    """The limit is kept within two percent, and each answer says where its caller stands."""
    counts = Counter(answer.status_code for answer in answers)
    assert counts.keys() == {200, 429}
    assert abs(counts[200] - LIMIT) <= LIMIT * 0.02, counts
    for answer in answers:
        assert answer.headers["ratelimit-policy"] == f'"ordinary";q={LIMIT};w=60'
        assert answer.headers["ratelimit"].startswith('"ordinary";r=')
        if answer.status_code == 429:
            assert 1 <= int(answer.headers["retry-after"]) <= 61
            assert answer.headers["content-type"] == "application/problem+json"


async def test_one_server_grants_the_limit(settings: Settings, owner: Somebody) -> None:
    app = create_app(settings.model_copy(update={"rate_limit_per_minute": LIMIT}))
    async with app.router.lifespan_context(app), client_of(app) as client:
        check(await burst([client], {"X-API-Key": owner.key}, 2 * LIMIT))


async def test_four_servers_grant_the_limit_together(servers: list[AsyncClient], owner: Somebody) -> None:
    check(await burst(servers, {"X-API-Key": owner.key}, 2 * LIMIT))
