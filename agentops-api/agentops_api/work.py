"""What the background jobs of this product are, and the process that does nothing else."""

import asyncio
import logging
import signal
from datetime import timedelta
from functools import partial

from agentops_api.db.disk import has_room_for_files
from agentops_api.db.opening import open_database
from agentops_api.db.pool import Database
from agentops_api.exports import write_file
from agentops_api.jobs import store
from agentops_api.jobs.models import Schedule
from agentops_api.jobs.worker import Work, Worker
from agentops_api.retention import delete
from agentops_api.scoring import score
from agentops_api.scoring.detectors import Detectors
from agentops_api.settings import Settings

log = logging.getLogger(__name__)

_FORGET_JOBS = "forget_jobs"
_FORGET_FILES = "forget_export_files"
_SCHEDULES = (
    Schedule(delete.EVERYWHERE, every=timedelta(days=1), offset=timedelta(hours=3)),
    Schedule(score.EVERYWHERE, every=timedelta(minutes=5)),
    Schedule(_FORGET_JOBS, every=timedelta(hours=1)),
    Schedule(_FORGET_FILES, every=timedelta(hours=1)),
)


def jobs_database(url: str, settings: Settings) -> Database:
    """Connections of its own: long jobs hold theirs for long, an export one to read and one to write, and the worker
    needs one besides to keep its leases."""
    return Database(url, connections_max=2 * settings.jobs_at_once + 2, pooled=settings.database_pooled)


def worker_of(db: Database, settings: Settings, detectors: Detectors) -> Worker:
    """A worker that knows every kind of job; it works once it is entered."""
    kinds = {
        delete.BY_FILTER: delete.delete_by_filter,
        delete.BY_AGE: delete.apply_retention,
        delete.EVERYWHERE: partial(delete.apply_retention_everywhere, ingest_past_days=settings.ingest_past_days),
        score.SCORE: partial(score.score_evaluations, detectors=detectors),
        score.EVERYWHERE: score.score_everywhere,
        write_file.KIND: partial(
            write_file.write_file,
            hours=settings.export_file_hours,
            bytes_max=settings.export_files_bytes_max,
            has_room=lambda: bool(settings.database_url) or has_room_for_files(settings.agentops_data_dir),
        ),
        _FORGET_FILES: write_file.forget_files,
        _FORGET_JOBS: _forget_jobs,
    }
    return Worker(db, kinds, _SCHEDULES, jobs_max=settings.jobs_at_once)


async def work(settings: Settings) -> None:
    """Does jobs until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    async with (
        open_database(settings) as opened,
        jobs_database(opened.url, settings) as db,
        Detectors(processes_max=settings.detector_processes) as detectors,
        worker_of(db, settings, detectors) as worker,
    ):
        log.info("working on %s", ", ".join(worker.kinds))
        await stop.wait()


async def _forget_jobs(work: Work) -> None:
    async with work.db.as_jobs() as tx:
        await store.forget_finished(tx, succeeded_days=7, failed_days=30)
