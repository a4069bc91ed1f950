"""`agentops export` and `agentops import` against a real server: what comes back is what was there."""

import gzip
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import psycopg
import pytest
from agentops_api.exports.formats import line
from agentops_api.exports.read import read
from httpx2 import AsyncClient
from tests.chaos.processes import Account, Server, Site, join, new_site
from tests.chaos.wire import Connection
from tests.command import agentops

pytestmark = pytest.mark.anyio

FILES = ("all.jsonl", "all.json", "all.csv", "all.parquet", "all.csv.gz", "all.jsonl.gz")
NOW = datetime.now(UTC)
ITEMS: list[dict[str, object]] = [
    {
        "prompt": f"{start}cmd|' /C calc'!A0 \u2028 é \U0001f600",
        "response": 'a "quoted", \r\n answer' if number % 2 else "",
        "retrieved_docs": [None, [], ["=d", ""], ["é"]][number % 4],
        "semantic_drift": number / 97,
        "uncertainty": 5e-324 if number % 3 else None,
        "hallucinated": [None, True, False][number % 3],
        "latency_sec": 0.1 + number,
        "agent_name": f"{start}agent",
        "metadata": [None, {}, {"é=": 1, "n": -1.5e-300, "big": 2**62, "no": None, "yes": True, "t": "'x"}][number % 3],
        "created_at": (NOW - timedelta(hours=number)).isoformat(),
    }
    for number, start in enumerate(["=", "+", "-", "@", "\t", "\r", "'", "''", "", "#end"] * 6)
]


@pytest.fixture
async def site() -> AsyncGenerator[Site]:
    with new_site() as place:
        yield place


async def listed(server: Server, account: Account) -> list[dict[str, object]]:
    url = f"http://127.0.0.1:{server.port}"
    async with AsyncClient(base_url=url, headers=account.sdk, timeout=60) as client:
        return (await client.get("/evaluations?limit=500")).json()["data"]


async def filled(server: Server) -> Account:
    account = await join(server)
    async with Connection(server.port) as connection:
        made = await connection.post("/evaluations/batch", {"evaluations": ITEMS}, account.sdk)
        assert made.status == 201, made.body
    return account


async def test_every_format_comes_back_into_another_project_as_it_was(site: Site, tmp_path: Path) -> None:
    server = await site.start()
    owner = await filled(server)
    there = await listed(server, owner)
    assert len(there) == len(ITEMS)
    environment = {"AGENTOPS_API_URL": f"http://127.0.0.1:{server.port}"}
    for number, name in enumerate(FILES):
        done = agentops("export", "--output", name, "--key", owner.key, directory=tmp_path, **environment)
        assert (done.returncode, done.stdout) == (0, f"{name}: 60 rows\n"), done.stderr
        assert [orjson.loads(line(row)) for row in read(tmp_path / name)] == there[::-1]
        other = await join(server, f"other{number}@example.com")
        for said in ("60 stored, 0 there before, 0 refused\n", "0 stored, 60 there before, 0 refused\n"):
            done = agentops("import", name, directory=tmp_path, AGENTOPS_API_KEY=other.key, **environment)
            assert (done.returncode, done.stdout) == (0, said), done.stderr
        assert await listed(server, other) == there, name
    assert (tmp_path / "all.csv").read_bytes() == gzip.decompress((tmp_path / "all.csv.gz").read_bytes())
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)
    assert await listed(server, owner) == there


async def test_what_cannot_be_done_is_a_line_and_nothing_is_sent(site: Site, tmp_path: Path) -> None:
    server = await site.start(INGEST_PAST_DAYS="2")
    owner = await join(server)
    environment = {"AGENTOPS_API_URL": f"http://127.0.0.1:{server.port}", "AGENTOPS_API_KEY": owner.key}

    def run(*words: str, **changed: str) -> tuple[int, str, str]:
        done = agentops(*words, directory=tmp_path, **(environment | changed))
        return done.returncode, done.stdout, " ".join(done.stderr.split())

    async with Connection(server.port) as connection:
        for hours in range(4):
            at = (NOW - timedelta(hours=hours)).isoformat()
            item = {"prompt": str(hours), "response": "r", "created_at": at, "agent_name": f"a{hours % 2}"}
            assert (await connection.post("/evaluations", item, owner.sdk)).status == 201
    assert run("export", "-o", "one.jsonl", "--agent-name", "a1")[:2] == (0, "one.jsonl: 2 rows\n")
    whole = (tmp_path / "one.jsonl").read_bytes()
    (tmp_path / "cut.jsonl").write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    stranger = await join(server, "stranger@example.com")
    code, _, said = run("import", "cut.jsonl", AGENTOPS_API_KEY=stranger.key)
    assert code == 1
    assert "it was cut after 2 rows" in said
    assert await listed(server, stranger) == []
    assert run("import", "cut.jsonl", "--unverified", "--skip-rows", "1", AGENTOPS_API_KEY=stranger.key)[1] == (
        "1 stored, 0 there before, 0 refused\n"
    )
    with psycopg.connect(site.superuser_url) as admin:
        admin.execute("UPDATE evaluations SET created_at = created_at - interval '9 days' WHERE prompt = '3'")
    assert run("export", "-o", "all.csv")[:2] == (0, "all.csv: 4 rows\n")
    other = await join(server, "other@example.com")
    code, counted, said = run("import", "all.csv", AGENTOPS_API_KEY=other.key)
    assert (code, counted) == (1, "3 stored, 0 there before, 1 refused\n")
    assert "1 refused: created_at must lie between 2 days ago" in said
    assert "INGEST_PAST_DAYS" in said

    assert "The server answers 401" in run("export", "-o", "x.csv", AGENTOPS_API_KEY="agops_nonsense")[2]
    assert "The server answers 422" in run("export", "-o", "x.csv", "--start-date", "yesterday")[2]
    assert "start_date" in run("export", "-o", "x.csv", "--start-date", "yesterday")[2]
    assert "say --format" in run("export", "-o", "x.txt")[2]
    assert "agops_" not in run("export", "-o", "x.csv", AGENTOPS_API_URL="http://127.0.0.1:9")[2]
    assert run("export", "-o", "x.csv", AGENTOPS_API_URL="http://127.0.0.1:9")[0] == 1
    assert run("import", "nowhere.csv")[0] == 1
    assert not (tmp_path / "x.csv").exists()


async def test_a_batch_that_the_server_finds_too_large_is_sent_in_halves(site: Site, tmp_path: Path) -> None:
    server = await site.start(BODY_BYTES_MAX="65536")
    owner = await join(server)
    with psycopg.connect(site.superuser_url) as admin:
        admin.execute(
            """
            INSERT INTO evaluations (project_id, created_at, id, prompt, response)
            SELECT %s, now(), gen_random_uuid(), repeat('p', CASE number WHEN 7 THEN 70000 ELSE 7000 END), ''
            FROM generate_series(1, 30) AS number
            """,
            (owner.project_id,),
        )
    url = f"http://127.0.0.1:{server.port}"
    assert agentops("export", "-o", "all.json", "--url", url, "--key", owner.key, directory=tmp_path).returncode == 0
    other = await join(server, "other@example.com")
    done = agentops("import", "all.json", "--url", url, "--key", other.key, directory=tmp_path)
    assert (done.returncode, done.stdout) == (1, "29 stored, 0 there before, 1 refused\n"), done.stderr
    assert "1 refused: larger than the server's BODY_BYTES_MAX" in done.stderr
    assert len(await listed(server, other)) == 29
