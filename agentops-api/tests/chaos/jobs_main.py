"""A worker whose jobs write down that they ran, and of which one kind kills it: `python jobs_main.py DATABASE_URL`.

Its leases are short, so that a kill is not waited for as long as in production.
"""

import asyncio
import os
import signal
import sys

from agentops_api.db.pool import Database
from agentops_api.jobs import store
from agentops_api.jobs.worker import Work, Worker

STEPS = 20
LEASE_S = 1.5


async def walk(work: Work) -> None:
    """Many small steps, each noted with itself."""
    async with work.transaction() as tx:
        job = await store.get(tx, work.project_id, work.job.id)
    assert job
    for step in range(job.done or 0, STEPS):
        async with work.transaction() as tx:
            await store.enqueue(tx, "trace", {"job": str(work.job.id), "step": step}, project_id=work.project_id)
            await work.advance(tx, done=step + 1, total=STEPS)
            await tx.execute("SELECT pg_sleep(0.05)")


async def poison(work: Work) -> None:
    """As a bug in C would."""
    os.kill(os.getpid(), signal.SIGKILL)


async def quick(work: Work) -> None:
    """Ends at once."""


async def main(url: str, *, pooled: bool) -> None:
    kinds = {"walk": walk, "poison": poison, "quick": quick}
    async with Database(url, connections_max=4, pooled=pooled) as db, Worker(db, kinds, lease_s=LEASE_S, poll_s=0.05):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], pooled="pooled" in sys.argv))
