"""API keys: made, used, listed and revoked, by those who may."""

import uuid
from datetime import timedelta

import psycopg
import pytest
from agentops_api import clock
from agentops_api.app import create_app
from agentops_api.auth import cache
from agentops_api.edge.runtime import Runtime
from agentops_api.errors import Unavailable
from agentops_api.settings import Settings
from fastapi import FastAPI
from httpx2 import AsyncClient
from psycopg import sql
from tests.cast import Postgres, Somebody, TestDatabase, client_of

pytestmark = pytest.mark.anyio

EVALUATION = {"prompt": "What is the capital of France?", "response": "Paris is the capital of France."}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_a_key_is_shown_once_and_works_in_both_headers(owner: Somebody, anonymous: AsyncClient) -> None:
    made = await owner.person.post("/auth/api-keys", json={"name": "My Production Key"})
    assert made.status_code == 201
    key = made.json()
    assert {"id", "name", "key", "created_at", "is_active"} <= set(key)
    assert (key["name"], key["is_active"], key["expires_at"]) == ("My Production Key", True, None)
    assert key["scopes"] == ["ingest", "read", "write"]
    assert key["project_id"] == str(owner.project_id)
    assert key["preview"] == f"{key['key'][:10]}…{key['key'][-4:]}"

    for headers in ({"X-API-Key": key["key"]}, bearer(key["key"])):
        assert (await anonymous.post("/evaluations", json=EVALUATION, headers=headers)).status_code == 201
        assert len((await anonymous.get("/evaluations", headers=headers)).json()["data"]) > 0

    listed = await owner.person.get("/auth/api-keys")
    assert key["key"] not in listed.text
    first = listed.json()["data"][0]
    assert (first["id"], first["preview"], first["is_active"]) == (key["id"], key["preview"], True)
    assert "key" not in first
    assert "key_hash" not in first


async def test_only_a_hash_of_a_key_is_stored(owner: Somebody, database: TestDatabase) -> None:
    with psycopg.connect(database.superuser_url) as admin:
        rows = admin.execute("SELECT api_keys::text FROM api_keys").fetchall()
    assert len(rows) == 1
    assert owner.key not in rows[0][0]
    assert owner.key[10:-4] not in rows[0][0]


async def test_lists_go_page_by_page_newest_first(owner: Somebody, stranger: Somebody) -> None:
    for number in range(4):
        await owner.person.post("/auth/api-keys", json={"name": f"key {number}"})
    names: list[str] = []
    cursor: dict[str, str] = {}
    for has_more in (True, True, False):
        page = (await owner.person.get("/auth/api-keys", params={"limit": "2", **cursor})).json()
        names += [key["name"] for key in page["data"]]
        assert page["has_more"] is has_more
        assert (page["next_cursor"] is not None) is has_more
        cursor = {"cursor": page["next_cursor"]}
    assert names == ["key 3", "key 2", "key 1", "key 0", "sdk"]
    theirs = (await stranger.person.get("/auth/api-keys")).json()["data"]
    assert [key["project_id"] for key in theirs] == [str(stranger.project_id)]
    of_another = await stranger.person.get("/auth/api-keys", params={"project_id": str(owner.project_id)})
    assert of_another.json()["data"] == []
    for wrong in ({"limit": "0"}, {"limit": "501"}, {"cursor": "x"}, {"order": "asc"}):
        assert (await owner.person.get("/auth/api-keys", params=wrong)).status_code == 422


async def test_a_revoked_key_stops_working_and_stays_in_the_list(owner: Somebody, stranger: Somebody) -> None:
    (key,) = (await owner.person.get("/auth/api-keys")).json()["data"]
    path = f"/auth/api-keys/{key['id']}"
    assert (await stranger.person.delete(path)).status_code == 404
    assert (await stranger.person.delete(f"/auth/api-keys/{uuid.uuid4()}")).status_code == 404
    assert (await owner.sdk.delete(path)).status_code == 401
    assert (await owner.sdk.get("/evaluations")).status_code == 200
    for _ in range(2):
        assert (await owner.person.delete(path)).status_code == 204
    assert (await owner.sdk.get("/evaluations")).status_code == 401
    assert (await owner.sdk.post("/evaluations", json=EVALUATION)).status_code == 401
    (key,) = (await owner.person.get("/auth/api-keys")).json()["data"]
    assert key["is_active"] is False


