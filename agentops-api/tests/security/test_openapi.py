"""The OpenAPI document: complete, stable, and the one that is kept in the repository."""

import json
import re
from pathlib import Path
from typing import cast

import pytest
from httpx2 import AsyncClient
from tests.command import agentops
from tests.security.surface import Json, Operation, document, operations, resolved

SNAPSHOT = Path(__file__).parents[3] / "docs" / "openapi.json"
OPERATION_IDS = {
    "change_password", "create_api_key", "create_evaluation", "create_evaluations", "create_metric",
    "delete_evaluation", "get_database_health", "get_evaluation", "get_evaluation_stats", "get_health",
    "get_liveness", "get_readiness", "get_root", "list_api_keys", "list_evaluations", "login", "logout", "me",
    "refresh", "register", "revoke_api_key",
}  # fmt: skip
"""Generated clients name their methods by these: adding one is fine, changing one breaks them."""


def test_the_document_in_the_repository_is_that_of_the_code(tmp_path: Path) -> None:
    printed = agentops("openapi", directory=tmp_path)
    assert printed.returncode == 0, printed.stderr
    assert json.loads(printed.stdout) == document()
    assert printed.stdout == SNAPSHOT.read_text(), "run `make openapi`, and look at what changed"


@pytest.mark.anyio
async def test_the_server_serves_this_document(anonymous: AsyncClient) -> None:
    answer = await anonymous.get("/openapi.json")
    assert answer.json() == document()
    assert cast(str, document()["openapi"]).startswith("3.1")


def test_operation_ids_stay() -> None:
    assert {operation.id for operation in operations()} >= OPERATION_IDS
    assert len({operation.id for operation in operations()}) == len(operations())


@pytest.mark.parametrize("operation", operations(), ids=str)
def test_an_operation_documents_every_status_that_it_can_have(operation: Operation) -> None:
    needed = {"400", "422", "500"}
    if operation.secured or operation.id == "refresh":
        needed |= {"401", "429", "503"}
    if operation.id in ("register", "login"):
        needed |= {"429", "503"}
    if operation.schema is not None:
        needed |= {"413", "415"}
    if operation.path_params:
        needed |= {"404"}
    if operation.sdk:
        needed |= {"403", "404"}
    assert operation.answers.keys() >= needed
    assert [status for status in operation.answers if status.startswith("2")]
    for status, answer in cast(dict[str, Json], operation.answers).items():
        assert answer["description"]
        if int(status) >= 400 and operation.path not in ("/health/db", "/health/ready"):
            assert list(cast(Json, answer["content"])) == ["application/problem+json"], status


@pytest.mark.parametrize("operation", operations(), ids=str)
def test_an_operation_shows_what_goes_in_and_comes_out(operation: Operation) -> None:
    if operation.schema is not None:
        assert operation.example
        assert operation.example.keys() <= cast(Json, operation.schema["properties"]).keys()
    for status, answer in cast(dict[str, Json], operation.answers).items():
        if status.startswith("2") and status != "204":
            content = cast(dict[str, dict[str, Json]], answer["content"])
            for media in content.values():
                schema = resolved(media["schema"])
                assert "example" in media or "example" in schema or schema.get("examples"), status


def test_every_operation_and_every_parameter_is_described() -> None:
    for path, methods in cast(dict[str, dict[str, Json]], document()["paths"]).items():
        for method, operation in methods.items():
            assert operation["summary"], f"{method} {path}"
            assert operation["description"], f"{method} {path}"
            assert operation["tags"], f"{method} {path}"
            for parameter in cast(list[Json], operation.get("parameters", [])):
                if parameter["in"] != "path":
                    assert parameter.get("description"), f"{method} {path} {parameter['name']}"


def test_no_reference_leads_nowhere() -> None:
    components = cast(dict[str, Json], document()["components"])
    for kind, name in re.findall(r'"#/components/(\w+)/(\w+)"', json.dumps(document())):
        assert name in components[kind]
