"""What a run of `benchmarks.dashboard` measured, as it is kept, and as docs/dashboard.md tells it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Literal

import orjson
from pydantic import TypeAdapter

from benchmarks.results import RESULTS_DIR, Machine

DASHBOARD_DIR = RESULTS_DIR / "dashboard"

Beside = Literal["nothing", "ingest"]
"""What else the server had to do. Each lap measures both, one directly after the other."""
BESIDE: tuple[Beside, ...] = ("nothing", "ingest")


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit of the overview."""

    lap: int
    beside: Beside
    settled: bool
    """It came to rest within half a minute."""
    lcp_ms: float
    longest_task_ms: float
    """0: none took 50 ms."""
    longest_task_cpu_ms: float
    shift: float


@dataclass(frozen=True, slots=True)
class Scroll:
    """One way down the list of evaluations."""

    lap: int
    beside: Beside
    rows: int
    """How many were passed."""
    frames: int
    seconds: float
    waited_s: float
    """How long it stood at the end of what was loaded."""
    p50_ms: float
    p95_ms: float
    worst_ms: float
    longest_task_ms: float
    """0: none took 50 ms."""


@dataclass(frozen=True, slots=True)
class Ingest:
    """What came in while a lap was measured."""

    lap: int
    rows_s: float
    refused: int


@dataclass(slots=True)
class Run:
    """All that one run measured."""

    name: str
    at: datetime
    rows: int
    """Evaluations in the project before anything came in."""
    connections: int
    pause_ms: int
    """How long each connection waits before it sends the next."""
    machine: Machine
    visits: list[Visit] = field(default_factory=list[Visit])
    scrolls: list[Scroll] = field(default_factory=list[Scroll])
    ingest: list[Ingest] = field(default_factory=list[Ingest])
    failures: list[str] = field(default_factory=list[str])
    """Visits that came to nothing, and why."""


_RUN = TypeAdapter(Run)


def keep(run: Run) -> Path:
    """Writes the run under its date and name; an older one of the same name and day is replaced."""
    DASHBOARD_DIR.mkdir(parents=True, exist_ok=True)
    path = DASHBOARD_DIR / f"{run.at:%Y-%m-%d}-{run.name}.json"
    path.write_bytes(orjson.dumps(run, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    return path


def newest() -> Run | None:
    """The latest run over the most evaluations; None when there is none."""
    found = [_RUN.validate_json(path.read_bytes()) for path in DASHBOARD_DIR.glob("*.json")]
    return max(found, key=lambda run: (run.rows, run.at), default=None)


def text(run: Run) -> str:
    """The run as Markdown: what was done, and a table."""
    where = run.machine
    rates = [each.rows_s for each in run.ingest]
    came_in = f"{median(rates):,.0f} evaluations a second come in over {run.connections} connections"
    laps = max((each.lap for each in run.visits), default=0)
    lines = [
        f"First visits, with nothing cached, at {run.rows:,} evaluations: {laps} while the server does nothing",
        f"else, each followed by one while {came_in}",
        f"(`python -m benchmarks.dashboard`, {run.at:%Y-%m-%d}; server, database, load generator and browser share",
        f"{where.cores} cores of {where.cpu}, load average before the run {where.load_average}). The worst of the",
        "laps, unless it says median:",
        "",
        "| What | Wanted | Alone | During ingest |",
        "|---|---|---:|---:|",
        *(f"| {what} | {wanted} | {alone} | {loaded} |" for what, wanted, alone, loaded in _lines(run)),
    ]
    if run.failures:
        lines += ["", f"{len(run.failures)} visits failed and are not counted."]
    return "\n".join(lines)


def _lines(run: Run) -> list[tuple[str, str, str, str]]:
    """What, what is wanted, and it without and with load; a dash where nothing was measured."""

    def told(what: str, wanted: str, tell: Callable[[_Half], str]) -> tuple[str, str, str, str]:
        halves = [_half(run, beside) for beside in BESIDE]
        alone, loaded = (tell(half) if half.visits and half.scrolls else "-" for half in halves)
        return what, wanted, alone, loaded

    return [
        told("Overview: LCP, median", "<= 2.0 s", lambda half: _s(median(each.lcp_ms for each in half.visits))),
        told("LCP", "", lambda half: _s(max(each.lcp_ms for each in half.visits))),
        told("longest task", "<= 200 ms", lambda half: _task(max(each.longest_task_ms for each in half.visits))),
        told("its CPU time", "", lambda half: _ms(max(each.longest_task_cpu_ms for each in half.visits))),
        told("layout shift", "0", lambda half: f"{max(each.shift for each in half.visits):.3f}"),
        told("List: rows scrolled through", "10,000", lambda half: f"{min(each.rows for each in half.scrolls):,}"),
        told("frames, p50", "", lambda half: _ms(max(each.p50_ms for each in half.scrolls))),
        told("frames, p95", "", lambda half: _ms(max(each.p95_ms for each in half.scrolls))),
        told("worst frame", "", lambda half: _ms(max(each.worst_ms for each in half.scrolls))),
        told("longest task", "<= 200 ms", lambda half: _task(max(each.longest_task_ms for each in half.scrolls))),
        told("waited for rows", "", lambda half: _s(max(each.waited_s for each in half.scrolls) * 1e3)),
        told("for all rows", "", lambda half: _s(max(each.seconds for each in half.scrolls) * 1e3)),
    ]


@dataclass(frozen=True, slots=True)
class _Half:
    visits: list[Visit]
    scrolls: list[Scroll]


def _half(run: Run, beside: Beside) -> _Half:
    return _Half(
        [each for each in run.visits if each.beside == beside],
        [each for each in run.scrolls if each.beside == beside],
    )


def _s(ms: float) -> str:
    return f"{ms / 1e3:.2f} s"


def _ms(ms: float) -> str:
    return f"{ms:.0f} ms"


def _task(ms: float) -> str:
    # Chromium tells of tasks from 50 ms on.
    return _ms(ms) if ms else "< 50 ms"
