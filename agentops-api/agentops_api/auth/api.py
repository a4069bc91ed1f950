"""Accounts, sessions and API keys over HTTP."""

from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response, Security
from pydantic import BaseModel, ConfigDict, Field

from agentops_api import clock
from agentops_api.auth import admit, key_store, log_in, store, tokens
from agentops_api.auth import issue_key as keys
from agentops_api.auth.models import (
    ChangeMe,
    ChangePassword,
    CreatedKey,
    Keys,
    Login,
    Me,
    NewKey,
    OpenSessions,
    Refresh,
    Register,
    Tokens,
    User,
    UserCaller,
)
from agentops_api.edge.addresses import client_address
from agentops_api.edge.caller import anonymous_caller, bearer, user_caller
from agentops_api.edge.problems import responses
from agentops_api.edge.route import Route
from agentops_api.edge.runtime import runtime
from agentops_api.errors import Conflict, Forbidden, Unauthenticated
from agentops_api.projects import store as project_store

REFRESH_COOKIE = "agentops_refresh"
PAGE_ITEMS_MAX = 500

router = APIRouter(prefix="/auth", tags=["auth"], route_class=Route)
Address = Annotated[str, Depends(anonymous_caller)]
Person = Annotated[UserCaller, Depends(user_caller)]
_BEARER = [Security(bearer)]
_GONE = "This account is gone."


@router.post(
    "/register",
    operation_id="register",
    summary="Make an account",
    status_code=201,
    responses=responses(400, 409, 413, 415, 422, 429, 503),
)
async def register(request: Request, address: Address, body: Register) -> User:
    """Also makes the person's own organization, and its default project."""
    server = runtime(request)
    await server.limiter.hit("register", f"address:{address}")
    return await admit.register(
        server.db,
        server.authenticator.passwords,
        email=body.email,
        password=body.password,
        full_name=body.full_name,
    )


@router.post(
    "/login",
    operation_id="login",
    summary="Log in",
    responses=responses(400, 401, 413, 415, 422, 429, 503),
)
async def login(request: Request, response: Response, address: Address, body: Login) -> Tokens:
    """Opens a session. Browsers also get the refresh token as a cookie that no script can read.

    Five wrong passwords from one address, or twenty from everywhere, close an account for 15 minutes (429); its
    holder still gets in from where they logged in before.
    """
    server = runtime(request)
    visitor = log_in.Visitor(address, request.headers.get("user-agent", ""))
    pair = await log_in.log_in(
        server.db,
        server.authenticator.passwords,
        server.authenticator.signing_keys,
        email=body.email,
        password=body.password,
        visitor=visitor,
    )
    assert pair.refresh_token is not None
    _set_cookie(request, response, pair.refresh_token)
    return pair


@router.post(
    "/refresh",
    operation_id="refresh",
    summary="Trade the refresh token for new tokens",
    responses=responses(400, 401, 403, 413, 415, 422, 429, 503),
)
async def refresh(request: Request, response: Response, address: Address, body: Refresh | None = None) -> Tokens:
    """Each refresh token works once; the second use ends its session. A browser leaves the body out: its cookie is
    read, and replaced, and `refresh_token` is null."""
    server = runtime(request)
    given = body.refresh_token if body else None
    pair = await log_in.refresh(server.db, server.authenticator.signing_keys, given or _token_of_cookie(request))
    if given is not None:
        return pair
    assert pair.refresh_token is not None
    _set_cookie(request, response, pair.refresh_token)
    return pair.model_copy(update={"refresh_token": None})


@router.post(
    "/logout",
    operation_id="logout",
    summary="End the session",
    status_code=204,
    responses=responses(400, 401, 403, 409, 413, 415, 422, 429, 503),
    dependencies=_BEARER,
)
async def logout(request: Request, body: Refresh | None = None) -> Response:
    """The session is that of the access token, or else of the refresh token in the body, or else of the cookie."""
    server = runtime(request)
    if "authorization" in request.headers:
        caller = await user_caller(request)
        user_id, session_id = caller.user_id, caller.session_id
        if session_id is None:
            raise Conflict("This session is Supabase's: log out there.")
    else:
        await anonymous_caller(request)
        token = (body.refresh_token if body else None) or _token_of_cookie(request)
        claims = tokens.read(server.authenticator.signing_keys, "refresh", token)
        user_id, session_id = claims.sub, claims.sid
    await log_in.log_out(server.db, session_id)
    server.authenticator.forget_user(user_id)
    response = Response(status_code=204)
    response.delete_cookie(REFRESH_COOKIE, path=router.prefix, httponly=True, samesite="lax")
    return response


@router.post(
    "/password",
    operation_id="change_password",
    summary="Change the password",
    status_code=204,
    responses=responses(400, 401, 403, 409, 413, 415, 422, 429, 503),
    dependencies=_BEARER,
)
async def change_password(request: Request, caller: Person, body: ChangePassword) -> Response:
    """Ends every other session of the person. A wrong current password is 403, and counts as a failed log-in."""
    server = runtime(request)
    await log_in.change_password(
        server.db,
        server.authenticator.passwords,
        caller.user_id,
        session_id=caller.session_id,
        current=body.current_password,
        new=body.new_password,
        address=client_address(request, server.settings.trusted_proxies),
    )
    server.authenticator.forget_user(caller.user_id)
    return Response(status_code=204)


@router.get(
    "/me",
    operation_id="me",
    summary="Who am I, and where may I work",
    responses=responses(401, 429, 503),
    dependencies=_BEARER,
)
async def me(request: Request, caller: Person) -> Me:
    """The person behind the access token, with their organizations, projects and roles."""
    async with runtime(request).db.as_user(caller.user_id) as tx:
        user = await store.user(tx, caller.user_id)
        organizations = await project_store.organizations_of(tx, caller.user_id)
    if user is None:
        raise Unauthenticated(_GONE)
    return Me(user=user, organizations=organizations)


