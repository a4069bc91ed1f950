"""Looking for words: what is typed holds, and what cannot be looked for is said where it is typed."""

import re

import pytest
from playwright.async_api import Route, expect
from tests.dashboard.people import Tab

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("dashboard")]
SENTENCE = "what does clause 395 say that nothing is due before the 8th of it"


async def test_what_is_typed_holds_after_a_pause_and_when_the_field_is_left(tab: Tab) -> None:
    page = tab.page
    await tab.go("/app/evaluations")
    field = page.get_by_label("Search words")
    await field.press_sequentially("clause")
    await expect(page).to_have_url(re.compile("q=clause$"))
    await field.press_sequentially(" 7")
    await page.get_by_label("Verdict").get_by_text("Grounded").click()
    await expect(page).to_have_url(re.compile(r"verdict=grounded.*q=clause\+7$|q=clause\+7.*verdict=grounded"))
    await expect(field).to_have_value("clause 7")
    await field.fill("not yet in the address")
    await page.get_by_role("button", name="Clear").click()
    await expect(page).to_have_url(re.compile("/app/evaluations$"))
    await expect(field).to_have_value("")


async def test_the_first_ten_words_of_a_sentence_are_looked_for_and_what_is_no_word_is_said(tab: Tab) -> None:
    page = tab.page
    await tab.go("/app/evaluations")
    field, rows = page.get_by_label("Search words"), page.locator("[role=row][aria-rowindex]")
    await field.fill(SENTENCE)
    await field.press("Enter")
    await expect(page.get_by_text("first ten words")).to_be_visible()
    await expect(page.get_by_role("alert")).to_have_count(0)
    await expect(rows.first).to_contain_text("clause 395")
    await field.fill("%")
    await field.press("Enter")
    await expect(page.get_by_text("There is no word in this")).to_be_visible()
    await expect(field).to_have_attribute("aria-invalid", "true")
    await expect(rows.first).to_be_visible()
    switch = page.get_by_role("switch", name="Live tail")
    await expect(switch).to_be_disabled()
    await expect(page.locator(f"#{await switch.get_attribute('aria-describedby')}")).to_contain_text("while words")


async def test_what_was_looked_for_is_marked_in_the_list_and_in_the_texts(tab: Tab) -> None:
    page = tab.page
    await tab.go("/app/evaluations?q=CLAUSE+395")
    marks = page.locator("[role=row][aria-rowindex='2'] a mark")
    await expect(marks).to_have_text(["395", "clause", "395"])
    await page.locator("[role=row][aria-rowindex='2'] a").click()
    await expect(page.get_by_role("group", name="Prompt").locator("mark").first).to_have_text("395")
    await tab.go("/app/evaluations")
    await expect(page.locator("[role=row][aria-rowindex='2'] a")).to_be_visible()
    await expect(page.locator("mark")).to_have_count(0)


async def test_what_would_fail_again_is_not_offered_again(tab: Tab) -> None:
    page, status = tab.page, 422

    async def refuse(route: Route) -> None:
        await route.fulfill(status=status, json={"status": status, "title": "", "detail": "It does not go."})

    await page.route(re.compile(r"(?<!/app)/evaluations\?"), refuse)
    await page.goto("/app/evaluations?q=norway")
    await expect(page.get_by_role("alert")).to_contain_text("It does not go.")
    await expect(page.get_by_role("button", name="Try again")).to_have_count(0)
    await expect(page.get_by_role("link", name="Without filters")).to_be_visible()
    status = 408
    await page.reload()
    await expect(page.get_by_role("button", name="Try again")).to_be_visible()
