"""Evaluations come in: one, many, again, and broken."""

import asyncio
import gzip
from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from agentops_api import clock, ids
from agentops_api.edge.runtime import Runtime
from httpx2 import AsyncClient
from tests.cast import Somebody, TestDatabase

pytestmark = pytest.mark.anyio

SEED = {
    "prompt": "What is the capital of France?",
    "response": "Paris is the capital of France.",
    "semantic_drift": 0.12,
    "uncertainty": 0.0,
    "factual_support": 0.95,
    "hallucination_probability": 0.08,
    "hallucinated": False,
    "latency_sec": 0.42,
    "throughput_qps": 2.38,
    "mode": "self-check",
    "model_name": "gpt-4o-mini",
    "agent_name": "qa_assistant",
}
FULL = SEED | {
    "retrieved_docs": ["Paris is the capital.", "Ünïcode \u2603 \U0001f680"],
    "session_id": "s-1",
    "metadata": {"release": "1.2", "n": 3, "ratio": 0.5, "beta": True, "nothing": None, "__proto__": "x", "a.b": "y"},
}


async def total(client: AsyncClient) -> int:
    return (await client.get("/evaluations/stats")).json()["total_evaluations"]


async def test_nobody_stores_nothing(anonymous: AsyncClient) -> None:
    for path in ("/evaluations/", "/evaluations/batch", "/metrics"):
        answer = await anonymous.post(path, json=SEED)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"


async def test_the_published_example_is_stored_as_it_was_sent(sdk: AsyncClient) -> None:
    created = await sdk.post("/evaluations/", json=FULL)
    assert created.status_code == 201
    answer = created.json()
    assert set(answer) == {"id", "created_at", "status"}
    assert answer["status"] == "created"
    stored = (await sdk.get(f"/evaluations/{answer['id']}")).json()
    unjudged = dict.fromkeys(("claims", "status", "scoring", "detector"))
    assert stored == FULL | unjudged | {"id": answer["id"], "created_at": answer["created_at"]}


async def test_a_bearer_key_and_a_signed_in_person_may_store_too(owner: Somebody, anonymous: AsyncClient) -> None:
    by_bearer = await anonymous.post("/evaluations/", json=SEED, headers={"Authorization": f"Bearer {owner.key}"})
    by_person = await owner.person.post("/evaluations/", json=SEED)
    assert (by_bearer.status_code, by_person.status_code) == (201, 201)
    assert await total(owner.sdk) == 2


async def test_a_viewer_and_a_reading_key_store_nothing(
    viewer: Somebody, owner: Somebody, anonymous: AsyncClient
) -> None:
    assert (await viewer.person.post("/evaluations/", json=SEED)).status_code == 403
    key = (await owner.person.post("/auth/api-keys", json={"name": "reader", "scopes": ["read"]})).json()["key"]
    assert (await anonymous.post("/evaluations/", json=SEED, headers={"X-API-Key": key})).status_code == 403
    assert await total(owner.sdk) == 0


async def test_the_sdk_0_2_path_answers_as_that_sdk_reads(sdk: AsyncClient) -> None:
    answer = await sdk.post("/metrics", json=SEED)
    assert answer.status_code == 201
    assert set(answer.json()) == {"eval_id", "status", "message"}
    assert (await sdk.get(f"/evaluations/{answer.json()['eval_id']}")).status_code == 200


@pytest.mark.parametrize("id", [str(uuid4()), str(ids.new())], ids=["uuid4", "uuid7"])
async def test_a_retry_with_the_same_id_stores_nothing_twice(sdk: AsyncClient, id: str) -> None:
    first = await sdk.post("/evaluations/", json=SEED | {"id": id})
    retry = await sdk.post("/evaluations/", json=SEED | {"id": id})
    assert (first.status_code, retry.status_code) == (201, 201)
    assert retry.json() == first.json() | {"status": "duplicate"}
    assert await total(sdk) == 1


async def test_a_retry_of_an_id_that_the_server_made_stores_nothing_twice(sdk: AsyncClient) -> None:
    made = (await sdk.post("/evaluations/", json=SEED)).json()
    retry = await sdk.post("/evaluations/", json=SEED | {"id": made["id"]})
    assert retry.json() == made | {"status": "duplicate"}
    assert await total(sdk) == 1


