"""Exports that a job writes into a file, over HTTP: asked for, fetched later, in pieces if need be, and deleted."""

import asyncio
import logging
import re
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import ConfigDict
from starlette.types import Receive, Scope, Send

from agentops_api import clock, tasks
from agentops_api.db.pool import Database, Tx
from agentops_api.edge.caller import PROJECT_SECURITY, ProjectCaller, reader, writer
from agentops_api.edge.problems import responses
from agentops_api.edge.route import Route
from agentops_api.edge.runtime import runtime
from agentops_api.errors import AgentOpsError, BeyondEnd, Conflict, Invalid, NotFound, TooManyRequests
from agentops_api.exports import store
from agentops_api.exports.download import send_part, until_gone
from agentops_api.exports.formats import MEDIA_TYPES
from agentops_api.exports.write_file import KIND, FileOrder, FileReport
from agentops_api.jobs import store as jobs
from agentops_api.jobs.models import Job

_GZIP = "application/gzip"
WAITING_MAX = 10
"""Exports of one project that wait or are being written."""
_WAITING_RETRY_S = 60
_NO_SUCH_EXPORT = "There is no such export."
_RANGE = re.compile(r"bytes\s*=\s*(?:(?P<first>\d{1,18})-(?P<last>\d{1,18})?|-(?P<suffix>\d{1,18}))\s*")
_BINARY = {"type": "string", "format": "binary"}
_CONTENT = {
    media_type.partition(";")[0]: {"schema": _BINARY, "example": example}
    for media_type, example in {
        _GZIP: "\x1f\x8b…",
        MEDIA_TYPES["csv"]: "id,created_at,prompt,response,…\r\n",
        MEDIA_TYPES["jsonl"]: '{"end":{"rows":0,"sha256":"…"}}\n',
        MEDIA_TYPES["json"]: '{"data":[\n],"rows":0,"sha256":"…"}',
        MEDIA_TYPES["parquet"]: "PAR1…",
    }.items()
}
_log = logging.getLogger(__name__)

router = APIRouter(prefix="/api/v1/exports", tags=["exports"], route_class=Route)
Reader = Annotated[ProjectCaller, Depends(reader)]
Writer = Annotated[ProjectCaller, Depends(writer)]


