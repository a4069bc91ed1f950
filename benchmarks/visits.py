"""What a visitor of the dashboard feels, as a real Chromium tells it: paints, long tasks, frames.

Each visit is one of a new profile, with nothing cached, and takes a bounded time whatever the server does.
"""

import asyncio
from contextlib import suppress

import orjson
from playwright.async_api import Browser, Page

from benchmarks.dashboard_results import Beside, Scroll, Visit
from scripts.chromium import DESK, Traffic, sign_in, window

SCROLLED_ROWS = 10_000
PIXELS_A_FRAME = 156
"""Three rows, faster than anybody reads: at 60 frames a second the 10,000 rows take 56 seconds."""
_SETTLED_S_MAX = 30
_SCROLL_S_MAX = 120
_WATCH = """
window.measured = {lcp: 0, longest: 0, shift: 0};
const watch = (type, see) => new PerformanceObserver((list) => list.getEntries().forEach(see))
    .observe({type, buffered: true});
watch("largest-contentful-paint", (entry) => { measured.lcp = entry.startTime });
watch("longtask", (entry) => { measured.longest = Math.max(measured.longest, entry.duration) });
watch("layout-shift", (entry) => { measured.shift += entry.value });
"""
# A wheel that turns evenly, some pixels each frame, to a place or for so long. Where the list ends because its next
# page is on its way, it waits there. Gives the milliseconds between frames, and how many of them it waited.
_SCROLL = """
async ([to, step, msMax]) => {
    const frames = [];
    let waited = 0, last = await new Promise(requestAnimationFrame);
    const until = last + msMax;
    while (scrollY < to && last < until) {
        const before = scrollY;
        scrollBy(0, step);
        const stuck = scrollY === before;
        const now = await new Promise(requestAnimationFrame);
        frames.push(now - last);
        if (stuck) waited += now - last;
        last = now;
    }
    return {frames, waited};
}
"""
_ROW = "[role=row][aria-rowindex]"


async def see_overview(chromium: Browser, url: str, account: tuple[str, str], *, lap: int, beside: Beside) -> Visit:
    """The overview of 30 days. Raises playwright's Error."""
    async with window(chromium, url, size=DESK) as context:
        await sign_in(context, *account)
        await context.add_init_script(_WATCH)
        page = await context.new_page()
        traffic = Traffic(page)
        await chromium.start_tracing(page=page, categories=["toplevel", "__metadata"])
        await page.goto("/app/?days=30")
        settled = await _settled(traffic)
        found = await page.evaluate("measured")
        cpu_ms = _longest_cpu_ms(await chromium.stop_tracing())
        return Visit(lap, beside, settled, found["lcp"], found["longest"], cpu_ms, found["shift"])


async def scroll_list(chromium: Browser, url: str, account: tuple[str, str], *, lap: int, beside: Beside) -> Scroll:
    """The list of 90 days, which loads its pages on the way. Raises playwright's Error."""
    async with window(chromium, url, size=DESK) as context:
        await sign_in(context, *account)
        await context.add_init_script(_WATCH)
        page = await context.new_page()
        traffic = Traffic(page)
        await page.goto("/app/evaluations?days=90")
        await page.locator(_ROW).first.wait_for()
        await _settled(traffic)
        row_px = await _row_px(page)
        await page.evaluate("measured.longest = 0")
        found = await page.evaluate(_SCROLL, [row_px * SCROLLED_ROWS, PIXELS_A_FRAME, _SCROLL_S_MAX * 1e3])
        passed = await page.evaluate("scrollY") / row_px
        longest = await page.evaluate("measured.longest")
        frames = sorted(found["frames"])
        return Scroll(
            lap=lap,
            beside=beside,
            rows=round(passed),
            frames=len(frames),
            seconds=sum(frames) / 1e3,
            waited_s=found["waited"] / 1e3,
            p50_ms=_nearest(frames, 0.5),
            p95_ms=_nearest(frames, 0.95),
            worst_ms=frames[-1],
            longest_task_ms=longest,
        )


async def _settled(traffic: Traffic) -> bool:
    """Whether the page came to rest in time. Under load it may not, and what it showed until then is measured."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_SETTLED_S_MAX):
            await traffic.settled()
            return True
    return False


async def _row_px(page: Page) -> float:
    box = await page.locator(_ROW).first.bounding_box()
    assert box is not None, "a row that is there has a place"
    return box["height"]


def _nearest(ascending: list[float], share: float) -> float:
    return ascending[min(len(ascending) - 1, int(len(ascending) * share))]


def _longest_cpu_ms(trace: bytes) -> float:
    """Of the tasks of the pages' main threads, the most CPU time that one took (Chromium's trace: `tdur`, in µs)."""
    events = orjson.loads(trace)["traceEvents"]
    main = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    return max((event.get("tdur", 0) for event in events if (event["pid"], event["tid"]) in main), default=0) / 1e3
