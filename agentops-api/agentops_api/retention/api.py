"""Retention and deletion over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response, Security
from fastapi.responses import JSONResponse

from agentops_api import clock
from agentops_api.auth.models import UserCaller
from agentops_api.edge.caller import (
    PROJECT_SECURITY,
    ProjectCaller,
    bearer,
    project_reader,
    user_caller,
    writer,
)
from agentops_api.edge.problems import responses
from agentops_api.edge.route import Route
from agentops_api.edge.runtime import runtime
from agentops_api.errors import Forbidden, Invalid
from agentops_api.jobs import store as jobs
from agentops_api.jobs.models import Job
from agentops_api.projects.models import may_administer
from agentops_api.retention import store
from agentops_api.retention.delete import BY_FILTER, doomed_by
from agentops_api.retention.models import (
    ChangeRetention,
    DeletionCount,
    DeletionRequest,
    Forecast,
    Retention,
    midnight,
)
from agentops_api.telemetry import deletion, rollups
from agentops_api.telemetry.deletion import Doomed

_DRY_RUN_MS_MAX = 20_000
"""A dry run counts every row that would go."""

router = APIRouter(prefix="/api/v1", tags=["retention"], route_class=Route)
ProjectReader = Annotated[ProjectCaller, Depends(project_reader)]
Writer = Annotated[ProjectCaller, Depends(writer)]
Person = Annotated[UserCaller, Depends(user_caller)]


@router.get(
    "/projects/{id:uuid}/retention",
    operation_id="get_retention",
    summary="How long a project keeps what",
    responses=responses(400, 401, 403, 404, 422, 429, 503),
    openapi_extra={"security": PROJECT_SECURITY},
)
async def get_retention(request: Request, caller: ProjectReader) -> Retention:
    """Everything for ever, until somebody says otherwise."""
    async with runtime(request).db.as_project(caller.project_id) as tx:
        return await store.retention(tx, caller.project_id)


@router.patch(
    "/projects/{id:uuid}/retention",
    operation_id="change_retention",
    summary="Change how long a project keeps what",
    responses=responses(400, 401, 403, 404, 413, 415, 422, 429, 503),
    dependencies=[Security(bearer)],
)
async def change_retention(request: Request, caller: Person, id: UUID, body: ChangeRetention) -> Retention:
    """For owners and admins. It takes effect at night (03:00 UTC), as the job `apply_retention`. A dry run tells before
    what would go."""
    server = runtime(request)
    access = await server.authenticator.project_of(caller, id)
    if not may_administer(access.role):
        raise Forbidden("Only an owner or admin of the organization may change what its projects keep.")
    async with server.db.as_user(caller.user_id) as tx:
        wanted = body.applied_to(await store.retention(tx, id))
        await store.set_retention(tx, id, wanted)
    return wanted


@router.post(
    "/projects/{id:uuid}/retention/dry-run",
    operation_id="forecast_retention",
    summary="What retention would delete now",
    responses=responses(400, 401, 403, 404, 413, 415, 422, 429, 503),
    openapi_extra={"security": PROJECT_SECURITY},
)
async def forecast_retention(request: Request, caller: ProjectReader, body: ChangeRetention) -> Forecast:
    """With these changes, or with none (`{}`) as it is. Changes and deletes nothing."""
    async with runtime(request).db.as_project(caller.project_id, statement_ms_max=_DRY_RUN_MS_MAX) as tx:
        wanted = body.applied_to(await store.retention(tx, caller.project_id))
        now = clock.now()
        raw = None if wanted.raw_days is None else midnight(now, wanted.raw_days)
        rolled = None if wanted.rollup_days is None else midnight(now, wanted.rollup_days)
        return Forecast(
            evaluations=(await deletion.extent(tx, caller.project_id, Doomed(raw))).gone if raw else 0,
            evaluations_before=raw,
            rollups=await rollups.count_before(tx, caller.project_id, before=rolled) if rolled else 0,
            rollups_before=rolled,
        )


@router.post(
    "/deletions",
    operation_id="delete_evaluations",
    summary="Delete evaluations by a filter",
    status_code=202,
    response_model=Job,
    responses=responses(400, 401, 403, 404, 413, 415, 422, 429, 503)
    | {200: {"model": DeletionCount, "description": "The dry run's count; nothing is deleted."}},
    openapi_extra={"security": PROJECT_SECURITY},
)
async def delete_evaluations(request: Request, caller: Writer, body: DeletionRequest) -> Job | Response:
    """Gone for good, and subtracted from the statistics, by the job that is answered; `GET /api/v1/jobs/{id}` tells how
    far it is, and `report.evaluations` how many went."""
    if body.filter.is_empty:
        message = "needs at least one condition; to delete everything, say `before`"
        raise Invalid(f"`filter` {message}.", [{"field": "filter", "message": message}])
    db, now = runtime(request).db, clock.now()
    if body.dry_run:
        async with db.as_project(caller.project_id, statement_ms_max=_DRY_RUN_MS_MAX) as tx:
            extent = await deletion.extent(tx, caller.project_id, doomed_by(body.filter, now))
        return JSONResponse(DeletionCount(evaluations=extent.gone).model_dump())
    wanted = body.filter.model_copy(update={"before": body.filter.before or now})
    async with db.as_project(caller.project_id) as tx:
        args = {"filter": wanted.model_dump(mode="json", exclude_none=True)}
        id = await jobs.enqueue(tx, BY_FILTER, args, project_id=caller.project_id)
        assert id is not None, "without a key, each is a job of its own"
        job = await jobs.get(tx, caller.project_id, id)
    assert job is not None, "it was made a moment ago"
    return job
