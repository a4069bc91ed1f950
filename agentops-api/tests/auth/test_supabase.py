"""Tokens of Supabase Auth, with a server that publishes keys as Supabase does."""

import contextlib
import json
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import UUID, uuid4

import jwt
import pytest
from agentops_api import clock
from agentops_api.auth import supabase as module
from agentops_api.auth.supabase import Supabase
from agentops_api.errors import Unauthenticated, Unavailable
from agentops_api.settings import Settings
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from fastapi import FastAPI
from tests.cast import client_of

pytestmark = pytest.mark.anyio

LEGACY_SECRET = "legacy-hs256-of-a-supabase-project-0123456789"
USER = UUID("8d6a1c0e-3f52-4b6c-9d8e-7a1b2c3d4e5f")


class SupabaseServer:
    """Signs tokens, and publishes the keys it signs them with."""

    def __init__(self) -> None:
        self.fetches = 0
        self.status = 200
        self.padding = 0
        self.keys: dict[str, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey] = {}
        served = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                served.fetches += 1
                body = served.jwks() if self.path == "/auth/v1/.well-known/jwks.json" else b"{}"
                self.send_response(served.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] - silent
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def close(self) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def jwks(self) -> bytes:
        entries: list[dict[str, object]] = [{"kty": "oct", "kid": "shared", "k": "c2VjcmV0", "alg": "HS256"}]
        entries.append({"kty": "EC", "kid": "broken", "crv": "P-256", "x": "", "y": ""})
        entries.append({"kty": "OKP", "kid": "other"})
        for kid, key in self.keys.items():
            name = "ES256" if isinstance(key, ec.EllipticCurvePrivateKey) else "RS256"
            algorithm = jwt.get_algorithm_by_name(name)
            public: dict[str, object] = json.loads(algorithm.to_jwk(key.public_key()))
            entries.append(public | {"kid": kid, "alg": name, "use": "sig"})
        return json.dumps({"keys": entries, "padding": "x" * self.padding}).encode()

    def claims(self, **changed: object) -> dict[str, object]:
        now = int(clock.now().timestamp())
        good: dict[str, object] = {
            "iss": f"{self.url}/auth/v1",
            "aud": "authenticated",
            "sub": str(USER),
            "role": "authenticated",
            "email": "Ada@example.com",
            "user_metadata": {"full_name": "Ada Lovelace"},
            "iat": now,
            "exp": now + 3_600,
        }
        return {name: value for name, value in (good | changed).items() if value is not ...}

    def token(self, kid: str, **changed: object) -> str:
        key = self.keys[kid]
        algorithm = "ES256" if isinstance(key, ec.EllipticCurvePrivateKey) else "RS256"
        return jwt.encode(self.claims(**changed), key, algorithm=algorithm, headers={"kid": kid})


@pytest.fixture
def project() -> Generator[SupabaseServer]:
    server = SupabaseServer()
    server.keys["es"] = ec.generate_private_key(ec.SECP256R1())
    server.keys["rs"] = rsa.generate_private_key(65_537, 2_048)
    yield server
    server.close()


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def monotonic(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "monotonic", clock)
    return clock


async def test_both_kinds_of_signatures_are_good_and_the_keys_are_fetched_once(project: SupabaseServer) -> None:
    async with Supabase(project.url + "/") as supabase:
        for kid in ("es", "rs", "es"):
            holder = await supabase.read(project.token(kid))
            assert (holder.sub, holder.email, holder.full_name) == (USER, "Ada@example.com", "Ada Lovelace")
    assert project.fetches == 1


async def test_legacy_tokens_need_the_legacy_secret(project: SupabaseServer) -> None:
    token = jwt.encode(project.claims(), LEGACY_SECRET, algorithm="HS256")
    async with Supabase(project.url, legacy_secret=LEGACY_SECRET) as supabase:
        assert (await supabase.read(token)).sub == USER
    async with Supabase(project.url) as supabase:
        with pytest.raises(Unauthenticated):
            await supabase.read(token)
    assert project.fetches == 0


async def test_every_other_token_is_refused(project: SupabaseServer) -> None:
    now = int(clock.now().timestamp())
    foreign = ec.generate_private_key(ec.SECP256R1())
    header = {"kid": "es"}
    refused = {
        "not a token": "a.b.c",
        "nothing": "",
        "another's key": jwt.encode(project.claims(), foreign, algorithm="ES256", headers=header),
        "our key under another kind": project.token("rs").replace(project.token("rs").split(".")[2], "AAAA"),
        "no kid": jwt.encode(project.claims(), project.keys["es"], algorithm="ES256"),
        "an unknown kid": jwt.encode(project.claims(), foreign, algorithm="ES256", headers={"kid": "x"}),
        "the shared key that everybody can read": jwt.encode(
            project.claims(), "secret" * 6, algorithm="HS256", headers={"kid": "shared"}
        ),
        "expired": project.token("es", exp=now - 61),
        "without expiry": project.token("es", exp=...),
        "not yet": project.token("es", nbf=now + 100),
        "another project's": project.token("es", iss="https://other.supabase.co/auth/v1"),
        "another audience": project.token("es", aud="anon"),
        "without audience": project.token("es", aud=...),
        "without subject": project.token("es", sub=...),
        "a subject that is no id": project.token("es", sub="ada"),
        "a subject that is a number": project.token("es", sub=1),
        "too long": project.token("es", extra="x" * 9_000),
    }
    async with Supabase(project.url, legacy_secret=LEGACY_SECRET) as supabase:
        accepted: list[str] = []
        for name, token in refused.items():
            with contextlib.suppress(Unauthenticated):
                await supabase.read(token)
                accepted.append(name)
        assert accepted == []
    assert project.fetches == 1


