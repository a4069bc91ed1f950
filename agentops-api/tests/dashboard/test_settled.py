"""What an audit found wrong on the screens, and what is right now."""

import asyncio
import re
from datetime import UTC, timedelta

import pytest
from playwright.async_api import Request, Route, expect
from tests.cast import PASSWORD
from tests.chaos.processes import Server
from tests.dashboard.people import BERLIN, Person, Tab, day_of, newcomer

from scripts.chromium import DESK, PHONE, sign_in

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("dashboard")]
WIDER = "all => all.filter(each => each.scrollWidth > each.clientWidth).map(each => each.innerText)"


async def test_a_key_is_asked_for_once_may_only_send_and_is_remembered(server: Server, outside: Tab) -> None:
    person = await newcomer(server)
    page, asked = outside.page, list[Request]()
    await sign_in(page.context, person.email, PASSWORD)
    await outside.go("/app/connect")
    await expect(page.get_by_text("There is a key, “sdk”")).to_be_visible()
    page.on("request", lambda request: asked.append(request) if request.method == "POST" else None)
    await page.get_by_role("button", name="Make another key for").dblclick()
    await expect(page.get_by_text("This is the only time that it is shown.")).to_be_visible()
    await outside.traffic.settled()
    assert [each.url for each in asked if each.url.endswith("/api-keys")] == [f"{person.url}/auth/api-keys"]
    # Also with the key in them, what is to be pasted fits a desk.
    for language in ("curl", "Python"):
        await page.get_by_label("Language").get_by_text(language).click()
        await outside.traffic.settled()
        assert await page.locator("pre").evaluate_all(WIDER) == []
    await expect(page.get_by_text("pip install agentops-client", exact=True)).to_be_visible()
    await outside.go("/app/connect")
    await expect(page.get_by_text("There is a key, “Key of ")).to_be_visible()
    await outside.go("/app/settings")
    await expect(page.get_by_role("row", name="Key of").locator("td").nth(1)).to_have_text("ingest")


async def test_what_was_sent_before_the_page_was_opened_is_shown_and_does_not_arrive(tab: Tab, person: Person) -> None:
    page = tab.page
    await person.send({"prompt": "p", "response": "r", "hallucination_probability": 0.24})
    await tab.go("/app/connect")
    await expect(page.get_by_text("The newest so far")).to_be_visible()
    await expect(page.get_by_text("It arrived")).to_have_count(0)
    await expect(page.get_by_text("hallucination probability 0.")).to_be_visible()
    await expect(page.get_by_text("Waiting for the next evaluation")).to_be_visible()
    await expect(page.locator("ol [data-done]")).to_have_count(3)


async def test_what_arrives_while_the_stream_is_broken_is_shown_when_it_is_back(server: Server, outside: Tab) -> None:
    page, new, due = outside.page, await newcomer(server), asyncio.Event()

    async def late(route: Route) -> None:
        await due.wait()
        await route.continue_()

    await sign_in(page.context, new.email, PASSWORD)
    # The first stream, which ends when the test says so; the second one is the server's.
    await page.add_init_script("""
        const real = fetch;
        window.fetch = (asked, ...options) => {
            if (!asked.url?.includes("/stream") || window.end) return real(asked, ...options);
            const body = new ReadableStream({start: (one) => { window.end = () => one.close(); }});
            return Promise.resolve(new Response(body));
        };
    """)
    await page.route("**/evaluations/stream?*", late)
    await outside.go("/app/connect")
    await expect(page.get_by_text("Waiting for your first evaluation")).to_be_visible()
    await outside.traffic.settled()
    async with page.expect_request("**/evaluations/stream?*"):
        await page.evaluate("window.end()")
    await new.send({"prompt": "meanwhile", "response": "r"})
    due.set()
    await expect(page.get_by_text("meanwhile")).to_be_visible()


async def test_nothing_moves_for_who_asked_for_less_motion(tab: Tab) -> None:
    page = tab.page
    await tab.go("/app/connect")
    await expect(page.get_by_text("Waiting for")).to_be_visible()
    assert await page.evaluate("document.getAnimations().map((each) => each.animationName)") == []


async def test_the_menu_of_a_phone_shows_all_of_itself(tab: Tab) -> None:
    page = tab.page
    await page.set_viewport_size(PHONE)
    await tab.go("/app/")
    await page.get_by_role("button", name="Open the menu").click()
    menu = page.get_by_role("dialog")
    account = menu.get_by_role("button", name="Ada Example", exact=True)
    await expect(account).to_be_in_viewport(ratio=1)
    grounds = "all => all.map(each => getComputedStyle(each).backgroundColor)"
    assert await menu.locator("nav").evaluate_all(grounds) == ["rgba(0, 0, 0, 0)"]
    await page.set_viewport_size(DESK)


async def test_sessions_show_the_verdict_by_which_they_are_filtered(tab: Tab) -> None:
    page = tab.page
    await tab.go("/app/sessions?verdict=grounded&days=30")
    await expect(page.get_by_label("Verdict").get_by_role("radio", name="Without")).to_be_checked()
    rows = page.get_by_label("Conversations").locator("tbody tr td:nth-of-type(3)")
    await expect(rows.first).to_have_text("0")
    assert set(await rows.all_inner_texts()) == {"0"}
    wide = page.get_by_label("Conversations")
    assert await wide.evaluate_all(WIDER) == []


