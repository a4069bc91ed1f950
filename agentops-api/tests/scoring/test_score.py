"""Stored evaluations get the scores that they lack; the log says of each why or why not; statistics stay exact."""

import asyncio
import os
import signal
import sys
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID

import pytest
from agentops_api import clock
from agentops_api.edge.runtime import Runtime
from agentops_api.evaluations.models import Position
from agentops_api.jobs.store import enqueue
from agentops_api.scoring.detectors import Answer, Detectors
from agentops_api.scoring.models import RESPONSE_CHARS_MAX
from agentops_api.scoring.score import EVERYWHERE, STEP_ROWS
from agentops_api.telemetry import rescore
from agentops_api.work import worker_of
from httpx2 import AsyncClient
from tests.cast import Somebody, TestDatabase
from tests.chaos.processes import until_async
from tests.jobs.queue import all_finished, ask
from tests.retention.test_deletions import check_statistics
from tests.scoring.answers import DOCUMENT, RIGHT, SCORED, UNCHECKABLE, WITHOUT_DOCUMENTS, WRONG, Json, send

pytestmark = pytest.mark.anyio


async def score(client: AsyncClient, database: TestDatabase, **asked: object) -> Json:
    """Asks for it and waits until it is done; the job as it is then."""
    made = await client.post("/api/v1/scorings", json=asked)
    assert made.status_code == 202, made.text
    await all_finished(database.superuser_url)
    job = (await client.get(f"/api/v1/jobs/{made.json()['id']}")).json()
    assert job["status"] == "succeeded", job
    assert job["done"] == job["total"]
    return job


def report_of(job: Json) -> dict[str, int]:
    return cast("dict[str, int]", job["report"])


async def log_of(client: AsyncClient, job_id: object, *, outcome: str | None = None) -> list[Json]:
    """All pages."""
    query = "" if outcome is None else f"&outcome={outcome}"
    entries: list[Json] = []
    cursor = ""
    while True:
        page = (await client.get(f"/api/v1/scorings/{job_id}/log?limit=2{query}{cursor}")).json()
        entries += page["data"]
        if not page["has_more"]:
            return entries
        cursor = f"&cursor={page['next_cursor']}"


async def test_each_evaluation_is_scored_or_the_log_says_why_not(
    owner: Somebody, stranger: Somebody, server: Runtime, database: TestDatabase
) -> None:
    large = RIGHT | {"response": "x " * RESPONSE_CHARS_MAX}
    degraded = RIGHT | {"status": "degraded", "detector": "judge"}
    own = WRONG | {"semantic_drift": 0.25, "mode": "mine", "latency_sec": 0.5}
    items = (RIGHT, own, SCORED, WITHOUT_DOCUMENTS, large, UNCHECKABLE, degraded)
    ids = await send(owner.sdk, *items)
    foreign = await send(stranger.sdk, RIGHT)
    before = [(await owner.sdk.get(f"/evaluations/{id}")).json() for id in ids]
    job = await score(owner.sdk, database)
    log = await log_of(owner.sdk, job["id"])
    outcomes = {str(entry["evaluation_id"]): entry["outcome"] for entry in log}
    expected = ["scored", "scored", "has_scores", "no_documents", "too_large", "scored", "scored"]
    assert [outcomes[id] for id in ids] == expected
    assert report_of(job) == {name: expected.count(name) for name in report_of(job)}
    assert [entry["evaluation_id"] for entry in await log_of(owner.sdk, job["id"], outcome="too_large")] == [ids[4]]

    after = [(await owner.sdk.get(f"/evaluations/{id}")).json() for id in ids]
    assert [row["hallucinated"] for row in after] == [False, True, True, None, None, None, False]
    assert [row["status"] for row in after] == ["verified", "verified", None, None, None, "unverified", "verified"]
    assert (after[1]["semantic_drift"], after[1]["mode"]) == (0.25, "mine"), "what its sender said stays"
    assert after[1]["claims"]
    assert [after[2], after[3], after[4]] == [before[2], before[3], before[4]]
    assert (await stranger.sdk.get(f"/evaluations/{foreign[0]}")).json()["status"] is None
    assert (await stranger.sdk.get(f"/api/v1/scorings/{job['id']}/log")).status_code == 404

    stats = (await owner.sdk.get("/evaluations/stats")).json()
    assert (stats["total_evaluations"], stats["total_hallucinations"], stats["hallucination_rate"]) == (7, 2, 0.5)
    await check_statistics(server, owner.project_id)
    again = await score(owner.sdk, database)
    assert report_of(again)["scored"] == 0
    await check_statistics(server, owner.project_id)


