"""What an hour that begins changes on a screen, and what it leaves alone.

Each in a window of its own, whose clock is set.
"""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from playwright.async_api import expect
from tests.cast import PASSWORD
from tests.chaos.processes import Server
from tests.dashboard.people import Person, Tab, newcomer

from scripts.chromium import sign_in

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("dashboard")]


@pytest.fixture
def hour() -> datetime:
    """When the next one begins."""
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


async def test_the_overview_goes_on_to_the_next_hour_also_where_nothing_came(
    server: Server, outside: Tab, hour: datetime
) -> None:
    page, new = outside.page, await newcomer(server)
    await sign_in(page.context, new.email, PASSWORD)
    await page.clock.set_fixed_time(hour - timedelta(seconds=30))
    await outside.go("/app/")
    await expect(page.get_by_text("No evaluations yet")).to_be_visible()
    await page.clock.set_fixed_time(hour + timedelta(seconds=30))
    end = quote(f"{hour + timedelta(hours=1):%Y-%m-%dT%H:%M}")
    async with page.expect_request(re.compile(f"/analytics/compare.*candidate_end={end}")):
        # As the minute does, or who comes back to the page.
        await page.evaluate("window.dispatchEvent(new Event('visibilitychange'))")


async def test_what_is_typed_stays_when_an_hour_begins(outside: Tab, person: Person, hour: datetime) -> None:
    page = outside.page
    await sign_in(page.context, person.email, PASSWORD)
    await page.clock.set_fixed_time(hour - timedelta(seconds=30))
    await outside.go("/app/")
    await page.get_by_role("button", name="Custom").click()
    await page.get_by_label("From").fill("2026-01-02T00:00")
    await page.clock.set_fixed_time(hour + timedelta(seconds=30))
    async with page.expect_response(re.compile(f"/analytics/compare.*candidate_end={quote(f'{hour:%Y-%m-%dT%H:%M}')}")):
        await page.evaluate("window.dispatchEvent(new Event('visibilitychange'))")
    await outside.traffic.settled()
    await expect(page.get_by_label("From")).to_have_value("2026-01-02T00:00")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile("start=2026-01-01"))
    # Asked again, it begins with what was chosen.
    await page.get_by_role("button", name=" – ").click()
    await expect(page.get_by_label("From")).to_have_value("2026-01-02T00:00")
