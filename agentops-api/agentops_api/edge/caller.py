"""Who makes a request, from its headers, and whether they may: the way into every route that is not for all.

Each caller's requests are counted under their own name; those of nobody, and of bad credentials, under the address.
"""

from dataclasses import dataclass
from typing import Literal, NoReturn, cast
from uuid import UUID

from fastapi import Request
from fastapi.security import APIKeyHeader, HTTPBearer

from agentops_api.auth.models import KEY_PREFIX, KeyCaller, Scope, UserCaller
from agentops_api.edge.addresses import client_address
from agentops_api.edge.runtime import Runtime, runtime
from agentops_api.errors import Forbidden, Invalid, NotFound, Unauthenticated
from agentops_api.projects.models import may_write

bearer = HTTPBearer(
    scheme_name="Bearer",
    description="An access token from `POST /auth/login`, or an API key.",
    auto_error=False,
)
api_key = APIKeyHeader(name="X-API-Key", scheme_name="ApiKey", description="An API key: `agops_…`.", auto_error=False)
PERSON_SECURITY: list[dict[str, list[str]]] = [{"Bearer": []}]
PROJECT_SECURITY: list[dict[str, list[str]]] = [{"ApiKey": []}, {"Bearer": []}]
"""What OpenAPI says of a route that calls `project_caller`."""

_NOBODY = "Say who is calling: an API key in X-API-Key, or Authorization: Bearer and a key or an access token."
_PERSON_NEEDED = "This is for people: log in, and send the access token as Authorization: Bearer."


@dataclass(frozen=True, slots=True)
class ProjectCaller:
    """Somebody who may work in a project, in the way that was asked for."""

    project_id: UUID
    client: str
    """Under which name their requests are counted."""
    policy: Literal["ordinary", "people"]
    """How many they may make."""


async def project_caller(
    request: Request, *, scope: Scope, project_id: UUID | None = None, counted: bool = True
) -> ProjectCaller:
    """Who calls, in which project. Raises Unauthenticated, Forbidden, NotFound, TooManyRequests or Unavailable.

    Reading and writing are counted here; ingest is counted by its handler, by evaluations. `project_id`: the one that
    the path names, which goes before the header. `counted`: False for asking again about a request that was counted.
    """
    shown = _credentials(request)
    if project_id is not None:
        shown.project_id = str(project_id)
    server = runtime(request)
    counted = counted and scope != "ingest"
    if shown.key is not None:
        key = await _key(server, request, shown.key)
        caller = ProjectCaller(key.project_id, key.client, "ordinary")
        if counted:
            await server.limiter.hit("ordinary", caller.client)
        if scope not in key.scopes:
            raise Forbidden(f"This API key's scopes do not include `{scope}`; make one that does.")
        if shown.project_id is not None and _project_id(shown.project_id) != key.project_id:
            raise NotFound("There is no such project, or it is not this key's.")
        return caller
    if shown.token is None:
        await _refuse(server, request, _NOBODY)
    user = await _token(server, request, shown.token)
    if counted:
        await server.limiter.hit("people", user.client)
    chosen = None if shown.project_id is None else _project_id(shown.project_id)
    access = await server.authenticator.project_of(user, chosen)
    if scope != "read" and not may_write(access.role):
        raise Forbidden("A viewer may only read this project.")
    return ProjectCaller(access.project_id, user.client, "people")


async def reader(request: Request) -> ProjectCaller:
    """Who reads; a dependency, so that strangers learn nothing of a route's parameters, and are counted."""
    return await project_caller(request, scope="read")


async def project_reader(request: Request, id: UUID) -> ProjectCaller:
    """Who reads in the project that the path names."""
    return await project_caller(request, scope="read", project_id=id)


async def writer(request: Request) -> ProjectCaller:
    """Who changes or deletes; a dependency for the same reason."""
    return await project_caller(request, scope="write")


async def user_caller(request: Request) -> UserCaller:
    """The person who calls; their request is counted. Raises Unauthenticated, TooManyRequests or Unavailable."""
    shown = _credentials(request)
    server = runtime(request)
    if shown.token is None:
        await _refuse(server, request, _PERSON_NEEDED)
    user = await _token(server, request, shown.token)
    await server.limiter.hit("people", user.client)
    return user


async def anonymous_caller(request: Request) -> str:
    """The address of somebody who need not say who they are; their request is counted. Raises TooManyRequests."""
    server = runtime(request)
    address = client_address(request, server.settings.trusted_proxies)
    await server.limiter.hit("ordinary", f"address:{address}")
    return address


@dataclass(slots=True)
class _Shown:
    key: str | None = None
    token: str | None = None
    project_id: str | None = None


def _credentials(request: Request) -> _Shown:
    """What the headers show; a key wins over a token. One walk over the raw headers: this is on the hot path."""
    shown = _Shown()
    for name, value in cast(list[tuple[bytes, bytes]], request.scope["headers"]):
        if name == b"x-api-key":
            shown.key = value.decode("latin-1").strip()
        elif name == b"x-project-id":
            shown.project_id = value.decode("latin-1").strip()
        elif name == b"authorization":
            scheme, _, text = value.decode("latin-1").partition(" ")
            text = text.strip()
            if scheme.lower() != "bearer" or not text:
                continue
            if not text.startswith(KEY_PREFIX):
                shown.token = text
            elif shown.key is None:
                shown.key = text
    return shown


async def _key(server: Runtime, request: Request, text: str) -> KeyCaller:
    try:
        return await server.authenticator.key(text)
    except Unauthenticated as error:
        await _refuse(server, request, str(error))


async def _token(server: Runtime, request: Request, text: str) -> UserCaller:
    try:
        return await server.authenticator.token(text)
    except Unauthenticated as error:
        await _refuse(server, request, str(error))


async def _refuse(server: Runtime, request: Request, message: str) -> NoReturn:
    """Counts the request under its address, so that guessing is limited too."""
    address = client_address(request, server.settings.trusted_proxies)
    await server.limiter.hit("ordinary", f"address:{address}")
    raise Unauthenticated(message)


def _project_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        message = "Is not a project's id; GET /auth/me lists yours"
        raise Invalid(
            "The header X-Project-Id cannot be read.", [{"field": "X-Project-Id", "message": message}]
        ) from None
