"""People register, log in, stay logged in, and leave."""

import asyncio
from datetime import timedelta
from http.cookies import SimpleCookie

import psycopg
import pytest
from agentops_api import clock
from agentops_api.auth import cache
from fastapi import FastAPI
from httpx2 import AsyncClient, Response
from tests.cast import PASSWORD, Somebody, TestDatabase, client_of

pytestmark = pytest.mark.anyio

NEWCOMER = {"email": "user@example.com", "password": "securepassword123", "full_name": "John Doe"}
LOGIN = {"email": "user@example.com", "password": "securepassword123"}
OWNER = {"email": "owner@example.com", "password": PASSWORD}
PAGE = {"Origin": "http://testserver"}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def cookie_of(answer: Response) -> dict[str, str]:
    """The refresh cookie with its attributes; without those that are not set."""
    morsel = SimpleCookie(answer.headers["set-cookie"])["agentops_refresh"]
    return {"value": morsel.value, **{name: str(value) for name, value in morsel.items() if value}}


async def test_the_first_minute_goes_as_the_readme_says(anonymous: AsyncClient) -> None:
    registered = await anonymous.post("/auth/register", json=NEWCOMER)
    assert registered.status_code == 201
    user = registered.json()
    assert set(user) == {"id", "email", "full_name", "created_at"}
    assert (user["email"], user["full_name"]) == ("user@example.com", "John Doe")

    answer = await anonymous.post("/auth/login", json=LOGIN)
    assert answer.status_code == 200
    tokens = answer.json()
    assert set(tokens) == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert (tokens["token_type"], tokens["expires_in"]) == ("bearer", 1_800)

    me = (await anonymous.get("/auth/me", headers=bearer(tokens["access_token"]))).json()
    assert me["user"] == user
    (organization,) = me["organizations"]
    assert (organization["name"], organization["role"]) == ("John Doe", "owner")
    (project,) = organization["projects"]
    assert (project["name"], project["is_default"]) == ("Default", True)


async def test_a_taken_address_is_refused_in_any_spelling(owner: Somebody, anonymous: AsyncClient) -> None:
    for email in (owner.email, "OWNER@Example.com", " owner@example.com "):
        refused = await anonymous.post("/auth/register", json=NEWCOMER | {"email": email})
        assert refused.status_code == 409
        assert owner.email not in refused.text
    assert (await anonymous.post("/auth/login", json=OWNER)).status_code == 200


BAD_REGISTRATIONS: list[tuple[dict[str, object], str]] = [
    ({"email": "nobody"}, "email"),
    ({"email": "a\x01b@example.com"}, "email"),
    ({"password": "short"}, "password"),
    ({"password": "x" * 129}, "password"),
    ({"password": "football"}, "password"),
    ({"password": ["secret-list"]}, "password"),
    ({"full_name": "a\x01b"}, "full_name"),
    ({"id": "00000000-0000-7000-8000-000000000000"}, "id"),
    ({"role": "owner"}, "role"),
    ({"is_admin": True}, "is_admin"),
    ({"created_at": "2020-01-01T00:00:00Z"}, "created_at"),
]


async def test_a_bad_registration_is_refused_by_its_field_and_never_repeated(anonymous: AsyncClient) -> None:
    for change, field in BAD_REGISTRATIONS:
        refused = await anonymous.post("/auth/register", json=NEWCOMER | change)
        assert refused.status_code == 422
        assert [error["field"] for error in refused.json()["errors"]] == [field]
        assert "securepassword123" not in refused.text
        assert "secret-list" not in refused.text
    nul = await anonymous.post("/auth/register", json=NEWCOMER | {"full_name": "a\0b"})
    assert nul.status_code == 422
    assert (await anonymous.post("/auth/login", json=LOGIN)).status_code == 401


async def test_a_body_that_is_no_object_is_a_problem_and_not_a_crash(anonymous: AsyncClient) -> None:
    bodies = (b"", b"{", b"[]", b'"x"', b"\xff\xfe", b'{"email": NaN}', b'{"email":"\\ud800@x.de"}', b"[" * 9_000)
    for body in bodies:
        for path in ("register", "login", "refresh"):
            answer = await anonymous.post(f"/auth/{path}", content=body, headers={"Content-Type": "application/json"})
            nothing_sent = path == "refresh" and not body
            assert answer.status_code in ({401} if nothing_sent else {400, 422}), (path, body)
            assert answer.headers["content-type"] == "application/problem+json"


