"""What holds for every request, whatever route it is for."""

import asyncio
import gzip
import json
import logging
import socket
from collections.abc import AsyncGenerator

import pytest
import uvicorn
from agentops_api.edge import limits
from agentops_api.edge.middleware import Edge
from agentops_api.metrics import Requests
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient
from starlette.types import Message, Receive, Scope, Send

pytestmark = pytest.mark.anyio

ORIGIN = "https://dashboard.example"


async def call(
    app: FastAPI, headers: list[tuple[bytes, bytes]], path: str = "/things", query: bytes = b"", version: str = "1.1"
) -> int:
    """The status of a request that no well-behaved client would make."""
    statuses: list[int] = []

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": version,
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "root_path": "",
        "headers": headers,
        "client": ("203.0.113.1", 1),
        "server": ("test", 80),
    }
    await app(scope, receive, send)
    (status,) = statuses
    return status


HOST = (b"host", b"test")


async def test_requests_beyond_the_limits_are_not_looked_at(small_app: FastAPI) -> None:
    assert await call(small_app, [HOST]) == 200
    assert await call(small_app, [HOST, *[(b"x-a", b"")] * 99]) == 200
    assert await call(small_app, [HOST, *[(b"x-a", b"")] * 100]) == 431
    assert await call(small_app, [HOST, (b"x-a", b"a" * 100_000)]) == 431
    assert await call(small_app, [HOST], path="/" + "a" * 100_000) == 414
    assert await call(small_app, [HOST], query=b"a" * 100_000) == 414
    assert await call(small_app, []) == 400
    assert await call(small_app, [], version="1.0") == 200
    assert await call(small_app, [HOST, HOST]) == 400
    assert await call(small_app, [HOST], path="/things\0") == 400
    assert await call(small_app, [HOST], query=b"limit=%001") == 400


async def test_a_request_id_is_kept_or_made(client: AsyncClient) -> None:
    sent = await client.get("/things", headers={"X-Request-ID": "abc-1_2.3"})
    assert sent.headers["x-request-id"] == "abc-1_2.3"
    for bad in ("", "a b", "a" * 65, "<script>", "a\\n"):
        made = (await client.get("/things", headers={"X-Request-ID": bad})).headers["x-request-id"]
        assert made != bad
        assert len(made) == 32


async def test_a_trailing_slash_makes_no_difference(client: AsyncClient) -> None:
    for path in ("/things", "/things/"):
        assert (await client.get(path)).json() == {"limit": 1}
    assert (await client.get("/things//")).status_code == 404


async def test_every_answer_carries_the_security_headers(client: AsyncClient) -> None:
    for path in ("/things", "/nothing", "/raise/bug", "/raise/forbidden"):
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["cache-control"] == "no-store"
        assert "strict-transport-security" not in headers, "over plain HTTP it would say nothing"


async def test_whoever_comes_by_tls_is_told_to_stay_with_it(small_app: FastAPI, client: AsyncClient) -> None:
    for path in ("/things", "/nothing", "/raise/bug", "/raise/forbidden"):
        forwarded = await client.get(path, headers={"X-Forwarded-Proto": "https"})
        assert forwarded.headers.get_list("strict-transport-security") == ["max-age=31536000"]
        plain = await client.get(path, headers={"X-Forwarded-Proto": "http"})
        assert "strict-transport-security" not in plain.headers
    async with AsyncClient(transport=ASGITransport(app=small_app), base_url="https://test") as ours:
        assert (await ours.get("/things")).headers["strict-transport-security"] == "max-age=31536000"


async def test_only_listed_origins_may_call(client: AsyncClient) -> None:
    listed = await client.get("/things", headers={"Origin": ORIGIN})
    assert listed.headers["access-control-allow-origin"] == ORIGIN
    assert listed.headers["access-control-allow-credentials"] == "true"
    assert "RateLimit" in listed.headers["access-control-expose-headers"]
    for other in ("https://evil.example", "null", f"{ORIGIN}.evil.example", "http://dashboard.example"):
        answer = await client.get("/things", headers={"Origin": other})
        assert "access-control-allow-origin" not in answer.headers
    asked = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "X-API-Key"}
    assert (await client.options("/evaluations", headers=asked)).status_code == 200
    asked["Origin"] = "https://evil.example"
    assert (await client.options("/evaluations", headers=asked)).status_code == 400


