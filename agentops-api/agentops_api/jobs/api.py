"""Jobs over HTTP: what was asked for, how far it is, and once more for what failed."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from agentops_api.edge.caller import PROJECT_SECURITY, ProjectCaller, reader, writer
from agentops_api.edge.problems import responses
from agentops_api.edge.route import Route
from agentops_api.edge.runtime import runtime
from agentops_api.errors import Conflict, NotFound
from agentops_api.jobs import store
from agentops_api.jobs.models import EXAMPLE, Job, Status

PAGE_ITEMS_MAX = 500
_NO_SUCH_JOB = "There is no such job."

router = APIRouter(prefix="/api/v1/jobs", tags=["jobs"], route_class=Route)
Reader = Annotated[ProjectCaller, Depends(reader)]
Writer = Annotated[ProjectCaller, Depends(writer)]


class ListJobs(BaseModel):
    """Which jobs to list."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    limit: Annotated[int, Field(ge=1, le=PAGE_ITEMS_MAX)] = 50
    """Jobs a page."""
    cursor: UUID | None = None
    """`next_cursor` of the page before."""
    status: Status | None = None
    """Only jobs in this state."""
    kind: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None
    """Only jobs that do this."""


class JobPage(BaseModel):
    """One page of jobs, newest first."""

    model_config = ConfigDict(
        use_attribute_docstrings=True,
        json_schema_extra={"examples": [{"data": [EXAMPLE], "next_cursor": None, "has_more": False}]},
    )

    data: list[Job]
    """The page."""
    next_cursor: UUID | None
    """Hand it back as `cursor` for the next page; null on the last."""
    has_more: bool
    """Whether there is a next page."""


@router.get(
    "",
    operation_id="list_jobs",
    summary="List jobs, newest first",
    responses=responses(400, 401, 403, 404, 422, 429, 503),
    openapi_extra={"security": PROJECT_SECURITY},
)
async def list_jobs(request: Request, caller: Reader, query: Annotated[ListJobs, Query()]) -> JobPage:
    """Those of the project. Jobs that succeeded are kept for 7 days, jobs that failed for 30."""
    async with runtime(request).db.as_project(caller.project_id) as tx:
        found = await store.page(
            tx,
            caller.project_id,
            status=query.status,
            kind=query.kind,
            before=query.cursor,
            limit=query.limit + 1,
        )
    page, has_more = found[: query.limit], len(found) > query.limit
    return JobPage(data=page, next_cursor=page[-1].id if has_more else None, has_more=has_more)


@router.get(
    "/{id:uuid}",
    operation_id="get_job",
    summary="Read one job",
    responses=responses(400, 401, 403, 404, 422, 429, 503),
    openapi_extra={"security": PROJECT_SECURITY},
)
async def get_job(request: Request, caller: Reader, id: UUID) -> Job:
    """Its state, its progress, and its report."""
    async with runtime(request).db.as_project(caller.project_id) as tx:
        job = await store.get(tx, caller.project_id, id)
    if job is None:
        raise NotFound(_NO_SUCH_JOB)
    return job


@router.post(
    "/{id:uuid}/retry",
    operation_id="retry_job",
    summary="Try a failed job again",
    status_code=202,
    responses=responses(400, 401, 403, 404, 409, 422, 429, 503),
    openapi_extra={"security": PROJECT_SECURITY},
)
async def retry_job(request: Request, caller: Writer, id: UUID) -> Job:
    """It is queued again, with five more attempts. Only a job that failed for good can be retried (409)."""
    async with runtime(request).db.as_project(caller.project_id) as tx:
        job = await store.retry(tx, caller.project_id, id)
        known = job or await store.get(tx, caller.project_id, id)
    if known is None:
        raise NotFound(_NO_SUCH_JOB)
    if job is None:
        raise Conflict(f"This job is {known.status}; only a failed one can be retried.")
    return job
