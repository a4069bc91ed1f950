"""Taking evaluations in over HTTP. This is the hot path: it reads the raw body, and FastAPI solves no dependencies."""

from typing import Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, TypeAdapter

from agentops_api import clock
from agentops_api.edge.body import has_nul, parse, read_body
from agentops_api.edge.caller import PROJECT_SECURITY, project_caller
from agentops_api.edge.problems import responses
from agentops_api.edge.route import Route
from agentops_api.edge.runtime import Runtime, runtime
from agentops_api.errors import Invalid, Malformed
from agentops_api.evaluations.accept import BatchIn, Reception, accept, read_batch
from agentops_api.evaluations.models import EvaluationIn, Status
from agentops_api.telemetry.store import Record

IDEMPOTENCY_KEY_CHARS_MAX = 255

router = APIRouter(tags=["evaluations"], route_class=Route)
_IDEMPOTENCY_KEY = b"idempotency-key"
_ITEM = TypeAdapter(EvaluationIn)


_ID_EXAMPLE = "019ab3f5-22b0-7e4d-8f16-7a9b1c3d5e07"


class Created(BaseModel):
    """The evaluation is committed."""

    model_config = ConfigDict(
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [{"id": _ID_EXAMPLE, "created_at": "2026-11-02T09:40:00Z", "status": "created"}]
        },
    )

    id: UUID
    """The evaluation's id: the client's own, or one made by the server."""
    created_at: AwareDatetime
    """The evaluation's time."""
    status: Literal["created", "duplicate"]
    """`duplicate`: an earlier request stored this id, and nothing was stored now."""


class MetricCreated(BaseModel):
    """The evaluation is committed, as the published SDK 0.2 reads it."""

    model_config = ConfigDict(
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [{"eval_id": _ID_EXAMPLE, "status": "created", "message": "Evaluation stored."}]
        },
    )

    eval_id: UUID
    """The evaluation's id."""
    status: Literal["created", "duplicate"]
    """`duplicate`: an earlier request stored this id, and nothing was stored now."""
    message: str
    """The same, for people."""


class BatchItem(BaseModel):
    """What became of one item."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    index: int
    """The item's place in the request, from 0."""
    id: UUID | None
    """The evaluation's id; null where the item was rejected."""
    status: Status
    """`created` and `duplicate` are committed; `rejected` will never be, as it is."""
    error: str | None
    """Why the item was rejected."""


class BatchAnswer(BaseModel):
    """What became of each item, in the order of the request."""

    model_config = ConfigDict(
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [
                {
                    "created": 1,
                    "duplicates": 0,
                    "rejected": 1,
                    "results": [
                        {"index": 0, "id": _ID_EXAMPLE, "status": "created", "error": None},
                        {
                            "index": 1,
                            "id": None,
                            "status": "rejected",
                            "error": "latency_sec: Input should be greater than 0",
                        },
                    ],
                }
            ]
        },
    )

    created: int
    """Items stored by this request."""
    duplicates: int
    """Items that an earlier request, or an earlier item, had stored."""
    rejected: int
    """Items that were not stored."""
    results: list[BatchItem]
    """One for each item."""


BODIES: tuple[type[BaseModel], ...] = (EvaluationIn, BatchIn)
"""The models of bodies that are read raw; the OpenAPI document must be told of them."""


def _body(model: type[BaseModel]) -> dict[str, object]:
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    key = {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Any text; sent again with it, a request stores nothing twice. An item's own `id` goes first.",
        "schema": {"type": "string", "minLength": 1, "maxLength": IDEMPOTENCY_KEY_CHARS_MAX},
    }
    return {
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "parameters": [key],
        "security": PROJECT_SECURITY,
    }


@router.post(
    "/evaluations",
    operation_id="create_evaluation",
    summary="Store an evaluation",
    status_code=201,
    response_model=Created,
    responses=responses(400, 401, 403, 404, 413, 415, 422, 429, 503),
    openapi_extra=_body(EvaluationIn),
)
async def create_evaluation(request: Request) -> Response:
    """Answers when the evaluation is committed to disk, not before."""
    record = await _store_one(request)
    return _json(201, {"id": record.id, "created_at": record.created_at, "status": _status(record)})


@router.post(
    "/metrics",
    operation_id="create_metric",
    summary="Store an evaluation (published SDK 0.2)",
    status_code=201,
    response_model=MetricCreated,
    responses=responses(400, 401, 403, 404, 413, 415, 422, 429, 503),
    openapi_extra=_body(EvaluationIn),
)
async def create_metric(request: Request) -> Response:
    """The same as `POST /evaluations/`, under the path and with the answer that SDK 0.2 knows."""
    record = await _store_one(request)
    message = "Stored before." if record.duplicate else "Evaluation stored."
    return _json(201, {"eval_id": record.id, "status": _status(record), "message": message})


