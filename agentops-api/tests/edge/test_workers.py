"""With several workers behind one port a scrape of any of them tells the numbers of all."""

import os
import signal
from pathlib import Path

import pytest
from agentops_api.edge.workers import merged
from agentops_api.metrics import INGESTED, QUEUE_ROWS
from tests.chaos.processes import children_of, join, new_site, until_async
from tests.chaos.wire import BrokenOff, Connection
from tests.scraping import Scrape

pytestmark = pytest.mark.anyio

PROGRAM = Path(__file__).with_name("two_workers.py")
COUNTER = "agentops_ingest_evaluations_total"


async def scraped(port: int) -> Scrape:
    """A scrape over a new connection, which either worker may answer."""
    async with Connection(port) as connection:
        answer = await connection.get("/metrics")
    assert answer.status == 200
    return Scrape(answer.body.decode())


def places(found: Scrape) -> set[str]:
    return {labels["worker"] for labels in found.labels(COUNTER)}


async def test_a_scrape_of_one_worker_counts_what_all_of_them_did() -> None:
    with new_site() as site:
        server = await site.start(program=PROGRAM)
        account = await join(server)

        async def both_are_there() -> bool:
            return places(await scraped(server.port)) == {"0", "1"}

        await until_async(both_are_there, 30)
        for n in range(40):
            async with Connection(server.port) as connection:
                body = {"prompt": "Why?", "response": str(n)}
                assert (await connection.post("/evaluations/", body, account.sdk)).status == 201
        for _ in range(10):
            found = await scraped(server.port)
            assert found.value(COUNTER, outcome="created") == 40
            assert found.value("agentops_http_requests_total", route="/evaluations", status="201") == 40
            assert found.labels("agentops_database_up") == [{}]
            assert found.labels("agentops_disk_free_bytes") == [{}], "they share one disk"
            assert places(found) == {"0", "1"}

        workers = [pid for pid in children_of(server.process.pid) if b"spawn_main" in cmdline(pid)]
        assert len(workers) == 2
        os.kill(workers[0], signal.SIGKILL)

        async def another_took_its_place() -> bool:
            now = [pid for pid in children_of(server.process.pid) if b"spawn_main" in cmdline(pid)]
            try:
                return len(now) == 2 and workers[0] not in now and await both_are_there()
            except BrokenOff:
                return False

        await until_async(another_took_its_place, 30)
        await server.stop()


def cmdline(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_workers_are_told_apart_within_one_family() -> None:
    one = [QUEUE_ROWS.value(3), INGESTED.of([(("created",), 5)])]
    two = [QUEUE_ROWS.value(4)]
    queue, ingested = merged({"1": two, "0": one})
    assert [(each.labels, each.value) for each in queue.samples] == [({"worker": "0"}, 3), ({"worker": "1"}, 4)]
    assert [each.labels for each in ingested.samples] == [{"outcome": "created", "worker": "0"}]
