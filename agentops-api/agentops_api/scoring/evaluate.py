"""Judges one answer and stores it as an evaluation, through the writer that all evaluations pass."""

import asyncio
from uuid import UUID, uuid5

from agentops_api import clock
from agentops_api.calibrations import store as calibrations
from agentops_api.edge.runtime import Runtime
from agentops_api.errors import Invalid, NotFound, Unavailable
from agentops_api.evaluations.accept import Reception, accept
from agentops_api.evaluations.models import Evaluation, EvaluationIn, identify
from agentops_api.scoring.detectors import Answer, DetectorFailed
from agentops_api.scoring.models import EvaluateRequest

_SECONDS_MAX = 20.0
"""With its turn in the line; clients and proxies give up soon after."""
_NOT_OF_AN_EVALUATION = {"profile", "scoring"}


async def evaluate(
    server: Runtime, project_id: UUID, asked: EvaluateRequest, idempotency_key: str | None
) -> tuple[Evaluation, bool]:
    """The stored evaluation, and whether it is new: an id or key that was sent before is answered with what was stored
    then, and nothing is judged again. Raises Invalid, TooManyRequests or Unavailable."""
    if asked.id is None and idempotency_key is not None:
        # As for what programs score themselves: the key becomes the id.
        asked = asked.model_copy(update={"id": uuid5(project_id, f"0/{idempotency_key}")})
    if asked.id is not None and (stored := await server.store.get(project_id, asked.id)):
        return stored, False
    sent = asked.model_dump(exclude=_NOT_OF_AN_EVALUATION)
    now = clock.now()
    # A time that is refused is refused before anything is judged.
    identify(EvaluationIn(**sent), window=server.window, now=now)
    with server.detectors.place(project_id):
        async with server.db.as_project(project_id) as tx:
            calibration = await calibrations.active(tx, project_id)
        answer = Answer(
            asked.prompt,
            asked.response,
            asked.retrieved_docs or [],
            asked.profile,
            asked.scoring,
            calibration.parameters if calibration else None,
        )
        try:
            async with asyncio.timeout(_SECONDS_MAX):
                found = await server.detectors.detect(answer)
        except DetectorFailed as error:
            raise Unavailable(str(error), retry_after_s=10) from error
        except TimeoutError:
            message = f"The answer was not judged within {_SECONDS_MAX:.0f} seconds; send the same request again."
            raise Unavailable(message, retry_after_s=5) from None
    item = EvaluationIn.model_validate(sent | found)
    record = accept(item, Reception(project_id, server.window, now, has_nul=False))
    await server.writer.write([record])
    if record.refused:
        raise Invalid(f"The database refuses this evaluation: {record.refused}.")
    stored = await server.store.get(project_id, record.id)
    if stored is None:
        raise NotFound("The evaluation was deleted a moment after it was stored.")
    return stored, not record.duplicate
