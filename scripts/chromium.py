"""A real Chromium that shows the dashboard: for its tests, its screenshots and its measurements.

It is the system's own, in a profile that is thrown away, and it talks to nobody but the server it is sent to.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser, BrowserContext, Page, Request, ViewportSize, async_playwright

Theme = Literal["light", "dark"]
DESK: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--force-color-profile=srgb", "--font-render-hinting=none",
)  # fmt: skip
_QUIET_S = 0.25
_IDLE = """
new Promise((done) => {
    requestIdleCallback(() => requestAnimationFrame(done));
    // While others have the machine's cores, the browser may draw nothing.
    setTimeout(done, 10_000);
})
"""
_LOAD_MS_MAX = 60_000
"""Only a bound: the machine may be busy with other tests."""


def chromium() -> Path | None:
    """The program, if this machine has it; `CHROMIUM` names another one."""
    named = os.environ.get("CHROMIUM")
    found = named or next(filter(None, map(shutil.which, _NAMES)), None)
    return Path(found) if found else None


@asynccontextmanager
async def browser() -> AsyncGenerator[Browser]:
    """A browser without a window."""
    program = chromium()
    if program is None:
        raise RuntimeError("There is no Chromium here: install Debian's package `chromium`, or set CHROMIUM.")
    async with async_playwright() as playwright:
        # As root Chromium only starts without its sandbox; what it opens here are our own pages.
        yield await playwright.chromium.launch(executable_path=program, chromium_sandbox=False, args=_FLAGS)


@asynccontextmanager
async def window(
    browser: Browser, url: str, *, theme: Theme = "light", size: ViewportSize = DESK, scale: float = 1
) -> AsyncGenerator[BrowserContext]:
    """A window with a profile of its own, in Europe/Berlin."""
    context = await browser.new_context(
        base_url=url,
        viewport=size,
        device_scale_factor=scale,
        color_scheme=theme,
        locale="en-GB",
        timezone_id="Europe/Berlin",
        reduced_motion="reduce",
    )
    context.set_default_timeout(_LOAD_MS_MAX)
    try:
        yield context
    finally:
        await context.close()


async def sign_in(context: BrowserContext, email: str, password: str) -> None:
    """Opens a session without the form: the server's cookie, and the mark by which the dashboard looks for one."""
    answer = await context.request.post("/auth/login", data={"email": email, "password": password})
    if not answer.ok:
        raise RuntimeError(f"Logging in was answered {answer.status}: {await answer.text()}")
    await context.add_init_script("""
        if (!sessionStorage.getItem("began")) {
            sessionStorage.setItem("began", "yes");
            localStorage.setItem("agentops.signed-in", "yes");
        }
    """)


class Traffic:
    """What a page asks for, and whether it still waits for any of it. A live tail never ends, and so does not count."""

    def __init__(self, page: Page) -> None:
        self.asked: list[str] = []
        """Addresses, in order."""
        self._page = page
        self._open: set[Request] = set()
        page.on("request", self._begin)
        page.on("requestfinished", self._end)
        page.on("requestfailed", self._end)

    def _begin(self, request: Request) -> None:
        self.asked.append(request.url)
        if "/stream" not in request.url:
            self._open.add(request)

    def _end(self, request: Request) -> None:
        self._open.discard(request)

    async def settled(self) -> None:
        """Returns when nothing has been asked for a moment, nothing is on its way, and the page has nothing to do."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(_LOAD_MS_MAX / 1_000):
            count = -1
            while count != len(self.asked) or self._open:
                count, quiet_since = len(self.asked), loop.time()
                while loop.time() - quiet_since < _QUIET_S or self._open:
                    await asyncio.sleep(0.03)
                    if self._open:
                        quiet_since = loop.time()
                # On a busy machine what was loaded may not have run yet, and will ask for more.
                await self._page.evaluate(_IDLE)
