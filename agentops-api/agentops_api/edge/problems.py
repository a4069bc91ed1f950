"""Errors as problem documents (RFC 9457): the one table from the domain's errors to HTTP.

What the caller sent is never repeated, because a rejected body may hold a password.
"""

import logging
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, cast

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match

from agentops_api import errors
from agentops_api.edge.problem import FieldError, Problem
from agentops_api.log import request_id as current_request_id

MEDIA_TYPE = "application/problem+json"
FIELDS_MAX = 50
_FIELD_CHARS_MAX = 200
_CLIENT_CLOSED_REQUEST = 499
_log = logging.getLogger(__name__)

_STATUSES: dict[type[errors.AgentOpsError], int] = {
    errors.Malformed: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.UnsupportedEncoding: 415,
    errors.BeyondEnd: 416,
    errors.Invalid: 422,
    errors.TooManyRequests: 429,
    errors.Unavailable: 503,
}
_SLUGS = {
    400: "malformed",
    401: "unauthenticated",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    409: "conflict",
    413: "too-large",
    414: "address-too-long",
    415: "unsupported-encoding",
    416: "beyond-end",
    422: "invalid",
    429: "too-many-requests",
    431: "headers-too-large",
    500: "internal",
    503: "unavailable",
}
_DETAILS = {
    404: "There is nothing at this address, or nothing that you may see.",
    405: "This address does not answer that method; the Allow header lists those it does.",
    500: "The server failed; its log says why under this request id. Nothing was acknowledged.",
}


def install(app: FastAPI) -> None:
    """Makes the app answer every error as a problem, and describe problems in its OpenAPI document."""
    app.add_exception_handler(errors.AgentOpsError, _domain_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(ClientDisconnect, _client_left)
    app.add_exception_handler(Exception, _bug)
    undocumented = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(undocumented())
        return app.openapi_schema

    app.openapi = openapi


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of a route that may answer with these problems."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }


def problem_response(
    error: errors.AgentOpsError | int,
    request_id: str | None = None,
    *,
    detail: str | None = None,
    headers: Mapping[str, str] | None = None,
    fields: Sequence[Mapping[str, str]] = (),
) -> Response:
    """A problem document as a Response, which is an ASGI application too. `request_id`: of this request, if None."""
    more = dict(headers or {})
    if isinstance(error, int):
        status = error
        text = detail or _DETAILS.get(status) or HTTPStatus(status).phrase
    else:
        status = status_of(error)
        text = _DETAILS[500] if status == 500 else str(error)
        if isinstance(error, errors.Invalid):
            fields = error.fields
        elif isinstance(error, errors.TooManyRequests | errors.Unavailable):
            more["Retry-After"] = str(error.retry_after_s)
        elif isinstance(error, errors.BeyondEnd):
            more["Content-Range"] = f"bytes */{error.size}"
    if status == 401:
        more.setdefault("WWW-Authenticate", "Bearer")
    body: dict[str, object] = {
        "type": f"/problems/{_SLUGS[status]}" if status in _SLUGS else "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": text,
        "request_id": current_request_id.get() if request_id is None else request_id,
    }
    if fields:
        body["errors"] = [
            {"field": f["field"][:_FIELD_CHARS_MAX], "message": f["message"]} for f in fields[:FIELDS_MAX]
        ]
    content = orjson.dumps(body, default=str)
    return Response(content, status_code=status, headers=more, media_type=MEDIA_TYPE)


def status_of(error: errors.AgentOpsError) -> int:
    """The HTTP status of a domain error; 500 for one that no caller should meet."""
    return next((_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES), 500)


def field_errors(found: Sequence[Mapping[str, Any]], *, located: bool = False) -> list[dict[str, str]]:
    """Pydantic's errors as `{field, message}`, without values. `located`: each place starts with body, query, ..."""
    return [
        {
            "field": _place(error["loc"][1:] if located and len(error["loc"]) > 1 else error["loc"]),
            "message": _message(error),
        }
        for error in found[:FIELDS_MAX]
    ]


def json_position(message: str) -> str:
    """Where JSON broke, from pydantic's message; nothing else of it, because it may quote the text."""
    found = re.search(r"line \d+ column \d+", message)
    return f" at {found[0]}" if found else ""


def _document(schema: dict[str, Any]) -> dict[str, Any]:
    """Puts Problem where `responses` points, and in the place of FastAPI's own 422, which is never sent."""
    components: dict[str, Any] = schema.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        components.pop(name, None)
    for model in (Problem, FieldError):
        own = model.model_json_schema(ref_template="#/components/schemas/{model}")
        own.pop("$defs", None)
        components[model.__name__] = own
    for path in schema.get("paths", {}).values():
        for operation in path.values():
            answers = operation.get("responses", {})
            if "HTTPValidationError" in str(answers.get("422")):
                del answers["422"]
            # Any request may be malformed or ask what an address does not know, and any server may fail.
            for status, answer in responses(400, 422, 500).items():
                answers.setdefault(str(status), answer)
            operation["responses"] = dict(sorted(answers.items()))
    return schema


def _place(loc: Sequence[object]) -> str:
    return ".".join(str(part)[:_FIELD_CHARS_MAX] for part in loc)[:_FIELD_CHARS_MAX]


def _message(error: Mapping[str, Any]) -> str:
    # These two repeat what was sent.
    if error["type"] in {"union_tag_invalid", "json_invalid"}:
        return "Is not one of the kinds allowed here" if error["type"] == "union_tag_invalid" else "Is not JSON"
    return str(error["msg"]).removeprefix("Value error, ")


async def _domain_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, errors.AgentOpsError)
    if status_of(error) == 500:
        _log.error("A handler raised an error that no caller should meet", exc_info=error)
    return problem_response(error)


async def _validation_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = cast("Sequence[Mapping[str, Any]]", error.errors())
    if any(each["type"] == "json_invalid" for each in found):
        return problem_response(400, detail="The body is not valid JSON.")
    return problem_response(
        422, detail="The request breaks a rule; see errors.", fields=field_errors(found, located=True)
    )


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code < 400:
        return Response(status_code=error.status_code, headers=error.headers)
    if error.status_code == 405:
        return problem_response(405, headers={"Allow": ", ".join(_methods(request))})
    return problem_response(error.status_code, headers=error.headers)


def _methods(request: Request) -> list[str]:
    """What the address answers, in all its routes; the framework names those of the first alone."""
    routes: list[BaseRoute] = request.app.router.routes
    return [
        method
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes)
    ]


async def _bug(_: Request, __: Exception) -> Response:
    # The framework raises the error again after this answer, and the middleware writes it into the log.
    return problem_response(500)


async def _client_left(_: Request, error: Exception) -> Response:
    assert isinstance(error, ClientDisconnect)
    return Response(status_code=_CLIENT_CLOSED_REQUEST)
