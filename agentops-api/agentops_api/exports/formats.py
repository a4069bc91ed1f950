"""Evaluations as a file: CSV, JSON Lines, JSON or Parquet. Knows neither HTTP nor a database.

Each file ends with how many rows it has and their SHA-256, so that one that was cut shows it. The sum is that of the
rows as JSON Lines, whatever the format is: the same rows have the same sum, and `read.py` proves with it that it
understood the file (docs/adr/0009).
"""

import csv
import hashlib
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Literal, Protocol

import orjson

from agentops_api.evaluations.models import Evaluation

Format = Literal["csv", "jsonl", "json", "parquet"]
Portions = Iterable[Sequence[Evaluation]]
Row = dict[str, object]
"""An evaluation as it is read from a file."""

COLUMNS = tuple(field.name for field in fields(Evaluation))
TEXT_COLUMNS = ("prompt", "response", "mode", "model_name", "agent_name", "session_id", "status", "scoring", "detector")
"""Those that hold what anybody may have written."""
JSON_COLUMNS = ("retrieved_docs", "metadata", "claims")
"""Those that hold more than one value: JSON in a cell."""

MEDIA_TYPES: dict[Format, str] = {
    "csv": "text/csv; charset=utf-8; header=present",
    "jsonl": "application/x-ndjson",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}
JSON_START, JSON_END = b'{"data":[\n', b'],"rows":'
JSONL_END = b'{"end":'
CSV_END = "#end"
BOM = b"\xef\xbb\xbf"
# What spreadsheets may take for a formula (OWASP ASVS 5.0, 1.2.10); and the quote itself, so that it can be undone.
_UNSAFE = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "'")
_GUARD = "'"


class Sink(Protocol):
    """Where a file goes to."""

    def write(self, part: bytes, /) -> object:
        """Takes the next part of it."""
        ...


@dataclass(frozen=True, slots=True)
class Summary:
    """What the end of a file says."""

    rows: int
    sha256: str
    """Of the rows as JSON Lines, in hexadecimal."""


class Tally:
    """Counts rows and sums up their lines, while they pass."""

    def __init__(self) -> None:
        self._rows, self._sum = 0, hashlib.sha256()

    def add(self, lines: Sequence[bytes]) -> None:
        """Takes rows in, each as its line."""
        self._rows += len(lines)
        self._sum.update(b"".join(lines))

    @property
    def summary(self) -> Summary:
        """Of what was taken in up to now."""
        return Summary(self._rows, self._sum.hexdigest())


def line(row: object) -> bytes:
    """The row as a line of JSON: a dataclass and a dictionary of the same values give the same line."""
    return orjson.dumps(row, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)


def write(portions: Portions, file: Sink, kind: Format, *, spreadsheet: bool = False) -> Summary:
    """Writes the rows to the file, and tells what its end says. `spreadsheet`: see `_write_csv`."""
    tally = Tally()
    match kind:
        case "jsonl":
            _write_jsonl(portions, file, tally)
        case "json":
            _write_json(portions, file, tally)
        case "csv":
            _write_csv(portions, file, tally, spreadsheet=spreadsheet)
        case "parquet":
            _parquet_writer()(portions, file, tally)
    return tally.summary


def guarded(text: str | None) -> str | None:
    """The text as a cell that no spreadsheet takes for a formula; `unguarded` gives the text back."""
    return _GUARD + text if text and text.startswith(_UNSAFE) else text


def unguarded(cell: str) -> str:
    """The text that `guarded` made the cell of."""
    return cell.removeprefix(_GUARD)


def _write_jsonl(portions: Portions, file: Sink, tally: Tally) -> None:
    for portion in portions:
        lines = [line(row) for row in portion]
        tally.add(lines)
        file.write(b"".join(lines))
    file.write(line({"end": tally.summary}))


def _write_json(portions: Portions, file: Sink, tally: Tally) -> None:
    """One object, but with each row on a line of its own, so that it can be read again without holding it whole."""
    file.write(JSON_START)
    before = b""
    for portion in portions:
        lines = [line(row) for row in portion]
        tally.add(lines)
        file.write(before + b",\n".join(each[:-1] for each in lines))
        before = b",\n"
    end = line(tally.summary)
    file.write((b"\n" if before else b"") + JSON_END + end.removeprefix(b'{"rows":'))


def _write_csv(portions: Portions, file: Sink, tally: Tally, *, spreadsheet: bool) -> None:
    """RFC 4180, in UTF-8, with a last record that says the end.

    `spreadsheet`: instead of that record there is a byte order mark, by which Excel knows that this is UTF-8.
    """
    if spreadsheet:
        file.write(BOM)
    text = io.StringIO(newline="")
    writer = csv.writer(text)

    def flush() -> None:
        file.write(text.getvalue().encode())
        text.seek(0)
        text.truncate()

    writer.writerow(COLUMNS)
    for portion in portions:
        tally.add([line(row) for row in portion])
        writer.writerows([_cell(name, getattr(row, name)) for name in COLUMNS] for row in portion)
        flush()
    if not spreadsheet:
        end = tally.summary
        record = [CSV_END, f"rows={end.rows}", f"sha256={end.sha256}"]
        writer.writerow(record + [""] * (len(COLUMNS) - len(record)))
    flush()


def _cell(name: str, value: object) -> object:
    if value is None or isinstance(value, float):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return guarded(value)
    text = orjson.dumps(value, option=orjson.OPT_UTC_Z).decode()
    return text if name in JSON_COLUMNS else text[1:-1]


def _parquet_writer() -> Callable[[Portions, Sink, Tally], None]:
    # Arrow takes 11 MB of memory (measured 2026-11), which only those shall pay who use it.
    from agentops_api.exports.parquet import write_parquet  # noqa: PLC0415

    return write_parquet
