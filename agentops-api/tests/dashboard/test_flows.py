"""What a person does with the dashboard, in a real browser."""

import re
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from playwright.async_api import expect
from tests.cast import PASSWORD
from tests.chaos.processes import Server
from tests.dashboard.history import CHECKED
from tests.dashboard.people import ANSWER_S_MAX, Person, Tab, newcomer

from scripts.chromium import DESK, sign_in

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("dashboard")]


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


async def test_the_first_minute_ends_with_the_first_evaluation(outside: Tab) -> None:
    page = outside.page
    await outside.go("/")
    await expect(page).to_have_url(re.compile("/app/login"))
    await page.get_by_role("link", name="Make an account").click()
    await page.get_by_label("Name").fill("Grace Example")
    await page.get_by_label("E-mail").fill("grace@example.com")
    await page.locator("input[autocomplete=new-password]").fill(PASSWORD)
    await page.get_by_role("button", name="Make an account").click()
    await expect(page).to_have_url(re.compile("/app/connect"))
    await page.get_by_role("button", name="Make a key for").click()
    key = await page.locator("code", has_text=re.compile(r"^agops_\w+$")).first.inner_text()
    await expect(page.get_by_text(f"X-API-Key: {key}")).to_be_visible()
    await expect(page.get_by_text("Waiting for your first evaluation")).to_be_visible()
    url = await page.evaluate("location.origin")
    await Person(url, "", key).send({"prompt": "Is anybody there?", "response": "Yes.", "hallucinated": False})
    await expect(page.get_by_text("It arrived")).to_be_visible()
    await page.get_by_role("link", name="Open it").click()
    await expect(page.get_by_role("heading", name="Evaluation", exact=True)).to_be_visible()
    await expect(page.get_by_text("Is anybody there?")).to_be_visible()


async def test_a_filter_lives_in_the_address(tab: Tab) -> None:
    page = tab.page
    await tab.go("/app/evaluations")
    rows = page.locator("[role=row][aria-rowindex]")
    await page.get_by_label("Verdict").get_by_text("Hallucinated").click()
    await expect(page).to_have_url(re.compile("verdict=hallucinated"))
    await tab.traffic.settled()
    assert {(await row.inner_text()).split("\n")[0] for row in await rows.all()} == {"Hallucinated"}
    await page.get_by_label("Search words").fill("clause 7 say")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile("q=clause"))
    await page.reload()
    await tab.traffic.settled()
    await expect(page.get_by_label("Search words")).to_have_value("clause 7 say")


async def test_what_arrives_is_seen_in_the_live_tail(tab: Tab, person: Person) -> None:
    page = tab.page
    await tab.go("/app/evaluations?agent=newest")
    await page.get_by_role("switch", name="Live tail").check(force=True)
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    await person.send(
        {"prompt": "to another agent", "response": "r", "agent_name": "other"},
        {"prompt": "just now", "response": "r", "agent_name": "newest"},
    )
    await expect(page.get_by_text("just now")).to_be_visible()
    await expect(page.get_by_text("to another agent")).to_have_count(0)


async def test_dragging_over_a_chart_zooms_and_nothing_on_the_overview_jumps(tab: Tab) -> None:
    page = tab.page
    await tab.go("/app/")
    chart = page.locator(".u-over").first
    await expect(chart).to_be_visible()
    assert await page.evaluate("seen.shift") <= 0.01
    box = await chart.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    await page.mouse.move(box["x"] + box["width"] * 0.3, middle)
    await page.mouse.down()
    await page.mouse.move(box["x"] + box["width"] * 0.7, middle, steps=5)
    await page.mouse.up()
    await expect(page).to_have_url(re.compile("start=.*end="))
    zoomed = query_of(page.url)
    assert zoomed["start"] < zoomed["end"]
    await page.go_back()
    await expect(page).not_to_have_url(re.compile("start="))


async def test_a_page_that_is_loaded_anew_is_where_it_was(tab: Tab) -> None:
    page = tab.page
    # So low that there is something to scroll before the tables have rows.
    await page.set_viewport_size({"width": 1440, "height": 450})
    await tab.go("/app/?days=90")
    await page.evaluate("scrollTo(0, 200)")
    # The page hears of it with the next frame only.
    await tab.traffic.settled()
    await page.reload()
    await tab.traffic.settled()
    place = await page.evaluate("scrollY")
    await page.set_viewport_size(DESK)
    assert place == 200


async def test_what_stands_in_the_rail_stands_in_one_column(tab: Tab) -> None:
    """Links of ours and buttons of Mantine's: whichever file of styles came first, ours win."""
    await tab.go("/app/")
    glyphs = tab.page.get_by_role("navigation", name="Screens").locator("a > svg, button > svg")
    await expect(glyphs).to_have_count(7)
    lefts = await glyphs.evaluate_all("all => all.map(each => each.getBoundingClientRect().left)")
    assert len(set(lefts)) == 1


async def test_the_sentences_of_an_answer_are_coloured_and_their_evidence_stands_beside(
    tab: Tab, person: Person
) -> None:
    page = tab.page
    await tab.go(f"/app/evaluations/{person.history[-1]}")
    claims = page.locator("mark[data-tone]")
    await expect(claims).to_have_count(2)
    assert await claims.evaluate_all("all => all.map(each => each.dataset.tone)") == ["good", "bad"]
    colours = await claims.evaluate_all("all => all.map(each => getComputedStyle(each).backgroundColor)")
    assert len(set(colours)) == 2
    await expect(page.locator("blockquote").last).to_contain_text("The city has two million inhabitants.")
    await expect(page.get_by_text("acme")).to_be_visible()
    await page.keyboard.press("j")
    await expect(page).to_have_url(re.compile(person.history[-2]))
    # The address is there before the screen that hears the key.
    await tab.traffic.settled()
    await page.keyboard.press("k")
    await expect(page).to_have_url(re.compile(person.history[-1]))


