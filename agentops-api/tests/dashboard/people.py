"""People, and the pages that they look at, watched for what nobody should see."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from zoneinfo import ZoneInfo

import httpx2
from playwright.async_api import BrowserContext, Page, Request
from tests.cast import PASSWORD
from tests.chaos.processes import Server

from scripts.chromium import Traffic

BERLIN = ZoneInfo("Europe/Berlin")
"""Where the browser is."""
ANSWER_S_MAX = 60.0
"""Only a bound: the machine may be busy."""
_numbers = count()
# Violations of the content security policy, shifts of the layout, and whether a script of somebody else's ran.
_WATCH = """
window.seen = {violations: [], shift: 0, foreign: false};
document.addEventListener("securitypolicyviolation", (event) =>
    seen.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
new PerformanceObserver((list) => list.getEntries().forEach((entry) => { seen.shift += entry.value }))
    .observe({type: "layout-shift", buffered: true});
"""


@dataclass(slots=True)
class Person:
    """Somebody with an account on the server, and their key."""

    url: str
    email: str
    key: str
    history: list[str] = field(default_factory=list[str])
    """The ids of their evaluations, oldest first."""

    async def send(self, *evaluations: Mapping[str, object]) -> list[str]:
        """Stores evaluations; their ids."""
        headers = {"X-API-Key": self.key}
        async with httpx2.AsyncClient(base_url=self.url, headers=headers, timeout=ANSWER_S_MAX) as client:
            answer = await client.post("/evaluations/batch", json={"evaluations": [*evaluations]})
            assert answer.status_code == 201, answer.text
            return [each["id"] for each in answer.json()["results"]]


async def newcomer(server: Server, full_name: str = "Ada Example") -> Person:
    """Registers somebody, and makes their key."""
    url = f"http://127.0.0.1:{server.port}"
    account = {"email": f"ada{next(_numbers)}@example.com", "password": PASSWORD}
    async with httpx2.AsyncClient(base_url=url, timeout=ANSWER_S_MAX) as client:
        assert (await client.post("/auth/register", json=account | {"full_name": full_name})).status_code == 201
        token = (await client.post("/auth/login", json=account)).json()["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        key = (await client.post("/auth/api-keys", json={"name": "sdk"}, headers=bearer)).json()["key"]
    return Person(url, account["email"], key)


@dataclass(slots=True)
class Tab:
    """A page, and what it did that nobody should see."""

    page: Page
    traffic: Traffic
    faults: list[str] = field(default_factory=list[str])

    async def go(self, path: str) -> None:
        """Shows a screen, whole."""
        await self.page.goto(path)
        await self.traffic.settled()

    async def turn(self, path: str) -> None:
        """Shows another screen whole, as a link does: the page is not loaded anew, which takes longer than all else."""
        await self.page.evaluate("path => history.pushState(null, '', path)", path)
        await self.traffic.settled()

    async def stop_clock(self, at: datetime | None = None) -> datetime:
        """Whatever the page loads from now on takes this, or now, for the current time: no hour and no day begins while
        a test compares what it sees with what it expects. The time, in Berlin."""
        stopped = (at or datetime.now(UTC)).astimezone(BERLIN)
        await self.page.add_init_script(f"Date.now = () => {round(stopped.timestamp() * 1_000)};")
        return stopped

    async def assert_clean(self) -> None:
        """No script failed, the policy stopped nothing, and nothing was asked of anybody else."""
        seen = await self.page.evaluate("window.seen")
        assert self.faults == []
        assert (seen["violations"], seen["foreign"]) == ([], False)


async def open_tab(context: BrowserContext, url: str) -> Tab:
    """A new page of the window, watched."""
    page = await context.new_page()
    await page.add_init_script(_WATCH)
    tab = Tab(page, Traffic(page))

    def ask(request: Request) -> None:
        if not request.url.startswith((f"{url}/", "blob:", "data:")):
            tab.faults.append(f"asked for {request.url}")

    page.on("request", ask)
    page.on("pageerror", lambda error: tab.faults.append(f"failed: {error}"))
    return tab


def day_of(at: datetime) -> str:
    """A day as the browser writes it, in British English: where the others have three letters, September has four."""
    return f"{at:%-d %b}".replace("Sep", "Sept")
