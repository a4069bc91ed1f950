"""Until when there may be evaluations that filters mean, as rollups tell it.

The planner takes filters for independent of each other. Where an agent never used a model it would look through all of
the agent's evaluations, newest first, for the first one of the model; the rollups know that there is none.
"""

from datetime import datetime
from typing import LiteralString
from uuid import UUID

from agentops_api.db.pool import Tx
from agentops_api.db.where import Where
from agentops_api.evaluations.models import Filters, Position

# Of what is not merged yet, and of whole weeks: these are few rows, and no evaluation is in neither.
_UNTIL: LiteralString = """
SELECT greatest(
    (SELECT max(at) + interval '15 minutes' FROM evaluation_rollups CONDITIONS AND resolution = 0),
    (SELECT at + interval '168 hours' FROM evaluation_rollups CONDITIONS AND resolution = 10080
     ORDER BY at DESC LIMIT 1)
)
"""


def filters_of_rollups(filters: Filters) -> int:
    """How many filters there are which rollups tell apart; two may never meet."""
    names = (filters.agent_name, filters.model_name, filters.mode)
    given = [each for each in (*names, filters.hallucinated, filters.min_hallucination_probability) if each is not None]
    return len(given)


async def latest(tx: Tx, project_id: UUID, filters: Filters, *, after: Position | None) -> datetime | None:
    """A time that all evaluations behind `after` which the filters mean lie before; None: there are none.

    One group's evaluations may have the verdict and others the probability: then there may be none all the same.
    """
    where = Where()
    where.add("project_id = %(project_id)s AND dims = 'all'", project_id=project_id)
    where.add("agent_name = %(agent_name)s", agent_name=filters.agent_name)
    where.add("model_name = %(model_name)s", model_name=filters.model_name)
    where.add("mode = %(mode)s", mode=filters.mode)
    where.add("at < %(end_date)s", end_date=filters.end_date)
    where.add("at <= %(after_at)s", after_at=after.created_at if after else None)
    where.add("evaluations > 0")
    if filters.hallucinated is not None:
        where.add("hallucinations > 0" if filters.hallucinated else "verdicts > hallucinations")
    # In floating point this is never above the bucket that rollups count the score in, only below at times.
    where.add(
        "least(floor(%(probability)s::float8 * 100), 99) <= ANY (probability_buckets)",
        probability=filters.min_hallucination_probability,
    )
    found = await tx.execute(_UNTIL.replace("CONDITIONS", where.sql), where.params)
    row = await found.fetchone()
    assert row is not None, "a row without a table"
    return row[0]
