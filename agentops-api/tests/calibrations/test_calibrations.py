"""What people say of answers corrects the detector, measured honestly, and for their own project only."""

import json
import random
from dataclasses import asdict
from uuid import uuid4

import pytest
from agentops_api.calibrations.fit import fit, measured
from agentops_api.calibrations.models import LABELS_MAX, LABELS_MIN
from agentops_api.errors import Conflict
from agentops_api.scoring.child import recalibration_of
from httpx2 import AsyncClient
from tests.cast import Somebody, TestDatabase
from tests.jobs.queue import all_finished, ask
from tests.scoring.answers import RIGHT, WITHOUT_DOCUMENTS, WRONG, Json, send

pytestmark = pytest.mark.anyio


def miscalibrated(count: int) -> tuple[list[float], list[bool]]:
    """Probabilities that are twice the truth."""
    dice = random.Random(1)
    probabilities = [dice.random() for _ in range(count)]
    return probabilities, [dice.random() < p / 2 for p in probabilities]


@pytest.mark.parametrize(("count", "kind"), [(200, "Platt"), (1_000, "Isotonic")])
def test_a_fit_is_measured_on_answers_that_it_has_not_seen(count: int, kind: str) -> None:
    probabilities, labels = miscalibrated(count)
    fitted = fit(probabilities, labels)
    assert type(fitted.recalibration.method).__name__ == kind
    seen = measured([fitted.recalibration(p) for p in probabilities], labels)
    assert fitted.before.ece > 0.2
    assert fitted.after.ece < 0.1
    assert fitted.after.brier > seen.brier, "what it was made from flatters it"
    assert sum(each.count for each in fitted.after.bins) == count


@pytest.mark.parametrize("count", [200, LABELS_MAX])
def test_a_correction_is_read_as_it_was_stored(count: int) -> None:
    made = fit(*miscalibrated(count)).recalibration
    stored = json.dumps(asdict(made))
    assert recalibration_of(json.loads(stored)) == made
    # Each answer that is judged takes it along; LABELS_MAX points would be 80 kB.
    assert len(stored) < 10_000


@pytest.mark.parametrize(
    ("hallucinated", "others", "message"),
    [(0, 0, "50 are missing"), (20, 18, "12 are missing"), (2, 60, "3 are missing"), (60, 0, "5 are missing")],
)
def test_too_few_labels_are_refused_with_how_many_are_missing(hallucinated: int, others: int, message: str) -> None:
    labels = [True] * hallucinated + [False] * others
    with pytest.raises(Conflict, match=message):
        fit([0.5] * len(labels), labels)


async def test_an_answer_is_labelled_labelled_anew_and_unlabelled(
    owner: Somebody, stranger: Somebody, viewer: Somebody
) -> None:
    ids = await send(owner.sdk, RIGHT, RIGHT | {"id": str(uuid4())})
    for id in ids:
        path = f"/api/v1/evaluations/{id}/label"
        assert (await stranger.sdk.post(path, json={"hallucinated": True})).status_code == 404
        assert (await viewer.person.post(path, json={"hallucinated": True})).status_code == 403
        assert (await owner.sdk.post(path, json={"hallucinated": "yes"})).status_code == 422
        first = await owner.sdk.post(path, json={"hallucinated": True, "note": "90, not 30"})
        assert first.status_code == 200, first.text
        assert {**first.json(), "labelled_at": None} == {
            "evaluation_id": id, "hallucinated": True, "note": "90, not 30", "labelled_at": None,
        }  # fmt: skip
        second = await owner.person.post(path, json={"hallucinated": False})
        assert (second.json()["hallucinated"], second.json()["note"]) == (False, None)
    page = (await owner.sdk.get("/api/v1/labels?limit=1")).json()
    rest = (await owner.sdk.get(f"/api/v1/labels?limit=1&cursor={page['next_cursor']}")).json()
    assert [page["data"][0]["evaluation_id"], rest["data"][0]["evaluation_id"]] == ids[::-1]
    assert not rest["has_more"]
    assert (await stranger.sdk.get("/api/v1/labels")).json()["data"] == []
    assert (await stranger.sdk.delete(f"/api/v1/evaluations/{ids[0]}/label")).status_code == 404
    assert (await owner.sdk.delete(f"/api/v1/evaluations/{ids[0]}/label")).status_code == 204
    assert (await owner.sdk.delete(f"/api/v1/evaluations/{ids[0]}/label")).status_code == 404


