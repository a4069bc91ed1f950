"""From an evaluation, one gets back to where one came from."""

import re

import pytest
from playwright.async_api import expect
from tests.dashboard.people import Person, Tab
from tests.dashboard.test_addresses import NOBODY

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("dashboard")]


async def test_escape_closes_what_is_open_and_only_then_leaves_the_evaluation(tab: Tab, person: Person) -> None:
    page, path = tab.page, f"/app/evaluations/{person.history[-1]}"
    await tab.go(path)
    menu = page.get_by_role("menu")
    await page.get_by_role("button", name="Ada Example", exact=True).click()
    # It has keys of its own from when the focus is in it, some frames after it is shown.
    await expect(page.locator("[role=menu]:focus-within")).to_be_visible()
    for key in ("j", "Escape"):
        await page.keyboard.press(key)
    await expect(menu).to_have_count(0)
    await expect(page).to_have_url(re.compile(f"{path}$"))
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.get_by_role("button", name="Open the menu").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await tab.traffic.settled()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(page).to_have_url(re.compile(f"{path}$"))
    await tab.traffic.settled()
    await page.keyboard.press("Escape")
    await expect(page).to_have_url(re.compile("/app/evaluations$"))


async def test_an_answer_of_a_conversation_leads_back_to_it(tab: Tab) -> None:
    page = tab.page
    for leave in ("Escape", "The session"):
        await tab.go("/app/sessions/view?of=conversation-3")
        await page.locator("li a").first.click()
        await expect(page.get_by_role("heading", name="Evaluation", exact=True)).to_be_visible()
        assert "of=" not in page.url
        await page.get_by_role("group", name="In this session").get_by_role("link").nth(2).click()
        if leave == "Escape":
            await tab.traffic.settled()
            await page.keyboard.press(leave)
        else:
            await page.get_by_role("link", name=leave, exact=True).click()
        await expect(page).to_have_url(re.compile(r"/app/sessions/view\?of=conversation-3$"))


async def test_what_is_not_there_is_not_compared_and_no_key_fails_at_it(tab: Tab) -> None:
    page = tab.page
    await tab.go(f"/app/evaluations/{NOBODY}")
    await expect(page.get_by_role("alert")).to_be_visible()
    for name in ("Compare with …", "Copy link"):
        await expect(page.get_by_role("button", name=name)).to_have_count(0)
    await page.keyboard.press("j")
    await tab.traffic.settled()
    await page.keyboard.press("Escape")
    await expect(page).to_have_url(re.compile("/app/evaluations$"))
