"""Reading evaluations over HTTP: list, statistics, one, and its deletion."""

from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from agentops_api import clock
from agentops_api.analytics.models import Cell, EvaluationStats, Group, Question, stats_of
from agentops_api.analytics.windows import DAYS_MAX, window_of
from agentops_api.edge.caller import PROJECT_SECURITY, ProjectCaller, reader, writer
from agentops_api.edge.problems import responses
from agentops_api.edge.route import Route
from agentops_api.edge.runtime import runtime
from agentops_api.errors import Invalid, NotFound
from agentops_api.evaluations.filters import FilterQuery
from agentops_api.evaluations.models import NAME_CHARS_MAX, STORED_EXAMPLE, Evaluation, Position
from agentops_api.evaluations.paging import cursor_of, position_of

PAGE_ITEMS_MAX = 500
OFFSET_MAX = 100_000
QUERY_CHARS_MAX = 200

router = APIRouter(tags=["evaluations"], route_class=Route)
Reader = Annotated[ProjectCaller, Depends(reader)]
Writer = Annotated[ProjectCaller, Depends(writer)]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=NAME_CHARS_MAX)]


class ListQuery(FilterQuery):
    """What the list may be asked for."""

    limit: Annotated[int, Field(ge=1, le=PAGE_ITEMS_MAX)] = 50
    """Evaluations a page."""
    cursor: Annotated[str, StringConstraints(max_length=100)] | None = None
    """`next_cursor` of the page before."""
    offset: Annotated[int, Field(ge=0, le=OFFSET_MAX)] = 0
    """Evaluations to skip. A cursor is faster and misses nothing that arrives between two pages."""
    q: Annotated[str, StringConstraints(min_length=1, max_length=QUERY_CHARS_MAX)] | None = None
    """Only answers that have all of these words, at most ten, in prompt or response; capitals do not matter.

    A word is found whole and with its accents; it ends where neither a letter, a digit nor `_` follows. Chinese,
    Japanese, Thai, Lao, Burmese and Khmer have no spaces between words: what is given without one is found as it
    stands, anywhere in the text, and counts as one word.

    So that each answer comes soon, a search for what is rare may end its page before it is full, even empty, with
    `has_more` and a cursor to go on from. It goes by cursor only, not by `offset`.
    """


class StatsQuery(BaseModel):
    """The period and the filters of the statistics."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, protected_namespaces=())

    days: Annotated[int, Field(ge=1, le=DAYS_MAX)] = 7
    """How many days back, from now; the hour in which the period begins counts whole."""
    agent_name: _Name | None = None
    """Only answers to this agent."""
    model_name: _Name | None = None
    """Only answers of this model."""


class EvaluationPage(BaseModel):
    """One page of evaluations, newest first."""

    model_config = ConfigDict(
        use_attribute_docstrings=True,
        json_schema_extra={"examples": [{"data": [STORED_EXAMPLE], "next_cursor": None, "has_more": False}]},
    )

    data: list[Evaluation]
    """The page."""
    next_cursor: str | None
    """Hand it back as `cursor` for the next page; null on the last."""
    has_more: bool
    """Whether there is a next page."""


@router.get(
    "/evaluations",
    operation_id="list_evaluations",
    summary="List evaluations, newest first",
    response_model=EvaluationPage,
    responses=responses(400, 401, 403, 404, 414, 422, 429, 503),
    openapi_extra={"security": PROJECT_SECURITY},
)
async def list_evaluations(request: Request, caller: Reader, query: Annotated[ListQuery, Query()]) -> Response:
    """Pages by cursor; `Link: <…>; rel="next"` names the next page."""
    for other in ("cursor", "q"):
        if query.offset and getattr(query, other) is not None:
            message = f"cannot be combined with `{other}`"
            raise Invalid(f"`offset` {message}.", [{"field": "offset", "message": message}])
    filters = query.filters()
    after = position_of(query.cursor) if query.cursor else None
    store, limit = runtime(request).store, query.limit
    if query.q:
        found = await store.search(caller.project_id, query.q, filters, after=after, limit=limit)
        page, last = found.evaluations, found.next
    else:
        rows = await store.page(caller.project_id, filters, after=after, offset=query.offset, limit=limit + 1)
        page = rows[:limit]
        last = Position(page[-1].created_at, page[-1].id) if len(rows) > limit else None
    cursor = cursor_of(last) if last else None
    answer = _json({"data": page, "next_cursor": cursor, "has_more": cursor is not None})
    if cursor:
        kept = [(name, value) for name, value in request.query_params.multi_items() if name not in ("cursor", "offset")]
        answer.headers["Link"] = f'</evaluations?{urlencode([*kept, ("cursor", cursor)])}>; rel="next"'
    return answer


@router.get(
    "/evaluations/stats",
    operation_id="get_evaluation_stats",
    summary="Statistics of the last days",
    responses=responses(400, 401, 403, 404, 414, 422, 429, 503),
    openapi_extra={"security": PROJECT_SECURITY},
)
async def get_evaluation_stats(
    request: Request, caller: Reader, query: Annotated[StatsQuery, Query()]
) -> EvaluationStats:
    """Counted from rollups that every accepted evaluation is part of at once, also one that is dated ahead:
    `GET /api/v1/analytics/summary` counts that when its hour has begun."""
    now = clock.now()
    window = window_of(days=query.days, now=now)
    # Evaluations may be dated a little ahead: they count.
    end = window.end + runtime(request).window.future
    group = Group(agent=query.agent_name, model=query.model_name)
    question = Question(window.start, end, [window.start], group)
    cells = await runtime(request).store.cells(caller.project_id, question)
    return stats_of(cells[0] if cells else Cell())


@router.get(
    "/evaluations/{id:uuid}",
    operation_id="get_evaluation",
    summary="Read one evaluation",
    response_model=Evaluation,
    responses=responses(400, 401, 403, 404, 422, 429, 503),
    openapi_extra={"security": PROJECT_SECURITY},
)
async def get_evaluation(request: Request, caller: Reader, id: UUID) -> Response:
    """The whole record, as it was stored."""
    found = await runtime(request).store.get(caller.project_id, id)
    if found is None:
        raise NotFound("There is no such evaluation.")
    return _json(found)


@router.delete(
    "/evaluations/{id:uuid}",
    operation_id="delete_evaluation",
    summary="Delete one evaluation",
    status_code=204,
    responses=responses(400, 401, 403, 404, 422, 429, 503),
    openapi_extra={"security": PROJECT_SECURITY},
)
async def delete_evaluation(request: Request, caller: Writer, id: UUID) -> Response:
    """Gone for good, and subtracted from the statistics."""
    if not await runtime(request).store.delete(caller.project_id, id):
        raise NotFound("There is no such evaluation.")
    return Response(status_code=204)


def _json(value: object) -> Response:
    """The answer, made by orjson: it reads dataclasses, and is an order of magnitude faster on a full page."""
    return Response(orjson.dumps(value, option=orjson.OPT_UTC_Z), media_type="application/json")
