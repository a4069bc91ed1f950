"""The job that writes an export into a file, which is fetched later. Knows no HTTP.

Rows are read from one snapshot; each part is written in a transaction of its own, together with the progress, so that a
worker that lost the job writes nothing more. An attempt begins anew: another snapshot would not fit to the first parts.
"""

from collections.abc import Callable
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from anyio import CapacityLimiter
from pydantic import BaseModel, ConfigDict, Strict

from agentops_api import clock
from agentops_api.errors import Unavailable
from agentops_api.evaluations.filters import FilterQuery
from agentops_api.evaluations.models import Filters
from agentops_api.exports import store
from agentops_api.exports.flow import Flow, Form
from agentops_api.exports.formats import Format
from agentops_api.jobs.models import Hopeless
from agentops_api.jobs.worker import Work
from agentops_api.telemetry.postgres import PostgresStore

KIND: Literal["export_evaluations"] = "export_evaluations"


class FileOrder(FilterQuery):
    """The list's filters, and the form of the file."""

    format: Format = "jsonl"
    """The file's format."""
    gzip: Annotated[bool, Strict()] = True
    """Compress the file; Parquet is compressed in itself."""
    spreadsheet: Annotated[bool, Strict()] = False
    """CSV only: begin with a byte order mark, by which Excel knows UTF-8, and leave out the last record."""

    @property
    def asked_for(self) -> dict[str, object]:
        """The filters that are set, as they were sent."""
        return self.model_dump(mode="json", include=set(FilterQuery.model_fields), exclude_none=True)

    @property
    def form(self) -> Form:
        """How it is written."""
        return Form(self.format, gzip=self.gzip and self.format != "parquet", spreadsheet=self.spreadsheet)


class FileReport(BaseModel):
    """What the job says of the file that it has written."""

    model_config = ConfigDict(frozen=True)

    filters: dict[str, object] = {}
    """What was asked for; told from the beginning on."""
    file: str
    """Where it is fetched from."""
    format: Format
    gzip: bool
    rows: int
    sha256: str
    """Of the rows, as the file's end says it."""
    bytes: int
    made_at: datetime
    expires_at: datetime


def path_of(id: UUID) -> str:
    """Where the file of this job is fetched from."""
    return f"/api/v1/exports/{id}/file"


async def write_file(work: Work, *, hours: int, bytes_max: int, has_room: Callable[[], bool]) -> None:
    """Writes what was asked for. Raises Hopeless when the project's files would take more than `bytes_max`."""
    order = FileOrder.model_validate(work.job.args)
    async with work.transaction() as tx:
        await work.advance(tx, done=0, report={"filters": order.asked_for})
        await store.delete_parts(tx, work.project_id, work.job.id)
        others = await store.kept_bytes(tx, work.project_id)
    rows, filters = PostgresStore(work.db), order.filters()
    total = await _total(rows, work.project_id, filters)
    file = _File(work, total=total, bytes_max=bytes_max - others, has_room=has_room)
    try:
        async with aclosing(rows.scan(work.project_id, filters)) as portions:
            flow = Flow(portions, lambda part: file.take(part, rows=flow.rows_read))
            summary = await flow.write(order.form, threads=CapacityLimiter(1))
    except Hopeless:
        async with work.transaction() as tx:
            await work.advance(tx)
            await store.delete_parts(tx, work.project_id, work.job.id)
        raise
    now = clock.now()
    report = FileReport(
        filters=order.asked_for,
        file=path_of(work.job.id),
        format=order.form.format,
        gzip=order.form.gzip,
        rows=summary.rows,
        sha256=summary.sha256,
        bytes=file.bytes,
        made_at=now,
        expires_at=now + timedelta(hours=hours),
    )
    await file.finish(report)


async def forget_files(work: Work) -> None:
    """Deletes files whose time is over."""
    gone = True
    while gone:
        async with work.db.as_jobs() as tx:
            gone = await store.forget_parts(tx)


async def _total(rows: PostgresStore, project_id: UUID, filters: Filters) -> int | None:
    """How many rows there are to write; None where counting them takes too long."""
    try:
        return await rows.count(project_id, filters)
    except Unavailable:
        return None


class _File:
    """Cuts what comes into parts of one length, and writes them."""

    def __init__(self, work: Work, *, total: int | None, bytes_max: int, has_room: Callable[[], bool]) -> None:
        self._work, self._total = work, total
        self._bytes_max, self._has_room = bytes_max, has_room
        self._rest = bytearray()
        self._number = 0
        self.bytes = 0

    async def take(self, part: bytes, *, rows: int) -> None:
        """Takes what comes next; `rows`: how many have come in all."""
        self._rest += part
        self.bytes += len(part)
        if self.bytes > self._bytes_max:
            raise Hopeless(
                "The project's export files would take more than the server keeps (EXPORT_FILES_BYTES_MAX): delete"
                " others, export less at a time, or download it without a job."
            )
        while len(self._rest) >= store.PART_BYTES:
            await self._write(rows)

    async def finish(self, report: FileReport) -> None:
        """Writes what is left, and the report."""
        await self._write(report.rows, report=report)

    async def _write(self, rows: int, *, report: FileReport | None = None) -> None:
        if not self._has_room():
            raise Unavailable("The disk is nearly full: an export is written when there is room again.")
        part = bytes(self._rest[: store.PART_BYTES])
        # The count is of another moment.
        total = rows if report else self._total and max(self._total, rows)
        work = self._work
        async with work.transaction() as tx:
            told = report.model_dump(mode="json") if report else None
            await work.advance(tx, done=rows, total=total, report=told)
            if part:
                await store.add_part(tx, work.project_id, work.job.id, self._number, part)
        del self._rest[: store.PART_BYTES]
        self._number += 1