@router.patch(
    "/me",
    operation_id="change_me",
    summary="Rename myself",
    responses=responses(400, 401, 413, 415, 422, 429, 503),
    dependencies=_BEARER,
)
async def change_me(request: Request, caller: Person, body: ChangeMe) -> User:
    """The name that other people read. The e-mail address, by which one logs in, stays."""
    async with runtime(request).db.as_user(caller.user_id) as tx:
        user = await store.rename(tx, caller.user_id, body.full_name)
    if user is None:
        raise Unauthenticated(_GONE)
    return user


class _Page(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    limit: Annotated[int, Field(ge=1, le=PAGE_ITEMS_MAX)] = 50
    """How many a page."""
    cursor: UUID | None = None
    """`next_cursor` of the page before."""


class ListSessions(_Page):
    """Which sessions to list."""


@router.get(
    "/sessions",
    operation_id="list_open_sessions",
    summary="List where I am logged in, newest first",
    responses=responses(401, 422, 429, 503),
    dependencies=_BEARER,
)
async def list_open_sessions(request: Request, caller: Person, query: Annotated[ListSessions, Query()]) -> OpenSessions:
    """Sessions that are neither ended nor expired. Those of Supabase Auth are not ours, and not in the list."""
    async with runtime(request).db.as_user(caller.user_id) as tx:
        found = await store.open_sessions(
            tx,
            caller.user_id,
            current=caller.session_id,
            before=query.cursor,
            limit=query.limit + 1,
            at=clock.now(),
        )
    page, has_more = found[: query.limit], len(found) > query.limit
    return OpenSessions(data=page, next_cursor=page[-1].id if has_more else None, has_more=has_more)


@router.delete(
    "/sessions/{id:uuid}",
    operation_id="end_session",
    summary="Log out somewhere else",
    status_code=204,
    responses=responses(401, 404, 422, 429, 503),
    dependencies=_BEARER,
)
async def end_session(request: Request, caller: Person, id: UUID) -> Response:
    """Its access token stops working within five seconds, its refresh token at once. Twice is as good as once."""
    server = runtime(request)
    await log_in.end_session(server.db, caller.user_id, id)
    server.authenticator.forget_user(caller.user_id)
    return Response(status_code=204)


@router.post(
    "/api-keys",
    operation_id="create_api_key",
    summary="Make an API key",
    status_code=201,
    responses=responses(400, 401, 403, 404, 413, 415, 422, 429, 503),
    dependencies=_BEARER,
)
async def create_api_key(request: Request, caller: Person, body: NewKey) -> CreatedKey:
    """The answer is the only one that ever shows the key."""
    return await keys.issue_key(runtime(request).db, caller.user_id, body)


class ListKeys(_Page):
    """Which API keys to list."""

    project_id: UUID | None = None
    """Only this project's keys."""


@router.get(
    "/api-keys",
    operation_id="list_api_keys",
    summary="List API keys, newest first",
    responses=responses(401, 422, 429, 503),
    dependencies=_BEARER,
)
async def list_api_keys(request: Request, caller: Person, query: Annotated[ListKeys, Query()]) -> Keys:
    """Those of all projects of the caller, revoked ones included."""
    async with runtime(request).db.as_user(caller.user_id) as tx:
        found = await key_store.keys(
            tx,
            caller.user_id,
            project_id=query.project_id,
            before=query.cursor,
            limit=query.limit + 1,
            at=clock.now(),
        )
    page, has_more = found[: query.limit], len(found) > query.limit
    return Keys(data=page, next_cursor=page[-1].id if has_more else None, has_more=has_more)


@router.delete(
    "/api-keys/{id:uuid}",
    operation_id="revoke_api_key",
    summary="Revoke an API key",
    status_code=204,
    responses=responses(401, 403, 404, 422, 429, 503),
    dependencies=_BEARER,
)
async def revoke_api_key(request: Request, caller: Person, id: UUID) -> Response:
    """It stops working within five seconds, and stays in lists. Revoking it again changes nothing."""
    server = runtime(request)
    await keys.revoke_key(server.db, caller.user_id, id)
    server.authenticator.forget_key(id)
    return Response(status_code=204)


def _set_cookie(request: Request, response: Response, refresh_token: str) -> None:
    # A client that lies about the scheme only keeps its own cookie from being sent back.
    is_https = request.url.scheme == "https" or request.headers.get("x-forwarded-proto") == "https"
    response.set_cookie(
        REFRESH_COOKIE,
        refresh_token,
        max_age=tokens.REFRESH_S,
        path=router.prefix,
        secure=is_https,
        httponly=True,
        samesite="lax",
    )


def _token_of_cookie(request: Request) -> str:
    """The refresh token in the cookie. A browser sends cookies for whatever page asks it to, so here it must also say
    that the page is ours. Raises Unauthenticated, Forbidden."""
    token = request.cookies.get(REFRESH_COOKIE)
    if not token:
        raise Unauthenticated("No refresh token was sent; log in.")
    origin = request.headers.get("origin")
    if origin is not None:
        is_ours = urlsplit(origin).netloc == request.headers.get("host")
        is_ours = is_ours or origin in runtime(request).settings.allowed_origins
    else:
        is_ours = request.headers.get("sec-fetch-site") == "same-origin"
    if not is_ours:
        raise Forbidden("The cookie is read for pages of this server only; send the refresh token in the body.")
    return token
