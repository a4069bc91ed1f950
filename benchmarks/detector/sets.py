"""The evaluation sets: read from a directory that the caller names; none of their text is kept here."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import TypeAdapter

NAMES = ("mtrag", "halueval_qa", "begin_wow", "summeval", "summedits", "wice")
WHOLE = ("mtrag", "begin_wow", "summeval", "summedits", "wice")
"""Sets whose answers are sentences, which a change can be made to."""
_LENGTH_RATIO_MAX = 1.3


@dataclass(frozen=True, slots=True)
class Row:
    """One answer, labelled by people."""

    id: str
    group: str
    """Rows of one source share it."""
    prompt: str
    response: str
    retrieved_docs: list[str]
    label: int
    """1: something in it is not supported."""
    task: str


_ROW = TypeAdapter(Row)


def read(directory: Path) -> Iterator[tuple[str, list[Row]]]:
    """Each set that is there, by name, and after HaluEval the two that control its length."""
    for name in NAMES:
        path = directory / f"{name}.jsonl.gz"
        if not path.exists():
            continue
        with gzip.open(path) as lines:
            rows = [_ROW.validate_json(line) for line in lines]
        yield name, rows
        if name == "halueval_qa":
            yield "halueval_qa, lengths matched", matched(rows)
            yield "halueval_qa, right ones spelt out", spelt_out(rows)


def matched(rows: list[Row]) -> list[Row]:
    """Right answers, the longest first, each with the shortest wrong one that is not 1.3 times longer."""
    right = sorted((row for row in rows if not row.label), key=lambda row: (-len(row.response), row.id))
    wrong = sorted((row for row in rows if row.label), key=lambda row: (len(row.response), row.id))
    found: list[Row] = []
    for row in right:
        for other in wrong:
            shorter, longer = sorted((len(row.response), len(other.response)))
            if longer <= _LENGTH_RATIO_MAX * shorter:
                found += [row, other]
                wrong.remove(other)
                break
    return found


def spelt_out(rows: list[Row]) -> list[Row]:
    """Right answers, of a few words, put behind their question, as the wrong ones mostly repeat theirs. Now the right
    ones are the longer ones, so what only knows lengths is below 0.5."""
    return [
        row if row.label else replace(row, response=f"{row.prompt.strip().rstrip('?')} {row.response}.") for row in rows
    ]
