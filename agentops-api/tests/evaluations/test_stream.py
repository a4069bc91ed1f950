"""The live tail of real servers: from whichever process, for whoever may listen, for as long as they may."""

import asyncio
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager

import httpx2
import orjson
import pytest
from tests.chaos.processes import Account, Server, Site, join, new_site

pytestmark = pytest.mark.anyio
PATH = "/api/v1/evaluations/stream"
SOON_S = 10.0


@pytest.fixture
def site() -> Generator[Site]:
    with new_site() as place:
        yield place


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
            assert [line async for line in self._lines] == [""]


@asynccontextmanager
async def listening(server: Server, headers: dict[str, str], query: str = "") -> AsyncGenerator[Listener]:
    async with (
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", timeout=SOON_S) as client,
        client.stream("GET", PATH + query, headers=headers) as answer,
    ):
        yield Listener(answer)


async def send(server: Server, account: Account, prompt: str, **fields: object) -> None:
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as client:
        body = {"prompt": prompt, "response": "r"} | fields
        assert (await client.post("/evaluations", json=body, headers=account.sdk)).status_code == 201


async def test_it_tells_what_another_process_stored_to_those_who_may_know(site: Site) -> None:
    # Few connections: none is held by those who only listen.
    one = await site.start(DATABASE_POOL_SIZE="2", STREAMS_MAX="4")
    other = await site.start()
    owner, stranger = await join(one), await join(one, "stranger@example.com")
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
        # Told to stop, the server lets nobody wait for it.
        started = time.monotonic()
        one.process.terminate()
        for each in (program, person, elsewhere, fourth):
            assert "stopped" in str((await each.hears("end"))["reason"])
            await each.ends()
        await one.stop()
        assert time.monotonic() - started < SOON_S
    assert one.errors() == []


async def test_who_may_listen_no_more_hears_no_more(site: Site) -> None:
    server = await site.start()
    other = await site.start()
    account = await join(server)
    bearer = {"Authorization": f"Bearer {account.token}"}
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{other.port}", headers=bearer) as person:
        [key] = (await person.get("/auth/api-keys")).json()["data"]
        async with listening(server, account.sdk) as program, listening(server, bearer) as signed_in:
            started = time.monotonic()
            assert (await person.delete(f"/auth/api-keys/{key['id']}")).status_code == 204
            assert (await person.post("/auth/logout")).status_code == 204
            for each in (program, signed_in):
                assert "no longer, good" in str((await each.hears("end"))["reason"])
                await each.ends()
            assert time.monotonic() - started < 6.5, "five seconds, and some for a busy machine"


async def test_what_cannot_be_read_is_refused_before_a_stream_begins(site: Site) -> None:
    server = await site.start()
    account = await join(server)
    for query, headers in (
        ("?agent=a", {}),
        ("?start_date=2026-11-02", {}),
        ("?hallucinated=perhaps", {}),
        ("", {"Last-Event-ID": "nonsense"}),
    ):
        async with listening(server, account.sdk | headers, query) as refused:
            assert refused.answer.status_code == 422, query
