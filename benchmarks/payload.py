"""The evaluations that are sent: those of the demonstration, so that sizes and names are natural."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson
from agentops_api.demo import history
from agentops_api.evaluations.models import EvaluationIn

ID_MARK = "@@@@@@@@-@@@@-@@@@-@@@@-@@@@@@@@@@@@"
"""Stands where the load generator puts a new id; as long as one."""

_ITEMS = 2_000
_UNTIL = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Bodies:
    """A file with one request body a line, which the load generator sends in turn."""

    path: Path
    url_path: str
    rows_each: int
    client_ids: bool


def sample(seed: int) -> list[EvaluationIn]:
    """Evaluations without id and time; the same for the same seed."""
    items = history(rows=_ITEMS, days=30, until=_UNTIL, seed=seed)
    # Without claims, as programs send that keep scores only; they weigh as much as all the rest.
    return [item.model_copy(update={"created_at": None, "claims": None}) for item in items]


def write_bodies(items: Sequence[EvaluationIn], folder: Path, *, rows_each: int, client_ids: bool = False) -> Bodies:
    """Bodies for `POST /evaluations/`, or of `rows_each` for the batch."""
    extra = {"id": ID_MARK} if client_ids else {}
    rows = [item.model_dump(mode="json", exclude_none=True) | extra for item in items]
    if rows_each == 1:
        lines = [orjson.dumps(row) for row in rows[:500]]
    else:
        starts = range(0, len(rows) - rows_each + 1, rows_each)
        lines = [orjson.dumps({"evaluations": rows[start : start + rows_each]}) for start in starts]
    path = folder / f"bodies-{rows_each}{'-ids' if client_ids else ''}.jsonl"
    path.write_bytes(b"\n".join(lines) + b"\n")
    url_path = "/evaluations/" if rows_each == 1 else "/evaluations/batch"
    return Bodies(path, url_path, rows_each, client_ids)


def mean_bytes(items: Sequence[EvaluationIn]) -> int:
    """The mean size of an evaluation on the wire."""
    sizes = [len(orjson.dumps(item.model_dump(mode="json", exclude_none=True))) for item in items]
    return sum(sizes) // len(sizes)
