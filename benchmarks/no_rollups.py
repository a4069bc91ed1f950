"""The server without rollups, to measure what they cost: `python -m benchmarks.no_rollups serve`.

Everything but the statement that stores a batch is the product's own. There is no setting for this, because without
rollups there are no statistics.
"""

from collections.abc import Sequence

from agentops_api import app, cli
from agentops_api.db.pool import Database
from agentops_api.telemetry.postgres import PostgresStore
from agentops_api.telemetry.store import Record

from benchmarks.direct import INSERT


class _Store(PostgresStore):
    """Stores evaluations whose ids the server made, and counts none."""

    def __init__(self, db: Database) -> None:
        super().__init__(db)
        self._door = db

    async def insert(self, records: Sequence[Record]) -> None:
        assert not any(record.client_made_id for record in records)
        rows = b"[" + b",".join(record.row for record in records) + b"]"
        async with self._door.as_ingest({record.project_id for record in records}) as tx:
            await tx.execute(INSERT, (rows.decode(),))
        for record in records:
            record.stored = True


if __name__ == "__main__":
    app.PostgresStore = _Store
    cli.main()
