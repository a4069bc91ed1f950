"""Who may rename a project, and to what."""

from contextlib import AsyncExitStack
from uuid import uuid4

import psycopg
import pytest
from agentops_api.edge.runtime import Runtime
from agentops_api.projects import store
from fastapi import FastAPI
from tests.cast import Somebody, TestDatabase, somebody

pytestmark = pytest.mark.anyio

NO_NAMES: tuple[object, ...] = ("", " \t ", "x" * 201, "two\nlines", "bell\x07", "delete\x7f", None, 7, ["x"])


def path(owner: Somebody) -> str:
    return f"/api/v1/projects/{owner.project_id}"


async def name_of(owner: Somebody) -> str:
    (organization,) = (await owner.person.get("/auth/me")).json()["organizations"]
    (project,) = organization["projects"]
    return project["name"]


async def join(app: FastAPI, stack: AsyncExitStack, owner: Somebody, database: TestDatabase, role: str) -> Somebody:
    """Somebody with this role in the owner's organization."""
    colleague = await somebody(app, stack, f"{role}-of-it@example.com")
    with psycopg.connect(database.superuser_url) as admin:
        admin.execute(
            """
            INSERT INTO memberships (organization_id, user_id, role)
            SELECT organization_id, %s, %s FROM projects WHERE id = %s
            """,
            (colleague.user_id, role, owner.project_id),
        )
    return colleague


async def test_an_owner_renames_their_project_and_everything_else_of_it_stays(owner: Somebody) -> None:
    renamed = await owner.person.patch(path(owner), json={"name": "  Checkout agents – größer 🛒 "})
    assert renamed.status_code == 200, renamed.text
    assert renamed.json() == {
        "id": str(owner.project_id),
        "name": "Checkout agents – größer 🛒",
        "is_default": True,
    }
    assert await name_of(owner) == "Checkout agents – größer 🛒"
    assert (await owner.sdk.get("/evaluations")).status_code == 200, "its keys work on"


async def test_of_all_roles_only_owners_and_admins_rename(
    app: FastAPI, stack: AsyncExitStack, server: Runtime, owner: Somebody, stranger: Somebody, database: TestDatabase
) -> None:
    for role, status in (("viewer", 403), ("member", 403), ("admin", 200), ("owner", 200)):
        colleague = await join(app, stack, owner, database, role)
        before = await name_of(owner)
        answer = await colleague.person.patch(path(owner), json={"name": f"by {role}"})
        assert answer.status_code == status, role
        assert await name_of(owner) == (f"by {role}" if status == 200 else before)
        # Row level security says the same to whoever gets past the handler.
        async with server.db.as_user(colleague.user_id) as tx:
            found = await store.rename(tx, owner.project_id, f"again by {role}")
        assert (found is not None) == (status == 200), role
    for somewhere in (path(owner), f"/api/v1/projects/{uuid4()}"):
        assert (await stranger.person.patch(somewhere, json={"name": "mine"})).status_code == 404
    async with server.db.as_user(stranger.user_id) as tx:
        assert await store.rename(tx, owner.project_id, "mine") is None
    assert await name_of(owner) == "again by owner"


async def test_what_is_no_name_is_refused_and_says_why(owner: Somebody) -> None:
    for name in NO_NAMES:
        refused = await owner.person.patch(path(owner), json={"name": name})
        assert refused.status_code == 422, name
        assert refused.json()["errors"][0]["field"] == "name"
    for body in ({}, {"name": "x", "is_default": False}, {"name": "x", "organization_id": str(uuid4())}):
        assert (await owner.person.patch(path(owner), json=body)).status_code == 422, body
    assert (await owner.person.patch(path(owner), json={"name": "nul\0"})).status_code == 422
    assert await name_of(owner) == "Default"
    assert (await owner.person.patch(path(owner), json={"name": "x" * 200})).status_code == 200