async def test_two_evaluations_are_laid_beside_each_other(tab: Tab, person: Person) -> None:
    page = tab.page
    await tab.go(f"/app/evaluations/{person.history[-1]}")
    await page.get_by_role("button", name="Compare with …").click()
    await expect(page).to_have_url(re.compile("/app/evaluations(\\?|$)"))
    await page.get_by_role("link", name="Question 399").click()
    await page.get_by_role("button", name="Compare with the marked one").click()
    await expect(page).to_have_url(re.compile("/beside/"))
    for prompt in (str(CHECKED["prompt"]), "Question 399"):
        await expect(page.get_by_text(prompt).first).to_be_visible()


async def test_two_models_are_compared_with_a_verdict(tab: Tab) -> None:
    await tab.go("/app/compare?by=model&base=model-a&candidate=model-b")
    main = tab.page.locator("main")
    for text in ("model-a", "model-b", "Hallucination rate"):
        await expect(main.get_by_text(text).first).to_be_visible()


async def test_a_key_is_made_shown_once_and_revoked(tab: Tab, person: Person) -> None:
    page = tab.page
    await tab.go("/app/settings?section=keys")
    await page.get_by_role("button", name="New key").first.click()
    await page.get_by_label("Name").fill("browser")
    # What is seen is what is announced, and names what the list will say.
    await expect(page.get_by_role("checkbox", name="Send evaluations (ingest)")).to_be_checked()
    await page.get_by_role("button", name="Make the key").click()
    key = await page.get_by_role("dialog").locator("code, pre").first.inner_text()
    headers = {"X-API-Key": key.strip()}
    async with httpx2.AsyncClient(base_url=person.url, headers=headers, timeout=ANSWER_S_MAX) as client:
        body = {"prompt": "p", "response": "r", "agent_name": "key"}
        assert (await client.post("/evaluations", json=body)).status_code == 201
        await page.get_by_role("button", name="I have it").click()
        await expect(page.get_by_text(key.strip())).to_have_count(0)
        await page.get_by_role("button", name="Revoke browser").click()
        async with page.expect_response(lambda answer: answer.request.method == "DELETE") as revoked:
            await page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
        assert (await revoked.value).status == 204
        await expect(page.get_by_role("button", name="Revoke browser")).to_have_count(0)
        await expect(page.get_by_role("region", name="Keys")).to_be_focused()
        assert (await client.post("/evaluations", json=body)).status_code == 401


async def test_a_project_and_oneself_are_renamed_by_keyboard_and_a_refusal_is_told(
    server: Server, outside: Tab
) -> None:
    person = await newcomer(server, "Ada Example")
    page = outside.page
    await sign_in(page.context, person.email, PASSWORD)
    await outside.go("/app/settings?section=project")
    opener = page.get_by_role("button", name="Rename the project")
    await opener.focus()
    await page.keyboard.press("Enter")
    await page.keyboard.type("not this")
    await page.keyboard.press("Escape")
    await expect(opener).to_be_focused()
    await page.keyboard.press("Enter")
    await page.keyboard.type(" Checkout agents ")
    await page.keyboard.press("Enter")
    await expect(opener).to_be_focused()
    # Here, and above the navigation.
    await expect(page.get_by_text("Checkout agents", exact=True)).to_have_count(2)

    await page.get_by_role("navigation", name="Settings").get_by_text("Account").click()
    await page.get_by_role("button", name="Rename yourself").click()
    field = page.get_by_label("New name of yourself")
    # More than browsers let anybody type.
    await field.evaluate("field => field.removeAttribute('maxlength')")
    await field.fill("x" * 201)
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert")).to_contain_text("200")
    await field.fill("Grace Example")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("button", name="Grace Example", exact=True)).to_be_visible()


async def test_who_logs_out_is_out_in_every_tab_and_nothing_of_theirs_is_left(server: Server, outside: Tab) -> None:
    person = await newcomer(server, "Eve Example")
    page, context = outside.page, outside.page.context
    await sign_in(context, person.email, PASSWORD)
    other = await context.new_page()
    await outside.go("/app/")
    await other.goto("/app/evaluations")
    await page.get_by_role("button", name="Eve Example", exact=True).click()
    await page.get_by_role("menuitem", name="Log out").click()
    for each in (page, other):
        await expect(each).to_have_url(re.compile("/app/login"))
        await expect(each.get_by_text("Eve Example")).to_have_count(0)
    assert await context.cookies() == []
    await page.goto("/app/settings")
    await expect(page).to_have_url(re.compile("/app/login"))


async def test_a_session_that_expired_asks_to_log_in_and_goes_on_where_it_was(server: Server, outside: Tab) -> None:
    person = await newcomer(server)
    page, context = outside.page, outside.page.context
    await sign_in(context, person.email, PASSWORD)
    await outside.go("/app/compare?by=model")
    ended = await context.request.post("/auth/logout", headers={"Origin": person.url})
    assert ended.status == 204
    await page.reload()
    await expect(page.get_by_text("Your session ended. Log in to go on.")).to_be_visible()
    await page.get_by_label("E-mail").fill(person.email)
    await page.locator("input[autocomplete=current-password]").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await expect(page).to_have_url(re.compile("/app/compare.*by=model"))
    await expect(page.get_by_role("heading", name="Compare", exact=True)).to_be_visible()
