"""What a live tail owes its listener: everything that becomes visible, once, whatever time it bears and whoever wrote
it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from datetime import datetime, timedelta
from uuid import UUID

import orjson
import pytest
from agentops_api import clock, ids
from agentops_api.edge.runtime import Runtime
from agentops_api.errors import TooManyRequests, Unavailable
from agentops_api.evaluations.models import Evaluation, Filters, Position
from agentops_api.evaluations.paging import cursor_of
from agentops_api.evaluations.tail import AHEAD, BACK, PAGE_ROWS, PER_PROJECT_MAX, Stream, Streams, Tail
from agentops_api.telemetry.store import Record
from starlette.types import Message
from tests.cast import Somebody

pytestmark = pytest.mark.anyio
SECOND = timedelta(seconds=1)
Write = Callable[..., Awaitable[list[UUID]]]


def record(project_id: UUID, at: datetime, **fields: object) -> Record:
    id = ids.new(at)
    row = {
        "project_id": project_id,
        "id": id,
        "created_at": at,
        "client_made_id": False,
        "prompt": "p",
        "response": "r",
    }
    return Record(project_id, id, at, False, orjson.dumps(row | fields))


@pytest.fixture
def write(server: Runtime, owner: Somebody) -> Write:
    """Stores evaluations of the owner's project, so many seconds ago each; their ids in this order."""

    async def stored(*ago_s: float, **fields: object) -> list[UUID]:
        # Whole milliseconds, as the server stores them.
        now = clock.now().replace(microsecond=0)
        records = [record(owner.project_id, now - each * SECOND, **fields) for each in ago_s]
        await server.store.insert(records)
        return [each.id for each in records]

    return stored


@pytest.fixture
async def tail(server: Runtime, owner: Somebody) -> Tail:
    return Tail(server.store, owner.project_id, Filters())


def told(page: list[Evaluation]) -> list[UUID]:
    return [each.id for each in page]


async def test_it_tells_what_comes_and_nothing_that_was_there(tail: Tail, write: Write) -> None:
    await write(20, 0)
    await tail.begin(None)
    assert await tail.news() == []
    new = await write(3, 2, 1)
    assert told(await tail.news()) == new, "oldest first"
    assert await tail.news() == [], "once"


async def test_what_commits_late_is_told_although_later_ones_were(tail: Tail, write: Write) -> None:
    await tail.begin(None)
    later = await write(0)
    assert told(await tail.news()) == later
    earlier = await write((BACK - 20 * SECOND).total_seconds())
    assert told(await tail.news()) == earlier


async def test_what_is_dated_far_back_is_no_news_and_what_is_dated_ahead_waits_for_its_time(
    tail: Tail, write: Write
) -> None:
    await tail.begin(None)
    await write((BACK + 5 * SECOND).total_seconds(), -(AHEAD + 60 * SECOND).total_seconds())
    soon = await write(-2)
    assert told(await tail.news()) == soon


async def test_of_more_than_anybody_reads_the_newest_are_told_each_once(tail: Tail, write: Write) -> None:
    await tail.begin(None)
    many = await write(*(20 - n / 20 for n in range(250)))
    assert told(await tail.news()) == many[-PAGE_ROWS:]
    assert await tail.news() == [], "it does not go back for the others"
    new = await write(0)
    assert told(await tail.news()) == new


async def test_a_listener_that_comes_back_hears_what_it_missed(tail: Tail, write: Write, server: Runtime) -> None:
    first, second, third = await write(100, 90, 1)
    stored = await server.store.get(tail.project_id, first)
    assert stored is not None
    await tail.begin(Position(stored.created_at, stored.id))
    assert told(await tail.news()) == [second, third]
    assert await tail.news() == []


async def test_it_tells_only_what_is_asked_for_and_only_of_its_project(
    server: Runtime, owner: Somebody, stranger: Somebody, write: Write
) -> None:
    mine = Tail(server.store, owner.project_id, Filters(hallucinated=True, agent_name="a"))
    theirs = Tail(server.store, stranger.project_id, Filters())
    for each in (mine, theirs):
        await each.begin(None)
    await write(0, hallucinated=False, agent_name="a")
    await write(0, hallucinated=True, agent_name="b")
    wanted = await write(0, hallucinated=True, agent_name="a")
    assert told(await mine.news()) == wanted
    assert await theirs.news() == []


