"""Exports as jobs: who may ask for one and fetch it, what is in it, where it continues, and when it is gone."""

import gzip
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from agentops_api import clock
from agentops_api.edge.runtime import Runtime
from agentops_api.exports import store, write_file
from agentops_api.exports.read import read
from agentops_api.jobs import store as jobs
from agentops_api.jobs.models import Hopeless, LeaseLost
from agentops_api.jobs.worker import Work
from agentops_api.settings import Settings
from agentops_api.work import worker_of
from httpx2 import AsyncClient
from tests.cast import Somebody, TestDatabase
from tests.jobs.queue import all_finished, ask

pytestmark = pytest.mark.anyio

PATH = "/api/v1/exports"
ROWS = 12_000
_FILL = """
INSERT INTO evaluations (project_id, created_at, id, prompt, response, agent_name)
SELECT %s, now() - number * interval '1 second', gen_random_uuid(), md5(number::text) || md5('a' || number::text),
       '=' || number, 'a' || number %% 2
FROM generate_series(1, %s) AS number
"""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The jobs are done in the tests' own time, where they say so."""
    return settings.model_copy(update={"jobs_in_server": False})


@pytest.fixture
async def filled(owner: Somebody, database: TestDatabase) -> Somebody:
    """The owner, with rows for several parts."""
    with psycopg.connect(database.superuser_url) as admin:
        admin.execute(_FILL, (owner.project_id, ROWS))
    return owner


async def written(server: Runtime, database: TestDatabase, client: AsyncClient, **wanted: object) -> dict[str, Any]:
    """Asks for an export; the job, when it is done."""
    asked = await client.post(PATH, json=wanted)
    assert asked.status_code == 202, asked.text
    async with worker_of(server.db, server.settings, server.detectors):
        await all_finished(database.superuser_url)
    return (await client.get(f"/api/v1/jobs/{asked.json()['id']}")).json()


async def test_nobody_a_key_without_read_and_a_stranger_get_none_of_it_and_a_viewer_does(
    filled: Somebody, viewer: Somebody, stranger: Somebody, anonymous: AsyncClient, server: Runtime,
    database: TestDatabase,
) -> None:  # fmt: skip
    assert (await anonymous.post(PATH, json={})).status_code == 401
    made = await filled.person.post("/auth/api-keys", json={"name": "sends", "scopes": ["ingest"]})
    assert (await anonymous.post(PATH, json={}, headers={"X-API-Key": made.json()["key"]})).status_code == 403
    job = await written(server, database, viewer.person, agent_name="a1")
    file = job["report"]["file"]
    for client in (viewer.person, filled.person, filled.sdk):
        assert (await client.get(file)).status_code == 200
    assert (await anonymous.get(file)).status_code == 401
    for client in (stranger.person, stranger.sdk):
        assert (await client.get(file)).status_code == 404
        assert (await client.delete(file)).status_code == 404
    assert (await viewer.person.delete(file)).status_code == 403
    async with server.db.as_project(stranger.project_id) as tx:
        assert await store.part(tx, filled.project_id, job["id"], 0) is None
        await store.delete_parts(tx, filled.project_id, job["id"])
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await store.add_part(tx, filled.project_id, job["id"], 99, b"x")
    assert (await filled.sdk.get(file)).status_code == 200


@pytest.mark.parametrize(
    "wanted",
    [{"format": "xml"}, {"limit": 5}, {"gzip": "yes"}, {"start_date": "yesterday"}, {"agent_name": ""},
     {"format": "json", "spreadsheet": True}],
)  # fmt: skip
async def test_what_cannot_be_asked_is_422(sdk: AsyncClient, wanted: Mapping[str, object]) -> None:
    answer = await sdk.post(PATH, json=wanted)
    assert answer.status_code == 422
    assert answer.json()["errors"]


