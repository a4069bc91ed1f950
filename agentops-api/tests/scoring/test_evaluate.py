"""The server judges an answer and stores it: once, in time, and for whom it may."""

import asyncio
import json
import os
import signal
from contextlib import ExitStack
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import uvloop
from agentops_api.detect import LocalDetector
from agentops_api.edge.runtime import Runtime
from agentops_api.scoring import child
from agentops_api.scoring.detectors import WAITING_MAX, WAITING_PER_PROJECT_MAX, Answer, DetectorFailed, Detectors
from agentops_api.scoring.models import DOCUMENTS_CHARS_MAX, RESPONSE_CHARS_MAX
from httpx2 import AsyncClient
from tests.cast import Somebody
from tests.scoring.answers import DOCUMENT, RIGHT, UNCHECKABLE, WITHOUT_DOCUMENTS, WRONG, Json

pytestmark = pytest.mark.anyio

PATH = "/api/v1/evaluate"


async def test_an_answer_is_judged_as_the_detector_judges_it_and_stored(sdk: AsyncClient, stranger: Somebody) -> None:
    more: Json = {"agent_name": "a", "session_id": "s", "latency_sec": 0.5, "metadata": {"release": "1"}}
    for item, verdict in ((RIGHT, False), (WRONG, True)):
        answer = await sdk.post(PATH, json=item | more)
        assert answer.status_code == 201, answer.text
        judged = answer.json()
        expected = LocalDetector().detect(str(item["prompt"]), str(item["response"]), [DOCUMENT])
        assert (judged["hallucinated"], judged["status"], judged["mode"]) == (verdict, "verified", expected.mode)
        assert judged["hallucination_probability"] == expected.probability
        assert [each["label"] for each in judged["claims"]] == [each.label for each in expected.claims]
        assert {name: judged[name] for name in more} == more
        assert (await sdk.get(f"/evaluations/{judged['id']}")).json() == judged
        assert (await stranger.sdk.get(f"/evaluations/{judged['id']}")).status_code == 404
    stats = (await sdk.get("/evaluations/stats")).json()
    assert (stats["total_evaluations"], stats["hallucination_rate"]) == (2, 0.5)


async def test_what_cannot_be_checked_has_no_verdict(sdk: AsyncClient) -> None:
    empty: Json = {**WITHOUT_DOCUMENTS, "retrieved_docs": list[str]()}
    for item in (WITHOUT_DOCUMENTS, UNCHECKABLE, empty):
        judged = (await sdk.post(PATH, json=item)).json()
        assert judged["status"] == "unverified"
        assert judged["hallucinated"] is None
        assert judged["hallucination_probability"] is None
        assert judged["uncertainty"] is not None
    assert (await sdk.get("/evaluations/stats")).json()["hallucination_rate"] == 0