async def test_blank_documents_are_none(owner: Somebody, database: TestDatabase) -> None:
    documents: list[list[str]] = [["  "], ["", "\n\u00a0"], [], [" ", DOCUMENT]]
    ids = await send(owner.sdk, *(RIGHT | {"retrieved_docs": each} for each in documents))
    job = await score(owner.sdk, database)
    outcomes = {str(entry["evaluation_id"]): entry["outcome"] for entry in await log_of(owner.sdk, job["id"])}
    assert [outcomes[id] for id in ids] == ["no_documents", "no_documents", "no_documents", "scored"]
    assert (await owner.sdk.get(f"/evaluations/{ids[0]}")).json()["status"] is None


async def test_filters_and_samples_choose_alike_each_time(owner: Somebody, database: TestDatabase) -> None:
    items = [RIGHT | {"session_id": f"s{n % 10}", "agent_name": "ab"[n % 2]} for n in range(STEP_ROWS + 10)]
    await send(owner.sdk, *items)
    job = await score(owner.sdk, database, filter={"agent_name": "a"}, sample_rate=0.5)
    log = await log_of(owner.sdk, job["id"])
    assert len(log) == len(items) // 2
    scored = {str(entry["evaluation_id"]) for entry in log if entry["outcome"] == "scored"}
    rows = (await owner.sdk.get("/evaluations?limit=500")).json()["data"]
    by_session: dict[str, set[bool]] = {}
    for row in rows:
        if row["agent_name"] == "a":
            by_session.setdefault(row["session_id"], set()).add(row["id"] in scored)
    assert {len(kinds) for kinds in by_session.values()} == {1}, "conversations are scored whole or not at all"
    assert {kind for kinds in by_session.values() for kind in kinds} == {True, False}
    other = await score(owner.sdk, database, filter={"agent_name": "a"}, sample_rate=0.5)
    assert report_of(other)["scored"] == 0
    tomorrow = (clock.now() + timedelta(days=1)).isoformat()
    none = await score(owner.sdk, database, filter={"start_date": tomorrow})
    assert none["done"] == 0


async def test_what_is_deleted_while_it_is_judged_stays_deleted(
    owner: Somebody, server: Runtime, database: TestDatabase
) -> None:
    ids = [UUID(id) for id in await send(owner.sdk, RIGHT, WRONG, WRONG)]
    project_id = owner.project_id
    places = {
        row["id"]: Position(datetime.fromisoformat(row["created_at"]), UUID(row["id"]))
        for row in (await owner.sdk.get("/evaluations")).json()["data"]
    }
    found = sorted((places[str(id)] for id in ids), key=lambda at: (at.created_at, at.id))
    columns: Json = {
        "semantic_drift": 0.5, "uncertainty": 0.0, "factual_support": 1.0, "hallucination_probability": 0.25,
        "hallucinated": False, "mode": "m", "claims": [], "status": "verified", "scoring": "s", "detector": "d",
    }  # fmt: skip
    assert (await owner.sdk.delete(f"/evaluations/{ids[0]}")).status_code == 204
    async with server.db.as_project(project_id) as tx:
        written = await rescore.write(tx, project_id, [(at, columns) for at in found])
        # Deleting waits for the scores, and then subtracts what they made of the statistics.
        deleting = asyncio.create_task(owner.sdk.delete(f"/evaluations/{ids[1]}"))
        await asyncio.wait([deleting], timeout=0.2)
        assert not deleting.done()
    assert written.scored == {ids[1], ids[2]}
    assert (await deleting).status_code == 204
    stats = (await owner.sdk.get("/evaluations/stats")).json()
    assert (stats["total_evaluations"], stats["avg_semantic_drift"]) == (1, 0.5)
    await check_statistics(server, project_id)
    assert ask(database.superuser_url, "SELECT count(*) FROM evaluations") == [(1,)]


