"""Makes a calibration: judges the labelled answers anew, and fits what corrects those probabilities."""

import time
from uuid import UUID

from agentops_api.calibrations import store
from agentops_api.calibrations.fit import check_enough, fit
from agentops_api.calibrations.models import LABELS_MAX, Calibration
from agentops_api.db.pool import Database
from agentops_api.evaluations.models import Position
from agentops_api.scoring.detectors import Answer, DetectorFailed, Detectors
from agentops_api.scoring.models import too_large
from agentops_api.telemetry import rescore

_SECONDS_MAX = 40.0
"""Proxies give up after a minute: the labels that were looked at by then must do."""


async def calibrate(db: Database, project_id: UUID, detectors: Detectors) -> Calibration:
    """A calibration from the project's newest labels, kept and in use.

    What is stored may have been scored by an earlier calibration or another detector, so each answer is judged anew.
    Raises Conflict where labels are missing, TooManyRequests or Unavailable where the detector has too much to do.
    """
    async with db.as_project(project_id) as tx:
        labelled = await store.usable_labels(tx, project_id, limit=LABELS_MAX)
    check_enough([each.hallucinated for each in labelled])
    probabilities: list[float] = []
    labels: list[bool] = []
    deadline = time.monotonic() + _SECONDS_MAX
    with detectors.place(project_id):
        for each in labelled:
            if time.monotonic() > deadline:
                break
            probability = await _judge(db, project_id, Position(each.evaluation_at, each.evaluation_id), detectors)
            if probability is not None:
                probabilities.append(probability)
                labels.append(each.hallucinated)
    fitted = fit(probabilities, labels)
    async with db.as_project(project_id) as tx:
        return await store.add(tx, project_id, fitted)


async def _judge(db: Database, project_id: UUID, at: Position, detectors: Detectors) -> float | None:
    """The detector's own probability; None where it has none."""
    async with db.as_project(project_id) as tx:
        texts = await rescore.texts(tx, project_id, at)
    if texts is None or too_large(texts.prompt, texts.response, texts.retrieved_docs):
        return None
    try:
        found = await detectors.detect(Answer(texts.prompt, texts.response, texts.retrieved_docs))
    except DetectorFailed:
        return None
    return found["hallucination_probability"]
