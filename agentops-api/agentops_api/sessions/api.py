"""Conversations over HTTP: the list, and one with its evaluations."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.convertors import Convertor, register_url_convertor

from agentops_api import clock
from agentops_api.analytics.answers import Period
from agentops_api.analytics.queries import ROWS_DAYS_MAX, ROWS_MAX, InPeriod
from agentops_api.analytics.windows import Window
from agentops_api.edge.caller import PROJECT_SECURITY, ProjectCaller, reader
from agentops_api.edge.problems import responses
from agentops_api.edge.route import Route
from agentops_api.edge.runtime import runtime
from agentops_api.errors import Invalid, NotFound
from agentops_api.evaluations import paging as turn_paging
from agentops_api.evaluations.models import NAME_CHARS_MAX, Position
from agentops_api.sessions.models import UNITS, SessionDetail, SessionFilters, SessionPage
from agentops_api.sessions.paging import cursor_of, place_of

router = APIRouter(prefix="/api/v1/sessions", tags=["sessions"], route_class=Route)
Reader = Annotated[ProjectCaller, Depends(reader)]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=NAME_CHARS_MAX)]
# A conversation's id is in it, of four bytes a character at the most, in base64.
_Cursor = Annotated[str, StringConstraints(max_length=6 * NAME_CHARS_MAX)]


class ListQuery(InPeriod):
    """The period, the filters and the page."""

    agent_name: _Name | None = None
    """Only conversations with an answer of this agent."""
    model_name: _Name | None = None
    """Only conversations with an answer of this model."""
    hallucinated: bool | None = None
    """Only conversations with an answer that was judged to be hallucinated; false: only those without one. Beside
    `agent_name` or `model_name` it speaks of their answers."""
    limit: Annotated[int, Field(ge=1, le=100)] = 50
    """Conversations a page."""
    cursor: _Cursor | None = None
    """`next_cursor` of the page before."""


class DetailQuery(BaseModel):
    """The page of evaluations."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    limit: Annotated[int, Field(ge=1, le=500)] = 50
    """Evaluations a page."""
    cursor: Annotated[str, StringConstraints(max_length=100)] | None = None
    """`next_cursor` of the page before."""


@router.get(
    "",
    operation_id="list_sessions",
    summary="List conversations, newest activity first",
    responses=responses(400, 401, 403, 404, 414, 422, 429, 503),
    openapi_extra={"security": PROJECT_SECURITY},
)
async def list_sessions(request: Request, caller: Reader, query: Annotated[ListQuery, Query()]) -> SessionPage:
    """Evaluations with the same `session_id`, counted within a period of at most 31 days, which is the last 7 by
    default. In the order of the newest answer that the filters allow."""
    window = query.window(clock.now())
    _check_length(window)
    page, end = await runtime(request).store.sessions(
        caller.project_id,
        SessionFilters(window.start, window.end, query.agent_name, query.model_name, query.hallucinated),
        after=place_of(query.cursor) if query.cursor else None,
        limit=query.limit,
    )
    return SessionPage(
        window=Period(start=window.start, end=window.end, time_zone=window.time_zone.key),
        source="rows",
        units=UNITS,
        data=page,
        next_cursor=cursor_of(end) if end else None,
        has_more=end is not None,
    )


class _AnyText(Convertor[str]):
    """What a path may hold, line breaks too, which Starlette's own `path` ends at."""

    regex = r"[\s\S]*"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("any_text", _AnyText())


# A conversation's id may hold slashes; `%2F` reaches the route as one.
@router.get(
    "/{session_id:any_text}",
    operation_id="get_session",
    summary="Read one conversation",
    response_model=SessionDetail,
    responses=responses(400, 401, 403, 404, 414, 422, 429, 503),
    openapi_extra={"security": PROJECT_SECURITY},
)
async def get_session(
    request: Request, caller: Reader, session_id: str, query: Annotated[DetailQuery, Query()]
) -> Response:
    """The whole conversation, of all times: unlike the list, this has no period. Its figures, among them `first_at` and
    `last_at`, are of all its evaluations, which come oldest first, a page at a time."""
    after = turn_paging.position_of(query.cursor) if query.cursor else None
    found = await runtime(request).store.session(caller.project_id, session_id, after=after, limit=query.limit + 1)
    if found is None:
        raise NotFound("There is no such conversation.")
    session, turns = found
    page, has_more = turns[: query.limit], len(turns) > query.limit
    cursor = turn_paging.cursor_of(Position(page[-1].created_at, page[-1].id)) if has_more else None
    answer = {
        "session": session.model_dump(),
        "source": "rows",
        "units": UNITS,
        "data": page,
        "next_cursor": cursor,
        "has_more": has_more,
    }
    return Response(orjson.dumps(answer, option=orjson.OPT_UTC_Z), media_type="application/json")


def _check_length(window: Window) -> None:
    """Raises Invalid for periods that hold too many evaluations."""
    if window.end - window.start > ROWS_MAX:
        message = f"must be at most {ROWS_DAYS_MAX} days before `end`: conversations are counted from evaluations"
        raise Invalid(f"`start` {message}.", [{"field": "start", "message": message}])
