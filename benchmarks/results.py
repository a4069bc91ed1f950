"""What a run measured, as it is kept in `benchmarks/results/*.json`. Knows nothing of how it was measured."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

import orjson
from pydantic import TypeAdapter

RESULTS_DIR = Path(__file__).parent / "results"

Way = Literal["group commit", "no rollups", "a transaction a request", "unnest", "insert", "insert and rollups"]
"""How rows came in: three servers over HTTP, plain `unnest`, and the server's statement without and with rollups."""


@dataclass(frozen=True, slots=True)
class Machine:
    """Where it was measured."""

    system: str
    cpu: str
    cores: int
    memory_mib: int
    filesystem: str
    """Of the database: on `tmpfs` an fsync costs nothing, and the numbers say little."""
    load_average: float
    """Of the minute before the run: what others were doing."""
    versions: dict[str, str]


@dataclass(frozen=True, slots=True)
class Ingest:
    """One measurement of writing. CPU times are None where the system does not tell."""

    way: Way
    rows_a_request: int
    connections: int
    client_ids: bool
    """Each row has an id made by the client, so that the server must look for its duplicate."""
    lap: int
    seconds: float
    rows: int
    rows_s: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    refused: int
    """Answers other than 2xx."""
    broken: int
    """Connections that failed."""
    server_us: float | None = None
    """CPU time of the server process for each row."""
    postgres_us: float | None = None
    """CPU time of all PostgreSQL processes for each row."""
    client_busy: float | None = None
    """How much of its threads the load generator used: far below 1, or it was the bottleneck."""
    others_busy: float | None = None
    """How much of the machine's CPU time went to anything else."""

    @property
    def shape(self) -> tuple[int, int, bool]:
        """What was asked, whichever way it was answered."""
        return self.rows_a_request, self.connections, self.client_ids


@dataclass(frozen=True, slots=True)
class Read:
    """One kind of GET, asked sequentially over one connection."""

    rows: int
    """Evaluations in the project."""
    what: str
    requests: int
    bytes: int
    """Size of the largest answer."""
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    failed: int = 0
    """Answers other than 200; their times count."""
    others_busy: float | None = None
    """How much of the machine's CPU time went to anything else than server, PostgreSQL and client."""
    cpu_ms: float | None = None
    """CPU time of server and PostgreSQL for one of the requests, background work included."""
    first_ms: float | None = None
    """The first request, when less of it is remembered (docs/adr/0018)."""


@dataclass(frozen=True, slots=True)
class Raw:
    """A question of `Read`, asked of the raw table in SQL."""

    rows: int
    what: str
    runs: int
    p50_ms: float
    max_ms: float


@dataclass(frozen=True, slots=True)
class Fill:
    """How long it took to make a project's rows, then their rollups, then to file their words."""

    rows: int
    rows_s: float
    rollups_s: float
    words_s: float


@dataclass(frozen=True, slots=True)
class Start:
    """From the process's start to the first 200 of `/health/ready`."""

    how: str
    ready_s: float


@dataclass(frozen=True, slots=True)
class Memory:
    """Memory at one moment."""

    when: str
    server_mib: float
    """Resident set of the server process."""
    postgres_mib: float
    """Proportional set of all PostgreSQL processes: pages that they share count once."""


@dataclass(slots=True)
class Results:
    """All that one run measured."""

    name: str
    at: datetime
    seed: int
    seconds: int
    """Length of each measurement of writing."""
    load_generator: str
    machine: Machine
    body_bytes: int
    """Mean size of one evaluation on the wire."""
    starts: list[Start] = field(default_factory=list[Start])
    memory: list[Memory] = field(default_factory=list[Memory])
    ingest: list[Ingest] = field(default_factory=list[Ingest])
    reads: list[Read] = field(default_factory=list[Read])
    raws: list[Raw] = field(default_factory=list[Raw])
    fills: list[Fill] = field(default_factory=list[Fill])


_RESULTS = TypeAdapter(Results)


def quietest(measured: Iterable[Ingest]) -> list[Ingest]:
    """Of the rounds of each way and shape, the one with the least foreign load; in the order they were measured."""
    best: dict[tuple[Way, tuple[int, int, bool]], Ingest] = {}
    for each in measured:
        key = each.way, each.shape
        if key not in best or (each.others_busy or 0) < (best[key].others_busy or 0):
            best[key] = each
    return list(best.values())


def keep(results: Results) -> Path:
    """Writes the results under their date and name; an older run of the same name and day is replaced."""
    RESULTS_DIR.mkdir(exist_ok=True)
    path = RESULTS_DIR / f"{results.at:%Y-%m-%d}-{results.name}.json"
    path.write_bytes(orjson.dumps(results, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    return path


def kept() -> list[Results]:
    """All results that were kept, the newest first."""
    found = [_RESULTS.validate_json(path.read_bytes()) for path in RESULTS_DIR.glob("*.json")]
    return sorted(found, key=lambda results: results.at, reverse=True)


def together(runs: Sequence[Results]) -> tuple[Results, dict[str, Results]]:
    """Of writing, and of reading at each size, the first run that has it, as one; and which run that was."""
    used: dict[str, Results] = {}
    made = replace(runs[0], starts=[], memory=[], ingest=[], reads=[], raws=[], fills=[])
    for run in runs:
        if run.ingest and "writing" not in used:
            used["writing"] = run
            made.ingest = run.ingest
        for rows in {each.rows for each in run.reads}:
            part = f"reading at {rows:,} rows"
            if part not in used:
                used[part] = run
                made.reads += [each for each in run.reads if each.rows == rows]
                made.raws += [each for each in run.raws if each.rows == rows]
                made.fills += [each for each in run.fills if each.rows == rows]
    for run in runs:
        if any(run is each for each in used.values()):
            made.starts += run.starts
            made.memory += run.memory
    for measured in (made.reads, made.raws, made.fills):
        measured.sort(key=lambda each: each.rows)
    return made, used
