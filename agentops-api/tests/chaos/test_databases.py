"""The same server on other databases: PostgreSQL 16 and 15, and behind a transaction-mode pooler."""

import asyncio
from pathlib import Path

import psycopg
import pytest
from agentops_api.db.cluster import LOGIN, SUPERUSER
from agentops_api.db.migrate import create_login, migrate
from tests.chaos.clusters import PGBOUNCER, external_postgres, pgbouncer
from tests.chaos.load import Load
from tests.chaos.processes import Account, Server, Site, join
from tests.chaos.verify import verify
from tests.chaos.wire import Connection

pytestmark = pytest.mark.anyio

POSTGRESQL_15 = Path("/usr/lib/postgresql/15/bin")


async def use(server: Server, account: Account, file: Path, *, requests: int = 300, seed: int = 1) -> set[str]:
    """Every kind of statement that the product sends: ids acknowledged, one of them deleted again."""
    async with Load(server.port, account.key, file, seed=seed) as load:
        await load.more(requests)
    acked = load.acked
    async with Connection(server.port, account.sdk) as sdk:
        page = (await sdk.get("/evaluations/?limit=500&min_hallucination_probability=0.5&hallucinated=true")).json()
        assert all(row["hallucinated"] for row in page["data"])
        deleted = min(acked)
        assert (await sdk.ask("DELETE", f"/evaluations/{deleted}")).status == 204
        assert (await sdk.get(f"/evaluations/{deleted}")).status == 404
        assert (await sdk.get("/evaluations/stats")).json()["total_evaluations"] == len(acked) - 1
    assert server.errors() == []
    return acked - {deleted}


async def test_postgresql_16_of_the_wheel_serves(site: Site, tmp_path: Path) -> None:
    server = await site.start(EMBEDDED_POSTGRES="16")
    account = await join(server)
    acked = await use(server, account, tmp_path / "acked")
    cluster = site.cluster("16")
    verdict = await verify(
        acked, account.project_id, login_url=cluster.url(LOGIN), superuser_url=cluster.url(SUPERUSER)
    )
    assert not verdict.doubtful
    server.kill()
    server = await site.start(EMBEDDED_POSTGRES="16")
    async with Connection(server.port, account.sdk) as sdk:
        assert (await sdk.get("/evaluations/stats")).json()["total_evaluations"] == len(acked)


async def test_postgresql_15_of_the_system_serves(site: Site, tmp_path: Path) -> None:
    if not (POSTGRESQL_15 / "postgres").exists():
        pytest.skip(f"there is no PostgreSQL 15 in {POSTGRESQL_15}")
    with external_postgres(site.place, POSTGRESQL_15) as postgres:
        owner_url, _ = postgres.make_database()
        await migrate(owner_url)
        login_url = await create_login(owner_url)
        server = await site.start(
            DATABASE_URL=login_url, MIGRATION_DATABASE_URL=owner_url, REQUIRE_LEAST_PRIVILEGE="true"
        )
        account = await join(server)
        acked = await use(server, account, tmp_path / "acked")
        superuser_url = postgres.url("postgres", "agentops")
        with psycopg.connect(superuser_url) as admin:
            assert admin.info.server_version // 10_000 == 15
        await verify(acked, account.project_id, login_url=login_url, superuser_url=superuser_url)


async def test_behind_a_transaction_mode_pooler_no_tenant_sees_another(site: Site, tmp_path: Path) -> None:
    if PGBOUNCER is None:
        pytest.skip("pgbouncer is not installed")
    with external_postgres(site.place) as postgres:
        owner_url, _ = postgres.make_database()
        await migrate(owner_url)
        await create_login(owner_url)
        # Two sessions for all: whatever one tenant left in a session, another would meet.
        with pgbouncer(postgres, "agentops", sessions_max=2) as port:
            pooled_url = f"postgresql://agentops_login@127.0.0.1:{port}/agentops"
            server = await site.start(
                DATABASE_URL=pooled_url,
                MIGRATION_DATABASE_URL=owner_url,
                DATABASE_POOLED="true",
                REQUIRE_LEAST_PRIVILEGE="true",
            )
            people = [await join(server, f"{name}@example.com") for name in ("owner", "stranger")]
            acked = await asyncio.gather(
                *(
                    use(server, each, tmp_path / str(each.project_id), requests=150, seed=n)
                    for n, each in enumerate(people)
                )
            )
            for me, mine, theirs in ((people[0], *acked), (people[1], *reversed(acked))):
                await sees_only(server, me, mine, theirs)
                superuser_url = postgres.url("postgres", "agentops")
                await verify(mine, me.project_id, login_url=pooled_url, superuser_url=superuser_url, pooled=True)


async def sees_only(server: Server, account: Account, mine: set[str], theirs: set[str]) -> None:
    async with Connection(server.port, account.sdk) as sdk:
        page = (await sdk.get("/evaluations/?limit=500")).json()
        assert {row["id"] for row in page["data"]} == mine
        for foreign in sorted(theirs)[:50]:
            assert (await sdk.get(f"/evaluations/{foreign}")).status == 404
