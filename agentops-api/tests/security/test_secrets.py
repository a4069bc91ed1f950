"""No secret leaves the server: a real one at DEBUG, everything done to it once, and then every byte it said is read."""

import base64
import json
from collections.abc import Generator
from hashlib import sha256
from urllib.parse import urlsplit

import psycopg
import pytest
from httpx2 import AsyncClient, Response
from tests.cast import SECRET_KEY, TestDatabase
from tests.chaos.processes import Server, Site, new_site
from tests.security.surface import operations

pytestmark = pytest.mark.anyio

PASSWORD, NEW_PASSWORD, WRONG_PASSWORD = "pass-of-the-owner-7", "next-of-the-owner-8", "wrong-of-the-owner-9"
SHORT_PASSWORD = "tiny-77"
ACCOUNT = {"email": "owner@example.com", "password": PASSWORD}


@pytest.fixture
def site() -> Generator[Site]:
    with new_site() as made:
        yield made


class Everything:
    """Does everything that can be done, well and badly, and keeps each answer."""

    def __init__(self, client: AsyncClient) -> None:
        self.client = client
        self.answers: list[Response] = []
        self.keys: list[str] = []
        self.tokens: list[str] = []

    async def send(self, method: str, path: str, **more: object) -> Response:
        answer = await self.client.request(method, path, **more)  # pyright: ignore[reportArgumentType] - json, content or headers
        self.answers.append(answer)
        return answer

    async def log_in(self, password: str = PASSWORD) -> dict[str, str]:
        pair = (await self.send("POST", "/auth/login", json=ACCOUNT | {"password": password})).json()
        self.tokens += [pair["access_token"], pair["refresh_token"]]
        return pair

    async def accounts(self) -> None:
        await self.send("POST", "/auth/register", json=ACCOUNT | {"full_name": "The Owner"})
        await self.send("POST", "/auth/register", json=ACCOUNT)
        for broken in ({"password": SHORT_PASSWORD}, {"email": PASSWORD}, {"passwort": PASSWORD}, {"full_name": 7}):
            await self.send("POST", "/auth/register", json=ACCOUNT | broken)
        await self.send("POST", "/auth/login", json=ACCOUNT | {"password": WRONG_PASSWORD})
        await self.send("POST", "/auth/login", content=json.dumps(ACCOUNT).encode()[:-1])
        await self.send("POST", "/auth/login", content=json.dumps(ACCOUNT).encode() + b"\xff")
        pair = await self.log_in()
        renewed = (await self.send("POST", "/auth/refresh", json={"refresh_token": pair["refresh_token"]})).json()
        self.tokens += [renewed["access_token"], renewed["refresh_token"]]
        await self.send("POST", "/auth/refresh", json={"refresh_token": pair["refresh_token"]})
        change = {"current_password": WRONG_PASSWORD, "new_password": NEW_PASSWORD}
        bearer = {"Authorization": f"Bearer {(await self.log_in())['access_token']}"}
        await self.send("POST", "/auth/password", json=change, headers=bearer)
        await self.send("POST", "/auth/password", json=change | {"current_password": PASSWORD}, headers=bearer)

    async def programs(self) -> None:
        bearer = {"Authorization": f"Bearer {(await self.log_in(NEW_PASSWORD))['access_token']}"}
        made: list[str] = []
        for name in ("used", "revoked"):
            key = (await self.send("POST", "/auth/api-keys", json={"name": name}, headers=bearer)).json()
            self.keys.append(key["key"])
            made.append(key["id"])
        await self.send("GET", "/auth/api-keys", headers=bearer)
        await self.send("DELETE", f"/auth/api-keys/{made[1]}", headers=bearer)
        ways: list[dict[str, str]] = [
            {"X-API-Key": self.keys[0]},
            {"Authorization": f"Bearer {self.keys[0]}"},
            {"X-API-Key": self.keys[1]},
        ]
        ways += [{"X-API-Key": self.keys[0] + "x"}, {"X-Project-Id": self.keys[0]} | bearer, bearer]
        ways += [{"X-Request-ID": self.keys[0]} | bearer, {"Cookie": f"a={self.tokens[0]}"}]
        for operation in operations():
            for headers in ways:
                path = operation.at(id=made[1])
                body = None if operation.id == "register" else operation.example
                await self.send(operation.method, path, headers=headers, json=body)
                await self.send(operation.method, f"{path}?api_key={self.keys[0]}", headers=headers, json=body)
                await self.send(operation.method, f"{path}/{self.keys[0]}", headers=headers)


