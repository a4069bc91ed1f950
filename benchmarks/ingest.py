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
    """What is measured: two servers on one database, which differ in `INGEST_GROUP_COMMIT` only."""

    grouped: Server
    alone: Server
    tenant: Tenant
    items: list[EvaluationIn]
    bodies: dict[tuple[int, bool], Bodies]
    """By rows a request and whether clients make the ids."""
    seconds: int
    patience_s: int
    """How long to wait, before each measurement, for others to leave the machine alone."""


def steps(laps: int) -> int:
    """How many measurements `measure` makes."""
    return laps * (2 * len(SHAPES) + 1 + 2 * 3)


def measure(bench: Bench, laps: int) -> Iterator[Ingest]:
    """Each shape on both servers and without HTTP, `laps` times; what is compared stays together."""
    for lap in range(laps):
        for shape in SHAPES:
            yield _post("group commit", bench.grouped, bench, shape, lap=lap)
            yield _post("a transaction a request", bench.alone, bench, shape, lap=lap)
            if shape in (Shape(1, 1), Shape(100, 8), Shape(500, 8)):
                yield _direct("unnest", bench, shape.rows_a_request, lap=lap)
            if shape in (Shape(100, 8), Shape(500, 8)):
                yield _direct("insert", bench, shape.rows_a_request, lap=lap)
                yield _direct("insert and rollups", bench, shape.rows_a_request, lap=lap)


def _post(way: Way, server: Server, bench: Bench, shape: Shape, *, lap: int) -> Ingest:
    bodies = bench.bodies[shape.rows_a_request, shape.client_ids]
    processes.wait_until_quiet(bench.patience_s)
    before = server.cpu()
    seen = load.post(server, bench.tenant, bodies, connections=shape.connections, seconds=bench.seconds)
    used = server.cpu().since(before)
    rows = (seen.requests - seen.refused) * bodies.rows_each
    client_s = seen.client_busy * seen.seconds
    measured = bool(used.machine_s and rows)
    others_s = used.machine_busy_s - used.server_s - used.postgres_s - client_s
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
        others_busy=max(0.0, others_s / used.machine_s) if measured else None,
    )


def _direct(way: Way, bench: Bench, rows_each: int, *, lap: int) -> Ingest:
    processes.wait_until_quiet(bench.patience_s)
    return direct.write(
        way, bench.grouped, bench.tenant, bench.items, rows_each=rows_each, seconds=bench.seconds, lap=lap
    )
