"""Every route: who may call it, with and without a slash, and with a query that it does not know."""

from uuid import uuid4

import jwt
import pytest
from agentops_api.auth.models import new_key
from agentops_api.evaluations.models import EXAMPLE
from httpx2 import AsyncClient, Response
from tests.cast import Somebody
from tests.security.surface import Operation, operations, routes

pytestmark = pytest.mark.anyio

OPEN_TO_ALL = {
    "GET /",
    "GET /app",
    "GET /app/{path}",
    "GET /docs",
    "GET /docs/assets/{name}",
    "GET /health",
    "GET /health/db",
    "GET /health/live",
    "GET /health/ready",
    "GET /openapi.json",
    "GET /redoc",
    "POST /auth/login",
    "POST /auth/register",
}
PROVE_THEMSELVES = {"POST /auth/refresh", "POST /auth/logout"}
"""Their credential is the refresh token, in the body or the cookie."""
NOWHERE = [
    "/nothing", "/auth", "/evaluations/a/b", "/%2fevaluations", "/evaluations//", "/EVALUATIONS", "/evaluations;x=1",
    "/docs/assets/..%2f..%2fpages.py", "/docs/assets/%2e%2e/docs.js", "/docs/assets/..%5c..%5cpages.py",
    "/docs/assets/docs.js%00.css", "/docs/assets/%252e%252e%252fpages.py", "/..%2f..%2fetc/passwd",
    "/app/..%2f..%2fpages.py", "/app/assets/..%5c..%5cindex.html", "/app/%252e%252e%252fpages.py", "/app/index.html.br",
    "/app/.built-from", "/app/assets/none.js", "/app/assets/%2e%2e/theme.js", "/app/x%00.js", "/app//etc/passwd",
    "/evaluations/%00", "/%c0%ae%c0%ae/etc/passwd", "/.env", "/.git/config", "/metrics/../auth/me",
]  # fmt: skip
BODIES = {str(operation): operation.example for operation in operations()}


async def call(client: AsyncClient, route: str, *, suffix: str = "", headers: dict[str, str] | None = None) -> Response:
    method, path = route.split(" ")
    path = path.format(id=uuid4(), name="docs.js", path="evaluations", session_id="s") + suffix
    return await client.request(method, path, json=BODIES.get(route), headers=headers)


async def test_nobody_gets_beyond_the_routes_that_are_for_all(anonymous: AsyncClient) -> None:
    registered = await call(anonymous, "POST /auth/register")
    assert registered.status_code == 201
    statuses = {route: (await call(anonymous, route)).status_code for route in routes() - {"POST /auth/register"}}
    assert {route for route, status in statuses.items() if status != 401} | {"POST /auth/register"} == OPEN_TO_ALL
    # The dashboard says so where it is not built.
    assert {status for route, status in statuses.items() if route in OPEN_TO_ALL} <= {200, 503}
    assert {route for route, status in statuses.items() if status == 503} <= {"GET /app", "GET /app/{path}"}


async def test_the_document_says_which_routes_need_a_credential() -> None:
    secured = {str(operation) for operation in operations() if operation.secured}
    assert {str(operation) for operation in operations()} - secured <= OPEN_TO_ALL | PROVE_THEMSELVES
    assert not secured & OPEN_TO_ALL


async def test_the_document_leaves_out_nothing_but_the_pages() -> None:
    documented = {str(operation) for operation in operations()}
    assert documented <= routes()
    pages = {"GET /app", "GET /app/{path}", "GET /docs", "GET /docs/assets/{name}", "GET /redoc"}
    assert routes() - documented == pages | {"GET /openapi.json"}


