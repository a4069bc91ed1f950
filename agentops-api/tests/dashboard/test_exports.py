"""Exports: of what the list shows, and it can be seen what of."""

import pytest
from playwright.async_api import expect
from tests.dashboard.people import Tab

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("dashboard")]

# The button begins where some other cell of its column does.
STANDS_UNDER = """
(row) => {
    const left = (each) => each.getBoundingClientRect().left;
    const button = row.querySelector("button");
    return [...row.cells].some((cell) => !cell.contains(button) && Math.abs(left(cell) - left(button)) < 1);
}
"""


async def test_the_list_is_exported_with_its_filters_for_spreadsheets_and_says_so(tab: Tab) -> None:
    page = tab.page
    await tab.go("/app/evaluations?agent=reader&mode=fast&verdict=hallucinated&min=0.5&session=s&q=clause")
    await page.get_by_role("link", name="Export this list").click()
    export = page.get_by_role("group", name="Export")
    for said in ("agent reader · mode fast · session s · hallucinated · probability at least 0.5", "“clause”"):
        await expect(export.locator("p", has_text=said)).to_be_visible()
    await export.get_by_role("button", name="Any mode").click()
    await export.get_by_role("button", name="Any session").click()
    await expect(export.locator("p", has_text="agent reader · hallucinated · probability at least 0.5")).to_be_visible()
    await export.get_by_role("button", name="Make the file").click()
    row = page.get_by_role("region", name="Exports").locator("tbody tr").first
    await expect(row).to_contain_text("· agent reader · hallucinated · probability at least 0.5")
    # On a phone, each cell is below its column's name.
    await row.get_by_role("button", name="Download").wait_for()
    await page.set_viewport_size({"width": 390, "height": 844})
    await tab.traffic.settled()
    assert await row.evaluate(STANDS_UNDER)
