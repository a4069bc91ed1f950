"""Hostile and clumsy clients on a real socket: they get a clear answer, and cost the server little."""

import asyncio
import gzip
import time
import zlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from tests.chaos.load import Load
from tests.chaos.processes import Account, Server, Site, join, until
from tests.chaos.wire import Answer, Connection

pytestmark = pytest.mark.anyio

MIB = 2**20
BODY_BYTES_MAX = MIB
SLACK_BYTES = 64 * 2**10
KERNEL_BYTES_MAX = 16 * MIB
"""What the sockets of both sides may hold besides, on the loopback."""
QUICK_S_MAX = 0.1
BUSY = 5.0
"""These tests run beside others: only the order of magnitude of what is quick is checked."""
POOL_SIZE = 8 + 2 + 4 + 6
"""Eight for everything, and those that ingest, exports and jobs have of their own."""
RSS_BYTES_MAX = 20 * MIB


async def test_heads_beyond_all_measure_are_refused(site: Site) -> None:
    server = await site.start()
    many = "".join(f"X-{n}: v\r\n" for n in range(100))
    heads = {
        f"GET /health HTTP/1.1\r\nHost: a\r\nX-Long: {'x' * 100_000}\r\n\r\n": 431,
        f"GET /health HTTP/1.1\r\nHost: a\r\n{many}\r\n": 431,
        f"GET /{'x' * 10_000} HTTP/1.1\r\nHost: a\r\n\r\n": 414,
        f"GET /health?{'x' * 10_000} HTTP/1.1\r\nHost: a\r\n\r\n": 414,
        f"GET /{'x' * 100_000} HTTP/1.1\r\nHost: a\r\n\r\n": 400,
        "GET /health HTTP/1.1\r\n\r\n": 400,
        "GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n": 400,
        "GET /health HTTP/1.1\r\nHost: a\r\n\r\n": 200,
    }
    for head, status in heads.items():
        async with Connection(server.port) as client:
            answer = await client.raw(head.encode())
            assert answer.status == status, head[:60]
    assert server.errors() == []


@pytest.mark.parametrize("start", [b"X-Endless: ", b"X-Many: v\r\n", b""], ids=["value", "headers", "address"])
async def test_a_head_that_never_ends_is_cut_off_before_it_fills_the_memory(site: Site, start: bytes) -> None:
    server = await site.start()
    before = server.rss_bytes()
    head = b"GET /" if not start else b"GET / HTTP/1.1\r\nHost: a\r\n" + start
    sent = await swallowed(server, head, (start if start.endswith(b"\n") else b"x") * 5_000)
    grown = server.rss_bytes() - before
    print(f"{sent} bytes taken, RSS +{grown / MIB:.1f} MiB")
    assert sent <= KERNEL_BYTES_MAX
    assert grown <= RSS_BYTES_MAX


async def test_a_body_that_is_announced_too_large_is_refused_unread(site: Site) -> None:
    server = await site.start(BODY_BYTES_MAX=str(BODY_BYTES_MAX))
    account = await join(server)
    for path in ("/evaluations/", "/evaluations/batch", "/metrics", "/auth/login"):
        async with Connection(server.port, account.sdk) as client:
            length = {"Content-Length": str(10**12)}
            answer = await client.raw(client.head("POST", path, headers=length))
            assert answer.status == 413


