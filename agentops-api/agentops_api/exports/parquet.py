"""Parquet, by Arrow's Rust library: an eighth of pyarrow's size and memory (docs/adr/0009).

Rows pass between Python and Arrow as JSON Lines, which both read and write without loss, and fast.
"""

import io
import os
import re
import secrets
from collections.abc import Generator, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, cast

import arro3.io as arrow
import orjson
from arro3.core import DataType, Field, RecordBatch, RecordBatchReader, Schema
from typing_extensions import Buffer

from agentops_api.evaluations.models import Evaluation
from agentops_api.exports.formats import COLUMNS, Portions, Row, Sink, Summary, Tally, line

_END = "agentops.end"
_MAGIC = b"PAR1"
_GROUP_BYTES = 8 * 2**20
_GROUP_ROWS_MAX = 10_000
_JSON = ("metadata", "claims")
_TEXT, _NUMBER, _TRUTH = DataType.string(), DataType.float64(), DataType.bool()
_SCHEMA = Schema(
    [
        Field("id", _TEXT, nullable=False),
        Field("created_at", DataType.timestamp("us", tz="UTC"), nullable=False),
        Field("prompt", _TEXT, nullable=False),
        Field("response", _TEXT, nullable=False),
        Field("retrieved_docs", DataType.list(Field("element", _TEXT))),
        Field("semantic_drift", _NUMBER),
        Field("uncertainty", _NUMBER),
        Field("factual_support", _NUMBER),
        Field("hallucination_probability", _NUMBER),
        Field("hallucinated", _TRUTH),
        Field("latency_sec", _NUMBER),
        Field("throughput_qps", _NUMBER),
        Field("mode", _TEXT),
        Field("model_name", _TEXT),
        Field("agent_name", _TEXT),
        Field("session_id", _TEXT),
        # Its keys are the sender's own, and a table's columns are not: JSON.
        Field("metadata", _TEXT),
        # JSON too: lists of records in records are more than most readers of Parquet like.
        Field("claims", _TEXT),
        Field("status", _TEXT),
        Field("scoring", _TEXT),
        Field("detector", _TEXT),
    ]
)


def write_parquet(portions: Portions, file: Sink, tally: Tally) -> None:
    """Writes the rows, and into the footer what the end says."""
    others = iter(portions)
    first = next(others, ())
    footer = _Footer(file, tally)
    arrow.write_parquet(
        RecordBatchReader.from_batches(_SCHEMA, _batches(first, others, tally)),
        cast("IO[bytes]", footer),  # What it uses of one.
        compression="zstd(1)",
        max_row_group_size=_group_rows(first),
        skip_arrow_metadata=True,
        key_value_metadata={_END: footer.place.decode()},
    )
    footer.finish()


def read_parquet(path: Path) -> Generator[Row, None, Summary | None]:
    """The rows, then what the footer says of them. Raises ValueError for a file that is not whole."""
    with path.open("rb") as file:
        file.seek(-min(path.stat().st_size, len(_MAGIC)), os.SEEK_END)
        if file.read() != _MAGIC or file.tell() < 3 * len(_MAGIC):
            raise ValueError("its footer is missing")
    try:
        reader = arrow.read_parquet(path)
        end = re.fullmatch(rb"rows=0*(\d+);sha256=([0-9a-f]{64})", reader.schema.metadata.get(_END.encode(), b""))
        for batch in reader:
            lines = io.BytesIO()
            arrow.write_ndjson(batch, lines, explicit_nulls=True)
            for text in lines.getvalue().splitlines():
                yield _unflat(orjson.loads(text))
    except BaseException as error:
        # Of a damaged footer Arrow makes a panic, which is no Exception and has no name to import.
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise ValueError(str(error)) from error
        raise
    return Summary(int(end[1]), end[2].decode()) if end else None


class _Footer(io.RawIOBase):
    """A file on its way out, in whose footer the end is put in the place that was kept for it.

    Arrow wants to know the footer's own texts before the first row, and the sum is known after the last.
    """

    def __init__(self, file: Sink, tally: Tally) -> None:
        self._file, self._tally = file, tally
        self._kept = b""
        # Random, so that no row can hold it; of the length of what takes its place, so that nothing moves.
        self.place = secrets.token_hex(len(_end(tally.summary))).encode()[: len(_end(tally.summary))]

    def writable(self) -> bool:
        return True

    def write(self, part: Buffer, /) -> int:
        text = self._kept + bytes(part)
        if self.place in text:
            text = text.replace(self.place, _end(self._tally.summary))
        # The place may begin at the end of this part.
        keep = min(len(text), len(self.place) - 1)
        self._file.write(text[: len(text) - keep])
        self._kept = text[len(text) - keep :]
        return memoryview(part).nbytes

    def finish(self) -> None:
        """Writes what is left."""
        self._file.write(self._kept)


def _end(summary: Summary) -> bytes:
    return f"rows={summary.rows:020};sha256={summary.sha256}".encode()


def _group_rows(first: Sequence[Evaluation]) -> int:
    """Rows in a group, which Arrow holds in memory until it is complete: fewer, where rows are large."""
    size = sum(len(line(row)) for row in first)
    return max(100, min(_GROUP_ROWS_MAX, _GROUP_BYTES * len(first) // size)) if size else _GROUP_ROWS_MAX


def _batches(
    first: Sequence[Evaluation], others: Iterator[Sequence[Evaluation]], tally: Tally
) -> Iterator[RecordBatch]:
    portion: Sequence[Evaluation] | None = first
    while portion:
        tally.add([line(row) for row in portion])
        yield from arrow.read_json(io.BytesIO(b"".join(line(_flat(row)) for row in portion)), _SCHEMA)
        portion = next(others, None)


def _flat(evaluation: Evaluation) -> Row:
    row: Row = {name: getattr(evaluation, name) for name in COLUMNS}
    for name in _JSON:
        if row[name] is not None:
            row[name] = orjson.dumps(row[name]).decode()
    return row


def _unflat(row: Row) -> Row:
    row["created_at"] = datetime.fromisoformat(cast(str, row["created_at"]))
    for name in _JSON:
        if row.get(name) is not None:
            row[name] = orjson.loads(cast(str, row[name]))
    return row