async def test_many_labels_name_the_evaluations_that_there_are_not(owner: Somebody, stranger: Somebody) -> None:
    mine, foreign = await send(owner.sdk, RIGHT), await send(stranger.sdk, RIGHT)
    missing = [foreign[0], str(uuid4())]
    labels: list[Json] = [{"evaluation_id": id, "hallucinated": True} for id in [*missing, *mine, *mine]]
    labels[-1]["hallucinated"] = False
    answer = await owner.sdk.post("/api/v1/labels", json={"labels": labels})
    assert answer.json() == {"labelled": 1, "missing": missing}
    assert [each["hallucinated"] for each in (await owner.sdk.get("/api/v1/labels")).json()["data"]] == [False]
    assert (await stranger.sdk.get("/api/v1/labels")).json()["data"] == []


async def test_who_deletes_an_evaluation_deletes_its_label(owner: Somebody, database: TestDatabase) -> None:
    ids = await send(owner.sdk, RIGHT | {"agent_name": "a"}, RIGHT, RIGHT)
    labels = [{"evaluation_id": id, "hallucinated": True} for id in ids]
    assert (await owner.sdk.post("/api/v1/labels", json={"labels": labels})).json()["labelled"] == 3
    assert (await owner.sdk.delete(f"/evaluations/{ids[2]}")).status_code == 204
    assert (await owner.sdk.post("/api/v1/deletions", json={"filter": {"agent_name": "a"}})).status_code == 202
    await all_finished(database.superuser_url)
    assert [str(id) for (id,) in ask(database.superuser_url, "SELECT evaluation_id FROM evaluation_labels")] == [ids[1]]


async def labelled(sdk: AsyncClient, wrong: int, right: int) -> None:
    """Answers that the detector is sure of, half of them labelled against its verdict where `wrong` says so."""
    items = [WRONG] * wrong + [RIGHT] * right
    ids = await send(sdk, *items)
    labels = [{"evaluation_id": id, "hallucinated": n % 3 == 0} for n, id in enumerate(ids)]
    answer = await sdk.post("/api/v1/labels", json={"labels": labels})
    assert answer.json()["labelled"] == len(items)


async def test_a_calibration_is_made_from_labels_and_used_from_then_on(
    owner: Somebody, stranger: Somebody, database: TestDatabase
) -> None:
    none = (await owner.sdk.post("/api/v1/calibrations")).json()
    assert (none["status"], "50 are missing" in none["detail"]) == (409, True)
    await labelled(owner.sdk, 25, 24)
    without = await send(owner.sdk, WITHOUT_DOCUMENTS)
    await owner.sdk.post(f"/api/v1/evaluations/{without[0]}/label", json={"hallucinated": True})
    few = await owner.sdk.post("/api/v1/calibrations")
    assert (few.status_code, f"{LABELS_MIN - 49} are missing" in few.json()["detail"]) == (409, True)
    before = (await owner.sdk.post("/api/v1/evaluate", json=WRONG)).json()["hallucination_probability"]
    await labelled(owner.sdk, 5, 5)

    made = await owner.sdk.post("/api/v1/calibrations")
    assert made.status_code == 201, made.text
    calibration = made.json()
    assert (calibration["method"], calibration["labels"]) == ("platt", 59)
    assert calibration["after"]["ece"] < calibration["before"]["ece"]
    assert sum(each["count"] for each in calibration["before"]["bins"]) == 59
    assert (await owner.sdk.get("/api/v1/calibrations")).json()["data"] == [calibration]
    assert (await stranger.sdk.get("/api/v1/calibrations")).json()["data"] == []

    after = (await owner.sdk.post("/api/v1/evaluate", json=WRONG)).json()["hallucination_probability"]
    assert after < before - 0.2, "two of three such answers were labelled as right"
    assert (await stranger.sdk.post("/api/v1/evaluate", json=WRONG)).json()["hallucination_probability"] == before
    await send(owner.sdk, WRONG | {"agent_name": "new"})
    await owner.sdk.post("/api/v1/scorings", json={"filter": {"agent_name": "new"}})
    await all_finished(database.superuser_url)
    scored = (await owner.sdk.get("/evaluations?agent_name=new")).json()["data"][0]
    assert scored["hallucination_probability"] == after

    path = f"/api/v1/calibrations/{calibration['id']}"
    assert (await stranger.sdk.delete(path)).status_code == 404
    assert (await owner.sdk.delete(path)).status_code == 204
    assert (await owner.sdk.post("/api/v1/evaluate", json=WRONG)).json()["hallucination_probability"] == before
