"""Tables of figures that a script measured, kept beside the other results, and what docs/benchmarks.md says of them."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson
from pydantic import TypeAdapter

from benchmarks.machine import busy
from benchmarks.results import RESULTS_DIR
from benchmarks.tables import Table

_DIR = RESULTS_DIR / "tables"


@dataclass(frozen=True, slots=True)
class Kept:
    """A table, and how it came about."""

    command: str
    """What measured it."""
    at: datetime
    load_average: float
    """Of the minute before the end: what others were doing, and the measurement itself."""
    table: Table
    notes: tuple[str, ...] = ()
    """Sentences below it."""

    def markdown(self) -> str:
        """For the document."""
        said = f"Measured by `{self.command}`, {self.at:%Y-%m-%d %H:%M} UTC; load average {self.load_average}."
        return "\n\n".join([self.table.markdown(), *self.notes, said])


_KEPT = TypeAdapter(Kept)


def keep(name: str, command: str, table: Table, *notes: str) -> Path:
    """Keeps the table under that name, instead of the one before."""
    _DIR.mkdir(exist_ok=True)
    path = _DIR / f"{name}.json"
    kept = Kept(command, datetime.now(UTC).replace(microsecond=0), busy(), table, notes)
    path.write_bytes(orjson.dumps(kept, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    return path


def all_kept() -> list[Kept]:
    """All that were kept, by name."""
    return [_KEPT.validate_json(path.read_bytes()) for path in sorted(_DIR.glob("*.json"))]
