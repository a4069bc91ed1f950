"""The live tail over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import StringConstraints

from agentops_api.edge.caller import PROJECT_SECURITY, ProjectCaller, project_caller, reader
from agentops_api.edge.problems import responses
from agentops_api.edge.route import Route
from agentops_api.edge.runtime import runtime
from agentops_api.errors import Invalid
from agentops_api.evaluations.filters import ChoiceQuery
from agentops_api.evaluations.paging import position_of
from agentops_api.evaluations.tail import Stream, Tail

router = APIRouter(prefix="/api/v1/evaluations", tags=["evaluations"], route_class=Route)
Reader = Annotated[ProjectCaller, Depends(reader)]
_MOVED = "The project that this is about changed; ask anew."
_EXAMPLE = """retry: 2000

event: evaluation
id: AAZEQ2H9xgABmrP1IrB-TY8WepscPV4H
data: {"id":"019ab3f5-22b0-7e4d-8f16-7a9b1c3d5e07","created_at":"2026-11-02T09:40:00Z","prompt":"What is …",…}

:

event: end
data: {"reason":"The server is being stopped; ask anew."}
"""


@router.get(
    "/stream",
    operation_id="stream_evaluations",
    summary="Evaluations as they arrive",
    response_class=Response,
    responses={
        200: {
            "description": "Events, until the stream ends",
            "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
        },
        **responses(400, 401, 403, 404, 414, 422, 429, 503),
    },
    openapi_extra={"security": PROJECT_SECURITY},
)
async def stream_evaluations(
    request: Request,
    caller: Reader,
    query: Annotated[ChoiceQuery, Query()],
    last_event_id: Annotated[
        str | None,
        StringConstraints(max_length=100),
        Header(description="The event to go on behind, as browsers send it."),
    ] = None,
) -> Response:
    """Server-sent events: `evaluation` for each that is stored from now on, whichever server stores it; of more than
    100 a second, the newest. Its data is the evaluation, with texts cut at 2,000 characters (a response then has no
    claims) and documents after the tenth. `end` says why the stream ends: the credential did, or the server wants to be
    asked anew.

    What is dated more than 30 seconds back when it is stored is not told. `Last-Event-ID`, the `id` of the last event
    that was received, goes on behind it, up to five minutes back.
    """
    server = runtime(request)
    after = None
    if last_event_id:
        try:
            after = position_of(last_event_id)
        except Invalid:
            message = "is not the id of an event of this stream; leave it out"
            field = {"field": "Last-Event-ID", "message": message}
            raise Invalid(f"The header Last-Event-ID {message}.", [field]) from None

    async def check() -> str | None:
        if server.draining:
            return "The server is being stopped; ask anew."
        now = await project_caller(request, scope="read", counted=False)
        return None if now.project_id == caller.project_id else _MOVED

    tail = Tail(server.store, caller.project_id, query.choice())
    return Stream(server.streams, tail, after, check=check)
