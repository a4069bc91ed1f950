"""A part of the dashboard that cannot be loaded: says so, and is loaded as soon as it can be."""

import re
from collections.abc import AsyncGenerator

import pytest
from playwright.async_api import Browser, Route, expect
from tests.cast import PASSWORD
from tests.dashboard.people import Person, Tab, open_tab

from scripts.chromium import sign_in, window

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("dashboard")]


@pytest.fixture
async def tab(chrome: Browser, person: Person) -> AsyncGenerator[Tab]:
    """A tab of a window of its own: what other tests have loaded before is not in its cache."""
    async with window(chrome, person.url) as context:
        await sign_in(context, person.email, PASSWORD)
        tab = await open_tab(context, person.url)
        yield tab
        await tab.assert_clean()


async def test_while_the_server_is_away_the_page_stays_and_says_so(tab: Tab) -> None:
    page = tab.page
    await tab.go("/app/settings")
    await page.context.set_offline(True)
    try:
        await page.get_by_role("link", name="Compare").click()
        await expect(page.get_by_role("alert")).to_contain_text("The server does not answer")
        # By the keyboard, which waits for no frame to be drawn.
        await page.get_by_role("button", name="Try again").press("Enter")
        await expect(page.get_by_role("alert")).to_contain_text("The server does not answer")
    finally:
        await page.context.set_offline(False)
    await page.get_by_role("button", name="Try again").press("Enter")
    await expect(page.get_by_role("heading", name="Compare", exact=True)).to_be_visible()


async def test_after_an_upgrade_the_page_is_loaded_anew_once(tab: Tab) -> None:
    page = tab.page
    await tab.go("/app/settings")

    async def gone(route: Route) -> None:
        await route.fulfill(status=404)

    await page.route(re.compile(r"/app/assets/Screen-.*\.js$"), gone)
    await page.evaluate("window.isOld = true")
    # Who only points at a link loses nothing.
    async with page.expect_response(lambda answer: answer.status == 404):
        await page.get_by_role("link", name="Compare").hover()
    await tab.traffic.settled()
    assert await page.evaluate("window.isOld")
    await page.get_by_role("link", name="Compare").click()
    await expect(page.get_by_role("alert")).to_contain_text("could not be loaded")
    # A new page, which is of the same build, and so does not try again by itself.
    assert await page.evaluate("window.isOld") is None
    await page.unroute_all()
    await page.get_by_role("button", name="Try again").press("Enter")
    await expect(page.get_by_role("heading", name="Compare", exact=True)).to_be_visible()
