"""One event is one line, whatever stands in it, and no secret ever does."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
from agentops_api import log
from agentops_api.log import mask

KEY = "agops_0123456789abcdefghijABCDEFGHIJ012345"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ"


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What is logged as JSON; the loggers are as before afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    log.configure("INFO", "json", stream)
    yield stream
    root.handlers, root.level = handlers, level


def events(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().split("\n")[:-1]]


@pytest.mark.parametrize(
    "text",
    [
        "a\nb\r\nc",
        "\x1b[31mred\x1b[0m",
        "{0.__class__} {message} {",
        "%s %d %(x)s %",
        "<red>markup</red> </x> <",
        "\u2028 \x85 \0",
        '"}\n{"level": "ERROR"}',
        "ünï 🦊",
    ],
    ids=ascii,
)
def test_user_text_makes_one_line_and_is_not_formatted(lines: io.StringIO, text: str) -> None:
    logger = logging.getLogger("test")
    logger.info("Got %s", text, extra={"agent": text})
    logger.info(text)
    found = events(lines)
    readable = text.encode("utf-8", "replace").decode()
    assert [event["message"] for event in found] == [f"Got {readable}", readable]
    assert found[0]["agent"] == readable
    assert found[0]["level"] == "INFO"
    assert found[0]["logger"] == "test"
    assert str(found[0]["time"]).endswith("+00:00")


def test_a_console_line_stays_one_line_without_control_characters() -> None:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    log.configure("INFO", "console", stream)
    try:
        logging.getLogger("test").info("Got %s", "a\nERROR b\x1b[31m", extra={"agent": "c\nd"})
    finally:
        root.handlers, root.level = handlers, level
    assert stream.getvalue().count("\n") == 1
    assert "Got a\\nERROR b\\x1b[31m agent=c\\nd" in stream.getvalue()


def test_a_long_text_is_cut(lines: io.StringIO) -> None:
    logging.getLogger("test").info("x" * 1_000_000, extra={"agent": "y" * 1_000_000})
    assert len(lines.getvalue()) < 20_000


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        (f"key {KEY} used", KEY[6:]),
        (f"Bearer {TOKEN}", TOKEN[3:]),
        (f"cut off {TOKEN[:30]}", TOKEN[3:30]),
        ("postgresql://agentops:hunter22@db:5432/x", "hunter22"),
        ("redis://:hunter22@localhost/0", "hunter22"),
        ("postgresql://a:hun@ter22@db/x", "ter22"),
        ("Authorization: Basic aHVudGVyMjI=", "aHVudGVyMjI"),
        ("{'authorization': 'Bearer hunter22'}", "hunter22"),
        ("[(b'x-api-key', b'hunter22'), (b'host', b'x')]", "hunter22"),
        ('{"password": "hunter22", "email": "a@b.c"}', "hunter22"),
        ("password='hunter22'", "hunter22"),
        ("host=db password=hunter22", "hunter22"),
        ("Cookie: agentops_refresh=hunter22; a=b", "hunter22"),
        ('{"refresh_token":"hunter22"}', "hunter22"),
    ],
)
def test_secrets_are_masked(text: str, secret: str) -> None:
    assert secret not in mask(text)
    assert "***" in mask(text)


@pytest.mark.parametrize(
    "text", ["GET /evaluations 200", "https://example.com/a?b=c", "the password is wrong", "eyJ", "agops_"]
)
def test_other_text_is_left_alone(text: str) -> None:
    assert mask(text) == text


def test_an_exception_is_written_with_its_stack_and_without_values(lines: io.StringIO) -> None:
    def fail(password: str) -> None:
        raise ValueError(f"cannot use {KEY} at postgresql://u:{password}@h/x")

    try:
        fail("hunter22")
    except ValueError:
        logging.getLogger("test").exception("Failed")
    (event,) = events(lines)
    assert "ValueError: cannot use agops_*** at postgresql://u:***@h/x" in str(event["exception"])
    assert "in fail" in str(event["exception"])
    assert "hunter22" not in lines.getvalue().replace('fail("hunter22")', "").replace('fail(\\"hunter22\\")', "")


def test_libraries_end_in_the_same_place(lines: io.StringIO) -> None:
    logging.getLogger("uvicorn.error").info("Started %d", 1)
    logging.getLogger("uvicorn.access").info("not this: ours has the request's id")
    logging.getLogger("psycopg").debug("nor this")
    assert [event["message"] for event in events(lines)] == ["Started 1"]


def test_a_message_whose_arguments_do_not_fit_is_written_as_it_is() -> None:
    record = logging.makeLogRecord({"msg": "with %d arguments too few %s", "args": (1,)})
    assert log.fields(record)["message"] == "with %d arguments too few %s"


def test_the_request_is_named(lines: io.StringIO) -> None:
    token = log.request_id.set("r-1")
    logging.getLogger("test").info("within")
    log.request_id.reset(token)
    logging.getLogger("test").info("outside")
    assert [event.get("request_id") for event in events(lines)] == ["r-1", None]
