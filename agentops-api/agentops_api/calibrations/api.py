"""Labels and calibrations over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from agentops_api.calibrations import store
from agentops_api.calibrations.calibrate import calibrate
from agentops_api.calibrations.models import (
    Calibration,
    Label,
    LabelItem,
    LabelRequest,
    LabelsAnswer,
    LabelsRequest,
)
from agentops_api.edge.caller import PROJECT_SECURITY, ProjectCaller, reader, writer
from agentops_api.edge.problems import responses
from agentops_api.edge.route import Route
from agentops_api.edge.runtime import runtime
from agentops_api.errors import NotFound
from agentops_api.evaluations.models import Position
from agentops_api.evaluations.paging import cursor_of, position_of

PAGE_ITEMS_MAX = 500

router = APIRouter(prefix="/api/v1", tags=["calibrations"], route_class=Route)
Reader = Annotated[ProjectCaller, Depends(reader)]
Writer = Annotated[ProjectCaller, Depends(writer)]


class ListLabels(BaseModel):
    """Which labels to list."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    limit: Annotated[int, Field(ge=1, le=PAGE_ITEMS_MAX)] = 50
    """Labels a page."""
    cursor: Annotated[str, StringConstraints(max_length=100)] | None = None
    """`next_cursor` of the page before."""


class LabelPage(BaseModel):
    """One page of labels, newest first."""

    model_config = ConfigDict(
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [
                {
                    "data": [
                        {
                            "evaluation_id": "019ab3f5-22b0-7e4d-8f16-7a9b1c3d5e07",
                            "hallucinated": True,
                            "note": None,
                            "labelled_at": "2026-11-24T13:00:00Z",
                        }
                    ],
                    "next_cursor": None,
                    "has_more": False,
                }
            ]
        },
    )

    data: list[Label]
    """The page."""
    next_cursor: str | None
    """Hand it back as `cursor` for the next page; null on the last."""
    has_more: bool
    """Whether there is a next page."""


class ListCalibrations(BaseModel):
    """Which calibrations to list."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    limit: Annotated[int, Field(ge=1, le=PAGE_ITEMS_MAX)] = 20
    """Calibrations a page."""
    cursor: UUID | None = None
    """`next_cursor` of the page before."""


class CalibrationPage(BaseModel):
    """One page of calibrations, newest first."""

    model_config = ConfigDict(
        use_attribute_docstrings=True,
        json_schema_extra={"examples": [{"data": [], "next_cursor": None, "has_more": False}]},
    )

    data: list[Calibration]
    """The page."""
    next_cursor: UUID | None
    """Hand it back as `cursor` for the next page; null on the last."""
    has_more: bool
    """Whether there is a next page."""


@router.post(
    "/evaluations/{id:uuid}/label",
    operation_id="label_evaluation",
    summary="Say whether an answer is hallucinated",
    responses=responses(400, 401, 403, 404, 413, 415, 422, 429, 503),
    openapi_extra={"security": PROJECT_SECURITY},
)
async def label_evaluation(request: Request, caller: Writer, id: UUID, body: LabelRequest) -> Label:
    """Takes the place of the label that it had. The detector's verdict stays as it is."""
    item = LabelItem(evaluation_id=id, hallucinated=body.hallucinated, note=body.note)
    async with runtime(request).db.as_project(caller.project_id) as tx:
        made = await store.label(tx, caller.project_id, [item])
    if not made:
        raise NotFound("There is no such evaluation.")
    return made[0]


@router.delete(
    "/evaluations/{id:uuid}/label",
    operation_id="unlabel_evaluation",
    summary="Take a label away",
    status_code=204,
    responses=responses(400, 401, 403, 404, 422, 429, 503),
    openapi_extra={"security": PROJECT_SECURITY},
)
async def unlabel_evaluation(request: Request, caller: Writer, id: UUID) -> Response:
    """The evaluation stays."""
    async with runtime(request).db.as_project(caller.project_id) as tx:
        if not await store.unlabel(tx, caller.project_id, id):
            raise NotFound("There is no such label.")
    return Response(status_code=204)


@router.post(
    "/labels",
    operation_id="label_evaluations",
    summary="Label up to 1,000 answers",
    responses=responses(400, 401, 403, 404, 413, 415, 422, 429, 503),
    openapi_extra={"security": PROJECT_SECURITY},
)
async def label_evaluations(request: Request, caller: Writer, body: LabelsRequest) -> LabelsAnswer:
    """Together or not at all, but for evaluations that there are not: those are named."""
    items = {item.evaluation_id: item for item in body.labels}
    async with runtime(request).db.as_project(caller.project_id) as tx:
        made = await store.label(tx, caller.project_id, list(items.values()))
    labelled = {each.evaluation_id for each in made}
    return LabelsAnswer(labelled=len(made), missing=[id for id in items if id not in labelled])


@router.get(
    "/labels",
    operation_id="list_labels",
    summary="List labels, newest first",
    responses=responses(400, 401, 403, 404, 422, 429, 503),
    openapi_extra={"security": PROJECT_SECURITY},
)
async def list_labels(request: Request, caller: Reader, query: Annotated[ListLabels, Query()]) -> LabelPage:
    """Those of the project."""
    at = position_of(query.cursor) if query.cursor else None
    after = (at.created_at, at.id) if at else None
    async with runtime(request).db.as_project(caller.project_id) as tx:
        found = await store.labels(tx, caller.project_id, after=after, limit=query.limit + 1)
    page, has_more = found[: query.limit], len(found) > query.limit
    last = Position(page[-1].labelled_at, page[-1].evaluation_id) if has_more else None
    return LabelPage(data=page, next_cursor=cursor_of(last) if last else None, has_more=has_more)


@router.post(
    "/calibrations",
    operation_id="create_calibration",
    summary="Correct the detector by the project's labels",
    status_code=201,
    responses=responses(400, 401, 403, 404, 409, 422, 429, 503),
    openapi_extra={"security": PROJECT_SECURITY},
)
async def create_calibration(request: Request, caller: Writer) -> Calibration:
    """From the newest 2,000 labels of answers with documents, at least 50 (else 409 says how many are missing). It is
    in use from now on; what was scored before stays as it is."""
    server = runtime(request)
    return await calibrate(server.db, caller.project_id, server.detectors)


@router.get(
    "/calibrations",
    operation_id="list_calibrations",
    summary="List calibrations, newest first",
    responses=responses(400, 401, 403, 404, 422, 429, 503),
    openapi_extra={"security": PROJECT_SECURITY},
)
async def list_calibrations(
    request: Request, caller: Reader, query: Annotated[ListCalibrations, Query()]
) -> CalibrationPage:
    """The newest of the server's own detector version is in use."""
    async with runtime(request).db.as_project(caller.project_id) as tx:
        found = await store.page(tx, caller.project_id, before=query.cursor, limit=query.limit + 1)
    page, has_more = found[: query.limit], len(found) > query.limit
    return CalibrationPage(data=page, next_cursor=page[-1].id if has_more else None, has_more=has_more)


@router.delete(
    "/calibrations/{id:uuid}",
    operation_id="delete_calibration",
    summary="Delete a calibration",
    status_code=204,
    responses=responses(400, 401, 403, 404, 422, 429, 503),
    openapi_extra={"security": PROJECT_SECURITY},
)
async def delete_calibration(request: Request, caller: Writer, id: UUID) -> Response:
    """The one before it is in use again; with none, the detector's own probabilities."""
    async with runtime(request).db.as_project(caller.project_id) as tx:
        if not await store.delete(tx, caller.project_id, id):
            raise NotFound("There is no such calibration.")
    return Response(status_code=204)
