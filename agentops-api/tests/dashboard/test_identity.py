"""Every tab shows whoever is signed in with the browser, and nobody else."""

import asyncio
import re

import pytest
from playwright.async_api import Locator, Page, Route, expect
from tests.cast import PASSWORD
from tests.chaos.processes import Server
from tests.dashboard.people import Tab, newcomer

from scripts.chromium import sign_in

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("dashboard")]


def name_in(page: Page, name: str) -> Locator:
    return page.get_by_role("navigation", name="Screens").get_by_role("button", name=name, exact=True)


async def test_a_log_in_is_told_to_the_other_tabs(server: Server, outside: Tab) -> None:
    person = await newcomer(server, "Ida Example")
    page, other = outside.page, await outside.page.context.new_page()
    await other.goto("/app/login?from=/compare")
    await outside.go("/app/login")
    await page.get_by_label("E-mail").fill(person.email)
    await page.locator("input[autocomplete=current-password]").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await expect(name_in(page, "Ida Example")).to_be_visible()
    await expect(other).to_have_url(re.compile("/app/compare"))
    await expect(name_in(other, "Ida Example")).to_be_visible()
    for path in ("/app/login", "/app/register"):
        await outside.go(path)
        await expect(page).to_have_url(re.compile("/app/$"))


async def test_a_page_whose_session_became_somebody_elses_is_loaded_anew(server: Server, outside: Tab) -> None:
    demo, grace = await newcomer(server, "Demo Example"), await newcomer(server, "Grace Example")
    page = outside.page
    await sign_in(page.context, demo.email, PASSWORD)
    await outside.go("/app/evaluations?q=demo")
    await expect(name_in(page, "Demo Example")).to_be_visible()
    # The cookie is Grace's now, and nothing told the page.
    answer = await page.context.request.post("/auth/login", data={"email": grace.email, "password": PASSWORD})
    assert answer.ok

    async def refuse(route: Route) -> None:
        await route.fulfill(status=401, json={"detail": "too old"})

    await page.route("**/api/v1/analytics/**", refuse, times=1)
    await page.get_by_role("link", name="Compare").click()
    await expect(name_in(page, "Grace Example")).to_be_visible()
    await expect(page).to_have_url(re.compile("/app/$"))
    await expect(page.get_by_text("Demo Example")).to_have_count(0)


async def test_who_logs_out_while_another_tab_renews_the_session_is_out_in_both(server: Server, outside: Tab) -> None:
    person = await newcomer(server, "Eve Example")
    page, other, due = outside.page, await outside.page.context.new_page(), asyncio.Event()

    async def late(route: Route) -> None:
        answer = await route.fetch()
        await due.wait()
        await route.fulfill(response=answer)

    await sign_in(page.context, person.email, PASSWORD)
    await outside.go("/app/")
    await other.route("**/auth/refresh", late)
    async with other.expect_request("**/auth/refresh"):
        await other.goto("/app/evaluations", wait_until="commit")
    await name_in(page, "Eve Example").click()
    await page.get_by_role("menuitem", name="Log out").click()
    await outside.traffic.settled()
    due.set()
    for each in (page, other):
        await expect(each).to_have_url(re.compile("/app/login"))
        await expect(each.get_by_role("button", name="Log in")).to_be_visible()
    assert await page.context.cookies() == []
    assert await other.evaluate("localStorage.getItem('agentops.signed-in')") is None


async def test_a_session_that_another_tab_found_ended_asks_to_log_in_here_too(server: Server, outside: Tab) -> None:
    person = await newcomer(server)
    page, other = outside.page, await outside.page.context.new_page()
    await sign_in(page.context, person.email, PASSWORD)
    await outside.go("/app/")
    await other.goto("/app/")
    await expect(other.get_by_text("No evaluations yet")).to_be_visible()
    ended = await page.context.request.post("/auth/logout", headers={"Origin": person.url})
    assert ended.status == 204
    await other.reload()
    await expect(other.get_by_text("Your session ended. Log in to go on.")).to_be_visible()

    async def refuse(route: Route) -> None:
        await route.fulfill(status=401, json={"detail": "too old"})

    await page.route("**/api/v1/analytics/**", refuse)
    await page.get_by_role("link", name="Compare").click()
    await expect(page).to_have_url(re.compile("/app/login.*compare"))
    await expect(page.get_by_text("Your session ended. Log in to go on.")).to_be_visible()


async def test_a_log_out_that_the_server_did_not_get_is_told(server: Server, outside: Tab) -> None:
    person = await newcomer(server, "Eve Example")
    page = outside.page
    await sign_in(page.context, person.email, PASSWORD)
    await outside.go("/app/")
    await page.route("**/auth/logout", lambda route: route.abort())
    await name_in(page, "Eve Example").click()
    await page.get_by_role("menuitem", name="Log out").click()
    again = page.get_by_role("menuitem", name="The server did not answer: log out again")
    await expect(again).to_be_visible()
    await page.unroute("**/auth/logout")
    await again.click()
    await expect(page).to_have_url(re.compile("/app/login"))
    assert await page.context.cookies() == []
