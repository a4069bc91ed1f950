"""A project's figures for Prometheus, over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import PlainTextResponse

from agentops_api import clock, metrics
from agentops_api.analytics.exposition import families_of, question_of
from agentops_api.edge.caller import PROJECT_SECURITY, ProjectCaller, project_reader
from agentops_api.edge.problems import responses
from agentops_api.edge.route import Route
from agentops_api.edge.runtime import runtime

router = APIRouter(prefix="/api/v1/projects", tags=["analytics"], route_class=Route)
_EXAMPLE = 'agentops_project_evaluations_total{agent="qa_assistant",model="gpt-4o-mini"} 150.0\n'


@router.get(
    "/{id:uuid}/metrics",
    operation_id="get_project_metrics",
    summary="Today's figures by agent and model, for Prometheus",
    response_class=PlainTextResponse,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}, "example": _EXAMPLE}}},
        **responses(400, 401, 403, 404, 422, 429, 503),
    },
    openapi_extra={"security": PROJECT_SECURITY},
)
async def get_project_metrics(
    request: Request,
    caller: Annotated[ProjectCaller, Depends(project_reader)],
    id: UUID,
) -> PlainTextResponse:
    """Counted from midnight (UTC); the 50 largest pairs of agent and model have series of their own."""
    cells = await runtime(request).store.cells(caller.project_id, question_of(clock.now()))
    text, media_type = metrics.exposition(families_of(cells), request.headers.get("accept", ""))
    return PlainTextResponse(text, headers={"Content-Type": media_type})
