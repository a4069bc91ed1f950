"""The judge after a fault: what was acknowledged is stored, nothing twice, and the statistics are those of the rows."""

from dataclasses import dataclass
from uuid import UUID

import psycopg
from agentops_api.db.pool import Database
from agentops_api.telemetry import rollups


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the database holds of a project."""

    stored: set[str]
    doubtful: set[str]
    """Stored, but never acknowledged."""


async def verify(
    acked: set[str], project_id: UUID, *, login_url: str, superuser_url: str, pooled: bool = False
) -> Verdict:
    """Fails when an acknowledged id is missing, an id is there twice, or a rebuild changes the statistics."""
    with psycopg.connect(superuser_url, prepare_threshold=None) as admin:
        rows = admin.execute("SELECT id::text FROM evaluations WHERE project_id = %s", (project_id,)).fetchall()
        claims = admin.execute("SELECT id::text FROM evaluation_ids WHERE project_id = %s", (project_id,)).fetchall()
    stored = {id for (id,) in rows}
    lost = acked - stored
    assert not lost, f"{len(lost)} of {len(acked)} acknowledged evaluations are lost"
    assert len(stored) == len(rows), f"{len(rows) - len(stored)} evaluations are stored twice"
    assert {id for (id,) in claims} == stored, "a claimed id without its evaluation would swallow a retry"
    async with Database(login_url, connections_max=2, pooled=pooled) as db:
        async with db.as_project(project_id) as tx:
            await rollups.merge(tx, project_id, await rollups.unmerged_slots(tx, project_id))
        kept = await _rollups(db, project_id)
        async with db.as_project(project_id, statement_ms_max=60_000) as tx:
            await rollups.rebuild(tx, project_id)
        assert kept == await _rollups(db, project_id), "the statistics are not those of the rows"
        async with db.as_project(project_id) as tx:
            found = await tx.execute(
                "SELECT coalesce(sum(evaluations), 0)::int FROM evaluation_rollups"
                " WHERE resolution IN (0, 60) AND dims = 'all'"
            )
            assert await found.fetchone() == (len(stored),)
    return Verdict(stored, stored - acked)


async def _rollups(db: Database, project_id: UUID) -> list[tuple[object, ...]]:
    async with db.as_project(project_id) as tx:
        found = await tx.execute(
            "SELECT * FROM evaluation_rollups ORDER BY resolution, dims, at, agent_name, model_name, mode"
        )
        return await found.fetchall()
