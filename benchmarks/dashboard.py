"""Measures the dashboard in a real Chromium while evaluations come in: `python -m benchmarks.dashboard`.

How soon the overview shows its largest part (LCP), how long its longest task kept the page from answering, and how
evenly a list of 10,000 evaluations scrolls. Each is measured in turn with nothing else going on and with evaluations
coming in, so that the two can be compared. Keeps its numbers in `benchmarks/results/dashboard/`, and
`python -m benchmarks.report` puts the newest into docs/dashboard.md.

Server, PostgreSQL, load generator and browser share the machine. The longest task is therefore also told in CPU time of
the page's thread, which does not count how long others had the processor.
"""

import asyncio
import re
import signal
import tempfile
import threading
from collections.abc import Coroutine, Generator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from playwright.async_api import Error
from pydantic import TypeAdapter

from benchmarks import load, machine, payload, rows, visits
from benchmarks.dashboard_results import BESIDE, Ingest, Run, Scroll, Visit, keep, text
from benchmarks.results import Fill
from benchmarks.server import HOST, Server, Tenant, make_tenant, running
from scripts.chromium import browser

EMAIL, PASSWORD = "reads@example.com", "correct-horse-battery-staple-7"
_NOTE = TypeAdapter(tuple[Tenant, Fill])
T = TypeVar("T", Visit, Scroll)
_MEASURED_S_MAX = 240
"""One visit with all that it takes; only a bound."""


def main(
    rows_total: Annotated[int, typer.Option("--rows", min=1_000, help="Evaluations in the project.")] = 1_000_000,
    laps: Annotated[int, typer.Option(min=1, max=20, help="How often everything is measured.")] = 3,
    connections: Annotated[int, typer.Option(min=1, max=256, help="Over how many evaluations come in.")] = 64,
    pause_ms: Annotated[int, typer.Option(min=0, max=10_000, help="How long each waits between two of them.")] = 30,
    name: Annotated[str, typer.Option(help="Names the file of results.")] = "local",
    reuse: Annotated[
        Path | None, typer.Option(help="A directory as `benchmarks.run --reuse` keeps it; what comes in stays in it.")
    ] = None,
) -> None:
    """Measure the overview and the list, with and without load."""
    if not re.fullmatch(r"[a-z0-9-]{1,40}", name):
        raise typer.BadParameter("--name takes small letters, digits and dashes")
    # A terminated run ends its servers and its load as an interrupted one does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with _directory(reuse) as folder, running(folder / f"reads-{rows_total}") as server:
        _say(f"The server is ready after {server.ready_s:.1f} s.")
        tenant = _filled(server, folder / f"reads-{rows_total}.json", rows_total)
        run = Run(
            name=name,
            at=datetime.now(UTC).replace(microsecond=0),
            rows=rows_total,
            connections=connections,
            pause_ms=pause_ms,
            machine=machine.describe(server.cluster.path, server.login_url),
        )
        site = _Site(server, tenant, payload.write_bodies(payload.sample(7), folder, rows_each=1))
        asyncio.run(_measure(run, site, laps))
    _say(text(run))
    _say(f"Kept in benchmarks/results/dashboard/{keep(run).name}; `python -m benchmarks.report` writes the documents.")


def _say(text: str) -> None:
    print(text, flush=True)


@contextmanager
def _directory(reuse: Path | None) -> Generator[Path]:
    if reuse is not None:
        yield reuse.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="agentops-bench-") as folder:
        # As root the database runs as somebody else, who must pass through.
        Path(folder).chmod(0o711)
        yield Path(folder)


def _filled(server: Server, note: Path, rows_total: int) -> Tenant:
    if note.exists():
        return _NOTE.validate_json(note.read_bytes())[0]
    _say(f"Making {rows_total:,} evaluations, some minutes for each million ...")
    tenant, made = make_tenant(server, EMAIL), 0

    def advance(more: int) -> None:
        nonlocal made
        made += more
        _say(f"  {made:,} of {rows_total:,}")

    fill = rows.fill(server, tenant, rows=rows_total, seed=7, advance=advance)
    note.write_bytes(_NOTE.dump_json((tenant, fill)))
    return tenant


@dataclass(frozen=True, slots=True)
class _Site:
    """The server, the project that is looked at, and what is sent to it meanwhile."""

    server: Server
    tenant: Tenant
    bodies: payload.Bodies

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.server.port}"


async def _measure(run: Run, site: _Site, laps: int) -> None:
    """Everything in turn, so that what else the machine does falls on all alike."""
    account = (EMAIL, PASSWORD)
    async with browser() as chromium:
        # Nobody's usual one: the server and the browser have done nothing yet.
        await visits.see_overview(chromium, site.url, account, lap=0, beside="nothing")
        for lap in range(1, laps + 1):
            for beside in BESIDE:
                with _ingest(run, site, lap) if beside == "ingest" else nullcontext():
                    at = f"Lap {lap} of {laps}, beside {beside}"
                    seen = visits.see_overview(chromium, site.url, account, lap=lap, beside=beside)
                    await _note(run, run.visits, at, seen)
                    scrolled = visits.scroll_list(chromium, site.url, account, lap=lap, beside=beside)
                    await _note(run, run.scrolls, at, scrolled)


async def _note(run: Run, noted: list[T], at: str, measured: Coroutine[None, None, T]) -> None:
    """Measures, within bounds, and says what came of it."""
    try:
        async with asyncio.timeout(_MEASURED_S_MAX):
            found = await measured
    except (Error, TimeoutError) as error:
        run.failures.append(f"{at}: {type(error).__name__} {error}")
        _say(run.failures[-1])
    else:
        noted.append(found)
        _say(f"{at}: {found}")


@contextmanager
def _ingest(run: Run, site: _Site, lap: int) -> Generator[None]:
    """Evaluations come in, one by one, until left. Raises RuntimeError when they could not be sent."""
    done, sent = threading.Event(), list[load.Load]()

    def send() -> None:
        while not done.is_set():
            sent.append(
                load.post(
                    site.server,
                    site.tenant,
                    site.bodies,
                    connections=run.connections,
                    seconds=2,
                    pause_ms=run.pause_ms,
                )
            )

    sending = threading.Thread(target=send)
    sending.start()
    try:
        yield
    finally:
        done.set()
        sending.join()
    seconds = sum(each.seconds for each in sent)
    if not seconds:
        raise RuntimeError("No evaluations came in: see what the load generator said above.")
    stored = sum(each.requests - each.refused - each.broken for each in sent)
    run.ingest.append(Ingest(lap, stored / seconds, sum(each.refused + each.broken for each in sent)))
    _say(f"{run.ingest[-1]}")


if __name__ == "__main__":
    typer.run(main)
