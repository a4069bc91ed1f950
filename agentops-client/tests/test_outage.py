"""AgentOps API itself is killed while the application records, and comes back."""

import asyncio

import pytest
from agentops import AgentOps, Bounds
from tests.chaos.processes import join, new_site

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.parametrize("away_s", [2, pytest.param(300, marks=pytest.mark.chaos)])
async def test_an_outage_loses_nothing_up_to_the_bound(away_s: int) -> None:
    with new_site() as site:
        server = await site.start()
        account = await join(server)
        ops = AgentOps(account.key, f"http://127.0.0.1:{server.port}", bounds=Bounds(backoff_s_max=5))
        assert ops.record("before", "a")
        assert await asyncio.to_thread(ops.flush, 20)
        server.kill()
        step_s = away_s / 100
        for hundred in range(100):
            assert all(ops.record(f"{hundred * 100 + number}", "a") for number in range(100))
            await asyncio.sleep(step_s)
        assert ops.record("one too many", "a") is None
        assert ops.delivery().retries > 0
        await site.start(port=server.port)
        assert await asyncio.to_thread(ops.flush, 60)
        told = ops.delivery()
        assert (told.delivered, told.dropped, told.queued_bytes) == (10_001, {"queue_full": 1}, 0)
        assert (await asyncio.to_thread(ops.stats)).total_evaluations == 10_001
        ops.close()
