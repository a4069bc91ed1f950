"""What the server says when it fails, and what its log lets others write into it."""

import io
import json
import logging
from collections.abc import Generator
from typing import Literal

import pytest
from agentops_api import log
from agentops_api.settings import Settings
from fastapi import FastAPI
from httpx2 import AsyncClient
from tests.cast import Somebody

pytestmark = pytest.mark.anyio

FORMATS = "{0.__class__} {self.__init__.__globals__} %s %n ${jndi:ldap://127.0.0.1/a}"


def configure(log_format: Literal["console", "json"], stream: io.StringIO) -> None:
    """Sends all to the stream, but what the client of these tests says of itself."""
    log.configure("DEBUG", log_format, stream=stream)
    logging.getLogger("httpx2").setLevel("WARNING")


@pytest.fixture
def lines(app: FastAPI, settings: Settings) -> Generator[io.StringIO]:
    """What the running server logs at DEBUG."""
    stream = io.StringIO()
    configure("json", stream)
    yield stream
    log.configure(settings.log_level, settings.log_format)


def events(lines: io.StringIO) -> list[dict[str, str]]:
    """One for each line; a line that is no event is an error."""
    return [json.loads(line) for line in lines.getvalue().removesuffix("\n").split("\n")]


async def test_a_bug_tells_the_caller_its_number_and_the_log_its_stack(
    app: FastAPI, anonymous: AsyncClient, lines: io.StringIO
) -> None:
    @app.get("/a-bug")
    async def a_bug() -> None:  # pyright: ignore[reportUnusedFunction] - the route uses it
        detail_of_the_inside = "SELECT secret FROM somewhere"
        raise RuntimeError(detail_of_the_inside)

    answer = await anonymous.get("/a-bug", headers={"X-Request-ID": "number-7"})
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    problem = answer.json()
    assert problem.keys() == {"type", "title", "status", "detail", "request_id"}
    assert problem["request_id"] == "number-7" == answer.headers["x-request-id"]
    for inside in ("RuntimeError", "SELECT", "Traceback", "test_failures", ".py"):
        assert inside not in answer.text
    (told,) = [event for event in events(lines) if "exception" in event]
    assert told["request_id"] == "number-7"
    assert "a_bug" in told["exception"]
    assert "SELECT secret FROM somewhere" in told["exception"]


async def test_nobody_writes_a_line_of_their_own_into_the_log(owner: Somebody, lines: io.StringIO) -> None:
    hostile = (
        "%0a%7B%22level%22:%22INFO%22%7D",
        "%0d%0a",
        "%1b[31m",
        "%e2%80%a8",
        "{0.__class__}",
        "%25s",
        "%7B",
        "%ff",
    )
    for text in hostile:
        await owner.person.get(f"/nothing/{text}")
        await owner.person.get(f"/nothing?{text}")
    for header in ("User-Agent", "X-Request-ID", "X-Project-Id", "Referer", "X-API-Key"):
        await owner.person.get("/evaluations", headers={header: FORMATS})
    body = {"prompt": f"{FORMATS}\n\x1b[31m", "response": "x" * 900_000, "agent_name": "a\r\nb"}
    assert (await owner.sdk.post("/evaluations", json=body)).status_code == 201
    found = events(lines)
    assert len(found) == 2 * len(hostile) + 5 + 1, "one for each request"
    assert {event["logger"] for event in found} == {"agentops_api.access"}
    assert all(len(line) < 10_000 for line in lines.getvalue().splitlines())
    assert "\x1b" not in lines.getvalue()
    assert "{0.__class__}" in lines.getvalue(), "as it was sent, formatted by nobody"


async def test_a_console_line_stays_one_line_too(owner: Somebody, settings: Settings) -> None:
    stream = io.StringIO()
    configure("console", stream)
    await owner.person.get("/nothing/%0a2026-11-23 ERROR forged%1b[2J")
    log.configure(settings.log_level, settings.log_format)
    (line,) = stream.getvalue().splitlines()
    assert "\x1b" not in line
    assert r"\n2026-11-23 ERROR forged" in line
