"""The list of evaluations: its keys, its next pages, and what it says of the live tail."""

import asyncio
import re

import pytest
from playwright.async_api import Request, Route, expect
from tests.dashboard.people import Tab

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("dashboard")]


async def test_keys_work_after_a_verdict_was_chosen_and_a_search_begins_on_any_keyboard(tab: Tab) -> None:
    page, first = tab.page, tab.page.locator("[role=row][aria-rowindex='2'] a")
    await tab.go("/app/evaluations")
    await page.get_by_label("Verdict").get_by_text("Hallucinated").click()
    await expect(page).to_have_url(re.compile("verdict=hallucinated"))
    await tab.traffic.settled()
    await expect(page.get_by_role("radio", name="Hallucinated")).to_be_focused()
    await page.keyboard.press("j")
    await expect(first).to_be_focused()
    # As a German keyboard says it.
    await first.dispatch_event("keydown", {"key": "/", "code": "Digit7", "shiftKey": True})
    await expect(page.get_by_label("Search words")).to_be_focused()


async def test_a_next_page_that_fails_is_told_and_asked_for_again_only_by_the_reader(tab: Tab) -> None:
    page, further = tab.page, re.compile(r"(?<!/app)/evaluations\?.*cursor=")
    asked = list[Request]()

    async def refuse(route: Route) -> None:
        asked.append(route.request)
        await route.fulfill(status=422, json={"detail": "not this one"})

    await tab.go("/app/evaluations")
    await page.route(further, refuse)
    await page.evaluate("scrollTo(0, document.body.scrollHeight)")
    await expect(page.get_by_text("the next could not be loaded")).to_be_visible()
    await tab.traffic.settled()
    assert len(asked) == 1
    await page.unroute(further)
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_text("the next could not be loaded")).to_have_count(0)
    await expect(page.get_by_text(re.compile(r"^(?!100 )\d{3} (loaded|evaluations)"))).to_be_visible()


async def test_the_tail_is_live_only_while_it_listens(tab: Tab) -> None:
    page, due = tab.page, asyncio.Event()

    async def late(route: Route) -> None:
        await due.wait()
        await route.continue_()

    await tab.go("/app/evaluations")
    switch = page.get_by_role("switch", name="Live tail")
    await switch.check(force=True)
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    await page.route("**/evaluations/stream?*", late)
    await page.get_by_label("Verdict").get_by_text("Grounded").click()
    await expect(page.get_by_text("Connecting", exact=True)).to_be_visible()
    due.set()
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    await switch.uncheck(force=True)
