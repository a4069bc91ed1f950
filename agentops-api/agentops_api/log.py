"""Log lines, and what may stand in them. The only module that knows loguru.

Everything else logs through the standard `logging.getLogger(__name__)`, with a constant message, `%s` arguments and
`extra=` fields, so libraries and the product's own modules end in the same place. Text that a user may have sent is
never used as a format, is cut, and has its secrets masked before it is written.
"""

import logging
import re
import sys
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Literal, TextIO, cast

import orjson
from loguru import logger

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request being served; empty outside of one. `edge/middleware.py` sets it."""

_TEXT_CHARS_MAX = 8 * 1024
"""A longer text is cut: one hostile value must not fill the disk."""

# Every repetition that can fail at its end is bounded, or a hostile text would cost the square of its length.
_SECRETS = re.compile(
    r"""
      (?P<key>agops_)[0-9A-Za-z]{4,}
    | (?P<jwt>eyJ)[\w-]{8,}(?:\.[\w-]*){0,2}
    | (?P<url>[a-z][a-z0-9+.-]{0,20}://[^\s/:@"']{0,100}:)\S{1,256}(?=@)
    | (?P<field>(?:authorization|x-api-key|cookie|password|secret_key|refresh_token)
        ["']?\s*[:=,]\s*b?["']?)(?!\s)[^"'\n)}]+
    """,
    re.IGNORECASE | re.VERBOSE,
)
_HAS_SECRET = re.compile(r"agops_|eyJ|://|authorization|api-key|cookie|password|secret_key|token", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_STANDARD_FIELDS = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "color_message"}
_COLOURS = {"DEBUG": "\x1b[2m", "WARNING": "\x1b[33m", "ERROR": "\x1b[31m", "CRITICAL": "\x1b[1;31m"}


def configure(
    log_level: str, log_format: Literal["auto", "console", "json"] = "auto", stream: TextIO | None = None
) -> None:
    """Sends every log record of the process to `stream` (standard error), as text or as one JSON object a line."""
    on_terminal = (stream or sys.stderr).isatty()
    as_json = log_format == "json" or (log_format == "auto" and not on_terminal)

    def write(message: object) -> None:
        # A loguru sink gets a str that carries its record; the std record came in as the one extra field.
        record = cast("logging.LogRecord", message.record["extra"]["std"])  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
        event = fields(record)
        # Looked up each time: whoever replaces standard error means the log too.
        out = stream or sys.stderr
        out.write(_json_line(event) if as_json else _console_line(event, colours=on_terminal))
        out.flush()

    logger.remove()
    logger.add(write, level=0, format=_no_format, backtrace=False, diagnose=False, catch=True)  # pyright: ignore[reportArgumentType]
    root = logging.getLogger()
    root.handlers = [_ToLoguru()]
    root.setLevel(log_level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
        library = logging.getLogger(name)
        library.handlers, library.propagate = [], True
    # The middleware writes the access line, with its id; the pool tells of every connection it lends, at INFO.
    for name in ("uvicorn.access", "psycopg.pool"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # At DEBUG these repeat every byte or every event of ours.
    for name in ("asyncio", "hpack", "httpcore2", "httpx2", "psycopg", "redis"):
        logging.getLogger(name).setLevel(max(logging.INFO, root.level))


class _ToLoguru(logging.Handler):
    """Hands a standard record to loguru without letting either of them format user text."""

    def emit(self, record: logging.LogRecord) -> None:
        logger.bind(std=record).log(min(record.levelno, 50), "")


def _no_format(_: object) -> str:
    return ""


def fields(record: logging.LogRecord) -> dict[str, object]:
    """What is written of a record: safe, cut and masked."""
    event: dict[str, object] = {
        "time": _time(record.created),
        "level": record.levelname,
        "logger": record.name,
        "message": _safe(_message(record)),
    }
    if id := request_id.get():
        event["request_id"] = id
    for name, value in record.__dict__.items():
        if name not in _STANDARD_FIELDS and name not in event:
            event[name] = value if isinstance(value, int | float | None) else _safe(str(value))
    if record.exc_info and record.exc_info[0]:
        event["exception"] = _safe("".join(traceback.format_exception(*record.exc_info)))
    return event


def mask(text: str) -> str:
    """The text without keys, tokens, passwords and contents of credential headers."""
    if not _HAS_SECRET.search(text):
        return text
    return _SECRETS.sub(lambda found: f"{found[found.lastgroup or 0]}***", text)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):
        # A library gave arguments that do not fit its own message; the message alone is better than nothing.
        return str(record.msg)


def _safe(text: str) -> str:
    # Cut before masking, so that 1 MB costs no 1 MB search; twice the limit, so that a secret is not cut in half
    # where it would be kept.
    masked = mask(_cut(text, 2 * _TEXT_CHARS_MAX))
    # A lone surrogate has no UTF-8 form, and orjson refuses it.
    return _cut(masked, _TEXT_CHARS_MAX).encode("utf-8", "replace").decode()


def _cut(text: str, chars_max: int) -> str:
    """Keeps both ends: the end of a traceback names the error."""
    if len(text) <= chars_max:
        return text
    half = chars_max // 2
    return f"{text[:half]}…{text[-half + 1 :]}"


def _json_line(event: dict[str, object]) -> str:
    return orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE).decode()


def _console_line(event: dict[str, object], *, colours: bool) -> str:
    level = str(event["level"])
    extras = "".join(
        f" {name}={_escaped(str(value))}"
        for name, value in event.items()
        if name not in {"time", "level", "logger", "message", "exception"}
    )
    line = f"{event['time']} {level:<8} {event['logger']}: {_escaped(str(event['message']))}{extras}"
    if "exception" in event:
        line += "".join(f"\n    {_escaped(part)}" for part in str(event["exception"]).splitlines())
    colour = _COLOURS.get(level) if colours else None
    return f"{colour}{line}\x1b[0m\n" if colour else f"{line}\n"


def _escaped(text: str) -> str:
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _time(created: float) -> str:
    return datetime.fromtimestamp(created, UTC).isoformat(timespec="milliseconds")
