"""Exports over HTTP: who may have them, what they hold, and what bounds them."""

import asyncio
import csv
import io
from collections.abc import Mapping
from pathlib import Path

import orjson
import psycopg
import pytest
from agentops_api.edge.runtime import Runtime
from agentops_api.evaluations.models import Filters
from agentops_api.exports import download
from agentops_api.exports.flow import Form
from agentops_api.exports.formats import COLUMNS, Format
from agentops_api.exports.read import read
from fastapi import FastAPI
from httpx2 import AsyncClient, Response
from starlette.types import Message
from tests.cast import Somebody, TestDatabase, client_of

pytestmark = pytest.mark.anyio

PATH = "/api/v1/exports/evaluations"


async def send(sdk: AsyncClient, *evaluations: Mapping[str, object]) -> None:
    items = [{"prompt": "p", "response": "r", **each} for each in evaluations]
    answer = await sdk.post("/evaluations/batch", json={"evaluations": items})
    assert answer.status_code == 201, answer.text


def lines(answer: Response) -> list[dict[str, object]]:
    assert answer.status_code == 200, answer.text
    *rows, end = [orjson.loads(each) for each in answer.content.splitlines()]
    assert end["end"]["rows"] == len(rows)
    return rows


async def test_nobody_and_a_key_without_read_get_nothing(owner: Somebody, anonymous: AsyncClient, app: FastAPI) -> None:
    assert (await anonymous.get(PATH)).status_code == 401
    made = await owner.person.post("/auth/api-keys", json={"name": "sends", "scopes": ["ingest"]})
    async with client_of(app, {"X-API-Key": made.json()["key"]}) as sender:
        assert (await sender.get(PATH)).status_code == 403


@pytest.mark.parametrize(
    "query",
    ["format=xml", "format=", "format=CSV", "limit=5", "cursor=a", "agent=x", "format=csv&format=json",
     "start_date=yesterday", "min_hallucination_probability=2", "format=json&spreadsheet=true"],
)  # fmt: skip
async def test_what_cannot_be_asked_is_422(sdk: AsyncClient, query: str) -> None:
    answer = await sdk.get(f"{PATH}?{query}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "json", "parquet"])
async def test_a_stranger_gets_none_of_it_and_a_viewer_gets_all(
    owner: Somebody, stranger: Somebody, viewer: Somebody, tmp_path: Path, kind: str
) -> None:
    await send(owner.sdk, {"prompt": "mine"}, {"prompt": "mine too"})
    counts: list[int] = []
    for client in (owner.sdk, owner.person, viewer.person, stranger.sdk, stranger.person):
        answer = await client.get(PATH, params={"format": kind})
        (tmp_path / "file").write_bytes(answer.content)
        counts.append(len(list(read(tmp_path / "file"))))
        assert (b"mine" in answer.content) == (counts[-1] > 0) or kind == "parquet"
    assert counts == [2, 2, 2, 0, 0]
    foreign = {"X-Project-Id": str(owner.project_id)}
    assert (await stranger.person.get(PATH, headers=foreign)).status_code == 404


async def test_the_rows_are_those_of_the_list_oldest_first(sdk: AsyncClient) -> None:
    await send(sdk, *({"prompt": str(number), "metadata": {"n": number, "x": 1e300}} for number in range(7)))
    listed = (await sdk.get("/evaluations")).json()["data"]
    assert lines(await sdk.get(PATH)) == listed[::-1]
    document = (await sdk.get(PATH, params={"format": "json"})).json()
    assert document["data"] == listed[::-1]
    assert document["rows"] == 7


async def test_the_filters_are_those_of_the_list(sdk: AsyncClient) -> None:
    await send(
        sdk,
        {"agent_name": "a", "hallucinated": True, "hallucination_probability": 0.9, "session_id": "s"},
        {"agent_name": "b", "model_name": "m", "mode": "x", "hallucinated": False},
    )
    for query in (
        "agent_name=a", "hallucinated=true", "hallucinated=false", "min_hallucination_probability=0.5", "session_id=s",
        "model_name=m", "mode=x", "start_date=2100-01-01", "end_date=2100-01-01", "agent_name=c",
    ):  # fmt: skip
        listed = (await sdk.get(f"/evaluations?{query}")).json()["data"]
        assert lines(await sdk.get(f"{PATH}?{query}")) == listed[::-1], query


async def test_the_answer_is_a_file_with_a_name(sdk: AsyncClient) -> None:
    types = {
        "csv": "text/csv; charset=utf-8; header=present",
        "jsonl": "application/x-ndjson",
        "json": "application/json",
        "parquet": "application/vnd.apache.parquet",
    }
    for kind, media_type in types.items():
        headers = (await sdk.get(PATH, params={"format": kind})).headers
        assert headers["content-type"] == media_type
        assert headers["content-disposition"].startswith('attachment; filename="evaluations-20')
        assert headers["content-disposition"].endswith(f'.{kind}"')
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip", "gzip"), ("gzip, deflate, br", "gzip"), ("br;q=1, GZIP;q=0.5", "gzip"), ("*", "gzip"), ("gzip;q=0", None),
     ("gzip; q=0.000", None), ("identity", None), ("br", None), ("notgzip", None), ("", None)],
)  # fmt: skip
async def test_who_accepts_gzip_gets_it(sdk: AsyncClient, accepted: str, encoding: str | None) -> None:
    await send(sdk, {"prompt": "p" * 1_000})
    answer = await sdk.get(PATH, headers={"Accept-Encoding": accepted})
    assert answer.headers.get("content-encoding") == encoding
    assert answer.headers["vary"] == "Accept-Encoding"
    assert lines(answer)[0]["prompt"] == "p" * 1_000
    parquet = await sdk.get(PATH, params={"format": "parquet"}, headers={"Accept-Encoding": accepted})
    assert "content-encoding" not in parquet.headers


