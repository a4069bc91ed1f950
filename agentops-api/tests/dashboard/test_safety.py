"""Nobody is kept out of the dashboard, and nothing that an agent sends gets out of its text."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, ViewportSize, expect
from tests.cast import PASSWORD
from tests.chaos.processes import Server
from tests.dashboard.people import Person, Tab, newcomer, open_tab

from scripts.chromium import DESK, PHONE, Theme, sign_in, window

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("dashboard")]
AXE = Path(__file__).parents[2] / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"
FOUND = """
async (options) => (await axe.run(document, {resultTypes: ["violations"], ...options})).violations
    .map((each) => `${each.id}: ${each.nodes.map((node) => node.target).slice(0, 3).join(" ")}`)
"""
EVIL = "http://evil.example"
CORPUS = (
    "<script>window.seen.foreign = true</script>",
    f"<img src={EVIL}/x.png onerror='window.seen.foreign = true'>",
    "<svg onload='window.seen.foreign = true'><use href='data:image/svg+xml,<svg id=x/>#x'/></svg>",
    f'"><iframe src={EVIL}></iframe><object data={EVIL}></object><link rel=stylesheet href={EVIL}/x.css>',
    "<style>@import 'http://evil.example/x.css'; body { background: url(http://evil.example/x) }</style>",
    "javascript:window.seen.foreign=true//",
    "[a link](javascript:window.seen.foreign=true) ![a picture](http://evil.example/x.png)",
    "{{constructor.constructor('window.seen.foreign=true')()}}${window.seen.foreign=true}",
    "</textarea></title></style></script><base href=http://evil.example/><form action=http://evil.example>",
    "<math><mi xlink:href='javascript:window.seen.foreign=true'>x</mi></math><template><script>1</script></template>",
    "\u202eevil\u202c \u0007 \ufeff \ud7ff",
    "W" * 300,
)


def screens(id: str, other: str, session_id: str) -> list[str]:
    return [
        "/app/", "/app/evaluations", f"/app/evaluations/{id}", f"/app/evaluations/beside/{id}/{other}", "/app/sessions",
        f"/app/sessions/view?of={session_id}", "/app/compare", "/app/compare?by=model",
        "/app/settings?section=keys", "/app/settings?section=project", "/app/settings?section=data",
        "/app/settings?section=account", "/app/connect",
    ]  # fmt: skip


# Colours fade from theme to theme; what pulses for ever is not waited for.
SETTLED = """
async () => {
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const finite = (each) => Number.isFinite(Number(each.effect.getComputedTiming().endTime));
    await Promise.allSettled(document.getAnimations().filter(finite).map((each) => each.finished));
}
"""


async def violations(tab: Tab, place: str) -> list[str]:
    """What axe finds in what is shown now: on a desk in both themes, and on a phone, where nothing may be wider."""
    page = tab.page
    # A screen comes after its frame, later still on a busy machine.
    await page.locator("h1").first.wait_for()
    # Evaluated from outside: the page's policy would let no such script in.
    await page.evaluate(AXE.read_text())
    found: list[str] = []
    # Of one size, themes differ by their colours only.
    views: tuple[tuple[Theme, ViewportSize, dict[str, object]], ...] = (
        ("light", DESK, {}),
        ("dark", DESK, {"runOnly": ["color-contrast"]}),
        ("dark", PHONE, {}),
    )
    for theme, size, options in views:
        await page.emulate_media(color_scheme=theme)
        await page.set_viewport_size(size)
        await expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", theme)
        await page.evaluate(SETTLED)
        found += [f"{place} {theme} {size['width']}: {each}" for each in await page.evaluate(FOUND, options)]
    if await page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append(f"{place} is wider than a phone")
    await page.set_viewport_size(DESK)
    return found


async def test_axe_finds_nothing_on_any_screen_in_either_theme_and_on_a_phone(outside: Tab, person: Person) -> None:
    found: list[str] = []
    for path in ("/app/login?why=expired", "/app/register"):
        await outside.go(path)
        found += await violations(outside, path)
    await sign_in(outside.page.context, person.email, PASSWORD)
    for path in screens(person.history[-1], person.history[-2], "conversation-1"):
        await outside.go(path)
        found += await violations(outside, path)
    assert not found, "\n".join(found)


async def test_axe_finds_nothing_where_there_is_nothing_and_in_dialogs(server: Server, outside: Tab) -> None:
    page, new = outside.page, await newcomer(server)
    await sign_in(page.context, new.email, PASSWORD)
    found: list[str] = []
    for path in ("/app/", "/app/evaluations?q=nothing", "/app/sessions", "/app/compare", "/app/evaluations/nonsense"):
        await outside.go(path)
        found += await violations(outside, path)
    await outside.go("/app/settings?section=keys")
    await page.get_by_role("button", name="New key").click()
    await page.get_by_role("dialog").wait_for()
    found += await violations(outside, "a new key")
    await page.get_by_label("Name").fill("browser")
    await page.get_by_role("button", name="Make the key").click()
    await page.get_by_role("button", name="I have it").wait_for()
    found += await violations(outside, "a key that was made")
    await page.get_by_role("button", name="I have it").click()
    await page.get_by_role("button", name="Revoke").first.click()
    await page.get_by_role("button", name="Keep it").wait_for()
    found += await violations(outside, "revoking a key")
    assert not found, "\n".join(found)


async def assert_fits(tab: Tab, path: str) -> None:
    """However long a word is, the page is as wide as the screen."""
    wide, screen = await tab.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide <= screen, f"{path} is {wide} px wide on {screen}"


async def test_what_agents_send_is_text_on_every_screen(chrome: Browser, server: Server) -> None:
    target = await newcomer(server, full_name=f"<img src={EVIL}/n onerror='window.seen.foreign = true'>")
    ids = await target.send(
        *(
            {
                "prompt": each,
                "response": each * 2,
                "retrieved_docs": [each],
                "agent_name": each[:200],
                "model_name": each[:200],
                "mode": each[:200],
                "session_id": each[:200],
                "metadata": {each[:200]: each, "__proto__": each, "constructor": each, "href": "javascript:alert(1)"},
                "hallucinated": True,
                "hallucination_probability": 0.9,
                "latency_sec": 1,
            }
            for each in CORPUS
        )
    )
    async with window(chrome, target.url) as context:
        await sign_in(context, target.email, PASSWORD)
        tab = await open_tab(context, target.url)
        await tab.go("/app/")
        for path in screens(ids[-1], ids[0], "%3Cscript%3Ewindow.seen.foreign%20=%20true%3C/script%3E"):
            await tab.turn(path)
            await assert_fits(tab, path)
            await tab.assert_clean()
        for id in ids:
            await tab.turn(f"/app/evaluations/{id}")
            for link in await tab.page.locator("a").evaluate_all("all => all.map(each => each.href)"):
                assert link.startswith(target.url), link
            await tab.assert_clean()
        await tab.page.set_viewport_size(PHONE)
        for path in screens(ids[-1], ids[0], "W" * 200):
            await tab.turn(path)
            await assert_fits(tab, path)
        await tab.page.set_viewport_size(DESK)
        await tab.turn("/app/evaluations")
        await tab.page.get_by_text("<script>").first.wait_for()