async def test_what_people_write_about_themselves_does_no_harm(project: SupabaseServer) -> None:
    async with Supabase(project.url) as supabase:
        for metadata in (None, {}, {"full_name": 7}, {"full_name": "a\0b"}, {"full_name": ""}, {"full_name": [1]}):
            assert (await supabase.read(project.token("es", user_metadata=metadata))).full_name is None
        long = await supabase.read(project.token("es", user_metadata={"full_name": "x" * 900}))
        assert long.full_name == "x" * 200


async def test_a_flood_of_unknown_keys_makes_one_request_a_minute(project: SupabaseServer, monotonic: Clock) -> None:
    foreign = ec.generate_private_key(ec.SECP256R1())
    async with Supabase(project.url) as supabase:
        for second in range(180):
            monotonic.now = 1_000.0 + second
            for _ in range(3):
                token = jwt.encode(project.claims(), foreign, algorithm="ES256", headers={"kid": uuid4().hex})
                with pytest.raises(Unauthenticated):
                    await supabase.read(token)
            assert project.fetches <= 1 + second // 60
        assert project.fetches == 3


async def test_a_rotated_key_is_good_within_a_minute_and_a_withdrawn_one_bad_within_ten(
    project: SupabaseServer, monotonic: Clock
) -> None:
    async with Supabase(project.url) as supabase:
        old = project.token("es")
        await supabase.read(old)
        project.keys["new"] = ec.generate_private_key(ec.SECP256R1())
        del project.keys["es"]
        with pytest.raises(Unauthenticated):
            await supabase.read(project.token("new"))
        assert (await supabase.read(old)).sub == USER
        monotonic.now += 60
        assert (await supabase.read(project.token("new"))).sub == USER
        with pytest.raises(Unauthenticated):
            await supabase.read(old)
    assert project.fetches == 2


async def test_while_supabase_is_away_the_known_keys_stay_good(project: SupabaseServer, monotonic: Clock) -> None:
    async with Supabase(project.url) as supabase:
        await supabase.read(project.token("es"))
        project.status = 500
        monotonic.now += 3_600
        assert (await supabase.read(project.token("es"))).sub == USER
        assert (await supabase.read(project.token("rs"))).sub == USER
    assert project.fetches == 2


@pytest.mark.parametrize(("status", "padding"), [(500, 0), (302, 0), (200, 70_000)])
async def test_without_any_keys_nobody_can_tell(project: SupabaseServer, status: int, padding: int) -> None:
    project.status, project.padding = status, padding
    async with Supabase(project.url) as supabase:
        for _ in range(3):
            with pytest.raises(Unavailable):
                await supabase.read(project.token("es"))
    assert project.fetches == 1


@pytest.fixture
def settings(settings: Settings, project: SupabaseServer) -> Settings:
    return settings.model_copy(update={"supabase_url": project.url})


async def test_a_person_of_supabase_finds_an_account_and_a_project(app: FastAPI, project: SupabaseServer) -> None:
    async with client_of(app, {"Authorization": f"Bearer {project.token('es')}"}) as ada:
        me = (await ada.get("/auth/me")).json()
        assert me["user"]["id"] == str(USER)
        assert me["user"]["email"] == "ada@example.com"
        assert me["user"]["full_name"] == "Ada Lovelace"
        (organization,) = me["organizations"]
        assert organization["role"] == "owner"
        assert [each["is_default"] for each in organization["projects"]] == [True]
        made = await ada.post("/auth/api-keys", json={"name": "sdk"})
        assert made.status_code == 201
        async with client_of(app, {"X-API-Key": made.json()["key"]}) as sdk:
            assert (await sdk.get("/evaluations")).status_code == 200
        again = await ada.get("/auth/me")
        assert again.json() == me
        assert (await ada.post("/auth/logout")).status_code == 409
        change = {"current_password": "x", "new_password": "correct-horse-battery"}
        assert (await ada.post("/auth/password", json=change)).status_code == 409


async def test_an_address_that_moves_on_at_supabase_takes_no_account_along(
    app: FastAPI, project: SupabaseServer
) -> None:
    newcomer = uuid4()
    async with client_of(app) as client:

        async def me(**claims: object) -> dict[str, dict[str, str]]:
            bearer = {"Authorization": f"Bearer {project.token('es', **claims)}"}
            return (await client.get("/auth/me", headers=bearer)).json()

        assert (await me())["user"]["email"] == "ada@example.com"
        assert (await me(sub=str(newcomer)))["user"] | {"created_at": ""} == {
            "id": str(newcomer),
            "email": "ada@example.com",
            "full_name": "Ada Lovelace",
            "created_at": "",
        }
        moved = await me(email="countess@example.com")
        assert (moved["user"]["id"], moved["user"]["email"]) == (str(USER), "countess@example.com")
        by_telephone = await me(sub=str(uuid4()), email="")
        assert by_telephone["user"]["email"].endswith("@supabase.invalid")


async def test_a_token_of_supabase_opens_no_account_with_a_password(app: FastAPI, project: SupabaseServer) -> None:
    async with client_of(app) as client:
        account = {"email": "ada@example.com", "password": "correct-horse-battery"}
        registered = (await client.post("/auth/register", json=account)).json()
        for sub, status in ((registered["id"], 401), (str(USER), 200)):
            bearer = {"Authorization": f"Bearer {project.token('es', sub=sub)}"}
            answer = await client.get("/auth/me", headers=bearer)
            assert answer.status_code == status
            if status == 200:
                assert answer.json()["user"]["id"] == str(USER) != registered["id"]