async def test_a_verdict_names_its_figures_and_a_period_of_ones_own_may_overlap(tab: Tab) -> None:
    page = tab.page
    await tab.go("/app/compare?days=30")
    rows = page.get_by_label("Figures").locator("tbody tr")
    await expect(rows).to_have_count(13)
    await page.get_by_role("combobox", name="The other period").click()
    await expect(page.get_by_role("option")).to_have_text(["5 weeks earlier", "another one"])
    await page.get_by_role("option", name="another one").click()
    await expect(page).to_have_url(re.compile("base="))
    await expect(page.get_by_text("The periods overlap")).to_have_count(0)
    await page.locator("main").get_by_role("button", name=" – ").click()
    await page.get_by_label("Until").fill("2099-01-01T00:00")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("The periods overlap")).to_be_visible()


async def test_enter_applies_a_period_and_an_inverted_one_says_why_not(tab: Tab) -> None:
    page = tab.page
    await tab.go("/app/sessions")
    await page.get_by_role("button", name="Custom").click()
    await page.get_by_label("From").fill("2026-01-02T00:00")
    await page.get_by_label("Until").fill("2026-01-01T00:00")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("A period ends after it begins.")).to_be_visible()
    await page.get_by_label("Until").fill("2026-01-03T00:00")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile("start=2026-01-01"))


async def test_retention_says_that_it_was_saved(server: Server, outside: Tab) -> None:
    person = await newcomer(server)
    page = outside.page
    await sign_in(page.context, person.email, PASSWORD)
    await outside.go("/app/settings?section=data")
    await page.get_by_label("Keep evaluations").fill("90")
    await page.get_by_role("button", name="What would go?").click()
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_text("Saved.")).to_be_visible()
    await outside.traffic.settled()
    await expect(page.get_by_text("Saved.")).to_be_visible()
    await expect(page.get_by_label("Keep evaluations")).to_have_value("90 days")


async def test_escape_does_not_take_away_a_key_that_is_shown_once(server: Server, outside: Tab) -> None:
    person = await newcomer(server)
    page, now = outside.page, await outside.stop_clock()
    await sign_in(page.context, person.email, PASSWORD)
    await outside.go("/app/settings?section=keys")
    await page.get_by_role("button", name="New key").click()
    await page.get_by_label("Name").fill("browser")
    await page.get_by_role("combobox", name="Expires").click()
    await page.get_by_role("option", name="In a year").click()
    await page.get_by_role("button", name="Make the key").click()
    await expect(page.get_by_role("button", name="I have it")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="I have it").click()
    # A year is named where it is not this one: 365 days after the first of January it may be.
    expires = (now.astimezone(UTC) + timedelta(days=365)).astimezone(BERLIN)
    year = "" if expires.year == now.year else f" {expires.year}"
    await expect(page.get_by_role("row", name="browser").locator("td").nth(3)).to_have_text(day_of(expires) + year)


async def test_nothing_on_the_account_jumps_however_late_the_sessions_come(server: Server, outside: Tab) -> None:
    person = await newcomer(server)
    page, due = outside.page, asyncio.Event()
    for _ in range(5):
        await sign_in(page.context, person.email, PASSWORD)

    async def late(route: Route) -> None:
        await due.wait()
        await route.continue_()

    await page.route("**/auth/sessions*", late)
    await page.set_viewport_size(PHONE)
    await page.goto("/app/settings?section=account")
    await expect(page.get_by_role("button", name="Change the password")).to_be_visible()
    due.set()
    await expect(page.get_by_text("This one")).to_be_visible()
    await outside.traffic.settled()
    assert await page.evaluate("seen.shift") <= 0.01


async def test_what_is_not_there_leads_to_the_list(tab: Tab) -> None:
    page = tab.page
    await tab.go("/app/evaluations/01a21e54-172d-7eb5-9d7b-a519de963032")
    await expect(page.get_by_role("alert")).to_contain_text("There is no such evaluation")
    await expect(page.get_by_role("button", name="Try again")).to_have_count(0)
    await page.get_by_role("alert").get_by_role("link", name="To the list").click()
    await expect(page.get_by_role("heading", name="Evaluations", exact=True)).to_be_visible()


async def test_days_that_cannot_be_kept_are_told_and_stay_as_typed(tab: Tab) -> None:
    page = tab.page
    await tab.go("/app/settings?section=data")
    field, ask = page.get_by_label("Keep evaluations"), page.get_by_role("button", name="What would go?")
    for days in ("0", "-5"):
        await field.fill(days)
        await field.press("Tab")
        await expect(field).to_have_value(f"{days} days")
        await expect(page.get_by_text("From 1 to 36,500 days")).to_be_visible()
        await expect(ask).to_be_disabled()
    await field.fill("30")
    await expect(page.get_by_text("From 1 to 36,500 days")).to_have_count(0)
    await expect(ask).to_be_enabled()


async def test_however_long_a_name_is_it_stays_within_the_page_and_the_dialog(server: Server, outside: Tab) -> None:
    person = await newcomer(server)
    page = outside.page
    await sign_in(page.context, person.email, PASSWORD)
    await outside.go("/app/settings?section=project")
    await page.get_by_role("button", name="Rename the project").click()
    await page.get_by_label("New name of the project").fill("W" * 150)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Rename the project")).to_be_visible()
    await outside.go("/app/settings?section=keys")
    await page.get_by_role("button", name="New key").click()
    await page.get_by_label("Name", exact=True).fill("K" * 150)
    await page.get_by_role("button", name="Make the key").click()
    await page.get_by_role("button", name="I have it").click()
    await page.set_viewport_size(PHONE)
    await page.get_by_role("button", name="Revoke KKK").click()
    asked = page.get_by_role("dialog").locator("p", has_text="KKK")
    await expect(asked).to_be_visible()
    assert await asked.evaluate_all(WIDER) == []
    await outside.go("/app/connect")
    await expect(page.get_by_role("button", name="Make another key for WWW")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
