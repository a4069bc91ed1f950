"""A project's figures for Prometheus: the right numbers, of this project alone, and never too many series."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from agentops_api import clock
from agentops_api.analytics.exposition import GROUPS_MAX, families_of, question_of
from agentops_api.analytics.models import Cell
from agentops_api.edge.runtime import Runtime
from agentops_api.metrics import PROJECT, exposition
from agentops_api.upkeep import merge_rollups
from httpx2 import AsyncClient
from tests.cast import Somebody
from tests.scraping import OPENMETRICS, Scrape, openmetrics_families, scrape

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("stopped_clock")]


async def store(client: AsyncClient, *items: dict[str, Any]) -> None:
    bodies = [{"prompt": "p", "response": "r", **item} for item in items]
    answer = await client.post("/evaluations/batch", json={"evaluations": bodies})
    assert answer.status_code == 201, answer.text


def path_of(somebody: Somebody) -> str:
    return f"/api/v1/projects/{somebody.project_id}/metrics"


async def test_strangers_see_nothing_and_members_and_readers_do(
    owner: Somebody, stranger: Somebody, viewer: Somebody, anonymous: AsyncClient
) -> None:
    await store(owner.sdk, {"agent_name": "a", "model_name": "m"})
    path = path_of(owner)
    assert (await anonymous.get(path)).status_code == 401
    for client in (stranger.sdk, stranger.person):
        answer = await client.get(path)
        assert answer.status_code == 404
        assert "agentops_project" not in answer.text
        assert (await client.get(path, headers={"X-Project-Id": str(stranger.project_id)})).status_code == 404
        assert (await client.get(path, headers={"X-Project-Id": str(owner.project_id)})).status_code == 404
    made = await owner.person.post("/auth/api-keys", json={"name": "sender", "scopes": ["ingest"]})
    assert (await anonymous.get(path, headers={"X-API-Key": made.json()["key"]})).status_code == 403
    for client in (owner.sdk, owner.person, viewer.person):
        assert (await scrape(client, path)).value("agentops_project_evaluations_total") == 1
    bearer = {"Authorization": f"Bearer {owner.key}"}
    assert (await scrape(anonymous, path, bearer)).value("agentops_project_evaluations_total") == 1
    assert (await scrape(stranger.sdk, path_of(stranger))).samples == []
    for nothing in (uuid4(), "x"):
        assert (await owner.sdk.get(f"/api/v1/projects/{nothing}/metrics")).status_code == 404


@pytest.mark.parametrize("merged", [False, True], ids=["as written", "merged"])
async def test_figures_are_those_of_todays_evaluations(owner: Somebody, server: Runtime, *, merged: bool) -> None:
    yesterday = (clock.now() - timedelta(days=1)).isoformat()
    await store(
        owner.sdk,
        *({"agent_name": "a", "model_name": "m", "latency_sec": 0.5, "hallucinated": True} for _ in range(3)),
        {"agent_name": "a", "model_name": "m", "latency_sec": 0.2, "hallucinated": False},
        {"agent_name": "a", "model_name": "m", "mode": "judge"},
        {"agent_name": "a", "model_name": "n", "latency_sec": 700},
        {"latency_sec": 0.01},
        {"agent_name": "a", "model_name": "m", "created_at": yesterday},
    )
    if merged:
        await merge_rollups(server.db, server.writer, 1)
    found = await scrape(owner.sdk, path_of(owner))
    assert set(found.families) == {each.name.removesuffix("_total") for each in PROJECT}
    one = {"agent": "a", "model": "m"}
    assert found.value("agentops_project_evaluations_total", **one) == 5
    assert found.value("agentops_project_verdicts_total", **one) == 4
    assert found.value("agentops_project_hallucinations_total", **one) == 3
    assert found.value("agentops_project_hallucination_ratio", **one) == 0.75
    seconds = "agentops_project_latency_seconds"
    assert found.value(f"{seconds}_sum", **one) == pytest.approx(1.7)
    assert [found.value(f"{seconds}_bucket", **one, le=le) for le in ("0.1", "0.25", "0.5", "1.0", "+Inf")] == [
        0, 1, 4, 4, 4,
    ]  # fmt: skip
    other = {"agent": "a", "model": "n"}
    assert [found.value(f"{seconds}_bucket", **other, le=le) for le in ("300.0", "+Inf")] == [0, 1]
    assert "agentops_project_hallucination_ratio" not in {
        each.name for each in found.samples if each.labels.get("model") == "n"
    }, "nobody judged"
    assert found.value(f"{seconds}_count", agent="", model="") == 1
    assert found.value("agentops_project_evaluations_total") == 7


async def test_openmetrics_is_answered_to_those_who_ask(owner: Somebody) -> None:
    await store(owner.sdk, {"agent_name": 'a "quoted"\\\n agent', "model_name": "m", "latency_sec": 1})
    answer = await owner.sdk.get(path_of(owner), headers=OPENMETRICS)
    families = {family.name: family for family in openmetrics_families(answer.text)}
    (sample,) = families["agentops_project_evaluations"].samples
    assert sample.labels == {"agent": 'a "quoted"\\\n agent', "model": "m"}
    assert sample.value == 1


def read(cells: list[Cell]) -> Scrape:
    text, _ = exposition(families_of(cells), "")
    return Scrape(text.decode())


def test_the_largest_of_the_week_before_have_their_own_series_and_the_rest_are_other() -> None:
    before = [Cell(0, (f"agent {n}", "m"), evaluations=n) for n in range(1, 2 * GROUPS_MAX + 1)]
    today = [Cell(1, (f"agent {n}", "m"), evaluations=10, verdicts=2) for n in range(1, 2 * GROUPS_MAX + 1)]
    found = read([*before, *today])
    named = {each["agent"] for each in found.labels("agentops_project_evaluations_total")}
    assert named == {f"agent {n}" for n in range(GROUPS_MAX + 1, 2 * GROUPS_MAX + 1)} | {"other"}
    assert found.value("agentops_project_evaluations_total", agent="other", model="other") == 10 * GROUPS_MAX
    assert found.value("agentops_project_verdicts_total") == 2 * 2 * GROUPS_MAX


def test_nobody_moves_between_series_while_todays_numbers_grow() -> None:
    before = [Cell(0, (f"agent {n}", "m"), evaluations=n) for n in range(1, 2 * GROUPS_MAX + 1)]
    morning = [Cell(1, (f"agent {n}", "m"), evaluations=1) for n in range(1, 2 * GROUPS_MAX + 1)]
    evening = [Cell(1, (f"agent {n}", "m"), evaluations=1_000 - n) for n in range(1, 2 * GROUPS_MAX + 1)]
    early, late = read([*before, *morning]), read([*before, *evening])
    for labels in early.labels("agentops_project_evaluations_total"):
        name = "agentops_project_evaluations_total"
        assert early.value(name, **labels) <= late.value(name, **labels)


def test_a_pair_that_is_called_other_makes_no_series_twice() -> None:
    cells = [Cell(1, (f"agent {n}", "m"), evaluations=1) for n in range(GROUPS_MAX + 5)]
    found = read([*cells, Cell(0, ("other", "other"), evaluations=99), Cell(1, ("other", "other"), evaluations=7)])
    name = "agentops_project_evaluations_total"
    assert len(found.labels(name)) == GROUPS_MAX + 1
    assert found.value(name, agent="other", model="other") == 7 + 5


def test_today_begins_at_midnight_of_utc() -> None:
    for now in (datetime(2026, 11, 24, 0, 0, tzinfo=UTC), datetime(2026, 11, 24, 23, 59, 59, tzinfo=UTC)):
        question = question_of(now)
        assert question.boundaries == [datetime(2026, 11, 17, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC)]
        assert now < question.end <= now + timedelta(hours=1)
        assert not question.needs_rows, "rollups answer it"
