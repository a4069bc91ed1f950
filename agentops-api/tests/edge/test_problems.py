"""Every error is a problem document that says what to do, and never what was sent."""

import pytest
from agentops_api.edge.problems import FIELDS_MAX, problem_response, responses
from agentops_api.errors import Invalid
from fastapi import FastAPI
from httpx2 import AsyncClient, Response
from tests.edge.conftest import SECRET

pytestmark = pytest.mark.anyio


def problem(response: Response, status: int) -> dict[str, object]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert body["request_id"] == response.headers["x-request-id"]
    assert set(body) <= {"type", "title", "status", "detail", "request_id", "errors"}
    assert SECRET not in response.text
    return body


@pytest.mark.parametrize(
    ("name", "status", "kind"),
    [
        ("malformed", 400, "/problems/malformed"),
        ("unauthenticated", 401, "/problems/unauthenticated"),
        ("forbidden", 403, "/problems/forbidden"),
        ("not-found", 404, "/problems/not-found"),
        ("conflict", 409, "/problems/conflict"),
        ("too-large", 413, "/problems/too-large"),
        ("unsupported", 415, "/problems/unsupported-encoding"),
        ("invalid", 422, "/problems/invalid"),
        ("limited", 429, "/problems/too-many-requests"),
        ("unavailable", 503, "/problems/unavailable"),
        ("teapot", 418, "about:blank"),
    ],
)
async def test_each_error_has_its_status(client: AsyncClient, name: str, status: int, kind: str) -> None:
    assert problem(await client.get(f"/raise/{name}"), status)["type"] == kind


async def test_some_errors_have_their_header(client: AsyncClient) -> None:
    assert (await client.get("/raise/unauthenticated")).headers["www-authenticate"] == "Bearer"
    assert (await client.get("/raise/limited")).headers["retry-after"] == "7"
    assert (await client.get("/raise/unavailable")).headers["retry-after"] == "3"
    assert (await client.get("/raise/invalid")).json()["errors"] == [{"field": "a.b", "message": "is wrong"}]


@pytest.mark.parametrize("name", ["bug", "misconfigured"])
async def test_a_bug_is_told_to_the_log_alone(client: AsyncClient, logged: pytest.LogCaptureFixture, name: str) -> None:
    response = await client.get(f"/raise/{name}", headers={"Origin": "https://dashboard.example"})
    body = problem(response, 500)
    assert "Error" not in str(body["detail"])
    assert "Traceback" not in response.text
    # A page may read why its call failed.
    assert response.headers["access-control-allow-origin"] == "https://dashboard.example"
    (record,) = [record for record in logged.records if record.levelname == "ERROR"]
    assert record.exc_info
    assert SECRET in str(record.exc_info[1])


async def test_what_is_not_there_and_what_is_not_done(client: AsyncClient) -> None:
    problem(await client.get("/nothing"), 404)
    assert problem(await client.put("/things"), 405)
    assert (await client.put("/things")).headers["allow"] == "GET"


async def test_a_broken_body_is_named_and_not_repeated(client: AsyncClient) -> None:
    body = problem(await client.post("/accounts", json={"email": 1, "password": SECRET}), 422)
    assert [error["field"] for error in body["errors"]] == ["email", "password"]  # pyright: ignore[reportGeneralTypeIssues, reportUnknownVariableType]
    missing = await client.post("/accounts", json={"password": SECRET})
    assert problem(missing, 422)["errors"] == [
        {"field": "email", "message": "Field required"},
        {"field": "password", "message": "Input should be a valid integer, unable to parse string as an integer"},
    ]
    over = problem(await client.get("/things?limit=6"), 422)
    assert over["errors"] == [{"field": "limit", "message": "Input should be less than or equal to 5"}]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"email": "a@b.c", "password": ' + SECRET.encode(), 400),
        (b'\xef\xbb\xbf{"email": "a", "password": 1}', 400),
        (b'{"email": "\xff", "password": 1}', 400),
        (b'{"email": "a", "password": 1} x', 400),
        (b'{"email": "a\\u0000", "password": 1}', 422),
        (b'{"email": "\\ud800", "password": 1}', 400),
        (b'{"email": "a", "password": NaN}', 400),
        (b'{"email": "a", "password": 1e999}', 400),
        (b'{"email": "a", "password": ' + b"9" * 5_000 + b"}", 400),
        (b'{"email": ' + b"[" * 65 + b"]" * 65 + b"}", 422),
        (b'{"email": ' + b"[" * 100_000, 422),
        (b"", 422),
        (b"null", 422),
        (b'"' + b"x" * 2**20 + b'"', 413),
    ],
)
async def test_no_body_makes_the_server_fail(client: AsyncClient, body: bytes, status: int) -> None:
    response = await client.post("/accounts", content=body, headers={"Content-Type": "application/json"})
    problem(response, status)


def test_a_problem_names_some_places_and_not_thousands() -> None:
    error = Invalid("Wrong.", [{"field": "x" * 100_000, "message": "no"}] * 1_000)
    assert len(bytes(problem_response(error, "r").body)) < FIELDS_MAX * 300


def test_the_document_describes_problems_once(small_app: FastAPI) -> None:
    small_app.get("/documented", responses=responses(404, 429))(lambda: None)
    document = small_app.openapi()
    described = document["paths"]["/documented"]["get"]["responses"]
    schema = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    assert described["404"]["content"] == described["429"]["content"] == schema
    # FastAPI's own form of 422 is never sent, so it is not described.
    assert document["paths"]["/accounts"]["post"]["responses"]["422"]["content"] == schema
    assert "HTTPValidationError" not in str(document)
    assert document["components"]["schemas"]["FieldError"]["required"] == ["field", "message"]