async def test_the_same_id_or_key_is_judged_and_stored_once(sdk: AsyncClient, stranger: Somebody) -> None:
    named: Json = RIGHT | {"id": str(uuid4())}
    sent: list[tuple[Json, dict[str, str]]] = [(named, {}), (RIGHT, {"Idempotency-Key": "k1"})]
    for body, headers in sent:
        first = await sdk.post(PATH, json=body, headers=headers)
        again = await sdk.post(PATH, json=body | {"response": "Another."}, headers=headers)
        assert (first.status_code, again.status_code) == (201, 200)
        assert again.json() == first.json()
    assert (await stranger.sdk.post(PATH, json=named)).status_code == 201
    at_once = [sdk.post(PATH, json=RIGHT, headers={"Idempotency-Key": "k2"}) for _ in range(5)]
    answers = await asyncio.gather(*at_once)
    assert sorted(answer.status_code for answer in answers) == [200] * 4 + [201]
    assert len({answer.text for answer in answers}) == 1
    assert (await sdk.get("/evaluations/stats")).json()["total_evaluations"] == 3


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"response": "x" * (RESPONSE_CHARS_MAX + 1)}, "response"),
        ({"retrieved_docs": ["x" * (DOCUMENTS_CHARS_MAX // 2)] * 3}, "retrieved_docs"),
        ({"retrieved_docs": "one"}, "retrieved_docs"),
        ({"profile": "poem"}, "profile"),
        ({"scoring": "magic"}, "scoring"),
        ({"created_at": "2001-01-01T00:00:00Z"}, "created_at"),
        ({"latency_sec": 0}, "latency_sec"),
        ({"hallucinated": True}, "hallucinated"),
    ],
)
async def test_what_breaks_a_rule_is_refused_before_it_is_judged(sdk: AsyncClient, change: Json, field: str) -> None:
    answer = await sdk.post(PATH, json=RIGHT | change)
    assert answer.status_code == 422
    assert [each["field"] for each in answer.json()["errors"]] == [field]
    assert (await sdk.get("/evaluations/stats")).json()["total_evaluations"] == 0


async def test_the_longest_texts_are_judged_however_their_json_is_escaped(sdk: AsyncClient) -> None:
    body = json.dumps(WITHOUT_DOCUMENTS | {"retrieved_docs": ["\N{GRINNING FACE}" * DOCUMENTS_CHARS_MAX]})
    answer = await sdk.post(PATH, content=body, headers={"Content-Type": "application/json"})
    assert (len(body) > 2**21, answer.status_code) == (True, 201), answer.text


async def test_who_waits_in_a_line_that_is_full_is_told_to_come_back(
    server: Runtime, sdk: AsyncClient, owner: Somebody, stranger: Somebody
) -> None:
    with ExitStack() as places:
        for _ in range(WAITING_PER_PROJECT_MAX):
            places.enter_context(server.detectors.place(owner.project_id))
        full = await sdk.post(PATH, json=RIGHT)
        assert (full.status_code, full.headers["retry-after"]) == (429, "2")
        assert (await stranger.sdk.post(PATH, json=RIGHT)).status_code == 201
        for _ in range(WAITING_MAX - WAITING_PER_PROJECT_MAX):
            places.enter_context(server.detectors.place(uuid4()))
        full = await stranger.sdk.post(PATH, json=RIGHT)
        assert (full.status_code, full.headers["retry-after"]) == (503, "2")
    assert (await sdk.post(PATH, json=RIGHT)).status_code == 201


async def test_an_answer_that_takes_too_long_costs_its_process_and_nothing_else() -> None:
    answer = Answer("p", "Unopened goods. " * 3_000, ["Goods that are unopened. " * 8_000])
    async with Detectors(processes_max=1, seconds_max=0.01) as hasty:
        with pytest.raises(DetectorFailed, match="took more than"):
            await hasty.detect(answer)
    async with Detectors(processes_max=1) as patient:
        found = await asyncio.gather(*(patient.detect(Answer("p", str(n), ["5 goods"])) for n in range(8)))
        assert [each["hallucinated"] for each in found] == [n != 5 for n in range(8)], "each got its own answer"


def test_a_process_that_was_killed_while_it_was_idle_costs_no_answer() -> None:
    answer = Answer("p", "5", ["5 goods"])

    async def flow() -> None:
        async with Detectors(processes_max=1) as detectors:
            first = await detectors.detect(answer)
            [pid] = _children()
            os.kill(pid, signal.SIGKILL)
            assert await detectors.detect(answer) == first, "nobody told the server yet"
            [pid] = _children()
            os.kill(pid, signal.SIGKILL)
            while pid in _children():  # noqa: ASYNC110 - nobody but the kernel knows when a process ends
                await asyncio.sleep(0)
            assert await detectors.detect(answer) == first, "the server knows"

    # As the server runs: uvloop raises what asyncio does not.
    uvloop.run(flow())


def _children() -> list[int]:
    """The detector's processes of this one, without those that ended."""
    lists = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    pids = [int(pid) for each in lists for pid in each.read_text().split()]
    return [pid for pid in pids if child.__name__ in Path(f"/proc/{pid}/cmdline").read_text()]


async def test_who_may_not_send_may_not_have_judged(viewer: Somebody, owner: Somebody, anonymous: AsyncClient) -> None:
    assert (await anonymous.post(PATH, json=RIGHT)).status_code == 401
    assert (await viewer.person.post(PATH, json=RIGHT)).status_code == 403
    for scope, status in (("ingest", 201), ("read", 403), ("write", 403)):
        key = (await owner.person.post("/auth/api-keys", json={"name": scope, "scopes": [scope]})).json()["key"]
        answer = await anonymous.post(PATH, json=RIGHT, headers={"X-API-Key": key})
        assert answer.status_code == status, scope
        assert status != 201 or UUID(answer.json()["id"])