class ExportRequest(FileOrder):
    """A file that should be written."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"format": "csv", "agent_name": "qa_assistant"}]})


@router.post(
    "",
    operation_id="ask_for_export",
    summary="Ask for an export that is fetched later",
    status_code=202,
    responses=responses(400, 401, 403, 404, 413, 415, 422, 429, 503),
    openapi_extra={"security": PROJECT_SECURITY},
)
async def ask_for_export(request: Request, caller: Reader, body: ExportRequest) -> Job:
    """Written by the job that is answered; `GET /api/v1/jobs/{id}` tells how far it is, and its report where the file
    is, how many rows it has, and when it expires."""
    if body.spreadsheet and body.format != "csv":
        message = "is for the format `csv`"
        raise Invalid(f"`spreadsheet` {message}.", [{"field": "spreadsheet", "message": message}])
    async with runtime(request).db.as_project(caller.project_id) as tx:
        if await store.asked_for(tx, caller.project_id, KIND) >= WAITING_MAX:
            message = f"{WAITING_MAX} exports of this project wait already; wait for one to end."
            raise TooManyRequests(message, retry_after_s=_WAITING_RETRY_S)
        args = body.model_dump(mode="json", exclude_none=True)
        id = await jobs.enqueue(tx, KIND, args, project_id=caller.project_id)
        assert id is not None, "without a key, each is a job of its own"
        job = await jobs.get(tx, caller.project_id, id)
    assert job is not None, "it was made a moment ago"
    return job


@router.get(
    "/{id:uuid}/file",
    operation_id="get_export_file",
    summary="Fetch the file of an export",
    response_class=Response,
    responses={
        200: {"description": "The file.", "content": _CONTENT},
        206: {"description": "The part of it that the header Range asked for.", "content": _CONTENT},
        **responses(400, 401, 403, 404, 409, 416, 422, 429, 503),
    },
    openapi_extra={"security": PROJECT_SECURITY},
)
async def get_export_file(request: Request, caller: Reader, id: UUID) -> Response:
    """As it was written, until it expires (404 from then on); 409 while the job is not done. `Range` continues a
    download that broke off."""
    db = runtime(request).db
    async with db.as_project(caller.project_id) as tx:
        job = await _export(tx, caller.project_id, id)
        if job.status != "succeeded":
            raise Conflict(f"The export is {job.status}; its file is there when it has succeeded.")
        report = FileReport.model_validate(job.report)
        # No file is empty: its end is there, if nothing else.
        if report.expires_at <= clock.now() or not await store.is_kept(tx, caller.project_id, id):
            raise NotFound("The file is not kept any more; ask for a new export.")
    name = f"evaluations-{report.made_at:%Y%m%dT%H%M%SZ}.{report.format}{'.gz' if report.gzip else ''}"
    headers = {
        "content-type": _GZIP if report.gzip else MEDIA_TYPES[report.format],
        "content-disposition": f'attachment; filename="{name}"',
        "accept-ranges": "bytes",
        # A file is never written again.
        "etag": f'"{id}"',
    }
    first, last, partial = _range_of(request, report.bytes, headers["etag"])
    headers["content-length"] = str(last - first + 1)
    if partial:
        headers["content-range"] = f"bytes {first}-{last}/{report.bytes}"
    return _FileAnswer(db, caller.project_id, id, first, last, headers, status=206 if partial else 200)


@router.delete(
    "/{id:uuid}/file",
    operation_id="delete_export_file",
    summary="Delete the file of an export",
    status_code=204,
    responses=responses(400, 401, 403, 404, 409, 422, 429, 503),
    openapi_extra={"security": PROJECT_SECURITY},
)
async def delete_export_file(request: Request, caller: Writer, id: UUID) -> None:
    """Before it expires; the job's report then says that it has. 409 while the job is not done."""
    async with runtime(request).db.as_project(caller.project_id) as tx:
        job = await _export(tx, caller.project_id, id)
        if job.status in ("queued", "running"):
            raise Conflict(f"The export is {job.status}; its file can be deleted when the job has ended.")
        await store.delete_parts(tx, caller.project_id, id)
        await store.expire(tx, caller.project_id, id)


async def _export(tx: Tx, project_id: UUID, id: UUID) -> Job:
    job = await jobs.get(tx, project_id, id)
    if job is None or job.kind != KIND:
        raise NotFound(_NO_SUCH_EXPORT)
    return job


def _range_of(request: Request, size: int, etag: str) -> tuple[int, int, bool]:
    """The first and last byte that are asked for, and whether that is not simply all (RFC 9110, section 14). What is no
    single range of bytes is ignored, as it says. Raises BeyondEnd."""
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    if asked is None or request.headers.get("if-range", etag) != etag:
        return 0, size - 1, False
    if asked["suffix"]:
        first, last = max(0, size - int(asked["suffix"])), size - 1
    else:
        first, last = int(asked["first"]), min(int(asked["last"] or size), size - 1)
        if asked["last"] and int(asked["last"]) < first:
            return 0, size - 1, False
    if first > last:
        raise BeyondEnd(f"The file has {size} bytes.", size=size)
    return first, last, True


class _FileAnswer(Response):
    """Sends a file part by part, and holds no connection to the database meanwhile."""

    def __init__(
        self, db: Database, project_id: UUID, id: UUID, first: int, last: int, headers: dict[str, str], *, status: int
    ) -> None:
        self._db, self._project_id, self._id = db, project_id, id
        self._first, self._last = first, last
        self.status_code, self.background = status, None
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        left = asyncio.Event()
        watching = asyncio.create_task(until_gone(receive, left.set))
        try:
            for number in range(self._first // store.PART_BYTES, self._last // store.PART_BYTES + 1):
                if left.is_set():
                    return
                await send_part(send, await self._part(number))
        except (AgentOpsError, TimeoutError) as error:
            # Shorter than it was announced: every HTTP client reports that.
            _log.warning("An export's file was cut: %s", error)
            return
        finally:
            await tasks.end(watching)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _part(self, number: int) -> bytes:
        async with self._db.as_project(self._project_id) as tx:
            part = await store.part(tx, self._project_id, self._id, number)
        if part is None:
            raise NotFound("it was deleted meanwhile")
        begin = number * store.PART_BYTES
        return part[max(0, self._first - begin) : self._last + 1 - begin]