async def test_an_idempotency_key_makes_a_retry_harmless(sdk: AsyncClient) -> None:
    headers = {"Idempotency-Key": "order-17"}
    first = await sdk.post("/evaluations/", json=SEED, headers=headers)
    retry = await sdk.post("/evaluations/", json=SEED, headers=headers)
    other = await sdk.post("/evaluations/", json=SEED, headers={"Idempotency-Key": "order-18"})
    assert retry.json() == first.json() | {"status": "duplicate"}
    assert other.json()["id"] != first.json()["id"]
    refused = await sdk.post("/evaluations/", json=SEED, headers={"Idempotency-Key": "x" * 256})
    assert refused.status_code == 422


async def test_two_projects_may_use_the_same_id(owner: Somebody, stranger: Somebody) -> None:
    body = SEED | {"id": str(uuid4())}
    answers = [await each.sdk.post("/evaluations/", json=body) for each in (owner, stranger)]
    assert [answer.json()["status"] for answer in answers] == ["created", "created"]


async def test_the_same_batch_five_times_at_once_is_stored_once(sdk: AsyncClient, server: Runtime) -> None:
    batch = {"evaluations": [SEED | {"id": str(uuid4())} for _ in range(100)]}
    answers = await asyncio.gather(*[sdk.post("/evaluations/batch", json=batch) for _ in range(5)])
    assert [answer.status_code for answer in answers] == [201] * 5
    assert sum(answer.json()["created"] for answer in answers) == 100
    assert sum(answer.json()["duplicates"] for answer in answers) == 400
    ids_of = [[result["id"] for result in answer.json()["results"]] for answer in answers]
    assert all(each == ids_of[0] for each in ids_of)
    assert await total(sdk) == 100


async def test_a_bad_item_never_sinks_the_others(sdk: AsyncClient) -> None:
    items: list[object] = [dict(SEED) for _ in range(100)]
    items[17] = SEED | {"semantic_drift": 7}
    items[40] = "not an evaluation"
    items[41] = SEED | {"created_at": "1976-01-01T00:00:00Z"}
    items[42] = SEED | {"metadata": {"secret-name": {"deep": 1}}}
    answer = await sdk.post("/evaluations/batch", json={"evaluations": items})
    assert answer.status_code == 207
    read = answer.json()
    assert (read["created"], read["duplicates"], read["rejected"]) == (96, 0, 4)
    rejected = {result["index"]: result for result in read["results"] if result["status"] == "rejected"}
    assert set(rejected) == {17, 40, 41, 42}
    assert all(result["id"] is None and result["error"] for result in rejected.values())
    assert "semantic_drift" in rejected[17]["error"]
    assert "created_at" in rejected[41]["error"]
    assert "secret-name" not in answer.text
    assert await total(sdk) == 96


async def test_an_id_that_comes_twice_in_one_batch_is_stored_once(sdk: AsyncClient) -> None:
    twice = SEED | {"id": str(uuid4())}
    answer = await sdk.post("/evaluations/batch", json={"evaluations": [twice, SEED, twice]})
    assert [result["status"] for result in answer.json()["results"]] == ["created", "created", "duplicate"]
    assert await total(sdk) == 2


@pytest.mark.parametrize("body", [{}, {"evaluations": []}, {"evaluations": [SEED] * 1001}, {"evaluations": 3}, [SEED]])
async def test_what_is_no_batch_is_refused_whole(sdk: AsyncClient, body: object) -> None:
    assert (await sdk.post("/evaluations/batch", json=body)).status_code == 422
    assert await total(sdk) == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b'{"prompt": "p", "response": "r"} trailing', 400),
        (b'\xef\xbb\xbf{"prompt": "p", "response": "r"}', 400),
        (b'{"prompt": "\xff", "response": "r"}', 400),
        (b'{"prompt": "\\ud800", "response": "r"}', 400),
        (b'{"prompt": "p", /* no */ "response": "r"}', 400),
        (b'{"prompt": "p", "response": "r", "latency_sec": NaN}', 422),
        (b'{"prompt": "p", "response": "r", "latency_sec": 1e999}', 422),
        (b'{"prompt": "p", "response": "r", "semantic_drift": -Infinity}', 422),
        (b'{"prompt": "p", "response": "r", "semantic_drift": ' + b"9" * 5000 + b"}", 400),
        (b'{"prompt": "p", "response": "r", "latency_sec": "a lot"}', 422),
        (b'["prompt"]', 422),
        (b"null", 422),
        (b'{"prompt": "p", "response": "r", "x": ' + b"[" * 65 + b"]" * 65 + b"}", 422),
        (b'{"prompt": "p", "response": "r", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 422),
    ],
)
async def test_hostile_json_gets_a_clear_error(sdk: AsyncClient, body: bytes, status: int) -> None:
    for path, sent in (("/evaluations/", body), ("/evaluations/batch", b'{"evaluations": [' + body + b"]}")):
        answer = await sdk.post(path, content=sent, headers={"Content-Type": "application/json"})
        if path == "/evaluations/":
            assert answer.status_code == status, answer.text
            assert answer.headers["content-type"] == "application/problem+json"
        else:
            assert answer.status_code in (207, 400, 422), answer.text
    assert await total(sdk) == 0


