"""Measures the dashboard in a real Chromium while evaluations come in: `python -m benchmarks.dashboard`.

How soon the overview shows its largest part (LCP), how long its longest task kept the page from answering, and how
evenly a list of 10,000 evaluations scrolls. Writes what it found into docs/dashboard.md, between its two marks.

Server, PostgreSQL, load generator and browser share the machine. The longest task is therefore also told in CPU time of
the page's thread, which does not count how long others had the processor.
"""

import asyncio
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Annotated

import orjson
import typer
from playwright.async_api import Browser
from pydantic import TypeAdapter

from benchmarks import load, machine, payload, rows
from benchmarks.results import Fill, Machine
from benchmarks.server import HOST, Server, Tenant, make_tenant, running
from scripts.chromium import DESK, Traffic, browser, sign_in, window

EMAIL, PASSWORD = "reads@example.com", "correct-horse-battery-staple-7"
LOADED_CONNECTIONS = 8
SCROLLED_ROWS = 10_000
_PAGE = Path(__file__).parent.parent / "docs" / "dashboard.md"
_BEGIN, _END = "<!-- measured: begin -->", "<!-- measured: end -->"
_NOTE = TypeAdapter(tuple[Tenant, Fill])
_WATCH = """
window.measured = {lcp: 0, longest: 0, shift: 0};
const watch = (type, see) => new PerformanceObserver((list) => list.getEntries().forEach(see))
    .observe({type, buffered: true});
watch("largest-contentful-paint", (entry) => { measured.lcp = entry.startTime });
watch("longtask", (entry) => { measured.longest = Math.max(measured.longest, entry.duration) });
watch("layout-shift", (entry) => { measured.shift += entry.value });
"""
# A wheel that turns evenly: 120 px each frame, until the rows are passed. Gives the milliseconds between frames.
_SCROLL = """
async (pixels) => {
    const frames = [];
    let last = await new Promise(requestAnimationFrame);
    for (let y = 0; y < pixels; y += 120) {
        scrollBy(0, 120);
        const now = await new Promise(requestAnimationFrame);
        frames.push(now - last);
        last = now;
    }
    return frames;
}
"""


@dataclass(frozen=True, slots=True)
class Shown:
    """One visit of the overview."""

    lcp_ms: float
    longest_task_ms: float
    longest_task_cpu_ms: float
    shift: float


def main(
    rows_total: Annotated[int, typer.Option("--rows", min=1_000, help="Evaluations in the project.")] = 1_000_000,
    visits: Annotated[int, typer.Option(min=1, max=50, help="How often the overview is opened.")] = 5,
    reuse: Annotated[Path | None, typer.Option(help="A directory as `benchmarks.run --reuse` keeps it.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Put the numbers into docs/dashboard.md.")] = False,  # noqa: FBT002 - how Typer wants an option
) -> None:
    """Measure the overview and the list under load."""
    with _directory(reuse) as folder, running(folder / f"reads-{rows_total}") as server:
        tenant = _filled(server, folder / f"reads-{rows_total}.json", rows_total)
        with _ingest(server, tenant, folder):
            shown, frames = asyncio.run(_measure(f"http://{HOST}:{server.port}", visits))
        where = machine.describe(server.cluster.data_dir, server.superuser_url)
    text = _report(rows_total, shown, frames, where)
    print(text)
    if write:
        before, _, rest = _PAGE.read_text().partition(_BEGIN)
        _PAGE.write_text(f"{before}{_BEGIN}\n{text}\n{_END}{rest.partition(_END)[2]}")


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
    tenant = make_tenant(server, EMAIL)
    fill = rows.fill(server, tenant, rows=rows_total, seed=7, advance=lambda _: None)
    note.write_bytes(_NOTE.dump_json((tenant, fill)))
    return tenant


