"""Reads an export again, and proves that it is whole: the inverse of `formats.py`, from which it knows every format.

Which format a file has is seen from its first bytes, not from its name.
"""

import csv
import gzip
import io
import sys
import zlib
from collections.abc import Callable, Generator, Iterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, cast

import orjson

from agentops_api.errors import AgentOpsError
from agentops_api.exports.formats import (
    BOM,
    COLUMNS,
    CSV_END,
    JSON_COLUMNS,
    JSON_END,
    JSON_START,
    JSONL_END,
    TEXT_COLUMNS,
    Row,
    Summary,
    Tally,
    line,
    unguarded,
)

_GZIP, _PARQUET = b"\x1f\x8b", b"PAR1"
_Rows = Generator[Row, None, Summary | None]


class Broken(AgentOpsError):
    """The file is not a whole export."""


def read(path: Path, *, unverified: bool = False) -> Iterator[Row]:
    """The rows. Raises Broken where the file is no export, and, after the last row, where it is not whole or was
    changed. `unverified`: a file without an end is taken as it is."""
    tally = Tally()
    try:
        end = yield from _counted(_rows(path), tally)
    except (ValueError, csv.Error, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Broken(f"{path} cannot be read as an export, or was cut: {error}") from error
    except OSError as error:
        raise Broken(f"{path} cannot be read: {error.strerror or error}") from error
    if end is None and not unverified:
        raise Broken(
            f"{path} does not say where it ends: it was cut after {tally.summary.rows} rows, or is a CSV for"
            " spreadsheets. Fetch it again, or take what is there with --unverified."
        )
    if end is not None and end != tally.summary:
        raise Broken(
            f"{path} was changed or damaged: it ends with {end.rows} rows of SHA-256 {end.sha256},"
            f" and has {tally.summary.rows} of {tally.summary.sha256}."
        )


def _counted(rows: _Rows, tally: Tally) -> _Rows:
    while True:
        try:
            row = next(rows)
        except StopIteration as done:
            return cast("Summary | None", done.value)
        tally.add([line(row)])
        yield row


def _rows(path: Path) -> _Rows:
    with path.open("rb") as file:
        start = file.read(len(_PARQUET))
        file.seek(0)
        if start == _PARQUET:
            return (yield from _parquet_reader()(path))
        plain = cast(BinaryIO, gzip.GzipFile(fileobj=file)) if start.startswith(_GZIP) else file
        first = plain.readline()
        if first == JSON_START:
            return (yield from _json(plain))
        if first.startswith(b"{"):
            return (yield from _jsonl(first, plain))
        return (yield from _csv(first, plain))


def _jsonl(first: bytes, file: BinaryIO) -> _Rows:
    text = first
    while text and not text.startswith(JSONL_END):
        yield orjson.loads(text)
        text = file.readline()
    if not text:
        return None
    _expect_nothing_in(file)
    return Summary(**orjson.loads(text)["end"])


def _json(file: BinaryIO) -> _Rows:
    for text in file:
        if text.startswith(JSON_END):
            _expect_nothing_in(file)
            return Summary(**orjson.loads(b'{"rows":' + text.removeprefix(JSON_END)))
        yield orjson.loads(text.rstrip(b",\n"))
    return None


def _csv(first: bytes, file: BinaryIO) -> _Rows:
    if first.removeprefix(BOM).decode().rstrip("\r\n").split(",") != list(COLUMNS):
        raise ValueError("its first line is not that of any format")
    # One cell may hold all of an answer's documents.
    csv.field_size_limit(sys.maxsize)
    with io.TextIOWrapper(file, encoding="utf-8", newline="") as text:
        for record in csv.reader(text, strict=True):
            if len(record) != len(COLUMNS):
                raise ValueError("a record has not as many cells as the header")
            if record[0] == CSV_END:
                _expect_nothing_in(text)
                rows, sha256 = (cell.partition("=")[2] for cell in record[1:3])
                return Summary(int(rows), sha256)
            yield {name: _value(name, cell) for name, cell in zip(COLUMNS, record, strict=True)}
    return None


def _value(name: str, cell: str) -> object:
    if not cell and name not in ("prompt", "response"):
        return None
    if name in TEXT_COLUMNS:
        return unguarded(cell)
    if name in JSON_COLUMNS:
        return orjson.loads(cell)
    if name == "hallucinated":
        return {"true": True, "false": False}[cell]
    if name == "id":
        return cell
    return datetime.fromisoformat(cell) if name == "created_at" else float(cell)


def _expect_nothing_in(file: BinaryIO | io.TextIOWrapper) -> None:
    if file.read(1):
        raise ValueError("something follows its end")


def _parquet_reader() -> Callable[[Path], _Rows]:
    # For the same reason as in formats.py.
    from agentops_api.exports.parquet import read_parquet  # noqa: PLC0415

    return read_parquet