async def test_duplicate_keys_and_2_to_the_64_are_taken_as_json_readers_do(sdk: AsyncClient) -> None:
    body = b'{"prompt": "first", "prompt": "last", "response": "r", "metadata": {"big": 18446744073709551616}}'
    made = (await sdk.post("/evaluations/", content=body)).json()
    stored = (await sdk.get(f"/evaluations/{made['id']}")).json()
    assert stored["prompt"] == "last"
    assert stored["metadata"] == {"big": 18446744073709551616}


async def test_nul_becomes_the_replacement_character_everywhere(sdk: AsyncClient) -> None:
    body = (
        b'{"prompt": "a\\u0000b", "response": "literal \\\\u0000", "agent_name": "\\u0000", '
        b'"retrieved_docs": ["\\u0000"], "metadata": {"k\\u0000": "\\u0000"}}'
    )
    made = (await sdk.post("/evaluations/", content=body)).json()
    stored = (await sdk.get(f"/evaluations/{made['id']}")).json()
    assert stored["prompt"] == "a\ufffdb"
    assert stored["response"] == "literal \\u0000"
    assert stored["agent_name"] == "\ufffd"
    assert stored["retrieved_docs"] == ["\ufffd"]
    assert stored["metadata"] == {"k\ufffd": "\ufffd"}


async def test_gzip_is_read(sdk: AsyncClient) -> None:
    packed = gzip.compress(b'{"prompt": "p", "response": "r"}')
    assert (await sdk.post("/evaluations/", content=packed, headers={"Content-Encoding": "gzip"})).status_code == 201


async def test_what_the_database_refuses_fails_alone(sdk: AsyncClient, database: TestDatabase) -> None:
    with psycopg.connect(database.superuser_url) as admin:
        admin.execute("ALTER TABLE evaluations ADD CONSTRAINT poison CHECK (prompt <> 'poison')")
    items = [SEED | {"prompt": "poison" if n in (3, 64) else "fine"} for n in range(100)]
    alone, batch = await asyncio.gather(
        sdk.post("/evaluations/", json=SEED), sdk.post("/evaluations/batch", json={"evaluations": items})
    )
    assert alone.status_code == 201
    assert batch.status_code == 207
    assert [result["index"] for result in batch.json()["results"] if result["status"] == "rejected"] == [3, 64]
    assert (await sdk.post("/evaluations/", json=SEED | {"prompt": "poison"})).status_code == 422
    assert await total(sdk) == 99


async def test_an_evaluation_of_every_accepted_age_finds_a_partition(sdk: AsyncClient, database: TestDatabase) -> None:
    made = [ids.new(at) for at in (clock.now() - timedelta(days=29), clock.now() + timedelta(minutes=59))]
    for id in made:
        assert (await sdk.post("/evaluations/", json=SEED | {"id": str(id)})).status_code == 201
    with psycopg.connect(database.superuser_url) as admin:
        rows = admin.execute("SELECT id FROM evaluations WHERE tableoid::regclass::text LIKE '%default'").fetchall()
        times = dict[UUID, object](admin.execute("SELECT id, created_at FROM evaluations").fetchall())
    assert rows == []
    assert times == {id: ids.time_of(id) for id in made}


async def test_a_batch_larger_than_a_socket_takes_at_once_is_stored(sdk: AsyncClient) -> None:
    items = [{"prompt": f"{n} " * 450_000, "response": "r"} for n in range(9)]
    answer = await sdk.post("/evaluations/batch", json={"evaluations": items})
    assert answer.status_code == 201, answer.text
    stored = await sdk.get(f"/evaluations/{answer.json()['results'][8]['id']}")
    assert stored.json()["prompt"] == items[8]["prompt"]
