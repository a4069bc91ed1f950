"""The way from a number of the overview to the evaluations that it counts, and tables whose names are long."""

import re
from datetime import datetime, timedelta

import pytest
from playwright.async_api import expect
from tests.cast import PASSWORD
from tests.chaos.processes import Server
from tests.dashboard.people import BERLIN, Tab, newcomer

from scripts.chromium import DESK, PHONE, sign_in

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("dashboard")]
LONG = "anthropic/claude-3-5-sonnet-20241022"
LONGER = f"{LONG}-{'w' * 150}"


def sent(agent: str, at: datetime, number: int) -> dict[str, object]:
    return {
        "prompt": f"Question {number}",
        "response": "r",
        "agent_name": agent,
        "model_name": LONGER if number % 2 else LONG,
        "mode": "checked",
        "hallucinated": number % 5 == 0,
        "hallucination_probability": 0.5,
        "latency_sec": 0.5,
        "factual_support": 0.5,
        "created_at": at.isoformat(),
    }


def is_regular(at: datetime) -> bool:
    """The days before it in Berlin had 24 hours each."""
    return at.utcoffset() == (at - timedelta(days=3)).utcoffset()


@pytest.fixture
async def stopped(server: Server, outside: Tab) -> Tab:
    """Of somebody one of whose agents has not sent anything for a day."""
    new = await newcomer(server)
    now = datetime.now(BERLIN)
    # Where the clock was moved, the day before is another one.
    at = await outside.stop_clock(next(each for each in (now, now - timedelta(days=3)) if is_regular(each)))
    today, yesterday = (at - timedelta(hours=hours) for hours in (6, 30))
    await new.send(
        *(sent("checkout", yesterday, number) for number in range(120)),
        *(sent(LONG, each, number) for each in (today, yesterday) for number in range(100)),
    )
    await sign_in(outside.page.context, new.email, PASSWORD)
    return outside


async def test_where_an_agent_stopped_sending_the_first_sentence_says_so(stopped: Tab) -> None:
    await stopped.go("/app/?days=1")
    said = stopped.page.get_by_role("link", name="Evaluations fell from 220 to 100, as checkout stopped sending")
    await expect(said).to_have_text(re.compile("nothing else really changed.$"))


async def test_a_number_leads_to_the_evaluations_that_it_counts(stopped: Tab) -> None:
    page = stopped.page
    rows = page.locator("[role=row][aria-rowindex]")
    await stopped.go("/app/?days=1")
    await page.get_by_role("link", name="20 %: show these evaluations").click()
    await expect(page).to_have_url(re.compile(r"/evaluations\?(?=.*days=1)(?=.*verdict=hallucinated)"))
    await expect(rows.first).to_contain_text("Hallucinated")
    await stopped.go("/app/")
    # By keyboard as well.
    await page.get_by_role("link", name=f"20 %: show what {LONG} hallucinated").first.focus()
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile(r"agent=anthropic.*verdict=hallucinated|verdict=hallucinated.*agent="))
    await expect(rows.first).to_contain_text("Hallucinated")


async def test_long_names_push_no_figure_out_of_sight(stopped: Tab) -> None:
    page = stopped.page
    await stopped.go("/app/")
    for width in (1440, 1024, 768, PHONE["width"]):
        await page.set_viewport_size({"width": width, "height": 900})
        await stopped.traffic.settled()
        for label in ("Agents", "Models"):
            table = page.get_by_role("region", name=label)
            await expect(table.locator("tbody tr").first).to_be_visible()
            assert await table.evaluate("all => all.scrollWidth <= all.clientWidth"), (label, width)
            name = table.get_by_role("button", name=LONG).first
            assert (await name.get_attribute("title") or "").startswith(LONG)
            box = await name.bounding_box()
            assert box is not None
            assert box["width"] >= 100
            assert box["height"] < 45
    await page.set_viewport_size(DESK)