async def test_a_key_revoked_in_one_process_stops_in_the_other_within_five_seconds(
    owner: Somebody, another_process: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with client_of(another_process, {"X-API-Key": owner.key}) as elsewhere:
        assert (await elsewhere.get("/evaluations")).status_code == 200
        (key,) = (await owner.person.get("/auth/api-keys")).json()["data"]
        await owner.person.delete(f"/auth/api-keys/{key['id']}")
        later = cache.monotonic() + 4.01
        monkeypatch.setattr(cache, "monotonic", lambda: later)
        assert (await elsewhere.get("/evaluations")).status_code == 401


async def test_a_key_expires_by_itself(
    owner: Somebody, anonymous: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.now()
    for wrong in (now - timedelta(seconds=1), now + timedelta(days=36_600)):
        refused = await owner.person.post("/auth/api-keys", json={"name": "k", "expires_at": wrong.isoformat()})
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["field"] == "expires_at"
    for text in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2027-01-01T00:00:00", "soon"):
        refused = await owner.person.post("/auth/api-keys", json={"name": "k", "expires_at": text})
        assert refused.status_code == 422, text
    tomorrow = {"name": "k", "expires_at": (now + timedelta(days=1)).isoformat()}
    key = (await owner.person.post("/auth/api-keys", json=tomorrow)).json()["key"]
    assert (await anonymous.get("/evaluations", headers=bearer(key))).status_code == 200
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(days=2))
    later = cache.monotonic() + 5
    monkeypatch.setattr(cache, "monotonic", lambda: later)
    assert (await anonymous.get("/evaluations", headers=bearer(key))).status_code == 401


@pytest.mark.parametrize("scopes", [["ingest"], ["read"], ["write"], ["write", "read", "read"]])
async def test_a_key_does_what_its_scopes_say_and_nothing_else(
    owner: Somebody, anonymous: AsyncClient, scopes: list[str]
) -> None:
    evaluation = (await owner.sdk.post("/evaluations", json=EVALUATION)).json()["id"]
    made = await owner.person.post("/auth/api-keys", json={"name": "k", "scopes": scopes})
    assert made.json()["scopes"] == sorted(set(scopes))
    key = bearer(made.json()["key"])
    for scope, answer in {
        "ingest": await anonymous.post("/evaluations", json=EVALUATION, headers=key),
        "read": await anonymous.get(f"/evaluations/{evaluation}", headers=key),
        "write": await anonymous.delete(f"/evaluations/{evaluation}", headers=key),
    }.items():
        assert (answer.status_code < 300) is (scope in scopes), scope
        assert answer.status_code in {200, 201, 204, 403}


async def test_a_viewer_reads_and_changes_nothing(owner: Somebody, viewer: Somebody, anonymous: AsyncClient) -> None:
    evaluation = (await owner.sdk.post("/evaluations", json=EVALUATION)).json()["id"]
    (key,) = (await owner.person.get("/auth/api-keys")).json()["data"]
    new = {"name": "k", "project_id": str(owner.project_id)}
    assert (await viewer.person.get(f"/evaluations/{evaluation}")).status_code == 200
    for refused in (
        await viewer.person.post("/evaluations", json=EVALUATION),
        await viewer.person.delete(f"/evaluations/{evaluation}"),
        await viewer.person.post("/auth/api-keys", json=new),
        await viewer.person.delete(f"/auth/api-keys/{key['id']}"),
    ):
        assert refused.status_code == 403
    own = await viewer.person.post("/auth/api-keys", json={"name": "in their own project"})
    assert (own.status_code, own.json()["project_id"]) == (201, str(viewer.project_id))
    ids = {key["project_id"] for key in (await viewer.person.get("/auth/api-keys")).json()["data"]}
    assert ids == {str(owner.project_id), str(viewer.project_id)}
    assert (await anonymous.get("/evaluations", headers=bearer(viewer.token))).json()["data"] == []


async def test_a_stranger_gets_no_key_and_no_look_into_the_project(owner: Somebody, stranger: Somebody) -> None:
    evaluation = (await owner.sdk.post("/evaluations", json=EVALUATION)).json()["id"]
    theirs = {"name": "k", "project_id": str(owner.project_id)}
    assert (await stranger.person.post("/auth/api-keys", json=theirs)).status_code == 404
    named = {"X-Project-Id": str(owner.project_id)}
    for client in (stranger.person, stranger.sdk):
        assert (await client.get("/evaluations", headers=named)).status_code == 404
        assert (await client.post("/evaluations", json=EVALUATION, headers=named)).status_code == 404
        assert (await client.get(f"/evaluations/{evaluation}")).status_code == 404
    own = {"X-Project-Id": str(stranger.project_id)}
    for client in (stranger.person, stranger.sdk):
        assert (await client.get("/evaluations", headers=own)).status_code == 200
        assert (await client.get("/evaluations", headers={"X-Project-Id": "mine"})).status_code == 422


async def test_nobody_and_junk_are_refused(owner: Somebody, anonymous: AsyncClient) -> None:
    junk = owner.key[:-1] + ("0" if owner.key[-1] != "0" else "1")
    for headers in (
        {},
        {"X-API-Key": ""},
        {"X-API-Key": "agops_"},
        {"X-API-Key": junk},
        {"X-API-Key": owner.token},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic b3duZXI6eA=="},
        bearer(junk),
        bearer(owner.token + "x"),
        bearer("a.b.c"),
        bearer("x" * 20_000),
    ):
        for method, path in (("GET", "/evaluations"), ("POST", "/evaluations"), ("GET", "/evaluations/stats")):
            answer = await anonymous.request(method, path, headers=headers)
            assert answer.status_code == 401, headers
            assert answer.headers["www-authenticate"] == "Bearer"


async def test_use_is_noted_once_a_minute(owner: Somebody, server: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    async def last_used() -> str | None:
        await server.authenticator.flush_last_used()
        return (await owner.person.get("/auth/api-keys")).json()["data"][0]["last_used_at"]

    assert await last_used() is None
    await owner.sdk.get("/evaluations")
    first = await last_used()
    assert first is not None
    now = clock.now()
    for seconds, noted_anew in ((30, False), (61, True)):
        monkeypatch.setattr(clock, "now", lambda seconds=seconds: now + timedelta(seconds=seconds))
        later = cache.monotonic() + 5
        monkeypatch.setattr(cache, "monotonic", lambda later=later: later)
        await owner.sdk.get("/evaluations")
        assert (await last_used() != first) is noted_anew


async def test_who_is_known_stays_known_while_the_database_is_away(
    owner: Somebody, server: Runtime, database: TestDatabase, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    authenticator = server.authenticator
    await authenticator.key(owner.key)
    user = await authenticator.token(owner.token)
    await authenticator.project_of(user, None)
    with psycopg.connect(postgres.url("postgres", role="superuser"), autocommit=True) as admin:
        name = sql.Identifier(database.name)
        admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (database.name,))
        try:
            assert (await authenticator.key(owner.key)).project_id == owner.project_id
            assert (await authenticator.project_of(await authenticator.token(owner.token), None)).role == "owner"
            later = cache.monotonic() + 5
            monkeypatch.setattr(cache, "monotonic", lambda: later)
            with pytest.raises(Unavailable):
                await authenticator.key(owner.key)
        finally:
            admin.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))


async def test_bad_credentials_are_limited_by_address(settings: Settings, owner: Somebody, server: Runtime) -> None:
    few = settings.model_copy(update={"rate_limit_per_minute": 5})
    application = create_app(few)
    async with application.router.lifespan_context(application), client_of(application) as guesser:
        statuses = [(await guesser.get("/evaluations", headers=bearer("junk"))).status_code for _ in range(7)]
        assert statuses == [401] * 5 + [429] * 2
        good = await guesser.get("/evaluations", headers={"X-API-Key": owner.key})
        assert good.status_code == 200, "who is known is counted by name"
        assert "r=4" in good.headers["ratelimit"]
        person = await guesser.get("/auth/me", headers=bearer(owner.token))
        assert "q=50" in person.headers["ratelimit-policy"]
    assert server.settings.rate_limit_per_minute > 5
