"""What stands around every screen: the project, and the choice of a theme."""

import pytest
from playwright.async_api import expect
from tests.cast import PASSWORD
from tests.chaos.processes import Server
from tests.dashboard.people import Tab, newcomer

from scripts.chromium import sign_in

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("dashboard")]


async def test_a_theme_is_chosen_without_what_the_policy_refuses(server: Server, outside: Tab) -> None:
    page, new = outside.page, await newcomer(server, "Ada Example")
    await sign_in(page.context, new.email, PASSWORD)
    await outside.go("/app/")
    for theme in ("Dark", "Light"):
        await page.get_by_role("button", name="Ada Example").click()
        await page.get_by_role("menuitem", name=theme).click()
        await expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", theme.lower())
    await outside.assert_clean()


async def test_a_single_project_is_no_button_that_does_nothing(server: Server, outside: Tab) -> None:
    page, new = outside.page, await newcomer(server, "Ada Example")
    await sign_in(page.context, new.email, PASSWORD)
    await outside.go("/app/")
    await expect(page.get_by_role("navigation").get_by_role("button")).to_have_text(["Ada Example"])