@contextmanager
def _ingest(server: Server, tenant: Tenant, folder: Path) -> Generator[None]:
    """Single evaluations, as fast as the connections get their answers, until left."""
    bodies = payload.write_bodies(payload.sample(7), folder, rows_each=1)
    done = threading.Event()

    def send() -> None:
        while not done.is_set():
            load.post(server, tenant, bodies, connections=LOADED_CONNECTIONS, seconds=2)

    sending = threading.Thread(target=send)
    sending.start()
    try:
        yield
    finally:
        done.set()
        sending.join()


async def _measure(url: str, visits: int) -> tuple[list[Shown], list[float]]:
    async with browser() as chromium:
        shown = [await _visit(chromium, url) for _ in range(visits)]
        return shown, await _scroll(chromium, url)


async def _visit(chromium: Browser, url: str) -> Shown:
    """The overview in a new profile: nothing is cached."""
    async with window(chromium, url, size=DESK) as context:
        await sign_in(context, EMAIL, PASSWORD)
        await context.add_init_script(_WATCH)
        page = await context.new_page()
        traffic = Traffic(page)
        await chromium.start_tracing(page=page, categories=["toplevel", "__metadata"])
        await page.goto("/app/?days=30")
        await traffic.settled()
        found = await page.evaluate("measured")
        cpu_ms = _longest_cpu_ms(await chromium.stop_tracing())
        return Shown(found["lcp"], found["longest"], cpu_ms, found["shift"])


def _longest_cpu_ms(trace: bytes) -> float:
    """Of the tasks of the pages' main threads, the most CPU time that one took (Chromium's trace: `tdur`, in µs)."""
    events = orjson.loads(trace)["traceEvents"]
    main = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    return max(event.get("tdur", 0) for event in events if (event["pid"], event["tid"]) in main) / 1e3


async def _scroll(chromium: Browser, url: str) -> list[float]:
    """Milliseconds between frames, over a list that loads its pages on the way."""
    async with window(chromium, url, size=DESK) as context:
        await sign_in(context, EMAIL, PASSWORD)
        await context.add_init_script(_WATCH)
        page = await context.new_page()
        traffic = Traffic(page)
        await page.goto("/app/evaluations?days=90")
        await traffic.settled()
        row = await page.locator("[role=row][aria-rowindex]").first.bounding_box()
        assert row is not None
        frames: list[float] = []
        passed, step = 0, 500
        while passed < SCROLLED_ROWS:
            frames += await page.evaluate(_SCROLL, row["height"] * step)
            with suppress(TimeoutError):
                await traffic.settled()
            passed += step
        return frames


def _report(rows_total: int, shown: list[Shown], frames: list[float], where: Machine) -> str:
    smooth = sum(each <= 34 for each in frames) / len(frames)
    found = (
        ("LCP of the overview, median", "<= 2.0 s", f"{median(each.lcp_ms for each in shown) / 1e3:.2f} s"),
        ("Longest task of the overview, worst", "<= 200 ms", f"{max(each.longest_task_ms for each in shown):.0f} ms"),
        ("Its CPU time, worst", "<= 200 ms", f"{max(each.longest_task_cpu_ms for each in shown):.0f} ms"),
        ("Layout shift of the overview, worst", "0", f"{max(each.shift for each in shown):.3f}"),
        (f"Frames of at most 34 ms over {SCROLLED_ROWS:,} rows", "", f"{smooth:.1%}"),
        ("99th percentile of a frame there", "", f"{sorted(frames)[int(len(frames) * 0.99)]:.0f} ms"),
    )
    place = f"{where.cores} cores of {where.cpu}, at a load of {where.load_average:.1f}"
    return "\n".join(
        [
            f"{len(shown)} first visits at {rows_total:,} evaluations while {LOADED_CONNECTIONS} connections send more",
            f"(`python -m benchmarks.dashboard`; {place}):",
            "",
            "| What | Wanted | Found |",
            "|---|---|---|",
            *(f"| {' | '.join(line)} |" for line in found),
        ]
    )


if __name__ == "__main__":
    typer.run(main)
