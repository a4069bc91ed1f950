"""Exports over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict

from agentops_api import clock
from agentops_api.edge.caller import PROJECT_SECURITY, ProjectCaller, reader
from agentops_api.edge.encodings import quality
from agentops_api.edge.problems import responses
from agentops_api.edge.route import Route
from agentops_api.edge.runtime import runtime
from agentops_api.errors import Invalid
from agentops_api.evaluations.filters import FilterQuery
from agentops_api.evaluations.models import STORED_EXAMPLE, Evaluation
from agentops_api.exports.download import Download, Export
from agentops_api.exports.flow import Form
from agentops_api.exports.formats import MEDIA_TYPES, Format

router = APIRouter(prefix="/api/v1/exports", tags=["exports"], route_class=Route)
Reader = Annotated[ProjectCaller, Depends(reader)]
_EXAMPLES: dict[Format, str] = {
    "csv": "id,created_at,prompt,response,…\r\n019ab3f5-22b0-7e4d-8f16-7a9b1c3d5e07,2026-11-02T09:40:00Z,…\r\n",
    "jsonl": '{"id": "019ab3f5-22b0-7e4d-8f16-7a9b1c3d5e07", "created_at": "2026-11-02T09:40:00Z", …}\n',
    "parquet": "PAR1…",
}


class ExportQuery(FilterQuery):
    """The list's filters, and the format."""

    format: Format = "jsonl"
    """The file's format."""
    spreadsheet: bool = False
    """CSV only: begin with a byte order mark, by which Excel knows UTF-8, and leave out the last record."""


class ExportDocument(BaseModel):
    """Evaluations with the format `json`, oldest first."""

    model_config = ConfigDict(
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [
                {
                    "data": [STORED_EXAMPLE],
                    "rows": 1,
                    "sha256": "0d4b3f0c3a1e5c6b7d8e9f0a1b2c3d4e5f60718293a4b5c6d7e8f90112233445",
                }
            ]
        },
    )

    data: list[Evaluation]
    """The evaluations."""
    rows: int
    """How many they are."""
    sha256: str
    """SHA-256 of the evaluations as JSON Lines."""


@router.get(
    "/evaluations",
    operation_id="export_evaluations",
    summary="Export evaluations as a file",
    response_model=ExportDocument,
    responses={
        200: {
            "description": "The file, in the format that was asked for.",
            "content": {
                MEDIA_TYPES[kind].partition(";")[0]: {
                    "schema": {"type": "string", "format": "binary"},
                    "example": example,
                }
                for kind, example in _EXAMPLES.items()
            },
        },
        **responses(400, 401, 403, 404, 414, 422, 429, 503),
    },
    openapi_extra={"security": PROJECT_SECURITY},
)
async def export_evaluations(request: Request, caller: Reader, query: Annotated[ExportQuery, Query()]) -> Response:
    """All that match, oldest first, as they were at one moment. The end says how many rows there are, and their
    SHA-256. `Accept-Encoding: gzip` compresses the answer; Parquet is compressed in itself."""
    if query.spreadsheet and query.format != "csv":
        message = "is for the format `csv`"
        raise Invalid(f"`spreadsheet` {message}.", [{"field": "spreadsheet", "message": message}])
    gzip = query.format != "parquet" and quality(request.headers.get("accept-encoding", ""), "gzip") > 0
    headers = {
        "content-type": MEDIA_TYPES[query.format],
        "content-disposition": f'attachment; filename="evaluations-{clock.now():%Y%m%dT%H%M%SZ}.{query.format}"',
        "vary": "Accept-Encoding",
    } | ({"content-encoding": "gzip"} if gzip else {})
    export = Export(caller.project_id, query.filters(), Form(query.format, gzip=gzip, spreadsheet=query.spreadsheet))
    return Download(runtime(request).downloads, export, headers)
