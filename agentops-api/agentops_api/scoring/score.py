"""The job that scores stored evaluations which lack scores, and says of each why it did or did not."""

import zlib
from collections import Counter
from datetime import datetime, timedelta
from typing import get_args

from agentops_api import clock
from agentops_api.calibrations import store as calibrations
from agentops_api.evaluations.models import Position
from agentops_api.jobs import store as jobs
from agentops_api.jobs.worker import Work
from agentops_api.scoring import store
from agentops_api.scoring.detectors import Answer, DetectorFailed, Detectors, Found, TookTooLong
from agentops_api.scoring.models import Outcome, ProjectScoring, ScoringFilter, Task, too_large
from agentops_api.telemetry import rescore, rollups
from agentops_api.telemetry.rescore import Candidate, Wanted

SCORE = "score_evaluations"
EVERYWHERE = "score_everywhere"
STEP_ROWS = 100
LATE = timedelta(hours=1)
"""What is dated so far before it came in, the periodic job still sees."""

_Entry = tuple[Position, Outcome, str | None]


async def score_everywhere(work: Work) -> None:
    """Asks for the work in each project that wants what comes in scored, and where something came in."""
    async with work.db.as_jobs() as tx:
        project_ids = await store.projects_that_score(tx)
    now = clock.now()
    task = Task(filter=ScoringFilter(), sample_rate=1.0, periodic=True).model_dump(mode="json")
    for project_id in project_ids:
        async with work.db.as_project(project_id, statement_ms_max=60_000) as tx:
            setting = await store.project_scoring(tx, project_id)
            if (wanted := _periodic(setting, now)) and await rescore.candidates(
                tx, project_id, wanted, after=None, limit=1
            ):
                await jobs.enqueue(tx, SCORE, task, project_id=project_id, key="periodic")
            else:
                await store.note_scored_to(tx, project_id, now)


async def score_evaluations(work: Work, *, detectors: Detectors) -> None:
    """Looks at each evaluation that is meant, oldest first, and scores those that lack scores and have documents."""
    task = Task.model_validate(work.job.args)
    now = clock.now()
    async with work.transaction() as tx:
        if task.periodic:
            setting = await store.project_scoring(tx, work.project_id)
            wanted, sample_rate = _periodic(setting, now), setting.sample_rate
            if wanted is None:
                return
        else:
            wanted, sample_rate = _wanted(task.filter, now), task.sample_rate
        after = await store.last_logged(tx, work.project_id, work.job.id)
        job = await jobs.get(tx, work.project_id, work.job.id)
        total = await rescore.count(tx, work.project_id, wanted)
        calibration = await calibrations.active(tx, work.project_id)
    run = _Run(work, detectors, sample_rate, calibration.parameters if calibration else None)
    if job and job.report:
        run.counts.update({name: count for name, count in job.report.items() if isinstance(count, int)})
    await run.all_of(wanted, after, total)
    if task.periodic:
        async with work.transaction() as tx:
            await store.note_scored_to(tx, work.project_id, now)
    await rollups.merge_everything(work.transaction, work.project_id)


def _periodic(setting: ProjectScoring, now: datetime) -> Wanted | None:
    """What came in since the last run, and late; None where nobody wants it scored any more."""
    if not setting.enabled or setting.scored_to is None:
        return None
    return Wanted(setting.scored_to - LATE, now, unlogged=True)


def _wanted(chosen: ScoringFilter, now: datetime) -> Wanted:
    return Wanted(
        start=chosen.start_date,
        end=chosen.end_date or now,
        agent_name=chosen.agent_name,
        model_name=chosen.model_name,
        session_id=chosen.session_id,
    )


def is_sampled(candidate: Candidate, rate: float) -> bool:
    """Whether it is in the sample: a conversation is scored whole or not at all, in each run alike."""
    name = candidate.session_id or str(candidate.id)
    return zlib.crc32(name.encode()) / 2**32 < rate


class _Run:
    """One attempt at a job."""

    def __init__(
        self, work: Work, detectors: Detectors, sample_rate: float, recalibration: dict[str, object] | None
    ) -> None:
        self._work = work
        self._detectors = detectors
        self._sample_rate = sample_rate
        self._recalibration = recalibration
        self.counts = Counter[str]()

    async def all_of(self, wanted: Wanted, after: Position | None, total: int) -> None:
        """In steps, each of which is committed with its part of the log."""
        while True:
            async with self._work.transaction() as tx:
                rows = await rescore.candidates(tx, self._work.project_id, wanted, after=after, limit=STEP_ROWS)
            entries: list[_Entry] = []
            found: list[tuple[Position, Found]] = []
            for row in rows:
                outcome = await self._judge(row)
                if isinstance(outcome, tuple):
                    entries.append(outcome)
                else:
                    found.append((Position(row.created_at, row.id), outcome))
            await self._commit(entries, found, total, is_last=len(rows) < STEP_ROWS)
            if len(rows) < STEP_ROWS:
                return
            after = Position(rows[-1].created_at, rows[-1].id)

    async def _judge(self, row: Candidate) -> _Entry | Found:
        at = Position(row.created_at, row.id)
        if row.has_scores:
            return at, "has_scores", None
        if not row.has_documents:
            return at, "no_documents", None
        if not is_sampled(row, self._sample_rate):
            return at, "sampled_out", None
        async with self._work.transaction() as tx:
            texts = await rescore.texts(tx, self._work.project_id, at)
        if texts is None:
            return at, "deleted", None
        if not any(document.strip() for document in texts.retrieved_docs):
            return at, "no_documents", None
        if reason := too_large(texts.prompt, texts.response, texts.retrieved_docs):
            return at, "too_large", reason
        answer = Answer(texts.prompt, texts.response, texts.retrieved_docs, recalibration=self._recalibration)
        try:
            try:
                return await self._detectors.detect(answer)
            except TookTooLong:
                # What is logged as failed, no periodic run looks at again.
                return await self._detectors.detect(answer)
        except DetectorFailed as error:
            return at, "failed", str(error)

    async def _commit(
        self, entries: list[_Entry], found: list[tuple[Position, Found]], total: int, *, is_last: bool
    ) -> None:
        work = self._work
        async with work.transaction() as tx:
            written = await rescore.write(tx, work.project_id, found)
            for at, columns in found:
                if at.id in written.scored:
                    nothing = None if columns["status"] == "verified" else "nothing in it can be checked"
                    entries.append((at, "scored", nothing))
                else:
                    entries.append((at, "has_scores" if at.id in written.has_scores else "deleted", None))
            if entries:
                await store.log(tx, work.project_id, work.job.id, entries)
            self.counts.update(outcome for _, outcome, _ in entries)
            report = {name: self.counts[name] for name in get_args(Outcome)}
            done = self.counts.total()
            await work.advance(tx, done=done, total=done if is_last else max(done, total), report=report)