async def test_bodies_are_bounded_before_any_handler(client: AsyncClient) -> None:
    account = json.dumps({"email": "a", "password": 1}).encode()
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert (await client.post("/accounts", content=gzip.compress(account), headers=headers)).status_code == 201
    assert (await client.post("/accounts", content=account, headers=headers)).status_code == 400
    bomb = gzip.compress(b"0" * 50_000_000)
    assert (await client.post("/accounts", content=bomb, headers=headers)).status_code == 413

    async def chunks() -> AsyncGenerator[bytes]:
        for _ in range(100):
            yield b" " * 65_536

    assert (await client.post("/accounts", content=chunks())).status_code == 413


async def test_ingest_handlers_read_for_themselves(client: AsyncClient) -> None:
    assert (await client.post("/evaluations/", content=b"x" * 1_000)).json() == {"bytes": 1_000}
    assert (await client.post("/evaluations", content=b"x" * 1_001)).status_code == 413


async def test_the_allowance_of_a_request_is_in_its_answer_and_in_no_other() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/limited":
            limits.allowance.set(limits.Allowance("ordinary", 60, 60, 59, 42))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    edge = Edge(app, origins=(), body_bytes_max=1_000, direct={}, requests=Requests())
    found: list[dict[bytes, bytes]] = []

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            found.append(dict(message["headers"]))

    async def receive() -> Message:
        return {"type": "http.request"}

    for path in ("/limited", "/other"):
        scope: Scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "GET",
            "path": path,
            "query_string": b"",
            "headers": [HOST],
        }
        await edge(scope, receive, send)
    assert found[0][b"ratelimit"] == b'"ordinary";r=59;t=42'
    assert found[0][b"ratelimit-policy"] == b'"ordinary";q=60;w=60'
    assert b"ratelimit" not in found[1]


async def test_who_is_cut_off_by_the_servers_stop_is_told_to_ask_again() -> None:
    reached = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        reached.set()
        await asyncio.Event().wait()

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request"}

    edge = Edge(app, origins=(), body_bytes_max=1_000, direct={}, requests=Requests())
    scope: Scope = {"type": "http", "http_version": "1.1", "method": "GET", "path": "/", "query_string": b""}
    # As uvicorn does at the end of its patience.
    asking = asyncio.ensure_future(edge({**scope, "headers": [HOST]}, receive, send))
    await reached.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert sent[0]["status"] == 503
    assert dict(sent[0]["headers"])[b"retry-after"] == b"5"


async def test_ingest_is_logged_at_debug_and_the_rest_at_info(
    client: AsyncClient, logged: pytest.LogCaptureFixture
) -> None:
    await client.get("/things/?limit=2")
    await client.post("/evaluations", content=b"x")
    lines = [record for record in logged.records if record.name == "agentops_api.access"]
    assert [(line.levelname, line.message) for line in lines] == [
        ("INFO", "GET /things 200"),
        ("DEBUG", "POST /evaluations 200"),
    ]
    assert lines[0].__dict__["duration_ms"] >= 0
    logged.clear()
    with logged.at_level(logging.INFO):
        await client.post("/evaluations", content=b"x")
    assert not [record for record in logged.records if record.name == "agentops_api.access"]


@pytest.fixture
async def port(small_app: FastAPI) -> AsyncGenerator[int]:
    """The port of a real server with the small application."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(small_app, log_config=None, access_log=False, http="httptools", lifespan="off")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([listening]))
        while not server.started:  # noqa: ASYNC110 - uvicorn tells it in no other way
            await asyncio.sleep(0.01)
        yield int(listening.getsockname()[1])
        server.should_exit = True
        await serving


async def test_callers_who_leave_make_no_error(port: int, logged: pytest.LogCaptureFixture) -> None:
    half = b"POST %s HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n[1"
    for path in (b"/accounts", b"/evaluations") * 20:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(half % path)
        await writer.drain()
        await asyncio.sleep(0.005)
        writer.close()
        await writer.wait_closed()
    for _ in range(20):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /docs/assets/swagger-ui-bundle.js HTTP/1.1\r\nHost: test\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.005)
        writer.transport.abort()
    async with AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        assert (await client.get("/things")).status_code == 200
    left = [record for record in logged.records if "499" in record.message]
    assert len(left) == 40
    assert not [record.message for record in logged.records if record.levelno >= logging.WARNING]


async def test_an_answer_that_fails_half_way_is_cut_off(port: int, logged: pytest.LogCaptureFixture) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /half HTTP/1.1\r\nHost: test\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 30)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"begun")
    assert "in the middle" in logged.text
