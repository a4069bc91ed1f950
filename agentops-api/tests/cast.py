"""The cast of the tests: who calls the server, and what stands behind it."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient

SECRET_KEY = "b5d1c6e0f3a94872a6f0e1d2c3b4a5968778695a4b3c2d1e0f"
PASSWORD = "correct-horse-battery"


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server with a migrated template."""

    superuser_url: str
    owner_url: str
    login_url: str
    data_dir: Path

    def url(self, database: str, *, role: str = "login") -> str:
        """The URL of one of its databases."""
        base = {"login": self.login_url, "owner": self.owner_url, "superuser": self.superuser_url}[role]
        return urlunsplit(urlsplit(base)._replace(path=f"/{database}"))


@dataclass(frozen=True, slots=True)
class TestDatabase:
    """A database of one test, made from the template."""

    __test__ = False

    name: str
    login_url: str
    owner_url: str
    superuser_url: str


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person with their project: signed in as `person`, and as the program `sdk` that holds their key."""

    email: str
    user_id: UUID
    project_id: UUID
    key: str
    token: str
    person: AsyncClient
    sdk: AsyncClient


def client_of(app: FastAPI, headers: dict[str, str] | None = None) -> AsyncClient:
    """A client of the application, without a network between."""
    transport = ASGITransport(app=app, raise_app_exceptions=False)
    return AsyncClient(transport=transport, base_url="http://testserver", headers=headers)


async def somebody(app: FastAPI, stack: AsyncExitStack, email: str) -> Somebody:
    """Registers, logs in and makes a key, as a newcomer does."""
    async with client_of(app) as newcomer:
        account = {"email": email, "password": PASSWORD}
        made = await newcomer.post("/auth/register", json=account | {"full_name": "Some Body"})
        assert made.status_code == 201, made.text
        token = (await newcomer.post("/auth/login", json=account)).json()["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        key = (await newcomer.post("/auth/api-keys", json={"name": "sdk"}, headers=bearer)).json()
    return Somebody(
        email=email,
        user_id=UUID(made.json()["id"]),
        project_id=UUID(key["project_id"]),
        key=key["key"],
        token=token,
        person=await stack.enter_async_context(client_of(app, bearer)),
        sdk=await stack.enter_async_context(client_of(app, {"X-API-Key": key["key"]})),
    )
