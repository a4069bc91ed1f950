"""What a detector said of an answer is kept with it; what cannot be true of the answer is refused."""

import json
import re

import pytest
from agentops_api.detect.wire import CLAIMS_MAX, QUOTE_CHARS_MAX, REASON_CHARS_MAX, REASONS_MAX
from httpx2 import AsyncClient
from tests.cast import Somebody

pytestmark = pytest.mark.anyio

Json = dict[str, object]
RESPONSE = "You have 90 days. Shipping is free \U0001f680."
DOCUMENT = "Returns are taken within 30 days."
EVIDENCE: Json = {"document": 0, "start": 8, "end": 32, "text": "are taken within 30 days"}
CLAIM: Json = {
    "start": 0,
    "end": 17,
    "text": "You have 90 days.",
    "label": "contradicted",
    "probability": 0.9375,
    "evidence": EVIDENCE,
    "reasons": ['missing number "90"'],
}
UNCHECKED: Json = {
    "start": 18,
    "end": len(RESPONSE),
    "text": RESPONSE[18:],
    "label": "not_checkable",
    "probability": None,
    "evidence": None,
    "reasons": [],
}
JUDGED: Json = {
    "prompt": "How long?",
    "response": RESPONSE,
    "retrieved_docs": [DOCUMENT],
    "hallucinated": True,
    "claims": [CLAIM, UNCHECKED],
    "status": "verified",
    "scoring": "grounding",
    "detector": "local/1 short_answer",
}
FIELDS = ("claims", "status", "scoring", "detector")


def refusals() -> dict[str, Json]:
    def claim(**changes: object) -> Json:
        return {"claims": [CLAIM, CLAIM | changes]}

    def evidence(**changes: object) -> Json:
        return claim(evidence=EVIDENCE | changes)

    return {
        "no list": {"claims": "You have 90 days."},
        "too many": {"claims": [CLAIM] * (CLAIMS_MAX + 1)},
        "an unknown label": claim(label="not checkable"),
        "a field is missing": {"claims": [{name: value for name, value in CLAIM.items() if name != "reasons"}]},
        "a probability of more than 1": claim(probability=1.5),
        "a probability as text": claim(probability="0.5"),
        "a negative offset": claim(start=-1),
        "an offset as a float": claim(start=0.5),
        "an end before its start": claim(start=5, end=4),
        "an end behind the response": claim(end=len(RESPONSE) + 1),
        "too long a text": claim(text="x" * (QUOTE_CHARS_MAX + 1)),
        "too many reasons": claim(reasons=["r"] * (REASONS_MAX + 1)),
        "too long a reason": claim(reasons=["r" * (REASON_CHARS_MAX + 1)]),
        "reasons that are no list": claim(reasons="r"),
        "evidence in a document that is not there": evidence(document=1),
        "evidence behind its document's end": evidence(end=len(DOCUMENT) + 1),
        "evidence whose end is before its start": evidence(start=9, end=8),
        "an unknown status": {"status": "checked"},
        "too long a detector": {"detector": "d" * 201},
        "a scoring that is no text": {"scoring": 1},
    }


async def test_claims_are_kept_as_they_were_sent(sdk: AsyncClient, stranger: Somebody) -> None:
    made = await sdk.post("/evaluations", json=JUDGED)
    assert made.status_code == 201, made.text
    path = f"/evaluations/{made.json()['id']}"
    stored = (await sdk.get(path)).json()
    listed = (await sdk.get("/evaluations")).json()["data"]
    exported = json.loads((await sdk.get("/api/v1/exports/evaluations?format=jsonl")).text.splitlines()[0])
    for shown in (stored, listed[0], exported):
        assert {name: shown[name] for name in JUDGED} == JUDGED
    assert (await stranger.sdk.get(path)).status_code == 404


