"""Every kind gives back the very rows, and shows when something is missing or changed."""

import csv
import gzip
import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args
from uuid import UUID

import orjson
import pytest
from agentops_api.evaluations.models import Evaluation
from agentops_api.exports.formats import COLUMNS, Format, Summary, guarded, line, unguarded, write
from agentops_api.exports.read import Broken, read
from hypothesis import given
from hypothesis import strategies as some

FORMATS: tuple[Format, ...] = get_args(Format)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# PostgreSQL's text: anything but NUL and half surrogates.
TEXT = some.text(some.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40) | some.sampled_from(
    ["=1+1", "'=1", "''", "-3", "+49", "@x", "\tx", "\rx", "\nx", '"', '","', "a\r\nb", "#end",
     '{"end":{}}', "\u2028", "\ufeff"]
)  # fmt: skip
NAME = TEXT.filter(bool) | some.none()
SCORE = some.floats(0, 1) | some.none()
INTEGERS = some.integers(-(2**63), 2**63 - 1)
CLAIMS = some.fixed_dictionaries(
    {
        "start": some.integers(0, 9),
        "end": some.integers(9, 99),
        "text": TEXT,
        "label": some.sampled_from(["supported", "not_checkable"]),
        "probability": SCORE,
        "evidence": some.none() | some.fixed_dictionaries({"document": some.integers(0, 3), "text": TEXT}),
        "reasons": some.lists(TEXT, max_size=2),
    }
)
EVALUATIONS = some.builds(
    Evaluation,
    id=some.uuids(),
    created_at=some.integers(-(10**15), 10**17).map(lambda us: EPOCH + timedelta(microseconds=us)),
    prompt=TEXT,
    response=TEXT,
    retrieved_docs=some.lists(TEXT, max_size=3) | some.none(),
    semantic_drift=SCORE,
    uncertainty=SCORE,
    factual_support=SCORE,
    hallucination_probability=SCORE,
    hallucinated=some.booleans() | some.none(),
    latency_sec=some.floats(0, 86_400, exclude_min=True) | some.none(),
    throughput_qps=some.floats(0, 1e6) | some.none(),
    mode=NAME,
    model_name=NAME,
    agent_name=NAME,
    session_id=NAME,
    metadata=some.dictionaries(
        TEXT.filter(bool),
        TEXT | INTEGERS | some.floats(allow_nan=False, allow_infinity=False) | some.booleans() | some.none(),
        max_size=3,
    )
    | some.none(),
    claims=some.lists(CLAIMS, max_size=2) | some.none(),
    status=some.sampled_from(["verified", "unverified", "degraded", None]),
    scoring=NAME,
    detector=NAME,
)
PLAIN = Evaluation(
    UUID(int=7), EPOCH, "a prompt", "a response", None, 0.5, None, None, None, True, 0.25, None, None, "m", "a",
    None, None, None, None, None, None,
)  # fmt: skip


def written(rows: list[Evaluation], kind: Format, *, portion: int = 2, spreadsheet: bool = False) -> bytes:
    file = io.BytesIO()
    portions = (rows[at : at + portion] for at in range(0, len(rows), portion))
    summary = write(portions, file, kind, spreadsheet=spreadsheet)
    assert summary.rows == len(rows)
    return file.getvalue()


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exports") / "file"


@pytest.mark.parametrize("kind", FORMATS)
@given(rows=some.lists(EVALUATIONS, max_size=5))
def test_what_is_read_is_what_was_written(path: Path, kind: Format, rows: list[Evaluation]) -> None:
    path.write_bytes(written(rows, kind))
    assert [line(row) for row in read(path)] == [line(row) for row in rows]
    path.write_bytes(gzip.compress(path.read_bytes()) if kind != "parquet" else path.read_bytes())
    assert [line(row) for row in read(path)] == [line(row) for row in rows]


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_that_is_cut_anywhere_is_noticed(path: Path, kind: Format) -> None:
    whole = written([PLAIN] * 3, kind)
    # Without its last line's end a text says the same.
    for length in range(len(whole) - (2 if kind == "csv" else 1)):
        path.write_bytes(whole[:length])
        with pytest.raises(Broken):
            list(read(path))


@pytest.mark.parametrize("kind", FORMATS)
def test_a_compressed_file_that_is_cut_is_noticed(path: Path, kind: Format) -> None:
    whole = gzip.compress(written([PLAIN] * 3, kind))
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(Broken):
            list(read(path))


@pytest.mark.parametrize("kind", ["csv", "jsonl", "json"])
def test_a_changed_a_missing_and_a_repeated_row_are_noticed(path: Path, kind: Format) -> None:
    whole = written([PLAIN] * 3, kind)
    lines = whole.splitlines(keepends=True)
    place = 1 if kind in ("csv", "json") else 0
    for changed in (
        whole.replace(b"a prompt", b"b prompt", 1),
        b"".join(lines[:place] + lines[place + 1 :]),
        b"".join([*lines[: place + 1], *lines[place:]]),
        whole + whole,
        whole + lines[place],
    ):
        assert changed != whole
        path.write_bytes(changed)
        with pytest.raises(Broken):
            list(read(path))


