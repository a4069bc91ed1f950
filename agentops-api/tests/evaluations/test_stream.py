"""The live tail of real servers: from whichever process, for whoever may listen, for as long as they may."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2
import orjson
import pytest
from tests.chaos.processes import Account, Server, Site, join, new_site, ready

pytestmark = pytest.mark.anyio
PATH = "/api/v1/evaluations/stream"
SOON_S = 60.0
START_S = 180.0
"""Only bounds: the machine may be busy."""


@dataclass(frozen=True, slots=True)
class Two:
    """Two processes on one database, and somebody whom both know."""

    site: Site
    one: Server
    other: Server
    owner: Account


@pytest.fixture(scope="module")
async def two(anyio_backend: str) -> AsyncGenerator[Two]:
    with new_site() as site:
        # Few connections: none is held by those who only listen.
        one = site.spawn(DATABASE_POOL_SIZE="2", STREAMS_MAX="4")
        await ready(one, START_S)
        other = site.spawn()
        await ready(other, START_S)
        yield Two(site, one, other, await join(one))
        assert one.errors() == other.errors() == []


class Listener:
    """Somebody at the other end of a stream."""

    def __init__(self, answer: httpx2.Response) -> None:
        self.answer = answer
        self._lines = answer.aiter_lines()

    async def hears(self, kind: str) -> dict[str, object]:
        """The data of the next event of this kind."""
        async with asyncio.timeout(SOON_S):
            async for line in self._lines:
                if line == f"event: {kind}":
                    break
            async for line in self._lines:
                if line.startswith("data: "):
                    return orjson.loads(line.removeprefix("data: "))
        raise AssertionError("the stream ended")

    async def ends(self) -> None:
        async with asyncio.timeout(SOON_S):
            assert not "".join([line async for line in self._lines])


@asynccontextmanager
async def listening(server: Server, headers: dict[str, str], query: str = "") -> AsyncGenerator[Listener]:
    async with (
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", timeout=SOON_S) as client,
        client.stream("GET", PATH + query, headers=headers) as answer,
    ):
        yield Listener(answer)


async def send(server: Server, account: Account, prompt: str, **fields: object) -> None:
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", timeout=SOON_S) as client:
        body = {"prompt": prompt, "response": "r"} | fields
        assert (await client.post("/evaluations", json=body, headers=account.sdk)).status_code == 201


async def test_it_tells_what_another_process_stored_to_those_who_may_know(two: Two) -> None:
    one, other, owner = two.one, two.other, two.owner
    stranger = await join(one, "stranger@example.com")
    bearer = {"Authorization": f"Bearer {owner.token}"}
    async with (
        listening(one, owner.sdk) as program,
        listening(one, bearer, "?hallucinated=true&agent_name=a") as person,
        listening(one, stranger.sdk) as elsewhere,
        listening(one, owner.sdk) as fourth,
    ):
        for each in (program, person, elsewhere, fourth):
            assert each.answer.status_code == 200
            assert each.answer.headers["content-type"] == "text/event-stream; charset=utf-8"
            assert each.answer.headers["cache-control"] == "no-store"
        async with listening(one, owner.sdk) as fifth:
            assert fifth.answer.status_code == 503
            assert int(fifth.answer.headers["retry-after"]) > 0
        await send(other, owner, "fine", hallucinated=False, agent_name="a")
        assert (await program.hears("evaluation"))["prompt"] == "fine"
        await send(one, owner, "made up", hallucinated=True, agent_name="a")
        assert (await person.hears("evaluation"))["prompt"] == "made up"
        await send(other, stranger, "theirs")
        assert (await elsewhere.hears("evaluation"))["prompt"] == "theirs"


async def test_a_server_that_is_told_to_stop_waits_for_no_listener(two: Two) -> None:
    server = two.site.spawn()
    await ready(server, START_S)
    async with listening(server, two.owner.sdk) as listener:
        server.process.terminate()
        assert "stopped" in str((await listener.hears("end"))["reason"])
        await listener.ends()
        assert await server.stop() < SOON_S
    assert server.errors() == []


async def test_who_may_listen_no_more_hears_no_more(two: Two) -> None:
    leaver = await join(two.one, "leaver@example.com")
    bearer = {"Authorization": f"Bearer {leaver.token}"}
    url = f"http://127.0.0.1:{two.one.port}"
    async with httpx2.AsyncClient(base_url=url, headers=bearer, timeout=SOON_S) as person:
        [key] = (await person.get("/auth/api-keys")).json()["data"]
        async with listening(two.other, leaver.sdk) as program, listening(two.other, bearer) as signed_in:
            assert program.answer.status_code == signed_in.answer.status_code == 200
            started = time.monotonic()
            assert (await person.delete(f"/auth/api-keys/{key['id']}")).status_code == 204
            assert (await person.post("/auth/logout")).status_code == 204
            for each in (program, signed_in):
                assert "no longer, good" in str((await each.hears("end"))["reason"])
                await each.ends()
            assert time.monotonic() - started < SOON_S, "five seconds, and more on a busy machine"


async def test_what_cannot_be_read_is_refused_before_a_stream_begins(two: Two) -> None:
    for query, headers in (
        ("?agent=a", {}),
        ("?start_date=2026-11-02", {}),
        ("?hallucinated=perhaps", {}),
        ("", {"Last-Event-ID": "nonsense"}),
    ):
        async with listening(two.one, two.owner.sdk | headers, query) as refused:
            assert refused.answer.status_code == 422, query
