"""The list of evaluations."""

import re

import pytest
from playwright.async_api import Request, Route, expect
from tests.dashboard.people import Tab

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("dashboard")]


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
