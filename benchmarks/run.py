"""Measures this machine: `python -m benchmarks.run`, or `make bench`.

Starts real servers in a temporary directory, talks to 127.0.0.1 only, ends what it started, and keeps the numbers in
`benchmarks/results/`. `python -m benchmarks.report` makes docs/benchmarks.md of the newest.
"""

import re
import signal
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import ingest, load, machine, payload, processes, raw, reads, rows, tables
from benchmarks.results import Fill, Memory, Results, Start, keep
from benchmarks.server import Server, Tenant, make_tenant, running

_UNITS = {"": 1, "k": 1_000, "m": 1_000_000}
_WARM_STARTS = 3
_NOTE = TypeAdapter(tuple[Tenant, Fill])
_console = Console()
if not _console.is_terminal:
    # Tables in a log file are as wide as they need.
    _console.width = 160


def main(
    quick: Annotated[  # noqa: FBT002 - how Typer wants an option
        bool, typer.Option("--quick", help="A second for each measurement, once, 100k rows.")
    ] = False,
    wanted: Annotated[str, typer.Option("--rows", help="Sizes to read at, such as 100k,1M,10M.")] = "100k,1M",
    seconds: Annotated[int, typer.Option(min=1, max=60, help="Length of each measurement of writing.")] = 4,
    laps: Annotated[int, typer.Option(min=1, max=10, help="How often writing is measured.")] = 3,
    requests: Annotated[int, typer.Option(min=20, max=10_000, help="Requests for each kind of reading.")] = 300,
    patience: Annotated[int, typer.Option(min=0, max=600, help="Seconds to wait for others, each time.")] = 10,
    only: Annotated[str, typer.Option(help="A part: ingest or reads.")] = "",
    name: Annotated[str, typer.Option(help="Names the file of results.")] = "local",
    seed: Annotated[int, typer.Option(help="Makes the data; the same seed, the same data.")] = 7,
    directory: Annotated[Path | None, typer.Option(help="Where the databases go meanwhile.")] = None,
    reuse: Annotated[
        Path | None, typer.Option(help="Keep the databases to read from here; those that are there are not made anew.")
    ] = None,
) -> None:
    """Measure writing, reading, starting and memory."""
    if only not in ("", "ingest", "reads"):
        raise typer.BadParameter("--only takes ingest or reads")
    if not re.fullmatch(r"[a-z0-9-]{1,40}", name):
        raise typer.BadParameter("--name takes small letters, digits and dashes")
    sizes = [_size(text) for text in wanted.split(",")]
    if quick:
        seconds, laps, requests, patience, sizes, name = 1, 1, 100, 0, [100_000], f"{name}-quick"
    # A terminated run ends its servers and removes its data as an interrupted one does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    items = payload.sample(seed)
    with _temporary(directory) as folder, _progress() as progress:
        results = _begin(folder, items, name=name, seed=seed, seconds=seconds)
        if only != "reads":
            _measure_ingest(results, folder, items, laps=laps, patience_s=patience, progress=progress)
        if only != "ingest":
            filled = _kept(reuse) if reuse else folder
            _measure_reads(results, filled, sizes, requests=requests, patience_s=patience, progress=progress)
    for table in tables.tables(results):
        _console.print(table.rich())
    path = keep(results)
    _console.print(f"Kept in benchmarks/results/{path.name}; `python -m benchmarks.report` writes docs/benchmarks.md.")


def _begin(folder: Path, items: list[payload.EvaluationIn], *, name: str, seed: int, seconds: int) -> Results:
    """Starts a server on nothing, then on what that left, and notes how long each took."""
    with running(folder / "ingest") as server:
        described = machine.describe(server.cluster.path, server.login_url)
        starts = [Start("cold: nothing there yet", server.ready_s)]
    for _ in range(_WARM_STARTS):
        with running(folder / "ingest") as server:
            starts.append(Start("warm: after a clean stop", server.ready_s))
    return Results(
        name=name,
        at=datetime.now(UTC).replace(microsecond=0),
        seed=seed,
        seconds=seconds,
        load_generator=load.generator(),
        machine=described,
        body_bytes=payload.mean_bytes(items),
        starts=starts,
    )


