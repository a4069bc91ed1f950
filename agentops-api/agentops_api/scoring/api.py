"""The detector over HTTP: one answer now, stored ones by a job, and what comes in, as the project wishes."""

from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Header, Query, Request, Response, Security
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from agentops_api import clock
from agentops_api.auth.models import UserCaller
from agentops_api.edge.caller import (
    PROJECT_SECURITY,
    ProjectCaller,
    bearer,
    project_caller,
    project_reader,
    reader,
    user_caller,
    writer,
)
from agentops_api.edge.problems import responses
from agentops_api.edge.route import Route
from agentops_api.edge.runtime import runtime
from agentops_api.errors import Forbidden, NotFound
from agentops_api.evaluations.models import Evaluation, Position
from agentops_api.evaluations.paging import cursor_of, position_of
from agentops_api.jobs import store as jobs
from agentops_api.jobs.models import Job
from agentops_api.projects.models import may_administer
from agentops_api.scoring import store
from agentops_api.scoring.evaluate import evaluate
from agentops_api.scoring.models import (
    ChangeProjectScoring,
    EvaluateRequest,
    LogEntry,
    Outcome,
    ProjectScoring,
    ScoringRequest,
    Task,
)
from agentops_api.scoring.score import SCORE

PAGE_ITEMS_MAX = 500

router = APIRouter(prefix="/api/v1", tags=["scoring"], route_class=Route)


async def _sender(request: Request) -> ProjectCaller:
    """Who sends an answer; it is counted as an evaluation."""
    caller = await project_caller(request, scope="ingest")
    await runtime(request).limiter.hit("ingest", caller.client)
    return caller


Sender = Annotated[ProjectCaller, Depends(_sender)]
Reader = Annotated[ProjectCaller, Depends(reader)]
ProjectReader = Annotated[ProjectCaller, Depends(project_reader)]
Writer = Annotated[ProjectCaller, Depends(writer)]
Person = Annotated[UserCaller, Depends(user_caller)]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        description="Any text; sent again with it, a request stores nothing twice. An `id` in the body goes first.",
    ),
]


class ListLog(BaseModel):
    """Which part of a log to list."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    limit: Annotated[int, Field(ge=1, le=PAGE_ITEMS_MAX)] = 50
    """Entries a page."""
    cursor: Annotated[str, StringConstraints(max_length=100)] | None = None
    """`next_cursor` of the page before."""
    outcome: Outcome | None = None
    """Only evaluations of which this became."""


class LogPage(BaseModel):
    """One page of a log, oldest evaluation first."""

    model_config = ConfigDict(
        use_attribute_docstrings=True,
        json_schema_extra={"examples": [{"data": [], "next_cursor": None, "has_more": False}]},
    )

    data: list[LogEntry]
    """The page."""
    next_cursor: str | None
    """Hand it back as `cursor` for the next page; null on the last."""
    has_more: bool
    """Whether there is a next page."""


@router.post(
    "/evaluate",
    operation_id="evaluate",
    summary="Judge an answer, and store it",
    status_code=201,
    response_model=Evaluation,
    responses=responses(400, 401, 403, 404, 413, 415, 422, 429, 503)
    | {
        200: {"model": Evaluation, "description": "It was judged and stored by an earlier request with this id or key."}
    },
    openapi_extra={"security": PROJECT_SECURITY},
)
async def evaluate_answer(
    request: Request, caller: Sender, body: EvaluateRequest, idempotency_key: IdempotencyKey = None
) -> Response:
    """The server runs the same detector as the SDK, with the project's calibration. Answers when the evaluation is
    committed. Without documents it has no verdict (`unverified`). 503 with `Retry-After` when the detector has too much
    to do."""
    stored, is_new = await evaluate(runtime(request), caller.project_id, body, idempotency_key)
    content = orjson.dumps(stored, option=orjson.OPT_UTC_Z)
    return Response(content, 201 if is_new else 200, media_type="application/json")


@router.post(
    "/scorings",
    operation_id="create_scoring",
    summary="Score stored evaluations that lack scores",
    status_code=202,
    responses=responses(400, 401, 403, 404, 413, 415, 422, 429, 503),
    openapi_extra={"security": PROJECT_SECURITY},
)
async def create_scoring(request: Request, caller: Writer, body: ScoringRequest) -> Job:
    """By the job that is answered. `GET /api/v1/jobs/{id}` tells how far it is, and
    `GET /api/v1/scorings/{id}/log` what became of each evaluation."""
    chosen = body.filter.model_copy(update={"end_date": body.filter.end_date or clock.now()})
    task = Task(filter=chosen, sample_rate=body.sample_rate)
    async with runtime(request).db.as_project(caller.project_id) as tx:
        id = await jobs.enqueue(tx, SCORE, task.model_dump(mode="json"), project_id=caller.project_id)
        assert id is not None, "without a key, each is a job of its own"
        job = await jobs.get(tx, caller.project_id, id)
    assert job is not None, "it was made a moment ago"
    return job


@router.get(
    "/scorings/{id:uuid}/log",
    operation_id="list_scoring_log",
    summary="What became of each evaluation",
    responses=responses(400, 401, 403, 404, 422, 429, 503),
    openapi_extra={"security": PROJECT_SECURITY},
)
async def list_scoring_log(request: Request, caller: Reader, id: UUID, query: Annotated[ListLog, Query()]) -> LogPage:
    """Of a job that scores; kept as long as the job is."""
    after = position_of(query.cursor) if query.cursor else None
    async with runtime(request).db.as_project(caller.project_id) as tx:
        job = await jobs.get(tx, caller.project_id, id)
        if job is None or job.kind != SCORE:
            raise NotFound("There is no such scoring.")
        found = await store.page(tx, caller.project_id, id, outcome=query.outcome, after=after, limit=query.limit + 1)
    page, has_more = found[: query.limit], len(found) > query.limit
    last = Position(page[-1].evaluation_at, page[-1].evaluation_id) if has_more else None
    return LogPage(data=page, next_cursor=cursor_of(last) if last else None, has_more=has_more)


@router.get(
    "/projects/{id:uuid}/scoring",
    operation_id="get_project_scoring",
    summary="Whether a project has scored what comes in",
    responses=responses(400, 401, 403, 404, 422, 429, 503),
    openapi_extra={"security": PROJECT_SECURITY},
)
async def get_project_scoring(request: Request, caller: ProjectReader) -> ProjectScoring:
    """Off, until somebody switches it on."""
    async with runtime(request).db.as_project(caller.project_id) as tx:
        return await store.project_scoring(tx, caller.project_id)


@router.patch(
    "/projects/{id:uuid}/scoring",
    operation_id="change_project_scoring",
    summary="Have what comes in scored, or not",
    responses=responses(400, 401, 403, 404, 413, 415, 422, 429, 503),
    dependencies=[Security(bearer)],
)
async def change_project_scoring(
    request: Request, caller: Person, id: UUID, body: ChangeProjectScoring
) -> ProjectScoring:
    """For owners and admins. From now on, every five minutes, evaluations that came without scores and with documents
    are scored, by the job `score_evaluations`."""
    server = runtime(request)
    access = await server.authenticator.project_of(caller, id)
    if not may_administer(access.role):
        raise Forbidden("Only an owner or admin of the organization may change what its projects score.")
    async with server.db.as_user(caller.user_id) as tx:
        wanted = body.applied_to(await store.project_scoring(tx, id))
        await store.set_project_scoring(tx, id, wanted)
        return await store.project_scoring(tx, id)
