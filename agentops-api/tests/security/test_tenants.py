"""Whatever a stranger sends anywhere, nothing of another project is seen, changed, or even told to exist."""

import json
import re
from uuid import uuid4

import pytest
from httpx2 import AsyncClient, Response
from tests.cast import Somebody
from tests.security.surface import Operation, operations, with_ids

pytestmark = pytest.mark.anyio

MARK = "belongs-to-the-owner"
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_BY_THE_CLOCK = re.compile(r"\"(?:p_value|effect)\":[^,]*,")


class Owned:
    """What the owner has, and how it looks to them."""

    def __init__(self, owner: Somebody) -> None:
        self._owner = owner
        self.ids: set[str] = set()
        self.evaluation_id = str(uuid4())
        self.cursors: set[str] = set()

    async def fill(self) -> None:
        """Stores something of everything, and takes in every id and cursor that the owner can read."""
        names = ("agent_name", "model_name", "mode", "session_id")
        evaluation = {"prompt": MARK, "response": MARK} | dict.fromkeys(names, MARK)
        stored = [{**evaluation, "id": self.evaluation_id}, evaluation, evaluation]
        assert (await self._owner.sdk.post("/evaluations/batch", json={"evaluations": stored})).status_code == 201
        for name in (MARK, f"another {MARK}"):
            assert (await self._owner.person.post("/auth/api-keys", json={"name": name})).status_code == 201
        for text in await self.look():
            self.ids |= set(_UUID.findall(text))
        for path in ("/evaluations?limit=1", "/auth/api-keys?limit=1"):
            page = (await self._owner.person.get(path)).json()
            self.cursors.add(page["next_cursor"])
        assert self.evaluation_id in self.ids
        assert str(self._owner.project_id) in self.ids
        assert len(self.ids) >= 8

    async def look(self) -> list[str]:
        """All that the owner can read without naming anything."""
        reads = [operation for operation in operations() if operation.method == "GET" and operation.secured]
        answers = [await self._owner.person.get(each.path) for each in reads if not each.path_params]
        assert len(answers) >= 4
        # How likely chance explains a change depends on how much time has passed.
        return [_BY_THE_CLOCK.sub("", answer.text) for answer in answers if answer.status_code == 200]

    def check_nothing_of_it_in(self, answer: Response, *, sent: str, where: str) -> None:
        """The answer may repeat what the stranger sent, and else nothing of the owner."""
        text = answer.text + json.dumps(dict(answer.headers))
        assert answer.status_code < 500, f"{where}: {answer.status_code} {text}"
        for secret in {MARK, *self.ids, *self.cursors} - {sent}:
            assert secret not in text, f"{where} shows {secret}"


@pytest.fixture
async def owned(owner: Somebody) -> Owned:
    things = Owned(owner)
    await things.fill()
    return things


def clients(somebody: Somebody, operation: Operation) -> list[AsyncClient]:
    return [somebody.person, somebody.sdk] if operation.sdk else [somebody.person]


async def send(client: AsyncClient, operation: Operation, path: str, **more: object) -> Response:
    body = more.pop("body", operation.example)
    return await client.request(operation.method, path, json=body, **more)  # pyright: ignore[reportArgumentType] - params or headers


async def test_a_stranger_naming_the_owners_things_in_the_path_finds_nothing(owned: Owned, stranger: Somebody) -> None:
    named = [operation for operation in operations() if operation.path_params]
    assert named
    before = await owned.look()
    for operation in named:
        for client in clients(stranger, operation):
            for id in owned.ids:
                path = operation.at(**dict.fromkeys(operation.path_params, id))
                answer = await send(client, operation, path)
                assert answer.status_code == 404, f"{operation} {id}"
                owned.check_nothing_of_it_in(answer, sent=id, where=str(operation))
    assert await owned.look() == before


async def test_what_is_not_yours_looks_like_what_is_not_there(owned: Owned, stranger: Somebody) -> None:
    def without_request_id(answer: Response) -> dict[str, object]:
        return answer.json() | {"request_id": None}

    for operation in operations():
        if operation.path_params:
            foreign, absent = [
                await send(stranger.person, operation, operation.at(id=id))
                for id in (owned.evaluation_id, str(uuid4()))
            ]
            assert without_request_id(foreign) == without_request_id(absent), operation


async def test_a_stranger_naming_the_owners_things_in_the_query_finds_nothing(owned: Owned, stranger: Somebody) -> None:
    asked = 0
    for operation in (operation for operation in operations() if operation.secured):
        for client in clients(stranger, operation):
            for name in operation.query_params:
                for value in {MARK, *owned.ids, *owned.cursors}:
                    answer = await send(client, operation, operation.at(), params={name: value})
                    owned.check_nothing_of_it_in(answer, sent=value, where=f"{operation} ?{name}=")
                    asked += answer.status_code == 200
    assert asked > 100, "some of these values are ones that the routes take"


async def test_a_stranger_naming_the_owners_project_in_a_header_finds_nothing(
    owned: Owned, stranger: Somebody, owner: Somebody
) -> None:
    before = await owned.look()
    header = {"X-Project-Id": str(owner.project_id)}
    for operation in (operation for operation in operations() if operation.secured and operation.id != "logout"):
        for client in clients(stranger, operation):
            for id in (owned.evaluation_id, str(uuid4())):
                path = operation.at(**dict.fromkeys(operation.path_params, id))
                answer = await send(client, operation, path, headers=header)
                owned.check_nothing_of_it_in(answer, sent=header["X-Project-Id"], where=str(operation))
                if operation.sdk:
                    assert answer.status_code == 404, operation
    assert await owned.look() == before


async def test_a_stranger_naming_the_owners_things_in_a_body_gets_nothing(owned: Owned, stranger: Somebody) -> None:
    before = await owned.look()
    sent = 0
    for operation in (operation for operation in operations() if operation.schema):
        assert operation.schema is not None
        for client in clients(stranger, operation):
            for id in owned.ids:
                for body in with_ids(operation.schema, operation.example or {}, id):
                    answer = await send(client, operation, operation.at(), body=body)
                    owned.check_nothing_of_it_in(answer, sent=id, where=str(operation))
                    sent += 1
    assert sent > 30
    assert await owned.look() == before


async def test_an_id_that_the_owner_took_is_free_for_the_stranger(owned: Owned, stranger: Somebody) -> None:
    """To be told that it exists elsewhere would be to be told of the owner."""
    body = {"id": owned.evaluation_id, "prompt": "mine", "response": "mine"}
    answer = await stranger.sdk.post("/evaluations", json=body)
    assert (answer.status_code, answer.json()["status"]) == (201, "created")
    assert (await stranger.sdk.get(f"/evaluations/{owned.evaluation_id}")).json()["prompt"] == "mine"
    assert (await stranger.sdk.delete(f"/evaluations/{owned.evaluation_id}")).status_code == 204


async def test_a_viewer_changes_nothing(owned: Owned, viewer: Somebody, owner: Somebody) -> None:
    before = await owned.look()
    keys = (await owner.person.get("/auth/api-keys")).json()["data"]
    for operation in (each for each in operations() if each.sdk and each.scope != "read"):
        path = operation.at(id=owned.evaluation_id)
        assert (await send(viewer.person, operation, path)).status_code == 403, operation
    for key in keys:
        assert (await viewer.person.delete(f"/auth/api-keys/{key['id']}")).status_code == 403
    made = {"name": "sneaked in", "project_id": str(owner.project_id)}
    assert (await viewer.person.post("/auth/api-keys", json=made)).status_code == 403
    assert await owned.look() == before
    assert MARK in (await viewer.person.get("/evaluations")).text