def _measure_ingest(
    results: Results, folder: Path, items: list[payload.EvaluationIn], *, laps: int, patience_s: int, progress: Progress
) -> None:
    task = progress.add_task("writing", total=ingest.steps(laps))
    with ExitStack() as stack:
        grouped = stack.enter_context(running(folder / "ingest"))
        tenant = make_tenant(grouped, "ingest@example.com")
        results.memory.append(_memory("idle, after the start", grouped))
        alone = stack.enter_context(running(folder / "ingest", group_commit=False))
        bare = stack.enter_context(running(folder / "ingest", rollups=False))
        bodies = {
            (each, with_ids): payload.write_bodies(items, folder, rows_each=each, client_ids=with_ids)
            for each, with_ids in ((1, False), (100, False), (500, False), (1, True), (100, True))
        }
        for server in (grouped, alone, bare):
            load.post(server, tenant, bodies[1, False], connections=8, seconds=1)
        bench = ingest.Bench(grouped, alone, bare, tenant, items, bodies, results.seconds, patience_s)
        for measured in ingest.measure(bench, laps):
            results.ingest.append(measured)
            progress.update(task, advance=1, description=f"writing: {tables.line(measured)}")
        results.memory.append(_memory("after all writing", grouped))


def _measure_reads(
    results: Results, folder: Path, sizes: list[int], *, requests: int, patience_s: int, progress: Progress
) -> None:
    for rows_total in sizes:
        # Its own cluster, so that the project's size is the database's size.
        data_dir = folder / f"reads-{rows_total}"
        with running(data_dir) as server:
            tenant = _filled(results, server, data_dir.with_suffix(".json"), rows_total, progress)
            task = progress.add_task(f"reading at {rows_total:,} rows", total=reads.KINDS + len(raw.QUESTIONS))
            for read in reads.measure(
                server, tenant, rows_total=rows_total, requests=requests, seed=results.seed, patience_s=patience_s
            ):
                results.reads.append(read)
                progress.update(task, advance=1, description=f"reading at {rows_total:,} rows: {read.what}")
            results.memory.append(_memory(f"after reading at {rows_total:,} rows", server))
            for each in raw.measure(server, tenant, rows_total=rows_total):
                results.raws.append(each)
                progress.update(task, advance=1, description=f"raw table of {rows_total:,} rows: {each.what}")
        with running(data_dir) as server:
            results.starts.append(Start(f"warm: with {rows_total:,} rows", server.ready_s))


def _filled(results: Results, server: Server, note: Path, rows_total: int, progress: Progress) -> Tenant:
    """The project that was filled in an earlier run, or is now; the note beside the database tells."""
    if note.exists():
        tenant, fill = _NOTE.validate_json(note.read_bytes())
    else:
        tenant = make_tenant(server, "reads@example.com")
        task = progress.add_task(f"making {rows_total:,} rows", total=rows_total)
        fill = rows.fill(
            server, tenant, rows=rows_total, seed=results.seed, advance=lambda n: progress.advance(task, n)
        )
        note.write_bytes(_NOTE.dump_json((tenant, fill)))
    results.fills.append(fill)
    return tenant


def _memory(when: str, server: Server) -> Memory:
    return Memory(when, processes.rss_mib(server.pid), processes.pss_mib(server.postmaster_pid))


def _size(text: str) -> int:
    found = re.fullmatch(r"(\d+)([km]?)", text.strip().lower())
    size = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 1_000 <= size <= 10_000_000:
        raise typer.BadParameter("--rows takes sizes from 1k to 10M, such as 100k,1M")
    return size


def _kept(directory: Path) -> Path:
    """The directory, made where it is missing; servers run elsewhere, so its path is absolute."""
    directory.mkdir(parents=True, exist_ok=True)
    # As in `_temporary`: the database's own user must pass through.
    directory.chmod(0o711)
    return directory.resolve()


@contextmanager
def _temporary(directory: Path | None) -> Generator[Path]:
    with tempfile.TemporaryDirectory(prefix="agentops-bench-", dir=directory) as folder:
        # As root the database runs as somebody else, who must pass through.
        Path(folder).chmod(0o711)
        yield Path(folder)


def _progress() -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    return Progress(*columns, console=_console)


if __name__ == "__main__":
    typer.run(main)
