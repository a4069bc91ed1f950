"""Whoever is in two projects sees the one whose name stands above, and nothing of the other."""

import asyncio
import re
from uuid import uuid4

import psycopg
import pytest
from playwright.async_api import Route, expect
from tests.cast import PASSWORD
from tests.chaos.processes import Server, Site
from tests.dashboard.history import CHECKED
from tests.dashboard.people import Tab, newcomer

from scripts.chromium import sign_in

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("dashboard")]
OTHER = "Other agents"


@pytest.fixture
async def other(site: Site, server: Server, outside: Tab) -> str:
    """The id of the second project of somebody who is signed in: it has nothing yet, the first one an evaluation."""
    new, project_id = await newcomer(server), uuid4()
    await new.send(CHECKED)
    with psycopg.connect(site.superuser_url) as admin:
        admin.execute(
            """
            INSERT INTO projects (id, organization_id, name)
            SELECT %s, organization_id, %s FROM memberships JOIN users ON users.id = user_id WHERE email = %s
            """,
            (project_id, OTHER, new.email),
        )
    await sign_in(outside.page.context, new.email, PASSWORD)
    return str(project_id)


async def choose(tab: Tab, name: str) -> None:
    await tab.page.get_by_role("navigation", name="Screens").get_by_role("button").first.click()
    await tab.page.get_by_role("menuitem", name=name).click()


async def test_pointing_at_a_link_changes_nothing_for_the_screen_that_is_shown(outside: Tab, other: str) -> None:
    page = outside.page
    await outside.go(f"/app/evaluations?project={other}")
    await page.get_by_role("link", name="AgentOps").hover()
    await outside.traffic.settled()
    async with page.expect_request("**/evaluations/stream?*") as asked:
        await page.get_by_role("switch", name="Live tail").check(force=True)
    assert (await asked.value).headers.get("x-project-id") == other


async def test_until_its_own_come_a_project_shows_no_figures_of_another(outside: Tab, other: str) -> None:
    page, due = outside.page, asyncio.Event()

    async def late(route: Route) -> None:
        if route.request.headers.get("x-project-id"):
            await due.wait()
        await route.continue_()

    await outside.go("/app/")
    figures = page.get_by_role("link", name="show these evaluations")
    await expect(figures).not_to_have_count(0)
    await page.route("**/api/v1/analytics/**", late)
    await choose(outside, OTHER)
    await expect(page).to_have_url(re.compile(f"project={other}"))
    await expect(figures).to_have_count(0)
    due.set()
    await expect(page.get_by_text("No evaluations yet")).to_be_visible()


async def test_every_way_to_another_screen_stays_in_the_project(outside: Tab, other: str) -> None:
    page = outside.page
    for path, name in (
        ("?", "AgentOps"),
        ("?", "Connect your agent"),
        ("evaluations?", "Connect your agent"),
        ("settings?section=project&", "Connect another one"),
    ):
        await outside.go(f"/app/{path}project={other}")
        await expect(page.get_by_role("link", name=name)).to_have_attribute("href", re.compile(f"project={other}"))


async def test_what_was_marked_in_a_project_is_not_offered_in_another(outside: Tab, other: str) -> None:
    page, reminder = outside.page, outside.page.get_by_text("Open the one to compare with")
    await outside.go("/app/evaluations")
    await page.locator("[role=row][aria-rowindex='2'] a").click()
    await page.get_by_role("button", name="Compare with …").click()
    await expect(reminder).to_be_visible()
    await choose(outside, OTHER)
    await expect(page).to_have_url(re.compile(f"project={other}"))
    await page.get_by_role("link", name="Evaluations", exact=True).click()
    await expect(page.get_by_text("No evaluations in the last 7 days")).to_be_visible()
    await expect(reminder).to_have_count(0)


async def test_whoever_logs_in_next_finds_nothing_marked_and_no_tail(server: Server, outside: Tab) -> None:
    page, person = outside.page, await newcomer(server, "Eve Example")
    await person.send(CHECKED)
    await sign_in(page.context, person.email, PASSWORD)
    await outside.go("/app/evaluations")
    switch, row = page.get_by_role("switch", name="Live tail"), page.locator("[role=row][aria-rowindex='2'] a")
    await switch.check(force=True)
    await row.click()
    await page.get_by_role("button", name="Compare with …").click()
    await expect(page.get_by_text("Open the one to compare with")).to_be_visible()
    await page.get_by_role("button", name="Eve Example", exact=True).click()
    await page.get_by_role("menuitem", name="Log out").click()
    await page.get_by_label("E-mail").fill(person.email)
    await page.locator("input[autocomplete=current-password]").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await page.get_by_role("link", name="Evaluations", exact=True).click()
    await expect(row).to_be_visible()
    await expect(switch).not_to_be_checked()
    await expect(page.get_by_text("Open the one to compare with")).to_have_count(0)