def test_a_parquet_file_carries_the_sum_of_its_rows(path: Path) -> None:
    rows = [PLAIN] * 3
    whole = written(rows, "parquet")
    sums = {each: write([rows], io.BytesIO(), each) for each in FORMATS}
    assert len(set(sums.values())) == 1, "the same rows have the same sum"
    assert sums["jsonl"].sha256.encode() in whole
    path.write_bytes(whole.replace(sums["jsonl"].sha256.encode(), b"0" * 64))
    with pytest.raises(Broken, match="changed or damaged"):
        list(read(path))


@pytest.mark.parametrize("kind", FORMATS)
def test_the_sum_of_many_parquet_groups_and_of_large_rows_is_found(path: Path, kind: Format) -> None:
    large = replace(
        PLAIN, prompt="x" * 300_000, response="=" * 300_000, retrieved_docs=["y" * 300_000] * 3, metadata={"a": 1}
    )
    rows = [large, *[PLAIN] * 500, large] * 3
    path.write_bytes(written(rows, kind, portion=200))
    assert [line(row) for row in read(path)] == [line(row) for row in rows]


def test_a_failure_while_rows_are_fetched_ends_the_writing() -> None:
    def portions() -> Iterator[list[Evaluation]]:
        yield [PLAIN]
        raise ConnectionError

    for kind in FORMATS:
        with pytest.raises(Exception) as raised:  # noqa: PT011 - Arrow tells it in its own words.
            write(portions(), io.BytesIO(), kind)
        assert isinstance(raised.value, ConnectionError) or kind == "parquet"


def test_other_files_are_no_exports(path: Path) -> None:
    for other in (
        b"",
        b"\n",
        b"{}",
        b"[]",
        b"a,b\n1,2\n",
        b"\xff\xfe",
        b"PAR1",
        b"PAR1....PAR1",
        b"\x1f\x8b",
        b'{"data":[\n',
        b"null\n",
    ):
        path.write_bytes(other)
        with pytest.raises(Broken):
            list(read(path))
    with pytest.raises(Broken, match="No such file"):
        list(read(path.with_name("nowhere")))


def test_jsonl_is_one_object_a_line_and_json_one_object() -> None:
    lines = written([PLAIN, PLAIN], "jsonl").splitlines()
    assert [orjson.loads(each)["prompt"] for each in lines[:-1]] == ["a prompt", "a prompt"]
    end = orjson.loads(lines[-1])["end"]
    assert end["rows"] == 2
    document = orjson.loads(written([PLAIN, PLAIN], "json"))
    assert document == {"data": [orjson.loads(each) for each in lines[:-1]], **end}
    assert orjson.loads(written([], "json"))["data"] == []


def test_csv_is_rfc_4180_and_its_last_record_says_the_end() -> None:
    text = written([PLAIN], "csv").decode()
    assert text.count("\r\n") == text.count("\n") == 3
    header, row, end = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert tuple(header) == COLUMNS
    assert dict(zip(header, row, strict=True)) == {
        "id": str(PLAIN.id), "created_at": "1970-01-01T00:00:00Z", "prompt": "a prompt", "response": "a response",
        "retrieved_docs": "", "semantic_drift": "0.5", "uncertainty": "", "factual_support": "",
        "hallucination_probability": "", "hallucinated": "true", "latency_sec": "0.25", "throughput_qps": "",
        "mode": "", "model_name": "m", "agent_name": "a", "session_id": "", "metadata": "",
        "claims": "", "status": "", "scoring": "", "detector": "",
    }  # fmt: skip
    assert end[:2] == ["#end", "rows=1"]
    assert len(end) == len(header)


def test_a_csv_for_spreadsheets_begins_with_a_mark_and_has_only_rows(path: Path) -> None:
    text = written([PLAIN], "csv", spreadsheet=True)
    assert text.startswith(b"\xef\xbb\xbfid,")
    assert b"#end" not in text
    path.write_bytes(text)
    with pytest.raises(Broken, match="--unverified"):
        list(read(path))
    assert [line(row) for row in read(path, unverified=True)] == [line(PLAIN)]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\0", "'"])
def test_no_cell_is_a_formula(start: str) -> None:
    text = start + "HYPERLINK(1)"
    assert guarded(text) == "'" + text
    assert unguarded("'" + text) == text


def test_other_cells_are_left_alone() -> None:
    for text in ("", "a", " =1", "1", "\N{LATIN SMALL LETTER E WITH ACUTE}"):
        assert guarded(text) == text
        assert unguarded(text) == text


def test_the_summary_counts_nothing_for_nothing(path: Path) -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    for kind in FORMATS:
        file = io.BytesIO()
        assert write([], file, kind) == Summary(0, empty)
        path.write_bytes(file.getvalue())
        assert list(read(path)) == []
