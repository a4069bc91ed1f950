"""The interface as the OpenAPI document tells it, so that tests which walk it cover routes that are yet to come."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import cast

from agentops_api.app import create_app
from agentops_api.settings import Settings
from fastapi.routing import iter_route_contexts

PEOPLE_ONLY = {"change_retention", "change_project_scoring", "change_project"}
"""Operations under `/api/v1` that need a role in the organization, which no key has."""

Json = dict[str, object]
"""A JSON object."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    method: str
    path: str
    """With its parameters in braces."""
    id: str
    path_params: tuple[str, ...]
    query_params: tuple[str, ...]
    secured: bool
    """The document says that it needs a credential."""
    schema: Json | None
    """Of the body; None where there is none."""
    example: Json | None
    """A body that the document shows."""
    answers: Json = field(repr=False)
    """The documented answers by status."""

    @property
    def telemetry(self) -> bool:
        """It takes what agents send, whose newer fields an older server ignores."""
        return self.schema is not None and self.path.startswith(("/evaluations", "/metrics"))

    @property
    def scope(self) -> str:
        """Which of a key's scopes it needs, if it is for programs."""
        if self.id == "evaluate":
            return "ingest"
        if self.path.startswith("/api/v1/"):
            reads = self.method == "GET" or self.path.endswith("/dry-run") or self.id == "ask_for_export"
            return "read" if reads else "write"
        return {"GET": "read", "POST": "ingest", "DELETE": "write"}[self.method]

    @property
    def sdk(self) -> bool:
        """It is for programs: it takes an API key."""
        is_for_programs = self.path.startswith(("/evaluations", "/api/v1")) or str(self) == "POST /metrics"
        return is_for_programs and self.id not in PEOPLE_ONLY

    def at(self, **params: object) -> str:
        """The path, with all its parameters filled in."""
        return self.path.format_map(dict.fromkeys(self.path_params, "x") | params)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@cache
def document() -> Json:
    """The OpenAPI document of an application with default settings."""
    return create_app(Settings(_env_file=None)).openapi()  # pyright: ignore[reportCallIssue] - pydantic-settings' own argument


@cache
def operations() -> tuple[Operation, ...]:
    """Every documented operation; the one that ends the caller's session last."""
    found = [
        _operation(method.upper(), path, cast(Json, operation))
        for path, methods in cast(dict[str, Json], document()["paths"]).items()
        for method, operation in methods.items()
    ]
    return tuple(sorted(found, key=lambda operation: operation.id == "logout"))


def routes() -> set[str]:
    """Every route that the application really has, documented or not."""
    app = create_app(Settings(_env_file=None))  # pyright: ignore[reportCallIssue] - pydantic-settings' own argument
    return {
        f"{method} {context.path_format}"
        for context in iter_route_contexts(app.routes)
        for method in (context.methods or ())
        if method != "HEAD"
    }


def _operation(method: str, path: str, operation: Json) -> Operation:
    params = cast(list[dict[str, str]], operation.get("parameters", []))
    schema = _body_schema(operation)
    return Operation(
        method=method,
        path=path,
        id=cast(str, operation["operationId"]),
        path_params=tuple(param["name"] for param in params if param["in"] == "path"),
        query_params=tuple(param["name"] for param in params if param["in"] == "query"),
        secured="security" in operation,
        schema=schema,
        example=None if schema is None else example_of(schema),
        answers=cast(Json, operation["responses"]),
    )


def _body_schema(operation: Json) -> Json | None:
    body = cast("dict[str, dict[str, dict[str, Json]]] | None", operation.get("requestBody"))
    return None if body is None else resolved(body["content"]["application/json"]["schema"])


def resolved(schema: Json) -> Json:
    """The schema behind its `$ref`; of a nullable one, what it is when it is not null."""
    if "$ref" in schema:
        name = cast(str, schema["$ref"]).rpartition("/")[2]
        components = cast(dict[str, dict[str, Json]], document()["components"])
        return resolved(components["schemas"][name])
    if "anyOf" in schema:
        real = [each for each in cast(list[Json], schema["anyOf"]) if each.get("type") != "null"]
        if len(real) == 1:
            return resolved(real[0])
    return schema


def example_of(schema: Json) -> Json | None:
    """An object that the schema itself shows, if it does."""
    examples = cast("list[Json]", schema.get("examples", []))
    return cast("Json | None", schema["example"]) if "example" in schema else next(iter(examples), None)


def properties(schema: Json) -> dict[str, Json]:
    """An object's properties, resolved."""
    return {name: resolved(each) for name, each in cast(dict[str, Json], schema.get("properties", {})).items()}


def with_ids(schema: Json, body: Mapping[str, object], id: str) -> Iterator[Json]:
    """The body once for each place in it that takes an id, with this one there."""
    for name, each in properties(schema).items():
        if each.get("format") == "uuid":
            yield {**body, name: id}
        elif each.get("type") == "array" and "items" in each:
            item = resolved(cast(Json, each["items"]))
            first = cast("list[Json]", body.get(name) or [{}])[0]
            yield from (
                ({**body, name: [inner]} for inner in with_ids(item, first, id)) if item.get("type") == "object" else ()
            )
