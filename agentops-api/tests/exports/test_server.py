"""Exports from a real server: what is cut is noticed, and who leaves or stands still takes nothing along."""

import asyncio
import http.client
import socket
from collections.abc import AsyncGenerator
from pathlib import Path

import psycopg
import pytest
from agentops_api.exports.read import Broken, read
from tests.chaos.processes import Account, Server, Site, join, new_site, status_of, until
from tests.command import agentops

pytestmark = pytest.mark.anyio

PATH = "/api/v1/exports/evaluations"
ROWS = 40_000
_FILL = """
INSERT INTO evaluations (project_id, created_at, id, prompt, response)
SELECT %s, now() - number * interval '1 second', gen_random_uuid(), repeat('p', 500), md5(number::text)
FROM generate_series(1, %s) AS number
"""
_TRANSACTIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'agentops' AND xact_start IS NOT NULL"


class Export:
    """A download that reads when it is told to."""

    def __init__(self, server: Server, account: Account) -> None:
        self._socket = socket.create_connection(("127.0.0.1", server.port), timeout=60)
        request = f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {account.key}\r\n\r\n"
        self._socket.sendall(request.encode())
        self.response = http.client.HTTPResponse(self._socket)
        self.response.begin()
        assert self.response.status == 200

    def close(self) -> None:
        self.response.close()
        self._socket.close()


@pytest.fixture
async def site() -> AsyncGenerator[Site]:
    with new_site() as place:
        yield place


async def filled(site: Site) -> tuple[Server, Account]:
    server = await site.start(EXPORTS_MAX="2")
    account = await join(server)
    with psycopg.connect(site.superuser_url) as admin:
        admin.execute(_FILL, (account.project_id, ROWS))
    return server, account


def transactions(site: Site) -> int:
    with psycopg.connect(site.superuser_url) as admin:
        found = admin.execute(_TRANSACTIONS).fetchone()
    assert found
    return int(found[0])


async def test_who_leaves_ends_the_transaction_and_who_stands_still_keeps_nobody_waiting(site: Site) -> None:
    server, account = await filled(site)
    before = server.rss_bytes()
    exports = [await asyncio.to_thread(Export, server, account) for _ in range(2)]
    for export in exports:
        assert export.response.read(1_000)
    # Both stand still now, with more to come than any buffer between takes.
    await until(lambda: transactions(site) == 2, 30)
    assert server.rss_bytes() - before < 64 * 2**20
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    for _ in range(20):
        connection.request("GET", "/evaluations?limit=50", headers=account.sdk)
        answer = connection.getresponse()
        assert (answer.status, len(answer.read()) > 1_000) == (200, True)
    connection.request("GET", PATH, headers=account.sdk)
    answer = connection.getresponse()
    assert (answer.status, bool(answer.getheader("Retry-After"))) == (429, True)
    assert answer.read()
    connection.close()
    for export in exports:
        export.close()
    await until(lambda: transactions(site) == 0, 30)
    again = await asyncio.to_thread(Export, server, account)
    assert (await asyncio.to_thread(again.response.read)).splitlines()[-1].startswith(b'{"end":{"rows":40000,')
    again.close()
    assert server.errors() == []
    assert await status_of(server, "/health/ready") == 200


async def test_a_download_that_the_server_cuts_is_noticed(site: Site, tmp_path: Path) -> None:
    server, account = await filled(site)
    export = await asyncio.to_thread(Export, server, account)
    got = export.response.read(100_000)
    server.kill()
    with pytest.raises((http.client.IncompleteRead, ConnectionError)) as cut:
        export.response.read()
    export.close()
    rest = cut.value.partial if isinstance(cut.value, http.client.IncompleteRead) else b""
    (tmp_path / "cut.jsonl").write_bytes(got + rest)
    with pytest.raises(Broken, match="cut"):
        list(read(tmp_path / "cut.jsonl"))


async def test_a_database_that_goes_away_cuts_the_download(site: Site) -> None:
    server, account = await filled(site)
    export = await asyncio.to_thread(Export, server, account)
    assert export.response.read(1_000)
    await until(lambda: transactions(site) == 1, 30)
    with psycopg.connect(site.superuser_url) as admin:
        admin.execute(_TRANSACTIONS.replace("count(*)", "pg_terminate_backend(pid)"))
    with pytest.raises(http.client.IncompleteRead):
        await asyncio.to_thread(export.response.read)
    export.close()
    await until(lambda: "An export was cut" in server.log.read_text(), 30)
    again = await asyncio.to_thread(Export, server, account)
    assert (await asyncio.to_thread(again.response.read)).splitlines()[-1].startswith(b'{"end":')
    again.close()


async def test_a_server_that_is_told_to_stop_does_not_wait_for_one_that_stands_still(site: Site) -> None:
    server, account = await filled(site)
    export = await asyncio.to_thread(Export, server, account)
    assert export.response.read(1_000)
    await until(lambda: transactions(site) == 1, 30)
    assert await server.stop() < 15
    export.close()


async def test_the_command_notices_that_a_download_was_cut(site: Site, tmp_path: Path) -> None:
    """The server behind this address stops in the middle of an answer, as a broken network does."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer_half() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{"id\r\n')

        answering = asyncio.create_task(asyncio.to_thread(answer_half))
        done = await asyncio.to_thread(
            lambda: agentops(
                *("export", "--output", "x.jsonl", "--key", "agops_x"),
                *("--url", f"http://127.0.0.1:{listener.getsockname()[1]}"),
                directory=tmp_path,
            )
        )
        await answering
    assert done.returncode == 1
    assert "The connection to http://127.0.0.1" in done.stderr
    assert not (tmp_path / "x.jsonl").exists()