async def test_what_is_long_is_cut(tail: Tail, write: Write) -> None:
    await tail.begin(None)
    await write(0, prompt="p" * 10_000, response="ä" * 10_000, retrieved_docs=["d" * 9_000] * 50)
    [cut] = await tail.news()
    assert (len(cut.prompt), len(cut.response)) == (2_000, 2_000)
    assert cut.retrieved_docs == ["d" * 2_000] * 10


class Client:
    """The other end of a stream: gathers what is sent, or takes nothing any more."""

    def __init__(self) -> None:
        self.text = ""
        self.takes = asyncio.Event()
        self.takes.set()
        self.leaves = asyncio.Event()
        self._heard = asyncio.Event()

    async def send(self, message: Message) -> None:
        await self.takes.wait()
        self.text += message.get("body", b"").decode()
        self._heard.set()

    async def receive(self) -> Message:
        await self.leaves.wait()
        return {"type": "http.disconnect"}

    async def hears(self, text: str) -> None:
        async with asyncio.timeout(30):
            while text not in self.text:
                self._heard.clear()
                await self._heard.wait()


def stream(server: Runtime, tail: Tail, **limits: float) -> Stream:
    given = {"at_once_max": 5, "seconds_max": 60} | limits
    streams = Streams(server.store, server.writer, **given)  # pyright: ignore[reportArgumentType] - numbers both

    async def check() -> str | None:
        return "The server is being stopped." if server.draining else None

    return Stream(streams, tail, None, check=check)


async def test_a_commit_in_this_process_is_told_before_the_next_look(
    server: Runtime, tail: Tail, owner: Somebody
) -> None:
    client = Client()
    running = asyncio.create_task(stream(server, tail)({}, client.receive, client.send))
    await client.hears("retry: 2000\n\n")
    made = (await owner.sdk.post("/evaluations", json={"prompt": "two\nlines", "response": "r"})).json()
    await client.hears("event: evaluation")
    server.draining = True
    async with asyncio.timeout(30):
        await running
    _, event, end, rest = client.text.split("\n\n")
    kind, id, data = event.split("\n")
    at = datetime.fromisoformat(made["created_at"])
    assert (kind, id) == ("event: evaluation", f"id: {cursor_of(Position(at, UUID(made['id'])))}")
    whole = (await owner.sdk.get(f"/evaluations/{made['id']}")).json()
    assert orjson.loads(data.removeprefix("data: ")) == whole
    assert (end, rest) == ('event: end\ndata: {"reason":"The server is being stopped."}', "")


async def test_a_client_that_takes_nothing_or_leaves_is_given_up(server: Runtime, tail: Tail, owner: Somebody) -> None:
    slow, gone = Client(), Client()
    running = [
        asyncio.create_task(stream(server, tail, stall_s_max=0.05)({}, client.receive, client.send))
        for client in (slow, gone)
    ]
    for client in (slow, gone):
        await client.hears("retry")
    slow.takes.clear()
    gone.leaves.set()
    assert (await owner.sdk.post("/evaluations", json={"prompt": "p", "response": "r"})).status_code == 201
    async with asyncio.timeout(30):
        await asyncio.gather(*running)
    assert slow.text == "retry: 2000\n\n"


async def test_streams_are_counted_by_project_and_in_all(server: Runtime, owner: Somebody, stranger: Somebody) -> None:
    streams = Streams(server.store, server.writer, at_once_max=PER_PROJECT_MAX + 1, seconds_max=1)
    with ExitStack() as opened:
        for _ in range(PER_PROJECT_MAX):
            opened.enter_context(streams.place(owner.project_id))
        with pytest.raises(TooManyRequests), streams.place(owner.project_id):
            pass
        with streams.place(stranger.project_id), pytest.raises(Unavailable), streams.place(stranger.project_id):
            pass
    with streams.place(owner.project_id):
        pass