async def test_an_answer_without_them_has_none(sdk: AsyncClient) -> None:
    made = await sdk.post("/evaluations", json={"prompt": "p", "response": "r", "scoring": ""})
    stored = (await sdk.get(f"/evaluations/{made.json()['id']}")).json()
    assert {name: stored[name] for name in FIELDS} == dict.fromkeys(FIELDS)


async def test_nul_in_a_claim_becomes_a_replacement_character(sdk: AsyncClient) -> None:
    item = JUDGED | {"claims": [CLAIM | {"reasons": ["a\0b"], "text": "\0"}]}
    made = await sdk.post("/evaluations", json=item)
    stored = (await sdk.get(f"/evaluations/{made.json()['id']}")).json()
    assert (stored["claims"][0]["reasons"], stored["claims"][0]["text"]) == (["a\ufffdb"], "\ufffd")


@pytest.mark.parametrize("change", refusals().values(), ids=refusals().keys())
async def test_what_cannot_be_true_of_the_answer_is_refused_alone(sdk: AsyncClient, change: Json) -> None:
    bad = JUDGED | change
    alone = await sdk.post("/evaluations", json=bad)
    assert alone.status_code == 422, alone.text
    name = next(iter(change))
    assert {each["field"].partition(".")[0] for each in alone.json()["errors"]} == {name}
    batch = await sdk.post("/evaluations/batch", json={"evaluations": [JUDGED, bad, JUDGED]})
    assert batch.status_code == 207
    results = batch.json()["results"]
    assert [each["status"] for each in results] == ["created", "rejected", "created"]
    assert results[1]["error"].startswith(name)
    assert "Value error" not in results[1]["error"], "that is the library's, not ours"


async def test_no_verdict_is_in_no_rate(owner: Somebody) -> None:
    """Whatever is divided by: an answer that nobody judged is neither good nor bad."""
    unjudged: Json = {"prompt": "p", "response": "r", "status": "unverified", "agent_name": "a", "session_id": "s"}
    judged = [unjudged | {"status": "verified", "hallucinated": verdict} for verdict in (True, False)]
    items = [unjudged] * 6 + judged
    assert (await owner.sdk.post("/evaluations/batch", json={"evaluations": items})).status_code == 201

    paths = (
        "/evaluations/stats",
        "/api/v1/analytics/summary?days=1",
        "/api/v1/analytics/timeseries?days=1&metric=hallucination_rate&interval=day",
        "/api/v1/analytics/breakdown?days=1&by=agent",
        "/api/v1/analytics/breakdown?days=1&by=session",
        "/api/v1/sessions",
        f"/api/v1/projects/{owner.project_id}/metrics",
    )
    for path in paths:
        answer = await owner.sdk.get(path)
        assert answer.status_code == 200, answer.text
        rates = re.findall(r'(?:hallucination_rat(?:e":|io\{[^}]*\} )|"value":)([0-9.]+)', answer.text)
        assert rates, answer.text
        assert set(map(float, rates)) == {0.5}, answer.text


async def test_a_comparison_counts_verdicts_and_no_more(owner: Somebody) -> None:
    item: Json = {"prompt": "p", "response": "r", "model_name": "base"}
    judged = [item | {"hallucinated": n % 4 == 0} for n in range(200)]
    unjudged = [item | {"model_name": "candidate", "status": "unverified"}] * 600
    items = judged + [each | {"model_name": "candidate"} for each in judged] + unjudged
    assert (await owner.sdk.post("/evaluations/batch", json={"evaluations": items})).status_code == 201

    asked = "/api/v1/analytics/compare?days=1&base_model_name=base&candidate_model_name=candidate"
    compared = (await owner.sdk.get(asked)).json()
    [rate] = [change for change in compared["changes"] if change["metric"] == "hallucination_rate"]
    assert (rate["base"], rate["candidate"], rate["significant"]) == (0.25, 0.25, False)
    assert (compared["base"]["figures"]["verdicts"], compared["candidate"]["figures"]["verdicts"]) == (200, 200)
