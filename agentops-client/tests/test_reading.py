"""Reading costs little, and what a proxy answers in the server's place is a typed error."""

import asyncio
import os
import ssl
import threading
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from agentops import AgentOps, ApiError, AsyncAgentOps, ConnectionFailed, InvalidArgument, Unavailable
from tests.clients import KEY, QUICK, client_of
from tests.receiver import Behaviour, Receiver, free_port

EMPTY: dict[str, object] = {"data": [], "has_more": False, "next_cursor": None}


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentops.query._BACKOFF_S", 0)


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The threads that read certificates, once for each time."""
    found: list[str] = []
    load = ssl.SSLContext.load_verify_locations

    def noted(context: ssl.SSLContext, *where: Any, **named: Any) -> None:
        found.append(threading.current_thread().name)
        load(context, *where, **named)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", noted)
    return found


@pytest.mark.parametrize("options", [{}, {"enabled": False}], ids=str)
def test_certificates_are_read_once_and_not_by_the_event_loop(readings: list[str], options: dict[str, Any]) -> None:
    url = f"https://127.0.0.1:{free_port()}"
    ops, aio = AgentOps(KEY, url, **options), AsyncAgentOps(KEY, url, **options)
    made = len(readings)
    assert made == (0 if options else 2)
    for _ in range(3):
        with pytest.raises(ConnectionFailed):
            ops.evaluations.delete(uuid4())
    once = len(readings)
    assert once == max(made, 1)

    async def main() -> None:
        for _ in range(3):
            with pytest.raises(ConnectionFailed):
                await aio.evaluations.delete(uuid4())

    asyncio.run(main())
    assert readings[once:] == (["agentops-waiting"] if options else [])


def test_certificates_that_cannot_be_read_are_a_warning_and_a_typed_error(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/at/all.pem")
    ops = AgentOps(KEY, f"https://127.0.0.1:{free_port()}", bounds=QUICK)
    assert [each.message[:32] for each in caplog.records] == ["The certificates cannot be read "]
    assert ops.record("q", "a", hallucinated=False)
    assert not ops.flush(0.2)
    assert (ops.delivery().queued, ops.delivery().dropped) == (1, {})
    aio = AsyncAgentOps(KEY, ops.api_url)
    for read in (ops.stats, lambda: asyncio.run(aio.evaluations.delete(uuid4()))):
        with pytest.raises(ConnectionFailed, match="could not be reached"):
            read()
    ops.close(0)


def answering(status: int, content: object) -> Behaviour:
    """Says this to whoever asks."""
    return lambda handler, items: handler.answer(status, content)


def reads(url: str) -> list[Callable[[], object]]:
    """Every way to read, of both clients."""
    ops, aio, id = AgentOps(KEY, url), AsyncAgentOps(KEY, url), uuid4()

    async def awaited(what: Callable[[], Awaitable[object]]) -> object:
        return await what()

    async def listed() -> object:
        return [each async for each in aio.evaluations.list()]

    return [
        lambda: list(ops.evaluations.list()),
        lambda: ops.evaluations.get(id),
        lambda: ops.evaluations.delete(id),
        ops.stats,
        lambda: asyncio.run(listed()),
        lambda: asyncio.run(awaited(lambda: aio.evaluations.get(id))),
        lambda: asyncio.run(awaited(lambda: aio.evaluations.delete(id))),
        lambda: asyncio.run(awaited(aio.stats)),
    ]


@pytest.mark.parametrize(
    "content",
    [
        {"errors": ["a"]},
        {"errors": "zz"},
        {"errors": 7, "detail": ["no"], "type": None},
        {"errors": [None, {"field": "f", "message": "m"}]},
        [],
        "no",
    ],
    ids=str,
)
def test_a_refusal_in_another_form_is_an_error_of_ours(receiver: Receiver, content: object) -> None:
    receiver.reading = answering(418, content)
    with client_of(receiver) as ops, pytest.raises(ApiError) as raised:
        ops.stats()
    assert raised.value.status == 418
    assert isinstance(raised.value.args[0], str)
    assert all(error.field == "f" for error in raised.value.errors)


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"ok": True},
        {"data": 5, "has_more": False},
        {"data": [5], "has_more": False},
        {"data": []},
        {"data": [], "has_more": True},
        {"data": [], "has_more": True, "next_cursor": 7},
        {"data": [], "has_more": "no"},
        [],
    ],
    ids=str,
)
def test_an_answer_that_is_not_ours_is_no_answer(receiver: Receiver, content: object) -> None:
    receiver.reading = answering(200, content)
    for read in reads(receiver.url):
        with pytest.raises(ConnectionFailed, match=r"not AgentOps API|could not be reached"):
            read()


@pytest.mark.parametrize("status", [502, 504])
def test_what_may_have_been_deleted_is_not_deleted_again(receiver: Receiver, status: int) -> None:
    told: list[int] = []
    receiver.reading = lambda handler, items: handler.answer(told.pop(0), {})
    aio, id = AsyncAgentOps(KEY, receiver.url), uuid4()
    with client_of(receiver) as ops:
        for delete in (lambda: ops.evaluations.delete(id), lambda: asyncio.run(aio.evaluations.delete(id))):
            told[:] = [status, 404]
            with pytest.raises(Unavailable):
                delete()
            assert told == [404]


def test_what_was_surely_not_deleted_is_deleted_again(receiver: Receiver) -> None:
    told = [429, 503, 204]
    receiver.reading = lambda handler, items: handler.answer(told.pop(0), b"")
    with client_of(receiver) as ops:
        ops.evaluations.delete(uuid4())
    assert told == []


def test_an_empty_page_is_one(receiver: Receiver) -> None:
    receiver.reading = answering(200, EMPTY)
    with client_of(receiver) as ops:
        assert list(ops.evaluations.list()) == []


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="this system has no time zone of a process")
def test_times_without_an_offset_are_local(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, list[str]]] = []

    def reading(handler: Any, items: object) -> None:
        asked.append(parse_qs(urlsplit(str(handler.path)).query))
        handler.answer(200, EMPTY)

    receiver.reading = reading
    monkeypatch.setenv("TZ", "Etc/GMT-9")
    time.tzset()
    try:
        nine, india = datetime(2026, 11, 2, 9), timezone(timedelta(hours=5, minutes=30))  # noqa: DTZ001 - it is meant
        times = [nine, nine.replace(tzinfo=UTC), nine.replace(tzinfo=india)]
        with client_of(receiver) as ops:
            for at in times:
                ops.record("q", "a", created_at=at)
                assert list(ops.evaluations.list(start_date=at, end_date=at)) == []
            assert ops.flush()
            with pytest.raises(InvalidArgument, match="range"):
                list(ops.evaluations.list(start_date=datetime.min))  # noqa: DTZ901 - it is meant
            with pytest.raises(ValueError, match="range"):
                ops.record("q", "a", created_at=datetime.min)  # noqa: DTZ901 - it is meant
    finally:
        monkeypatch.undo()
        assert "TZ" not in os.environ or os.environ["TZ"] != "Etc/GMT-9"
        time.tzset()
    meant = ["2026-11-02T09:00:00+09:00", "2026-11-02T09:00:00+00:00", "2026-11-02T09:00:00+05:30"]
    assert [each["created_at"] for each in receiver.stored.values()] == meant
    assert [(each["start_date"], each["end_date"]) for each in asked] == [([at], [at]) for at in meant]
