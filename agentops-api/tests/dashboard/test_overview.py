"""The overview and its filters, and tables on a phone."""

import re
from datetime import timedelta

import pytest
from playwright.async_api import expect
from tests.cast import PASSWORD
from tests.chaos.processes import Server
from tests.dashboard.people import Person, Tab, day_of, newcomer

from scripts.chromium import DESK, PHONE, sign_in

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("dashboard")]
TABLES = ("/app/", "/app/sessions", "/app/compare", "/app/settings?section=keys", "/app/settings?section=account")
# What of a table is beyond the screen, and which cells do not say what they are.
UNSEEN = """
all => all.flatMap((table) => [...table.querySelectorAll("tbody :is(th, td)")]).filter((cell) => {
    const {right, width} = cell.getBoundingClientRect();
    const name = getComputedStyle(cell, "::before").content;
    // What can be done with a row, or no more, stands in a column without a name.
    const isNamed = cell.matches('th, [data-column=""]') || !["none", '""'].includes(name);
    return width > 0 && (right > innerWidth || !isNamed);
}).map((cell) => cell.innerText)
"""


async def test_on_a_phone_nothing_of_a_table_is_beyond_the_screen(tab: Tab) -> None:
    await tab.page.set_viewport_size(PHONE)
    for path in TABLES:
        await tab.go(path)
        tables = tab.page.locator("main section table")
        await expect(tables.first).to_be_visible()
        assert await tables.evaluate_all(UNSEEN) == [], path
    await tab.page.set_viewport_size(DESK)


async def test_nothing_jumps_on_a_phone(tab: Tab, person: Person) -> None:
    await tab.page.set_viewport_size(PHONE)
    for path in ("/app/", f"/app/evaluations/beside/{person.history[-1]}/{person.history[-2]}"):
        await tab.go(path)
        assert await tab.page.evaluate("seen.shift") <= 0.005, path
    await tab.page.set_viewport_size(DESK)


async def test_every_filter_of_the_address_is_shown_and_can_be_taken_away(tab: Tab) -> None:
    page = tab.page
    await tab.go("/app/?mode=nothing-of-it")
    await expect(page.get_by_text("No evaluations match")).to_be_visible()
    await expect(page.get_by_text("Connect your agent")).to_have_count(0)
    await page.get_by_role("button", name="Clear the filters").click()
    await expect(page.locator(".u-over").first).to_be_visible()
    await tab.turn("/app/evaluations?mode=nothing-of-it&min=0.3")
    await expect(page.get_by_label("Least hallucination probability").first).to_have_value("At least 0.3")
    await page.get_by_role("button", name="Any mode").click()
    await expect(page).not_to_have_url(re.compile("mode"))
    await expect(page.locator("[role=row][aria-rowindex]").first).to_be_visible()


async def test_of_many_agents_all_can_be_seen(server: Server, outside: Tab) -> None:
    new = await newcomer(server)
    await new.send(*({"prompt": "p", "response": "r", "agent_name": f"agent {number}"} for number in range(14)))
    await sign_in(outside.page.context, new.email, PASSWORD)
    await outside.go("/app/")
    agents = outside.page.get_by_role("region", name="Agents").locator("tbody tr")
    await expect(agents).to_have_count(12)
    await outside.page.get_by_role("button", name="Show all 14").click()
    await expect(agents).to_have_count(14)


async def test_who_searches_with_enter_stays_in_the_field(tab: Tab) -> None:
    page = tab.page
    await tab.go("/app/evaluations")
    field = page.get_by_label("Search words")
    await field.fill("clause 7 say")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile("q=clause"))
    await expect(field).to_be_focused()
    await page.get_by_role("button", name="Clear").click()
    await expect(field).to_have_value("")


async def test_charts_name_their_lines_and_show_which_period_is_behind(tab: Tab) -> None:
    page, now = tab.page, await tab.stop_clock()
    await tab.go("/app/?days=30")
    volume = page.get_by_role("group", name=re.compile("^Evaluations: Hallucinated between .*; All between"))
    await expect(volume).to_be_visible()
    # Before the last seven days the agents were at work as well.
    await tab.turn("/app/")
    before = page.locator("li", has_text="p95 before")
    await expect(before).to_be_in_viewport()
    box = await before.bounding_box()
    legend = await before.locator("..").bounding_box()
    assert box is not None
    assert legend is not None
    assert box["y"] + box["height"] <= legend["y"] + legend["height"] + 1
    # 7 days begin six days ago, and those before a week earlier, which may be in another year.
    began = rf"{day_of(now - timedelta(days=13))}( \d{{4}})?, 00:00 –"
    await expect(before).to_have_attribute("title", re.compile(f"^The dashed line: {began}"))
    note = await before.get_attribute("title") or ""
    was = await page.locator("dl [title^=Before]").first.get_attribute("title") or ""
    assert note.split(": ", 1)[1] == was.split(": ", 1)[1]