async def everything(site: Site, database: TestDatabase, client: AsyncClient) -> Everything:
    done = Everything(client)
    await done.accounts()
    await done.programs()
    with psycopg.connect(database.superuser_url) as admin:
        admin.execute("ALTER TABLE evaluations RENAME TO hidden; ALTER TABLE users RENAME TO hidden_users")
    failed = [
        await done.send("GET", "/evaluations", headers={"X-API-Key": done.keys[0]}),
        await done.send("POST", "/auth/login", json=ACCOUNT | {"password": NEW_PASSWORD}),
        await done.send("POST", "/auth/register", json=ACCOUNT | {"email": "x@example.com"}),
    ]
    assert {answer.status_code for answer in failed} == {500}, "their stacks are in the log"
    assert len(done.answers) > 200
    return done


async def started(site: Site, database: TestDatabase) -> Server:
    return await site.start(
        DATABASE_URL=database.login_url,
        MIGRATION_DATABASE_URL=database.owner_url,
        LOG_LEVEL="DEBUG",
        RATE_LIMIT_PER_MINUTE="100000",
        STREAM_SECONDS_MAX="0.01",
    )


async def test_no_answer_and_no_log_line_holds_a_secret(site: Site, database: TestDatabase) -> None:
    server = await started(site, database)
    async with AsyncClient(base_url=f"http://127.0.0.1:{server.port}", timeout=60) as client:
        done = await everything(site, database, client)
    await server.stop()
    log = server.log.read_text()
    assert log.count("\n") > 200, "at DEBUG every request has its line"
    assert "Traceback" in log
    check_log(log, done, database)
    check_answers(done)


def check_log(log: str, done: Everything, database: TestDatabase) -> None:
    """No line holds any credential, or what one is recognised by."""
    url_password = urlsplit(database.login_url).password
    owner_password = urlsplit(database.owner_url).password
    assert url_password
    assert owner_password
    secrets = {PASSWORD, NEW_PASSWORD, WRONG_PASSWORD, SHORT_PASSWORD, SECRET_KEY, url_password, owner_password}
    secrets |= {*done.keys, *done.tokens} | {part for token in done.tokens for part in token.split(".")[1:]}
    secrets |= {key.removeprefix("agops_")[4:-4] for key in done.keys} | forms_of_hashes(done.keys)
    for line in log.splitlines():
        event = json.loads(line)
        for secret in secrets:
            assert secret not in line, f"{event['logger']}: {event['message']}"
        assert "$argon2" not in line
        assert "Bearer e" not in line


def check_answers(done: Everything) -> None:
    """A key is in the answer that made it, tokens in the answers that gave them, and nothing else anywhere."""
    always = {PASSWORD, NEW_PASSWORD, WRONG_PASSWORD, SHORT_PASSWORD, SECRET_KEY} | forms_of_hashes(done.keys)
    for answer in done.answers:
        request = answer.request
        where = f"{request.method} {request.url.path}"
        said = answer.text + json.dumps(dict(answer.headers))
        path = request.url.path
        made_key = path == "/auth/api-keys" and answer.status_code == 201
        gave_tokens = path in ("/auth/login", "/auth/refresh") and answer.status_code == 200
        secrets = always | set(() if made_key else done.keys) | set(() if gave_tokens else done.tokens)
        for secret in secrets:
            assert secret not in said, where
        for word in ("$argon2", "password_hash", "key_hash", "Traceback", "psycopg"):
            assert word not in said, where


def forms_of_hashes(keys: list[str]) -> set[str]:
    """The stored hashes of keys, as hexadecimal, as base64, and as Python writes bytes."""
    hashes = [sha256(key.encode()).digest() for key in keys]
    return {form for each in hashes for form in (each.hex(), base64.b64encode(each).decode(), repr(each)[2:-1])}