async def test_what_is_no_credential_opens_nothing(anonymous: AsyncClient) -> None:
    for headers in (
        {"X-API-Key": "agops_" + "a" * 36},
        {"X-API-Key": new_key()},
        {"X-API-Key": ""},
        {"Authorization": f"Bearer {new_key()}"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer a.b.c"},
        {"Authorization": "Basic dXNlcjpwYXNz"},
        {"Authorization": f"Bearer {jwt.encode({'sub': str(uuid4())}, 'k' * 32)}"},
        {"Cookie": "agentops_refresh=a.b.c"},
        {"Cookie": "access_token=a.b.c", "X-Forwarded-User": "owner@example.com"},
    ):
        for route in sorted(routes() - OPEN_TO_ALL):
            answer = await call(anonymous, route, headers=headers)
            assert answer.status_code == 401, route
            assert answer.headers["www-authenticate"] == "Bearer", route
            assert answer.headers["content-type"] == "application/problem+json", route


async def test_a_key_opens_nothing_that_is_for_people(sdk: AsyncClient, owner: Somebody) -> None:
    for headers in ({}, {"Authorization": f"Bearer {owner.key}"}):
        for operation in (each for each in operations() if each.secured and not each.sdk):
            assert (await call(sdk, str(operation), headers=headers)).status_code == 401, operation


async def test_a_key_does_what_its_scopes_say_and_no_more(owner: Somebody, anonymous: AsyncClient) -> None:
    for scope in ("ingest", "read", "write"):
        made = await owner.person.post("/auth/api-keys", json={"name": scope, "scopes": [scope]})
        for operation in (each for each in operations() if each.sdk):
            answer = await call(anonymous, str(operation), headers={"X-API-Key": made.json()["key"]})
            assert (answer.status_code != 403) == (operation.scope == scope), (scope, operation)


async def test_every_route_answers_with_and_without_a_slash_and_redirects_nobody(
    anonymous: AsyncClient, owner: Somebody
) -> None:
    for client in (anonymous, owner.person):
        for route in sorted(routes() - {"GET /", "POST /auth/register", "POST /auth/logout"}):
            plain, slashed = [await call(client, route, suffix=suffix) for suffix in ("", "/")]
            assert plain.status_code == slashed.status_code, route
            assert not plain.is_redirect, route
            assert plain.headers.get("content-type") == slashed.headers.get("content-type"), route
    for suffix in ("", "/"):
        account = {"email": f"slash{len(suffix)}@example.com", "password": "correct-horse-battery"}
        assert (await anonymous.post(f"/auth/register{suffix}", json=account)).status_code == 201
    assert (await owner.person.post("/auth/logout/")).status_code == 204


async def test_a_query_parameter_that_a_route_does_not_know_is_refused(owner: Somebody, anonymous: AsyncClient) -> None:
    for operation in operations():
        client = owner.person if operation.secured else anonymous
        for query in ("?unheard_of=1", "?unheard_of", "?limit%20=1", "?__proto__=1&constructor=2"):
            answer = await call(client, str(operation), suffix=query)
            assert answer.status_code == 422, f"{operation}{query}"
            assert answer.json()["errors"], "it says which"
    assert (await owner.person.get("/auth/me")).status_code == 200, "a log-out with a query is none"


async def test_a_method_that_a_path_has_not_is_405_and_says_which_it_has(owner: Somebody) -> None:
    tried = {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "X" * 100}
    for path in {operation.path for operation in operations()}:
        has = {each.method for each in operations() if each.path == path}
        for method in tried - has:
            answer = await owner.person.request(method, path.format(id=uuid4(), session_id="s"))
            assert answer.status_code == 405, path
            assert set(answer.headers["allow"].split(", ")) == has, path


async def test_a_path_that_is_none_leads_nowhere(owner: Somebody) -> None:
    for path in NOWHERE:
        answer = await owner.person.get(path)
        assert answer.status_code in (400, 404, 405, 422) or path == "/metrics/../auth/me", answer.status_code
        assert "import" not in answer.text
        assert "root:" not in answer.text


async def test_the_example_of_the_documentation_is_stored(sdk: AsyncClient) -> None:
    id = (await sdk.post("/evaluations/", json=EXAMPLE)).json()["id"]
    stored = (await sdk.get(f"/evaluations/{id}/")).json()
    assert {name: stored[name] for name in EXAMPLE} == EXAMPLE


def test_every_operation_with_a_body_has_an_example_of_it() -> None:
    missing: list[Operation] = [each for each in operations() if each.schema is not None and each.example is None]
    assert missing == []
