"""What a run found out about the detector, as it is kept in `benchmarks/detector/results/*.json`."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import orjson
from pydantic import TypeAdapter

RESULTS_DIR = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Judged:
    """One set, judged with the defaults."""

    name: str
    rows: int
    positive: float
    """Share of hallucinations: the AUPRC of a coin."""
    unverified: int
    """Answers without a verdict, such as "yes": left out of the figures that follow, for the baselines, too."""
    profiles: dict[str, int]
    """How many answers were judged by which profile."""
    auroc: float
    auroc_low: float
    auroc_high: float
    """95 % interval, drawn by group."""
    auprc: float
    f1: float
    balanced_accuracy: float
    ece: float
    p50_ms: float
    p95_ms: float
    length_auroc: float
    """Of the number of characters of the answer."""
    always_f1: float
    """Of calling every answer a hallucination."""
    legacy_auroc: float
    legacy_f1: float
    legacy_balanced_accuracy: float
    drift_auroc: float
    hedges_auroc: float


Kind = Literal["same verdict", "not higher", "not lower"]


@dataclass(frozen=True, slots=True)
class Held:
    """How often one thing held on one set."""

    change: str
    must: Kind
    set: str
    cases: int
    violations: int
    raised: int
    """In how many cases the probability rose."""


@dataclass(frozen=True, slots=True)
class Results:
    """All that one run measured."""

    name: str
    at: datetime
    seed: int
    detector: str
    python: str
    system: str
    load_average: float
    """Of the minute before: what others were doing."""
    sets: list[Judged]
    held: list[Held]


_RESULTS = TypeAdapter(Results)


def keep(results: Results) -> Path:
    """Writes the results under their date and name; an older run of the same name and day is replaced."""
    RESULTS_DIR.mkdir(exist_ok=True)
    path = RESULTS_DIR / f"{results.at:%Y-%m-%d}-{results.name}.json"
    path.write_bytes(orjson.dumps(results, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    return path


def newest() -> Results | None:
    """The latest results that were kept; None when there are none."""
    found = [_RESULTS.validate_json(path.read_bytes()) for path in RESULTS_DIR.glob("*.json")]
    return max(found, key=lambda results: results.at, default=None)