async def test_of_two_who_register_one_address_at_once_one_does(anonymous: AsyncClient) -> None:
    answers = await asyncio.gather(*(anonymous.post("/auth/register", json=NEWCOMER) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_an_unknown_address_and_a_wrong_password_are_told_apart_by_nobody(
    owner: Somebody, anonymous: AsyncClient
) -> None:
    answers = [
        await anonymous.post("/auth/login", json={"email": email, "password": "wrong-password"})
        for email in (owner.email, "nobody@example.com")
    ]
    assert [answer.status_code for answer in answers] == [401, 401]
    first, second = (answer.json() | {"request_id": ""} for answer in answers)
    assert first == second
    assert answers[0].headers["www-authenticate"] == "Bearer"


async def test_a_password_is_compared_byte_by_byte(owner: Somebody, anonymous: AsyncClient) -> None:
    for password in (PASSWORD.upper(), PASSWORD + " ", " " + PASSWORD, PASSWORD[:-1]):
        refused = await anonymous.post("/auth/login", json={"email": owner.email, "password": password})
        assert refused.status_code == 401


@pytest.mark.usefixtures("owner")
async def test_a_browser_gets_a_cookie_that_only_the_server_reads(anonymous: AsyncClient) -> None:
    answer = await anonymous.post("/auth/login", json=OWNER)
    cookie = cookie_of(answer)
    assert cookie == {
        "value": answer.json()["refresh_token"],
        "path": "/auth",
        "max-age": "2592000",
        "httponly": "True",
        "samesite": "lax",
    }
    behind_tls = await anonymous.post("/auth/login", json=OWNER, headers={"X-Forwarded-Proto": "https"})
    assert cookie_of(behind_tls)["secure"] == "True"


async def test_each_refresh_token_works_once_and_the_second_use_ends_the_session(
    owner: Somebody, anonymous: AsyncClient
) -> None:
    async def refresh(token: str) -> Response:
        return await anonymous.post("/auth/refresh", json={"refresh_token": token})

    first = (await anonymous.post("/auth/login", json=OWNER)).json()
    anonymous.cookies.clear()
    second = (await refresh(first["refresh_token"])).json()
    third = (await refresh(second["refresh_token"])).json()
    assert (await anonymous.get("/auth/me", headers=bearer(third["access_token"]))).status_code == 200

    assert (await refresh(first["refresh_token"])).status_code == 401
    assert (await refresh(third["refresh_token"])).status_code == 401
    later = cache.monotonic() + 5
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "monotonic", lambda: later)
        for token in (first, second, third):
            answer = await anonymous.get("/auth/me", headers=bearer(token["access_token"]))
            assert answer.status_code == 401
    assert (await owner.person.get("/auth/me")).status_code == 200, "another session of the same person goes on"


@pytest.mark.usefixtures("owner")
async def test_of_two_refreshes_at_once_one_wins_and_the_session_ends(anonymous: AsyncClient) -> None:
    token = (await anonymous.post("/auth/login", json=OWNER)).json()["refresh_token"]
    anonymous.cookies.clear()
    answers = await asyncio.gather(*(anonymous.post("/auth/refresh", json={"refresh_token": token}) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]


@pytest.mark.usefixtures("owner")
async def test_a_session_ends_thirty_days_after_its_last_use(
    anonymous: AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = (await anonymous.post("/auth/login", json=OWNER)).json()["refresh_token"]
    anonymous.cookies.clear()
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(days=29))
    renewed = await anonymous.post("/auth/refresh", json={"refresh_token": token})
    assert renewed.status_code == 200
    monkeypatch.setattr(clock, "now", lambda: now + timedelta(days=60))
    expired = await anonymous.post("/auth/refresh", json={"refresh_token": renewed.json()["refresh_token"]})
    assert expired.status_code == 401


PAGES: list[tuple[dict[str, str], int]] = [
    ({}, 403),
    ({"Origin": "http://evil.example"}, 403),
    ({"Origin": "null"}, 403),
    ({"Origin": "http://testserver.evil.example", "Sec-Fetch-Site": "same-origin"}, 403),
    ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Sec-Fetch-Site": "same-site"}, 403),
    ({"Sec-Fetch-Site": "none"}, 403),
    ({"Sec-Fetch-Site": "same-origin"}, 200),
    (PAGE, 200),
    ({"Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-site"}, 200),
]


@pytest.mark.usefixtures("owner")
async def test_the_cookie_is_read_for_our_own_pages_only(anonymous: AsyncClient) -> None:
    for headers, status in PAGES:
        logged_in = await anonymous.post("/auth/login", json=OWNER)
        answer = await anonymous.post("/auth/refresh", headers=headers)
        assert answer.status_code == status, headers
        if status == 200:
            assert answer.json()["refresh_token"] is None
            assert cookie_of(answer)["value"] != logged_in.json()["refresh_token"]
        left = await anonymous.post("/auth/logout", headers=headers)
        assert left.status_code == (204 if status == 200 else 403), headers


async def test_logging_out_ends_the_session_in_whatever_way_it_is_named(
    owner: Somebody, anonymous: AsyncClient
) -> None:
    for way in ("access token", "refresh token", "cookie"):
        tokens = (await anonymous.post("/auth/login", json=OWNER)).json()
        if way != "cookie":
            anonymous.cookies.clear()
        if way == "access token":
            left = await anonymous.post("/auth/logout", headers=bearer(tokens["access_token"]))
        elif way == "refresh token":
            left = await anonymous.post("/auth/logout", json={"refresh_token": tokens["refresh_token"]})
        else:
            left = await anonymous.post("/auth/logout", headers=PAGE)
            assert cookie_of(left)["max-age"] == "0"
        assert left.status_code == 204, way
        assert (await anonymous.get("/auth/me", headers=bearer(tokens["access_token"]))).status_code == 401, way
        again = await anonymous.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
        assert again.status_code == 401, way
    assert (await owner.person.get("/auth/me")).status_code == 200, "another session goes on"
    assert (await anonymous.post("/auth/logout")).status_code == 401
    assert (await anonymous.post("/auth/logout", headers=bearer("junk"))).status_code == 401


async def test_a_new_password_ends_every_other_session(owner: Somebody, anonymous: AsyncClient) -> None:
    other = (await anonymous.post("/auth/login", json=OWNER)).json()
    anonymous.cookies.clear()
    change = {"current_password": PASSWORD, "new_password": "another-battery-staple"}

    assert (await anonymous.post("/auth/password", json=change)).status_code == 401
    wrong = await owner.person.post("/auth/password", json=change | {"current_password": "wrong-password"})
    assert wrong.status_code == 403
    common = await owner.person.post("/auth/password", json=change | {"new_password": "football"})
    assert common.status_code == 422
    assert common.json()["errors"][0]["field"] == "new_password"
    assert (await owner.person.post("/auth/password", json=change)).status_code == 204

    assert (await owner.person.get("/auth/me")).status_code == 200
    assert (await anonymous.get("/auth/me", headers=bearer(other["access_token"]))).status_code == 401
    refresh = {"refresh_token": other["refresh_token"]}
    assert (await anonymous.post("/auth/refresh", json=refresh)).status_code == 401
    assert (await anonymous.post("/auth/login", json=OWNER)).status_code == 401
    new = OWNER | {"password": "another-battery-staple"}
    assert (await anonymous.post("/auth/login", json=new)).status_code == 200
    assert (await owner.sdk.get("/evaluations")).status_code == 200, "keys are not passwords"


async def test_who_logs_in_while_the_password_changes_is_logged_out_too(
    owner: Somebody, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    change = {"current_password": PASSWORD, "new_password": "another-battery-staple"}
    async with client_of(app) as thief:
        changed, *logins = await asyncio.gather(
            owner.person.post("/auth/password", json=change),
            *(thief.post("/auth/login", json=OWNER) for _ in range(8)),
        )
        assert changed.status_code == 204
        later = cache.monotonic() + 5
        monkeypatch.setattr(cache, "monotonic", lambda: later)
        for login in logins:
            if login.status_code == 200:
                answer = await thief.get("/auth/me", headers=bearer(login.json()["access_token"]))
                assert answer.status_code == 401


async def test_what_ends_in_one_process_ends_in_the_other_within_five_seconds(
    owner: Somebody,
    another_process: FastAPI,
    database: TestDatabase,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with client_of(another_process) as elsewhere:
        tokens = [(await elsewhere.post("/auth/login", json=OWNER)).json()["access_token"] for _ in "abc"]
        for token in tokens:
            assert (await elsewhere.get("/auth/me", headers=bearer(token))).status_code == 200
        owner.person.cookies.clear()
        assert (await owner.person.post("/auth/logout", headers=bearer(tokens[0]))).status_code == 204
        with psycopg.connect(database.superuser_url) as admin:
            admin.execute("UPDATE users SET disabled_at = now() WHERE id = %s", (owner.user_id,))
        later = cache.monotonic() + 4.01
        monkeypatch.setattr(cache, "monotonic", lambda: later)
        for token in (*tokens, owner.token):
            assert (await elsewhere.get("/auth/me", headers=bearer(token))).status_code == 401
        assert (await owner.person.get("/auth/me")).status_code == 401
        assert (await elsewhere.post("/auth/login", json=OWNER)).status_code == 401


async def test_a_stranger_sees_only_themselves(owner: Somebody, stranger: Somebody) -> None:
    me = await stranger.person.get("/auth/me")
    assert me.json()["user"]["email"] == stranger.email
    for own in (owner.email, str(owner.user_id), str(owner.project_id)):
        assert own not in me.text


async def test_an_api_key_is_not_a_person(owner: Somebody, anonymous: AsyncClient) -> None:
    for headers in ({"X-API-Key": owner.key}, bearer(owner.key)):
        assert (await anonymous.get("/auth/me", headers=headers)).status_code == 401
        assert (await anonymous.get("/auth/api-keys", headers=headers)).status_code == 401


async def test_a_person_sees_where_they_are_logged_in_and_ends_it(
    owner: Somebody, stranger: Somebody, anonymous: AsyncClient
) -> None:
    phone = (await anonymous.post("/auth/login", json=OWNER, headers={"User-Agent": "phone"})).json()
    here, there = (await owner.person.get("/auth/sessions")).json()["data"][::-1]
    assert (here["is_current"], there["is_current"], there["user_agent"]) == (True, False, "phone")
    first = (await owner.person.get("/auth/sessions", params={"limit": 1})).json()
    second = (await owner.person.get("/auth/sessions", params={"cursor": first["next_cursor"]})).json()
    assert ([first["data"][0]["id"], second["data"][0]["id"]], second["has_more"]) == ([there["id"], here["id"]], False)

    for client, status in ((stranger.person, 404), (owner.sdk, 401), (anonymous, 401), (owner.person, 204)):
        assert (await client.delete(f"/auth/sessions/{there['id']}")).status_code == status
    assert (await owner.person.delete(f"/auth/sessions/{there['id']}")).status_code == 204
    assert (await anonymous.get("/auth/me", headers=bearer(phone["access_token"]))).status_code == 401
    refused = await anonymous.post("/auth/refresh", json={"refresh_token": phone["refresh_token"]})
    assert refused.status_code == 401
    assert [each["id"] for each in (await owner.person.get("/auth/sessions")).json()["data"]] == [here["id"]]
    assert (await owner.person.get("/auth/me")).status_code == 200


async def test_a_person_renames_themselves_and_nobody_else(owner: Somebody, stranger: Somebody) -> None:
    before = (await owner.person.get("/auth/me")).json()
    strangers = (await stranger.person.get("/auth/me")).json()
    for name in (" Grace Hopper ", None, "G"):
        renamed = await owner.person.patch("/auth/me", json={"full_name": name})
        assert renamed.status_code == 200, renamed.text
        assert renamed.json() == before["user"] | {"full_name": name and name.strip()}
        assert (await owner.person.get("/auth/me")).json()["user"] == renamed.json()
    assert (await stranger.person.get("/auth/me")).json() == strangers


async def test_what_is_no_name_of_a_person_is_refused(owner: Somebody) -> None:
    before = (await owner.person.get("/auth/me")).json()
    for body in (
        *({"full_name": name} for name in ("", " ", "x" * 201, "two\nlines", "nul\0", 7)),
        {},
        {"full_name": "Eve", "email": "eve@example.com"},
        {"full_name": "Eve", "disabled_at": None},
    ):
        assert (await owner.person.patch("/auth/me", json=body)).status_code == 422, body
    assert (await owner.person.get("/auth/me")).json() == before