@pytest.mark.parametrize("wanted", [{}, {"gzip": False}, {"format": "csv"}, {"format": "json"}, {"format": "parquet"}])
async def test_the_file_is_what_the_download_would_be(
    filled: Somebody, server: Runtime, database: TestDatabase, tmp_path: Path, wanted: dict[str, object]
) -> None:
    job = await written(server, database, filled.sdk, agent_name="a1", **wanted)
    assert (job["status"], job["done"], job["total"]) == ("succeeded", ROWS // 2, ROWS // 2)
    report = job["report"]
    assert report["filters"] == {"agent_name": "a1"}
    answer = await filled.sdk.get(report["file"])
    kind = wanted.get("format", "jsonl")
    compressed = wanted.get("gzip", True) is True and kind != "parquet"
    assert answer.headers["content-disposition"].endswith(f'.{kind}{".gz" * compressed}"')
    assert (answer.headers["content-type"] == "application/gzip") == compressed
    assert "content-encoding" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"
    assert int(answer.headers["content-length"]) == len(answer.content) == report["bytes"]
    direct = await filled.sdk.get(f"{PATH}/evaluations", params={"agent_name": "a1", "format": str(kind)})
    (tmp_path / "file").write_bytes(answer.content)
    (tmp_path / "direct").write_bytes(direct.content)
    rows = list(read(tmp_path / "file"))
    assert rows == list(read(tmp_path / "direct"))
    assert len(rows) == report["rows"] == ROWS // 2
    if kind != "parquet":
        plain = gzip.decompress(answer.content) if compressed else answer.content
        assert plain == direct.content
        assert report["sha256"].encode() in plain


async def test_a_project_without_rows_has_a_file_that_says_so(
    sdk: AsyncClient, server: Runtime, database: TestDatabase
) -> None:
    job = await written(server, database, sdk, gzip=False)
    assert (job["done"], job["total"], job["report"]["rows"]) == (0, 0, 0)
    assert (await sdk.get(job["report"]["file"])).content.startswith(b'{"end":{"rows":0,')


async def test_a_download_that_broke_off_goes_on(filled: Somebody, server: Runtime, database: TestDatabase) -> None:
    report = (await written(server, database, filled.sdk, gzip=False))["report"]
    path, size = report["file"], report["bytes"]
    assert size > 3 * store.PART_BYTES
    whole = await filled.sdk.get(path)
    assert whole.headers["accept-ranges"] == "bytes"
    edge = store.PART_BYTES
    for asked, first, last in (
        ("0-0", 0, 0), (f"{edge}-", edge, size - 1), (f"{edge - 1}-{edge}", edge - 1, edge),
        (f"5-{3 * edge}", 5, 3 * edge), ("-7", size - 7, size - 1), (f"-{size + 5}", 0, size - 1),
        (f"{size - 1}-{size + 99}", size - 1, size - 1), (f"{2 * edge}-{2 * edge + 9}", 2 * edge, 2 * edge + 9),
    ):  # fmt: skip
        answer = await filled.sdk.get(path, headers={"Range": f"bytes={asked}", "If-Range": whole.headers["etag"]})
        assert answer.status_code == 206, asked
        assert answer.headers["content-range"] == f"bytes {first}-{last}/{size}"
        assert answer.content == whole.content[first : last + 1], asked
    for ignored in ("bytes=5-3", "bytes=0-1,5-6", "rows=0-1", "bytes=a-b", "bytes=-"):
        assert (await filled.sdk.get(path, headers={"Range": ignored})).content == whole.content, ignored
    other = await filled.sdk.get(path, headers={"Range": "bytes=5-", "If-Range": '"another"'})
    assert (other.status_code, other.content) == (200, whole.content)
    for beyond in (f"bytes={size}-", "bytes=-0"):
        refused = await filled.sdk.get(path, headers={"Range": beyond})
        assert (refused.status_code, refused.headers["content-range"]) == (416, f"bytes */{size}")


async def test_a_file_is_there_when_its_job_is_done_until_it_is_deleted_or_expires(
    owner: Somebody, server: Runtime, database: TestDatabase
) -> None:
    sdk = owner.sdk
    for unknown in (uuid4(), (await sdk.post("/api/v1/deletions", json={"filter": {"agent_name": "x"}})).json()["id"]):
        assert (await sdk.get(f"{PATH}/{unknown}/file")).status_code == 404
    asked = (await sdk.post(PATH, json={})).json()
    waiting = await sdk.get(f"{PATH}/{asked['id']}/file")
    assert (waiting.status_code, "queued" in waiting.json()["detail"]) == (409, True)
    assert (await sdk.delete(f"{PATH}/{asked['id']}/file")).status_code == 409
    deleted, expired, kept = [(await written(server, database, sdk))["report"]["file"] for _ in range(3)]
    for _ in range(2):
        assert (await sdk.delete(deleted)).status_code == 204
    report = (await sdk.get(deleted.replace("exports", "jobs").removesuffix("/file"))).json()["report"]
    assert datetime.fromisoformat(report["expires_at"]) <= clock.now()
    ask(
        database.superuser_url,
        "UPDATE jobs SET report = report || '{\"expires_at\": \"2026-01-01T00:00:00Z\"}' WHERE report ->> 'file' = %s",
        (expired,),
    )
    for gone in (deleted, expired):
        answer = await sdk.get(gone)
        assert (answer.status_code, "ask for a new export" in answer.json()["detail"]) == (404, True)
    assert (await sdk.get(kept)).status_code == 200
    files = "SELECT count(DISTINCT job_id) FROM export_parts"
    assert ask(database.superuser_url, files) == [(3,)], "the first that was asked for, the expired one, and the kept"
    async with server.db.as_jobs() as tx:
        await jobs.enqueue(tx, "forget_export_files", {}, project_id=None)
    async with worker_of(server.db, server.settings, server.detectors):
        await all_finished(database.superuser_url)
    assert ask(database.superuser_url, files) == [(2,)]
    assert (await sdk.get(kept)).status_code == 200
    ask(database.superuser_url, "DELETE FROM jobs")
    assert ask(database.superuser_url, files) == [(0,)], "a file goes with its job"


async def test_only_so_many_wait_and_files_take_only_so_much(
    filled: Somebody, stranger: Somebody, server: Runtime, database: TestDatabase
) -> None:
    for _ in range(10):
        assert (await filled.sdk.post(PATH, json={"agent_name": "nobody"})).status_code == 202
    refused = await filled.sdk.post(PATH, json={})
    assert (refused.status_code, bool(refused.headers["retry-after"])) == (429, True)
    assert (await stranger.sdk.post(PATH, json={})).status_code == 202
    ask(database.superuser_url, "DELETE FROM jobs")
    kept = await written(server, database, filled.sdk, gzip=False)
    job = await taken(server, filled, gzip=False)
    with pytest.raises(Hopeless, match="EXPORT_FILES_BYTES_MAX"):
        await write_file.write_file(
            Work(job, server.db), hours=1, bytes_max=2 * kept["report"]["bytes"] - 1, has_room=lambda: True
        )
    assert ask(database.superuser_url, "SELECT DISTINCT job_id::text FROM export_parts") == [(kept["id"],)]
    ask(database.superuser_url, "DELETE FROM jobs")


async def taken(server: Runtime, owner: Somebody, **wanted: object) -> Any:
    """The job of an export, taken from the queue."""
    assert (await owner.sdk.post(PATH, json=wanted)).status_code == 202
    async with server.db.as_jobs() as tx:
        job = await jobs.claim(tx, [write_file.KIND], lease_s=60)
    assert job
    return job


async def test_a_worker_that_lost_the_job_writes_nothing_more_and_the_next_begins_anew(
    filled: Somebody, server: Runtime, database: TestDatabase
) -> None:
    """The first worker stands still after its first part; another takes the job, and writes the file."""
    first = await taken(server, filled, gzip=False)
    parts = 0

    def room() -> bool:
        nonlocal parts
        parts += 1
        if parts == 2:
            ask(database.superuser_url, "UPDATE jobs SET status = 'queued', lease_until = NULL")
        return True

    with pytest.raises(LeaseLost):
        await write_file.write_file(Work(first, server.db), hours=1, bytes_max=2**30, has_room=room)
    assert ask(database.superuser_url, "SELECT number FROM export_parts") == [(0,)]
    async with worker_of(server.db, server.settings, server.detectors):
        await all_finished(database.superuser_url)
    file = (await filled.sdk.get(f"{PATH}/{first.id}/file")).content
    assert file == (await filled.sdk.get(f"{PATH}/evaluations")).content
