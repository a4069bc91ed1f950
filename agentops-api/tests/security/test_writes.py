"""Nobody makes themselves more than they are by sending a field that is not theirs to set."""

from typing import cast
from uuid import uuid4

import psycopg
import pytest
from httpx2 import AsyncClient
from tests.cast import Somebody, TestDatabase
from tests.security.surface import Json, operations, properties

pytestmark = pytest.mark.anyio

NOT_THEIRS: Json = {
    "org_id": str(uuid4()),
    "organization_id": str(uuid4()),
    "user_id": str(uuid4()),
    "owner_id": str(uuid4()),
    "created_by": str(uuid4()),
    "project_id": str(uuid4()),
    "id": str(uuid4()),
    "role": "owner",
    "roles": ["owner"],
    "is_admin": True,
    "is_superuser": True,
    "is_active": True,
    "provider": "supabase",
    "disabled_at": None,
    "revoked_at": None,
    "created_at": "2001-01-01T00:00:00Z",
    "last_used_at": "2001-01-01T00:00:00Z",
    "password_hash": "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAA",
    "key": "agops_" + "a" * 36,
    "key_hash": "00" * 32,
    "preview": "agops_mine…mine",
    "generation": 7,
    "client_made_id": False,
    "verdicts": 1_000,
    "__proto__": {"role": "owner"},
    "constructor": {"prototype": {"role": "owner"}},
}


async def test_management_refuses_every_field_that_it_does_not_know(owner: Somebody, anonymous: AsyncClient) -> None:
    writes = [each for each in operations() if each.schema is not None and not each.telemetry]
    assert len(writes) >= 6
    for operation in writes:
        assert operation.schema is not None
        client = owner.person if operation.secured else anonymous
        for name in NOT_THEIRS.keys() - properties(operation.schema).keys():
            body = (operation.example or {}) | {name: NOT_THEIRS[name]}
            answer = await client.request(operation.method, operation.at(id=owner.project_id), json=body)
            assert answer.status_code == 422, f"{operation} takes {name}"
            assert [each["field"] for each in answer.json()["errors"]] == [name], operation
    assert (await owner.person.get("/auth/me")).status_code == 200


async def test_telemetry_ignores_every_field_that_it_does_not_know(
    owner: Somebody, stranger: Somebody, database: TestDatabase
) -> None:
    writes = [each for each in operations() if each.telemetry]
    assert {each.path for each in writes} == {"/evaluations", "/evaluations/batch", "/metrics"}
    hostile = NOT_THEIRS | {"project_id": str(stranger.project_id)}
    for operation in writes:
        assert operation.schema is not None
        assert operation.example is not None
        takes = {"id", "created_at"}
        extras = {name: value for name, value in hostile.items() if name not in takes}
        body = operation.example | extras
        if "evaluations" in body:
            body["evaluations"] = [item | extras for item in cast(list[Json], body["evaluations"])]
        answer = await owner.sdk.request(operation.method, operation.path, json=body)
        assert answer.status_code == 201, answer.text
    assert (await stranger.sdk.get("/evaluations")).json()["data"] == []
    mine = (await owner.sdk.get("/evaluations")).json()["data"]
    assert len(mine) == 4
    for evaluation in mine:
        assert not evaluation.keys() & (NOT_THEIRS.keys() - {"id", "created_at"})
        assert evaluation["metadata"] is None
    with psycopg.connect(database.superuser_url) as admin:
        found = admin.execute(
            "SELECT sum(verdicts), sum(evaluations) FROM evaluation_rollups"
            " WHERE resolution IN (0, 60) AND dims = 'all'"
        ).fetchone()
        assert found == (4, 4)
        assert admin.execute("SELECT count(*) FROM memberships WHERE role = 'owner'").fetchone() == (2,)


async def test_a_new_account_and_a_new_key_are_what_the_server_makes_them(
    anonymous: AsyncClient, owner: Somebody, database: TestDatabase
) -> None:
    account = {"email": "new@example.com", "password": "correct-horse-battery"}
    made = (await anonymous.post("/auth/register", json=account)).json()
    key = (await owner.person.post("/auth/api-keys", json={"name": "k", "scopes": ["read", "read"]})).json()
    with psycopg.connect(database.superuser_url) as admin:
        roles = admin.execute("SELECT role FROM memberships WHERE user_id = %s", (made["id"],)).fetchall()
        stored = admin.execute("SELECT project_id, created_by, scopes FROM api_keys WHERE id = %s", (key["id"],))
        assert stored.fetchone() == (owner.project_id, owner.user_id, ["read"])
    assert roles == [("owner",)], "of their own organization, and of no other"
    assert "password" not in made
