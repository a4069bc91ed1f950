"""Charts of the overview: what dragging over them chooses, and what their legends and axes say."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.async_api import Page, expect
from tests.dashboard.people import Tab, day_of

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("dashboard")]


async def drag(page: Page, begin: float, end: float) -> tuple[datetime, datetime]:
    """Drags over so much of the evaluations' chart, in shares of its width; the period of the address then."""
    box = await page.locator("figure", has_text="Evaluations").locator(".u-over").bounding_box()
    assert box is not None
    middle, before = box["y"] + box["height"] / 2, page.url
    await page.mouse.move(box["x"] + box["width"] * begin, middle)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] * end, middle, steps=5)
    await page.mouse.up()
    await expect(page).not_to_have_url(before)
    query = parse_qs(urlsplit(page.url).query)
    return datetime.fromisoformat(query["start"][0]), datetime.fromisoformat(query["end"][0])


async def test_dragging_over_bars_chooses_their_days_and_hours_from_beginning_to_end(tab: Tab) -> None:
    page, now = tab.page, await tab.stop_clock()
    await tab.go("/app/")
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    days = [today - timedelta(days=6 - number) for number in range(8)]
    # Seven bars, the third of them, and then what is between its middle and the fifth one's end.
    assert await drag(page, 2.1 / 7, 2.9 / 7) == (days[2], days[3])
    await tab.turn("/app/")
    assert await drag(page, 2.4 / 7, 4.9 / 7) == (days[2], days[5])
    await tab.turn("/app/")
    assert await drag(page, 2.6 / 7, 3.4 / 7) in {(days[2], days[3]), (days[3], days[4])}
    await tab.turn("/app/")
    start, end = await drag(page, 6.2 / 7, 6.9 / 7)
    assert start == days[6]
    assert timedelta(0) <= end - now <= timedelta(hours=1)

    await tab.turn(f"/app/?start={days[4]:%Y-%m-%dT%H:%M%z}&end={days[5]:%Y-%m-%dT%H:%M%z}".replace("+", "%2B"))
    # In UTC, where an hour later is an hour later also on a day on which the clock is moved.
    midnight, hours = days[4].astimezone(UTC), round((days[5].timestamp() - days[4].timestamp()) / 3_600)
    assert await drag(page, 3.1 / hours, 4.9 / hours) == (midnight + timedelta(hours=3), midnight + timedelta(hours=5))


async def test_a_legend_tells_the_whole_period_until_a_bucket_is_pointed_at(tab: Tab) -> None:
    page, now = tab.page, await tab.stop_clock()
    await tab.go("/app/")
    chart = page.locator("figure", has_text="Evaluations")
    tile = page.locator("dl > div", has_text="Evaluations").locator("dd > span").first
    await expect(chart.locator("figcaption")).to_contain_text("whole period")
    await expect(chart.locator("li", has_text=re.compile("^All"))).to_contain_text(await tile.inner_text())
    await chart.get_by_role("group").focus()
    await page.keyboard.press("ArrowLeft")
    # A day has no hour; the first step to the left is to today.
    await expect(chart.locator("figcaption")).to_have_text(f"Evaluations{day_of(now)}")
    await page.keyboard.press("ArrowLeft")
    await expect(chart.locator("figcaption")).to_have_text(f"Evaluations{day_of(now - timedelta(days=1))}")