@router.post(
    "/evaluations/batch",
    operation_id="create_evaluations",
    summary="Store up to 1,000 evaluations",
    status_code=201,
    response_model=BatchAnswer,
    responses={
        207: {"model": BatchAnswer, "description": "Some items were rejected; the others are committed."},
        **responses(400, 401, 403, 404, 413, 415, 422, 429, 503),
    },
    openapi_extra=_body(BatchIn),
)
async def create_evaluations(request: Request) -> Response:
    """Judges each item alone. 201: all are committed. 207: some were rejected, and `results` says which and why."""
    server = runtime(request)
    caller = await project_caller(request, scope="ingest")
    body = await read_body(request.receive, request.scope["headers"], bytes_max=server.settings.body_bytes_max)
    items = read_batch(body)
    await server.limiter.hit("ingest", caller.client, cost=len(items))
    reception = _reception(request, server, caller.project_id, body)
    outcomes = [_accept_or_reason(item, reception, index) for index, item in enumerate(items)]
    server.writer.outcomes["rejected"] += sum(isinstance(outcome, str) for outcome in outcomes)
    # An id that comes twice in one request is stored once; the later items are duplicates of the first.
    records = {outcome.id: outcome for outcome in reversed(outcomes) if isinstance(outcome, Record)}
    # The wait for a slow database can be long, and what was read is several times as large as what is waiting.
    del body, items
    if records:
        await server.writer.write(list(records.values()))
    results = [_result(index, outcome, records) for index, outcome in enumerate(outcomes)]
    counts = {
        status: sum(result["status"] == status for result in results) for status in ("created", "duplicate", "rejected")
    }
    answer = {
        "created": counts["created"],
        "duplicates": counts["duplicate"],
        "rejected": counts["rejected"],
        "results": results,
    }
    return _json(207 if counts["rejected"] else 201, answer)


DIRECT = {"/evaluations": create_evaluation, "/evaluations/batch": create_evaluations, "/metrics": create_metric}
"""The handlers by path, for the edge to call without the framework between."""


async def _store_one(request: Request) -> Record:
    server = runtime(request)
    caller = await project_caller(request, scope="ingest")
    await server.limiter.hit("ingest", caller.client)
    body = await read_body(request.receive, request.scope["headers"], bytes_max=server.settings.body_bytes_max)
    try:
        record = accept(parse(_ITEM, body), _reception(request, server, caller.project_id, body))
    except (Invalid, Malformed):
        server.writer.outcomes["rejected"] += 1
        raise
    await server.writer.write([record])
    if record.refused:
        raise Invalid(f"The database refuses this evaluation: {record.refused}.")
    return record


def _reception(request: Request, server: Runtime, project_id: UUID, body: bytes) -> Reception:
    key = next((value.decode("latin-1") for name, value in request.scope["headers"] if name == _IDEMPOTENCY_KEY), None)
    if key is not None and not 1 <= len(key) <= IDEMPOTENCY_KEY_CHARS_MAX:
        rule = f"must have 1 to {IDEMPOTENCY_KEY_CHARS_MAX} characters"
        raise Invalid(f"Idempotency-Key {rule}.", [{"field": "Idempotency-Key", "message": rule}])
    return Reception(project_id, server.window, clock.now(), has_nul(body), key)


def _accept_or_reason(item: EvaluationIn | str, reception: Reception, index: int) -> Record | str:
    if isinstance(item, str):
        return item
    try:
        return accept(item, reception, index=index)
    except Invalid as error:
        return str(error)


def _result(index: int, outcome: Record | str, records: dict[UUID, Record]) -> dict[str, object]:
    if isinstance(outcome, str):
        return {"index": index, "id": None, "status": "rejected", "error": outcome}
    first = records[outcome.id]
    if first.refused:
        return {"index": index, "id": None, "status": "rejected", "error": first.refused}
    status = _status(first) if first is outcome else "duplicate"
    return {"index": index, "id": outcome.id, "status": status, "error": None}


def _status(record: Record) -> Status:
    return "duplicate" if record.duplicate else "created"


def _json(status: int, value: object) -> Response:
    return Response(orjson.dumps(value, option=orjson.OPT_UTC_Z), status, media_type="application/json")
