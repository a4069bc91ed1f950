"""Whatever stands in the address, there is a screen that says something, and a way on."""

import re

import pytest
from playwright.async_api import expect
from tests.dashboard.people import Tab

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("dashboard")]
NOBODY = "01a21e54-172d-7eb5-9d7b-a519de963032"
NONSENSE = (
    "?days=-1&agent=%7F&model=%F0%9F%92%A9&mode=[]&verdict=maybe&min=NaN",
    "?start=0000-01-01&end=9999-12-31",
    "?start=2026-02-31&end=nonsense&days=99999999999",
    "?start=2026-01-01&end=2026-01-01T00:00:00.001Z",
)
SCREENS = ("/", "/evaluations", "/sessions", "/compare", "/connect", "/settings")
OTHERS = (
    "/evaluations/nonsense",
    f"/evaluations/{NOBODY}",
    "/evaluations/beside/x",
    "/sessions/view?of=nobody",
    "/sessions/view?of=..%2F..&days=x",
    "/compare?by=period&base=1e99",
    "/compare?by=nobody&base=x&candidate=y",
    "/compare?by=model&base=x&candidate=y",
    "/settings?section=nonsense",
    "/nonsense/x",
    f"/?project={NOBODY}",
    f"/settings?project={NOBODY}",
)


async def test_no_address_leaves_a_blank_screen(tab: Tab) -> None:
    silent: list[str] = []
    for path in (*OTHERS, *(f"{path}{query}" for path in SCREENS for query in NONSENSE)):
        await (tab.go if path in OTHERS else tab.turn)(f"/app{path}")
        # A heading says where one is or what failed, and a link leads away.
        page = tab.page
        try:
            for there in ("h1, h2", "a"):
                await expect(page.locator(there).first).to_be_attached()
        except AssertionError:
            silent.append(f"{path}: {await page.locator('body').inner_text()!r}")
        await tab.assert_clean()
    assert not silent, "\n".join(silent)


async def test_a_conversation_that_the_address_does_not_name_leads_to_the_list(tab: Tab) -> None:
    for path in ("/app/sessions/view", "/app/sessions/view?of=&days=30"):
        await tab.go(path)
        await expect(tab.page).to_have_url(re.compile(r"/app/sessions(\?days=30)?$"))
        await expect(tab.page.get_by_role("heading", name="Sessions", exact=True)).to_be_visible()


async def test_a_project_of_somebody_else_says_so_and_leads_home(tab: Tab) -> None:
    await tab.go(f"/app/evaluations?project={NOBODY}")
    await expect(tab.page.get_by_role("alert")).to_contain_text("There is no such project")
    await tab.page.get_by_role("link", name="To the overview").click()
    await expect(tab.page.get_by_role("heading", name="Overview", exact=True)).to_be_visible()
