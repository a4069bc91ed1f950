"""What people write, in whatever script and however little of it, can be read."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import expect
from tests.cast import PASSWORD
from tests.chaos.processes import Server
from tests.dashboard.people import BERLIN, Tab, day_of, newcomer

from scripts.chromium import sign_in

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("dashboard")]
ARABIC = "متى يبدأ العقد؟"
TWO_DAYS_AGO = datetime.now(UTC) - timedelta(days=2)
WRITTEN: tuple[dict[str, object], ...] = (
    {
        "prompt": ARABIC,
        "response": f"{ARABIC}\nIn Berlin.",
        "retrieved_docs": [ARABIC],
        "claims": [
            {
                "text": ARABIC, "start": 0, "end": len(ARABIC), "label": "supported", "probability": 0.1,
                "evidence": {"document": 0, "start": 0, "end": len(ARABIC), "text": ARABIC}, "reasons": [],
            },
        ],
        "session_id": "days",
        "created_at": str(TWO_DAYS_AGO),
    },
    {"prompt": " \n ", "response": "\u200b", "session_id": "days", "retrieved_docs": [f"text {n}" for n in range(5)]},
)  # fmt: skip
RIGHT_TO_LEFT = """
all => all.flatMap((each) => {
    const walker = document.createTreeWalker(each, NodeFilter.SHOW_TEXT, (node) =>
        node.data.includes("متى") && node.parentElement.checkVisibility({visibilityProperty: true})
            ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_SKIP);
    const found = [];
    while (walker.nextNode()) found.push(getComputedStyle(walker.currentNode.parentElement).direction);
    return found;
})
"""


async def test_texts_are_laid_out_as_they_are_written_and_blank_ones_are_named(server: Server, outside: Tab) -> None:
    page, new = outside.page, await newcomer(server)
    written, blank = await new.send(*WRITTEN)
    await sign_in(page.context, new.email, PASSWORD)
    main = page.locator("main")
    # Row; prompt and response, sentence, evidence, document, turn; a turn's prompt and response.
    for path, times in (("evaluations", 2), (f"evaluations/{written}", 6), ("sessions/view?of=days", 2)):
        await outside.go(f"/app/{path}")
        directions = await main.evaluate_all(RIGHT_TO_LEFT)
        assert len(directions) >= times
        assert set(directions) == {"rtl"}, path
        if path != f"evaluations/{written}":
            await expect(main.get_by_text("(empty)")).to_have_count(2)
    await outside.go("/app/evaluations")
    await page.get_by_role("link", name="(empty)").click()
    await expect(page).to_have_url(re.compile(blank))
    await expect(page.get_by_role("group", name="Prompt")).to_contain_text("(empty)")
    await expect(page.get_by_role("group", name="Response")).to_contain_text("(empty)")


async def test_many_documents_are_a_line_each_with_a_mark_that_they_unfold(server: Server, outside: Tab) -> None:
    page, new = outside.page, await newcomer(server)
    _, many = await new.send(*WRITTEN)
    await sign_in(page.context, new.email, PASSWORD)
    await page.set_viewport_size({"width": 390, "height": 844})
    await outside.go(f"/app/evaluations/{many}")
    rows = page.locator("summary")
    await expect(rows).to_have_count(5)
    assert await rows.evaluate_all("all => all.every(each => each.offsetHeight < 40 && each.querySelector('svg'))")
    await rows.first.click()
    await expect(page.get_by_text("text 0").last).to_be_visible()


async def test_a_conversation_over_days_tells_them_and_nothing_is_told_of_what_was_not_measured(
    server: Server, outside: Tab
) -> None:
    page, new = outside.page, await newcomer(server)
    written, _ = await new.send(*WRITTEN)
    await sign_in(page.context, new.email, PASSWORD)
    # In January, that may be another year.
    day = re.compile(rf"^{day_of(TWO_DAYS_AGO.astimezone(BERLIN))}( \d{{4}})?, ")
    await outside.go("/app/sessions/view?of=days")
    await expect(page.locator("li time").first).to_have_text(day)
    await expect(page.get_by_text("– hallucinated")).to_be_visible()
    await expect(page.get_by_text("probability")).to_have_count(0)
    await outside.go("/app/sessions")
    await expect(page.get_by_role("row", name="days").locator("td").nth(2)).to_have_text("–")
    await outside.go(f"/app/evaluations/{written}")
    await expect(page.get_by_role("group", name="In this session").locator("a .num").first).to_have_text(day)
    await expect(page.get_by_role("group", name="Details")).to_contain_text("days")


async def test_a_long_prompt_is_folded_so_that_the_answer_is_in_sight(server: Server, outside: Tab) -> None:
    page, new = outside.page, await newcomer(server)
    prompt = "Answer by these documents.\n" + "A line of a document.\n" * 400 + "The needle."
    long, short = await new.send({"prompt": prompt, "response": "Yes."}, {"prompt": "Is it?", "response": "Yes."})
    await sign_in(page.context, new.email, PASSWORD)
    panel = page.get_by_role("group", name="Prompt")
    await outside.go(f"/app/evaluations/{long}")
    await expect(page.get_by_role("group", name="Response")).to_be_in_viewport()
    unfold = panel.get_by_role("button", name=f"Show all {len(prompt):,} characters")
    await expect(unfold).to_have_attribute("aria-expanded", "false")
    await unfold.click()
    await expect(page.get_by_role("group", name="Response")).not_to_be_in_viewport()
    await panel.get_by_role("button", name="Show less").click()
    await expect(page.get_by_role("group", name="Response")).to_be_in_viewport()
    # Who came by a word sees it.
    await outside.go(f"/app/evaluations/{long}?q=needle")
    await expect(panel.locator("mark")).to_have_text("needle")
    await expect(panel.get_by_role("button", name="Show less")).to_be_visible()
    await outside.go(f"/app/evaluations/{short}")
    await expect(panel).to_contain_text("Is it?")
    await expect(panel.get_by_role("button", name="Show")).to_have_count(0)
