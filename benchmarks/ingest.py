"""Writing over HTTP: the shapes that are measured, and each against its two alternatives in the same minute."""

from collections.abc import Iterator
from dataclasses import dataclass

from agentops_api.evaluations.models import EvaluationIn

from benchmarks import direct, load, processes
from benchmarks.payload import Bodies
from benchmarks.results import Ingest, Way
from benchmarks.server import Server, Tenant


@dataclass(frozen=True, slots=True)
class Shape:
    """A kind of request, and over how many connections it comes."""

    rows_a_request: int
    connections: int
    client_ids: bool = False


_TRIES = 3
SHAPES = (
    Shape(1, 1),
    Shape(1, 8),
    Shape(1, 64),
    Shape(1, 256),
    Shape(100, 8),
    Shape(500, 8),
    Shape(1, 64, client_ids=True),
    Shape(100, 8, client_ids=True),
)


@dataclass(frozen=True, slots=True)
class Bench:
    """What is measured: three servers on one database, each of the latter with one difference from the first."""

    grouped: Server
    alone: Server
    """With `INGEST_GROUP_COMMIT=false`."""
    bare: Server
    """Without rollups."""
    tenant: Tenant
    items: list[EvaluationIn]
    bodies: dict[tuple[int, bool], Bodies]
    """By rows a request and whether clients make the ids."""
    seconds: int
    patience_s: int
    """How long to wait, before each measurement, for others to leave the machine alone."""


def steps(laps: int) -> int:
    """How many measurements `measure` makes."""
    return laps * sum(len(_ways(shape)) for shape in SHAPES)


def measure(bench: Bench, laps: int) -> Iterator[Ingest]:
    """Each shape on the servers and without HTTP, `laps` times; what is compared stays together, in turning order."""
    for lap in range(laps):
        for shape in SHAPES:
            for way in _ways(shape)[:: -1 if lap % 2 else 1]:
                yield _undisturbed(bench, way, shape, lap=lap)


def _ways(shape: Shape) -> tuple[Way, ...]:
    if shape == Shape(1, 1):
        return "group commit", "a transaction a request", "unnest"
    if shape == Shape(1, 64):
        return "group commit", "no rollups", "a transaction a request"
    if shape.rows_a_request > 1 and not shape.client_ids:
        return "group commit", "no rollups", "a transaction a request", "unnest", "insert", "insert and rollups"
    return "group commit", "a transaction a request"


def _undisturbed(bench: Bench, way: Way, shape: Shape, *, lap: int) -> Ingest:
    """The measurement, or the least disturbed of three where others kept using the machine."""
    tries: list[Ingest] = []
    while len(tries) < (_TRIES if bench.patience_s else 1):
        processes.wait_until_quiet(bench.patience_s)
        measured = _measure(bench, way, shape, lap=lap)
        if (measured.others_busy or 0) <= processes.QUIET_SHARE:
            return measured
        tries.append(measured)
    return min(tries, key=lambda each: each.others_busy or 0)


def _measure(bench: Bench, way: Way, shape: Shape, *, lap: int) -> Ingest:
    if way == "group commit":
        return _post(way, bench.grouped, bench, shape, lap=lap)
    if way == "no rollups":
        return _post(way, bench.bare, bench, shape, lap=lap)
    if way == "a transaction a request":
        return _post(way, bench.alone, bench, shape, lap=lap)
    rows_each, seconds = shape.rows_a_request, bench.seconds
    return direct.write(way, bench.grouped, bench.tenant, bench.items, rows_each=rows_each, seconds=seconds, lap=lap)


def _post(way: Way, server: Server, bench: Bench, shape: Shape, *, lap: int) -> Ingest:
    bodies = bench.bodies[shape.rows_a_request, shape.client_ids]
    before = server.cpu()
    seen = load.post(server, bench.tenant, bodies, connections=shape.connections, seconds=bench.seconds)
    used = server.cpu().since(before)
    rows = (seen.requests - seen.refused) * bodies.rows_each
    measured = bool(used.machine_s and rows)
    return Ingest(
        way=way,
        rows_a_request=shape.rows_a_request,
        connections=shape.connections,
        client_ids=shape.client_ids,
        lap=lap,
        seconds=seen.seconds,
        rows=rows,
        rows_s=rows / seen.seconds,
        p50_ms=seen.p50_ms,
        p99_ms=seen.p99_ms,
        max_ms=seen.max_ms,
        refused=seen.refused,
        broken=seen.broken,
        server_us=used.server_s * 1e6 / rows if measured else None,
        postgres_us=used.postgres_s * 1e6 / rows if measured else None,
        client_busy=seen.client_busy,
        others_busy=used.others_share(seen.client_busy * seen.seconds),
    )