async def test_no_cell_of_the_csv_is_a_formula_and_numbers_are_numbers(sdk: AsyncClient) -> None:
    await send(sdk, *({"prompt": start + "1+1", "agent_name": start + "x", "uncertainty": 0.5} for start in "=+-@\t\r"))
    answer = await sdk.get(PATH, params={"format": "csv", "spreadsheet": "true"})
    records = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline=""), strict=True))
    assert tuple(records[0]) == COLUMNS
    assert len(records) == 7
    for record in records[1:]:
        row = dict(zip(COLUMNS, record, strict=True))
        assert row["prompt"].startswith("'")
        assert row["agent_name"].startswith("'")
        assert row["uncertainty"] == "0.5"


async def test_what_changes_meanwhile_is_not_in_it(sdk: AsyncClient, server: Runtime, owner: Somebody) -> None:
    await send(sdk, *({"prompt": str(number)} for number in range(450)))
    scan = server.downloads.store.scan(owner.project_id, Filters())
    rows = await anext(scan)
    newest = (await sdk.get("/evaluations?limit=1")).json()["data"][0]["id"]
    assert (await sdk.delete(f"/evaluations/{newest}")).is_success
    await send(sdk, {"prompt": "new"})
    async for portion in scan:
        rows += portion
    assert sorted(int(row.prompt) for row in rows) == list(range(450))
    assert str(rows[-1].id) == newest
    assert rows == sorted(rows, key=lambda row: (row.created_at, row.id))


async def test_rows_that_are_large_come_in_smaller_portions(
    sdk: AsyncClient, server: Runtime, owner: Somebody, database: TestDatabase
) -> None:
    await send(sdk, *({"response": "r"} for _ in range(300)))
    with psycopg.connect(database.superuser_url) as admin:
        admin.execute(
            """
            INSERT INTO evaluations (project_id, created_at, id, prompt, response, retrieved_docs)
            SELECT %s, now() + interval '1 minute', gen_random_uuid(), 'p', repeat('r', 700000),
                   ARRAY[repeat('d', 700000)]
            FROM generate_series(1, 4)
            """,
            (owner.project_id,),
        )
    sizes = [len(portion) async for portion in server.downloads.store.scan(owner.project_id, Filters())]
    assert sizes == [200, 100, 1, 1, 1, 1]


async def test_a_project_and_the_server_have_only_so_many_at_once(
    owner: Somebody, stranger: Somebody, server: Runtime
) -> None:
    places = server.downloads.place
    with places(owner.project_id), places(owner.project_id):
        busy = await owner.sdk.get(PATH)
        assert (busy.status_code, busy.headers["retry-after"]) == (429, "15")
        assert "2 exports of this project" in busy.json()["detail"]
        assert (await stranger.sdk.get(PATH)).status_code == 200
        with places(stranger.project_id), places(stranger.project_id):
            full = await owner.sdk.get(PATH)
            assert full.status_code == 429, "their own bound is told first"
    with places(owner.project_id), places(stranger.project_id), places(stranger.project_id), places(owner.user_id):
        full = await owner.sdk.get(PATH)
        assert (full.status_code, full.headers["retry-after"]) == (503, "15")
    for _ in range(5):
        assert (await owner.sdk.get(PATH)).status_code == 200, "those that ended are not counted"


async def test_a_database_that_fails_before_the_first_byte_is_a_problem(
    sdk: AsyncClient, database: TestDatabase
) -> None:
    with psycopg.connect(database.superuser_url) as other:
        other.execute("LOCK TABLE evaluations IN ACCESS EXCLUSIVE MODE")
        other.execute("ALTER TABLE evaluations DROP COLUMN session_id CASCADE")
        other.commit()
    answer = await sdk.get(PATH)
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
@pytest.mark.parametrize("bound", ["a client that takes nothing", "one that takes too long"])
async def test_no_download_lasts_for_ever(
    sdk: AsyncClient,
    server: Runtime,
    owner: Somebody,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    kind: Format,
    bound: str,
) -> None:
    await send(sdk, *({"prompt": str(number)} for number in range(300)))
    stands_still = bound == "a client that takes nothing"
    if stands_still:
        monkeypatch.setattr(download, "STALL_S_MAX", 0.05)
    else:
        server.downloads.seconds_max = -1
    told: list[Message] = []
    never = asyncio.Event()

    async def receive() -> Message:
        await never.wait()
        raise AssertionError

    async def take(message: Message) -> None:
        told.append(message)
        if stands_still and message["type"] == "http.response.body":
            await never.wait()

    export = download.Export(owner.project_id, Filters(), Form(kind))
    await download.Download(server.downloads, export, {})({"type": "http"}, receive, take)
    assert told[0]["type"] == "http.response.start"
    assert all(message["more_body"] for message in told[1:]), "it does not end as if it were whole"
    reason = "its client took nothing" if stands_still else "EXPORT_SECONDS_MAX"
    assert reason in caplog.text
    server.downloads.seconds_max = 60
    assert (await sdk.get(PATH)).status_code == 200, "its place and its connection are free again"
