"""Going through evaluations, and back to where one was."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Route, expect
from tests.cast import PASSWORD
from tests.chaos.processes import Server
from tests.dashboard.people import Person, Tab, newcomer

from scripts.chromium import sign_in

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("dashboard")]


async def test_j_and_k_work_from_an_evaluation_that_is_far_down_its_list_or_older_than_the_period(
    tab: Tab, person: Person
) -> None:
    """The list has loaded nothing of either."""
    page, ids = tab.page, person.history
    for place in (230, 60):
        await tab.go(f"/app/evaluations/{ids[place]}")
        for key, then in (("j", place - 1), ("k", place), ("k", place + 1)):
            await page.keyboard.press(key)
            await expect(page).to_have_url(re.compile(ids[then]))
            await expect(page.locator("code", has_text=ids[then])).to_be_visible()
            await tab.traffic.settled()


async def test_escape_leads_back_to_the_place_in_the_list(tab: Tab) -> None:
    page = tab.page
    await tab.go("/app/evaluations")
    await page.evaluate("scrollTo(0, 1500)")
    await tab.traffic.settled()
    row = page.locator("[role=row][aria-rowindex='35'] a")
    for leave in ("Escape", "All evaluations"):
        await row.click()
        await expect(page.get_by_role("heading", name="Evaluation", exact=True)).to_be_visible()
        opened = page.url
        await page.keyboard.press("j")
        await expect(page).not_to_have_url(opened)
        if leave == "Escape":
            await page.keyboard.press(leave)
        else:
            await page.get_by_role("link", name=leave).click()
        await expect(page).to_have_url(re.compile("/app/evaluations$"))
        await expect(row).to_be_visible()
        await expect(page.locator("[role=row][aria-rowindex='36'] a")).to_be_focused()
        assert await page.evaluate("scrollY") == 1500


async def test_a_link_that_is_copied_names_the_project(tab: Tab, person: Person) -> None:
    page = tab.page
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await tab.go(f"/app/evaluations/{person.history[-1]}")
    await page.get_by_role("button", name="Copy link").click()
    # It says so for a moment: this looks more often than `expect` does.
    await page.get_by_role("button", name="Copied").wait_for()
    assert re.search(r"\?project=[0-9a-f-]{36}$", await page.evaluate("navigator.clipboard.readText()"))


async def test_a_long_conversation_is_shown_around_the_answer(server: Server, outside: Tab) -> None:
    new = await newcomer(server)
    began = datetime.now(UTC) - timedelta(hours=4)
    turns = (
        {
            "prompt": f"turn {turn}",
            "response": "r",
            "session_id": "long",
            "created_at": str(began + timedelta(minutes=turn)),
        }
        for turn in range(200)
    )
    ids = await new.send(*turns)
    await sign_in(outside.page.context, new.email, PASSWORD)
    await outside.go(f"/app/evaluations/{ids[60]}")
    session = outside.page.get_by_role("group", name="In this session").get_by_role("link")
    for turn in (59, 60, 61):
        await expect(session.filter(has_text=re.compile(f"^turn {turn}(\\d\\d:|\\d+ [A-Z])"))).to_have_count(1)
    for told in ("There are earlier ones.", "There are later ones."):
        await expect(outside.page.get_by_text(told)).to_have_count(1)
    await expect(session.filter(has_text="turn 60")).to_be_in_viewport()


async def test_what_arrives_while_one_reads_moves_nothing_and_the_tail_goes_on_after_an_evaluation(
    tab: Tab, person: Person
) -> None:
    page = tab.page
    await tab.go("/app/evaluations")
    switch = page.get_by_role("switch", name="Live tail")
    await switch.check(force=True)
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    await tab.traffic.settled()
    await page.evaluate("scrollTo(0, 800)")
    # The page hears of it with the next frame only.
    await tab.traffic.settled()
    read = page.locator("[role=row][aria-rowindex='25'] a")
    before = await read.get_attribute("data-id")
    await person.send(*({"prompt": f"while reading {each}", "response": "r"} for each in range(3)))
    news = page.get_by_role("button", name="3 new")
    await expect(news).to_be_visible()
    assert await read.get_attribute("data-id") == before
    await news.click()
    await expect(page.get_by_text("while reading 2")).to_be_in_viewport()
    await page.get_by_role("link", name="while reading 2").click()
    await expect(page.get_by_role("heading", name="Evaluation", exact=True)).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(switch).to_be_checked()
    await person.send({"prompt": "after reading", "response": "r"})
    await expect(page.get_by_text("after reading")).to_be_visible()
    await switch.uncheck(force=True)


async def test_a_list_that_failed_is_asked_for_again_when_the_tail_is_back(tab: Tab) -> None:
    page = tab.page
    down = True

    async def refuse_while_down(route: Route) -> None:
        await (route.abort() if down else route.continue_())

    await page.route(re.compile(r"(?<!/app)/evaluations(/stream)?\?"), refuse_while_down)
    await page.goto("/app/evaluations?agent=reader")
    await expect(page.get_by_role("alert")).to_be_visible()
    switch = page.get_by_role("switch", name="Live tail")
    await switch.check(force=True)
    await expect(page.get_by_text("Reconnecting")).to_be_visible()
    down = False
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    await expect(page.locator("[role=row][aria-rowindex]").first).to_be_visible()
    await expect(page.get_by_role("alert")).to_have_count(0)
    await switch.uncheck(force=True)


async def test_the_list_is_gone_through_and_searched_by_keys(tab: Tab) -> None:
    page = tab.page
    await tab.go("/app/evaluations")
    link = "[role=row][aria-rowindex='{}'] a"
    for key, row in (("j", 2), *(("j", each) for each in range(3, 22)), ("k", 20)):
        await page.keyboard.press(key)
        await expect(page.locator(link.format(row))).to_be_focused()
    await expect(page.locator(link.format(20))).to_be_in_viewport()
    await page.keyboard.press("/")
    await expect(page.get_by_label("Search words")).to_be_focused()
    await page.keyboard.type("j/")
    await expect(page.get_by_label("Search words")).to_have_value("j/")
    await page.get_by_label("Search words").fill("")
    await page.keyboard.press("Tab")
    # If what was typed had already been looked for, the list is another one now.
    await tab.traffic.settled()
    await page.locator(link.format(3)).focus()
    prompt = await page.locator(link.format(3)).inner_text()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("group", name="Prompt")).to_contain_text(prompt)
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.get_by_role("button", name="Copy the prompt").click()
    await page.locator("[data-copied]").wait_for()
    assert await page.evaluate("navigator.clipboard.readText()") == prompt