@pytest.mark.parametrize("path", ["/evaluations/", "/auth/login"])
async def test_a_stream_is_refused_when_it_grows_too_large_and_read_no_further(site: Site, path: str) -> None:
    server = await site.start(BODY_BYTES_MAX=str(BODY_BYTES_MAX))
    account = await join(server)
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    async with Connection(server.port, account.sdk) as client:
        await client.send(client.head("POST", path, headers={"Transfer-Encoding": "chunked"}))
        for _ in range(BODY_BYTES_MAX // 0x10000):
            await client.send(chunk)
        # One byte more than the limit, and never an end: the answer comes all the same.
        await client.send(b"1\r\n \r\n")
        assert (await asyncio.wait_for(client.answer(), 10)).status == 413
        endless = client.head("POST", path, headers={"Transfer-Encoding": "chunked"})
    assert await swallowed(server, endless, chunk) <= BODY_BYTES_MAX + SLACK_BYTES + KERNEL_BYTES_MAX


async def swallowed(server: Server, head: bytes, more: bytes) -> int:
    """How many bytes of an endless request are taken before the server hangs up; 200 MB when it does not."""
    sent = 0
    async with Connection(server.port) as client:
        await client.send(head)
        with suppress(OSError):
            while sent < 200 * MIB:
                await asyncio.wait_for(client.send(more), 10)
                sent += len(more)
        await client.break_off()
    return sent


async def test_compressed_bombs_are_refused_quickly_and_in_little_memory(site: Site) -> None:
    server = await site.start()
    account = await join(server)
    bomb = b'{"prompt": "' + b"x" * (200 * MIB) + b'", "response": "r"}'
    good = b'{"prompt": "p", "response": "r"}'
    bodies = {
        "gzip": [(gzip.compress(bomb, 9), 413), (gzip.compress(good)[:-9], 400), (gzip.compress(good), 201)],
        "deflate": [(zlib.compress(bomb, 9), 413), (zlib.compress(good)[:-5], 400)],
        "gzip, gzip": [(gzip.compress(gzip.compress(good)), 415)],
        "zstd": [(b"\x28\xb5\x2f\xfd" + bytes(100), 415)],
        "br": [(b"\x8b\x02\x80", 415)],
    }
    del bomb
    async with Connection(server.port, account.sdk) as client:
        # The first of its kind pays for what is made once.
        assert (await client.ask("POST", "/evaluations/", good)).status == 201
        before = server.rss_bytes()
        for encoding, cases in bodies.items():
            for body, status in cases:
                started = time.monotonic()
                answer = await client.ask("POST", "/evaluations/", body, {"Content-Encoding": encoding})
                took_s, grown = time.monotonic() - started, server.rss_bytes() - before
                assert answer.status == status, (encoding, answer.body)
                print(f"{encoding}: {len(body)} bytes, {status} in {took_s:.3f} s, RSS +{grown / MIB:.1f} MiB")
                assert took_s <= QUICK_S_MAX * BUSY
                assert grown <= RSS_BYTES_MAX
    assert server.errors() == []


@pytest.mark.parametrize("count", [60, pytest.param(1_000, marks=pytest.mark.chaos)])
async def test_clients_that_leave_in_the_middle_leave_nothing_behind(site: Site, tmp_path: Path, count: int) -> None:
    server = await site.start()
    account = await join(server)
    async with Load(server.port, account.key, tmp_path / "acked", batch=100, chars=10_000) as load:
        await load.more(3)
    half = b'{"prompt": "' + b"x" * 100_000

    async def in_the_body(client: Connection) -> None:
        await client.send(client.head("POST", "/evaluations/", headers={"Content-Length": "200000"}) + half)

    async def in_a_small_body(client: Connection) -> None:
        await client.send(client.head("POST", "/auth/login", headers={"Content-Length": "200"}) + half[:20])

    async def before_the_answer(client: Connection) -> None:
        await client.send(client.head("GET", "/evaluations/?limit=300"))

    async def in_the_answer(client: Connection) -> None:
        # Some 3 MB, of which the sockets hold only a part.
        await client.send(client.head("GET", "/evaluations/?limit=300"))
        await client.read(1)

    async def before_the_commit(client: Connection) -> None:
        body = b'{"prompt": "p", "response": "r"}'
        await client.send(client.head("POST", "/evaluations/", body) + body)

    async def leave(how: Callable[[Connection], Awaitable[None]]) -> None:
        async with Connection(server.port, account.sdk) as client:
            await how(client)
            await client.break_off()

    for _ in range(count // 10):
        for how in (in_the_body, in_a_small_body, before_the_answer, in_the_answer, before_the_commit):
            await asyncio.gather(*(leave(how) for _ in range(2)))
    await nothing_leaked(site, server, account)
    assert server.errors() == []


async def nothing_leaked(site: Site, server: Server, account: Account) -> None:
    """Every connection of the pool is free again: no transaction is open, and more readers than it has are served."""

    async def read() -> Answer:
        async with Connection(server.port, account.sdk) as client:
            return await client.get("/evaluations/?limit=1")

    with psycopg.connect(site.superuser_url, autocommit=True) as admin:

        def is_quiet() -> bool:
            row = admin.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'agentops' AND state <> 'idle'"
            ).fetchone()
            return row == (0,)

        def is_within_the_pool() -> bool:
            row = admin.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'agentops'").fetchone()
            return row is not None and row[0] <= POOL_SIZE

        await until(is_quiet, 10)
        answers = await asyncio.gather(*(read() for _ in range(24)))
        assert {answer.status for answer in answers} == {200}
        await until(is_within_the_pool, 10)