async def test_a_project_has_scored_what_comes_in_when_it_says_so(
    owner: Somebody, viewer: Somebody, stranger: Somebody, server: Runtime, database: TestDatabase
) -> None:
    path = f"/api/v1/projects/{owner.project_id}/scoring"
    assert (await owner.sdk.get(path)).json() == {"enabled": False, "sample_rate": 1.0, "scored_to": None}
    old = await send(owner.sdk, RIGHT | {"created_at": (clock.now() - timedelta(days=2)).isoformat()})
    for who, status in ((viewer, 403), (stranger, 404)):
        assert (await who.person.patch(path, json={"enabled": True})).status_code == status
    assert (await owner.person.patch(path, json={"enabled": None})).status_code == 422
    assert (await owner.person.patch(path, json={"sample_rate": 0})).status_code == 422
    changed = await owner.person.patch(path, json={"enabled": True})
    assert changed.status_code == 200, changed.text
    assert changed.json()["enabled"]

    async def run() -> list[Json]:
        async with server.db.as_jobs() as tx:
            await enqueue(tx, EVERYWHERE, {}, project_id=None)
        await all_finished(database.superuser_url)
        job = (await owner.sdk.get("/api/v1/jobs?kind=score_evaluations")).json()["data"][0]
        assert job["status"] == "succeeded", job
        return await log_of(owner.sdk, job["id"])

    first = await send(owner.sdk, RIGHT, WITHOUT_DOCUMENTS)
    foreign = await send(stranger.sdk, RIGHT)
    assert {entry["evaluation_id"] for entry in await run()} == set(first)
    late = await send(owner.sdk, WRONG | {"created_at": (clock.now() - timedelta(minutes=30)).isoformat()})
    assert [(entry["evaluation_id"], entry["outcome"]) for entry in await run()] == [(late[0], "scored")], "once each"
    for client, id in ((owner.sdk, old[0]), (stranger.sdk, foreign[0])):
        assert (await client.get(f"/evaluations/{id}")).json()["status"] is None
    assert (await owner.person.patch(path, json={"enabled": False})).status_code == 200
    await send(owner.sdk, RIGHT)
    assert [entry["evaluation_id"] for entry in await run()] == late, "no new run"
    await check_statistics(server, owner.project_id)


async def test_a_run_that_was_cut_goes_on_where_it_was(
    owner: Somebody, server: Runtime, database: TestDatabase
) -> None:
    ids = await send(owner.sdk, RIGHT, WRONG, RIGHT | {"retrieved_docs": [DOCUMENT, DOCUMENT]})
    job = await score(owner.sdk, database)
    # As if the worker had been killed after its first evaluation.
    ask(
        database.superuser_url,
        "DELETE FROM scoring_log WHERE evaluation_id <> (SELECT evaluation_id FROM scoring_log"
        " ORDER BY evaluation_at, evaluation_id LIMIT 1)",
    )
    ask(
        database.superuser_url,
        "UPDATE jobs SET status = 'queued', finished_at = NULL, done = 1,"
        " report = '{\"scored\": 1}' WHERE kind = 'score_evaluations'",
    )
    await all_finished(database.superuser_url)
    again = (await owner.sdk.get(f"/api/v1/jobs/{job['id']}")).json()
    assert (again["done"], again["report"]["scored"], again["report"]["has_scores"]) == (3, 1, 2)
    assert {str(entry["evaluation_id"]) for entry in await log_of(owner.sdk, job["id"])} == set(ids)
    await check_statistics(server, owner.project_id)


async def test_a_detector_that_cannot_be_started_is_tried_again_and_not_the_answers_failure(
    owner: Somebody, database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    await send(owner.sdk, RIGHT, WRONG)
    with monkeypatch.context() as without_python:
        without_python.setattr(sys, "executable", "/nowhere/python")
        made = await owner.sdk.post("/api/v1/scorings", json={})

        async def was_tried() -> bool:
            tried = "SELECT error FROM jobs WHERE kind = 'score_evaluations' AND attempts > 0 AND status <> 'running'"
            return bool(await asyncio.to_thread(ask, database.superuser_url, tried))

        await until_async(was_tried, 30)
    ask(database.superuser_url, "UPDATE jobs SET due_at = now() WHERE status = 'queued'")
    await all_finished(database.superuser_url)
    job = (await owner.sdk.get(f"/api/v1/jobs/{made.json()['id']}")).json()
    assert (job["status"], job["report"]["scored"], job["report"]["failed"]) == ("succeeded", 2, 0)


async def test_an_answer_that_takes_too_long_is_tried_once_more(
    owner: Somebody, server: Runtime, database: TestDatabase
) -> None:
    server.worker.stop()
    await send(owner.sdk, RIGHT)
    async with Detectors(processes_max=1, seconds_max=3) as detectors:
        await detectors.detect(Answer("p", "5", ["5 goods"]))
        [process] = detectors._idle  # pyright: ignore[reportPrivateUsage] - what stands still
        os.kill(process.pid, signal.SIGSTOP)
        async with worker_of(server.db, server.settings, detectors):
            assert report_of(await score(owner.sdk, database))["scored"] == 1
