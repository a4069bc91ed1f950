"""Jobs that delete evaluations: those that a filter names, and those that a project keeps no longer."""

import logging
from datetime import date, datetime, timedelta

from pydantic import BaseModel, ConfigDict

from agentops_api import clock
from agentops_api.db.pool import Database
from agentops_api.errors import Unavailable
from agentops_api.evaluations.models import Position
from agentops_api.jobs import store as jobs
from agentops_api.jobs.worker import Work
from agentops_api.retention import store
from agentops_api.retention.models import Filter, midnight
from agentops_api.telemetry import deletion, rollups, words
from agentops_api.telemetry.deletion import Doomed

log = logging.getLogger(__name__)

BY_FILTER = "delete_evaluations"
BY_AGE = "apply_retention"
EVERYWHERE = "apply_retention_everywhere"


class _Report(BaseModel):
    """What the job has deleted, over all its attempts."""

    model_config = ConfigDict(extra="ignore")

    evaluations: int = 0
    rollups: int = 0


def doomed_by(wanted: Filter, now: datetime) -> Doomed:
    """The evaluations that the filter means at this time."""
    return Doomed(
        before=wanted.before or now,
        agent_name=wanted.agent_name,
        session_id=wanted.session_id,
        metadata=dict(wanted.metadata) if wanted.metadata else None,
    )


async def delete_by_filter(work: Work) -> None:
    """Deletes what the filter names, and subtracts it from the statistics."""
    wanted = Filter.model_validate(work.job.args["filter"])
    assert wanted.before is not None, "set when it was asked for, so that another attempt means the same"
    report = await _report(work)
    await _delete(work, doomed_by(wanted, wanted.before), report, subtract=True)
    # What was subtracted stands beside the sums until it is merged; the server does so daily at the latest.
    await rollups.merge_everything(work.transaction, work.project_id)


async def apply_retention(work: Work) -> None:
    """Deletes what is older than the project keeps it. Evaluations go first, so that none is without its statistics."""
    async with work.transaction() as tx:
        keeps = await store.retention(tx, work.project_id)
    now = clock.now()
    report = await _report(work)
    if keeps.raw_days is not None:
        before = midnight(now, keeps.raw_days)
        async with work.transaction() as tx:
            # First, so that statistics counted anew from now on leave those days alone.
            await store.note_raw_from(tx, work.project_id, before)
        await _delete(work, Doomed(before), report, subtract=False)
        async with work.transaction() as tx:
            await words.forget(tx, work.project_id, before)
    if keeps.rollup_days is not None:
        async with work.transaction() as tx:
            report.rollups += await rollups.forget(tx, work.project_id, before=midnight(now, keeps.rollup_days))
            await work.advance(tx, report=report.model_dump())


async def apply_retention_everywhere(work: Work, *, ingest_past_days: int) -> None:
    """Asks for the work in each project that does not keep everything, and drops months that are empty by now."""
    async with work.db.as_jobs() as tx:
        for project_id in await store.projects_that_forget(tx):
            await jobs.enqueue(tx, BY_AGE, {}, project_id=project_id, key="daily")
    today = clock.now().date()
    await drop_empty_partitions(work.db, before=today - min(timedelta(days=ingest_past_days), today - date.min))


async def drop_empty_partitions(db: Database, *, before: date) -> None:
    """Drops the months that ended by then and hold nothing any more, each in a transaction of its own."""
    while True:
        async with db.as_system() as tx:
            name = await store.drop_empty_partition(tx, before=before.replace(day=1))
        if name is None:
            return
        log.info("dropped the empty partition %s", name)


async def _delete(work: Work, doomed: Doomed, report: _Report, *, subtract: bool) -> None:
    # What earlier attempts deleted is not there to be seen again.
    seen, after, more = report.evaluations, None, True
    to_see = await _total(work, doomed)
    total = None if to_see is None else to_see + seen
    while more:
        async with work.transaction() as tx:
            step = await deletion.delete_step(tx, work.project_id, doomed, after=after, subtract=subtract)
            report.evaluations += step.gone
            seen += step.seen
            after: Position | None = step.at
            more = after is not None
            # What came or went meanwhile makes the count wrong; in the end it is known.
            total = seen if not more else total and max(total, seen)
            await work.advance(tx, done=seen, total=total, report=report.model_dump())


async def _total(work: Work, doomed: Doomed) -> int | None:
    """How many evaluations there are to look at; None where counting them takes too long."""
    try:
        async with work.transaction() as tx:
            return (await deletion.extent(tx, work.project_id, doomed)).seen
    except Unavailable:
        return None


async def _report(work: Work) -> _Report:
    """What earlier attempts noted."""
    async with work.transaction() as tx:
        job = await jobs.get(tx, work.project_id, work.job.id)
    return _Report.model_validate(job.report) if job and job.report else _Report()
