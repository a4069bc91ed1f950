"""From an evaluation, one gets back to where one came from."""

import asyncio
import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Route, expect
from tests.cast import PASSWORD
from tests.dashboard.people import Person, Tab
from tests.dashboard.test_addresses import NOBODY

from scripts.chromium import sign_in

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("dashboard")]
NEIGHBOURS = re.compile(r"(?<!/app)/evaluations\?.*limit=20(&|$)")


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


async def test_who_leaves_before_the_next_evaluation_is_drawn_gets_back_to_the_conversation(tab: Tab) -> None:
    page = tab.page
    await tab.go("/app/sessions/view?of=conversation-3")
    await page.locator("li a").first.click()
    turns = page.get_by_role("group", name="In this session").get_by_role("link")
    await expect(turns.nth(2)).to_be_visible()
    # As soon as the address is another one, which is before anything is drawn.
    await page.get_by_role("link", name="The session", exact=True).evaluate("""
        back => {
            const push = history.pushState;
            history.pushState = (...place) => {
                push.apply(history, place);
                queueMicrotask(() => back.click());
            };
        }
    """)
    await turns.nth(2).click()
    await expect(page).to_have_url(re.compile(r"/app/sessions/view\?of=conversation-3$"))


async def test_a_neighbour_that_is_found_late_takes_nobody_back(tab: Tab, person: Person) -> None:
    page, due = tab.page, asyncio.Event()

    async def late(route: Route) -> None:
        await due.wait()
        await route.continue_()

    await page.route(NEIGHBOURS, late)
    async with page.expect_request(NEIGHBOURS):
        await page.goto(f"/app/evaluations/{person.history[230]}")
    for key in ("j", "Escape"):
        await page.keyboard.press(key)
    await expect(page).to_have_url(re.compile("/app/evaluations$"))
    await expect(page.locator("[role=row][aria-rowindex]").first).to_be_visible()
    due.set()
    await tab.traffic.settled()
    await expect(page).to_have_url(re.compile("/app/evaluations$"))


async def test_a_neighbour_that_is_not_found_is_no_fault_of_the_page(tab: Tab, person: Person) -> None:
    page = tab.page

    async def refuse(route: Route) -> None:
        await route.fulfill(status=422, json={"detail": "not now"})

    await page.route(NEIGHBOURS, refuse)
    await tab.go(f"/app/evaluations/{person.history[230]}")
    async with page.expect_response(NEIGHBOURS):
        await page.keyboard.press("j")
    await tab.traffic.settled()
    await tab.assert_clean()
    await expect(page).to_have_url(re.compile(person.history[230]))


async def test_however_late_the_list_comes_the_focus_is_on_what_was_read(outside: Tab, person: Person) -> None:
    page, due, pages = outside.page, asyncio.Event(), re.compile(r"(?<!/app)/evaluations\?.*limit=100")

    async def late(route: Route) -> None:
        await due.wait()
        await route.continue_()

    # In a window of its own, because its clock is set.
    await sign_in(page.context, person.email, PASSWORD)
    await outside.go(f"/app/evaluations/{person.history[-3]}")
    await page.route(pages, late)
    async with page.expect_request(pages):
        await page.keyboard.press("Escape")
    await page.clock.set_fixed_time(datetime.now(UTC) + timedelta(minutes=1))
    due.set()
    await expect(page.locator(f"a[data-id='{person.history[-3]}']")).to_be_focused()
