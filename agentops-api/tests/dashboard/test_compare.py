"""The comparison: of what it speaks, with names of any length, and where there is nothing to compare."""

import re

import pytest
from playwright.async_api import expect
from tests.cast import PASSWORD
from tests.chaos.processes import Server
from tests.dashboard.people import Tab, newcomer

from scripts.chromium import DESK, PHONE, sign_in

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("dashboard")]


async def test_the_overview_and_the_comparison_show_the_same_numbers_for_the_same_period(tab: Tab) -> None:
    page = tab.page
    await tab.stop_clock()
    await tab.go("/app/")
    shown: dict[str, list[str]] = {}
    for label in ("Evaluations", "Latency p95", "Factual support"):
        text = await page.locator("dl > div", has_text=label).locator("dd").inner_text()
        now, was = re.findall(r"^(\S+(?: m?s)?)$|was (.+)$", text, re.MULTILINE)
        shown[label] = [was[1], now[0]]
    await tab.turn("/app/compare")
    await expect(page.get_by_role("combobox", name="The other period")).to_have_value("1 week earlier")
    for label, values in shown.items():
        cells = page.get_by_label("Figures").locator("tbody tr", has_text=label).locator("td")
        for place, value in enumerate(values):
            await expect(cells.nth(place)).to_have_text(value, use_inner_text=True)


async def test_a_mode_of_the_address_is_seen_and_holds_whatever_is_compared(tab: Tab) -> None:
    page = tab.page
    for by in ("", "&by=model&base=model-a&candidate=model-b", "&by=agent&base=reader&candidate=helper"):
        asked = len(tab.traffic.asked)
        await tab.go(f"/app/compare?mode=strict{by}")
        await expect(page.get_by_text("Mode: strict")).to_be_visible()
        compared = [url for url in tab.traffic.asked[asked:] if "analytics/compare" in url]
        assert compared
        assert all("mode=strict" in url for url in compared), compared
    await page.get_by_role("button", name="Any mode").click()
    await expect(page).not_to_have_url(re.compile("mode="))
    await expect(page.get_by_label("Figures")).to_be_visible()


async def test_where_nothing_was_ever_sent_the_comparison_leads_to_connecting(server: Server, outside: Tab) -> None:
    new = await newcomer(server)
    await sign_in(outside.page.context, new.email, PASSWORD)
    for path in ("/app/compare", "/app/compare?by=model", "/app/compare?by=agent"):
        await outside.go(path)
        await expect(outside.page.get_by_role("link", name="Connect your agent")).to_be_visible()
        await expect(outside.page.get_by_text("cannot tell")).to_have_count(0)


async def test_long_names_leave_room_for_what_is_compared(server: Server, outside: Tab) -> None:
    new, page = await newcomer(server), outside.page
    names = ["w" * 200, "v" * 200]
    await new.send(*({"prompt": "p", "response": "r", "agent_name": name} for name in names))
    await sign_in(page.context, new.email, PASSWORD)
    await outside.go(f"/app/compare?by=agent&base={names[0]}&candidate={names[1]}")
    figures = page.get_by_label("Figures")
    await expect(figures.get_by_role("columnheader").nth(2)).to_have_attribute("title", names[1])
    for width in (DESK["width"], 1024, PHONE["width"]):
        await page.set_viewport_size({"width": width, "height": 900})
        await outside.traffic.settled()
        assert await figures.evaluate("all => all.scrollWidth <= all.clientWidth"), width
        box = await figures.locator("tbody tr").first.bounding_box()
        assert box is not None
        assert box["height"] < 200
