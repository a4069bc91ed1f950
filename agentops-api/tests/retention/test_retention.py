"""What a project keeps: old evaluations go, their statistics stay as long as they should, empty months are dropped."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from agentops_api import clock, upkeep
from agentops_api.edge.runtime import Runtime
from agentops_api.jobs import store as jobs
from agentops_api.retention import delete
from agentops_api.retention.models import midnight
from agentops_api.telemetry import rollups
from httpx2 import AsyncClient
from tests.cast import Somebody, TestDatabase
from tests.chaos.processes import until_async
from tests.jobs.queue import all_finished, ask
from tests.retention.test_deletions import send, total

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("stopped_clock")]


def path(somebody: Somebody) -> str:
    return f"/api/v1/projects/{somebody.project_id}/retention"


async def nightly(server: Runtime, database: TestDatabase) -> None:
    """What the schedule does at night, now."""
    async with server.db.as_jobs() as tx:
        await jobs.enqueue(tx, delete.EVERYWHERE, {}, project_id=None)
    await all_finished(database.superuser_url)


async def days_ago(somebody: Somebody, *days: int) -> None:
    """Evaluations of so many days ago."""
    now = clock.now()
    await send(
        somebody.sdk, *({"created_at": (now - timedelta(days=n)).isoformat(), "agent_name": f"{n}"} for n in days)
    )


async def rows(somebody: Somebody) -> int:
    return len((await somebody.sdk.get("/evaluations?limit=500")).json()["data"])


async def test_old_evaluations_go_and_their_statistics_stay(
    owner: Somebody, stranger: Somebody, server: Runtime, database: TestDatabase
) -> None:
    for somebody in (owner, stranger):
        await days_ago(somebody, 1, 6, 7, 8, 40, 200)
    assert (await owner.sdk.get(path(owner))).json() == {"raw_days": None, "rollup_days": None, "raw_from": None}
    forecast = await owner.sdk.post(path(owner) + "/dry-run", json={"raw_days": 7, "rollup_days": 100})
    assert forecast.json()["evaluations"] == 3
    assert forecast.json()["evaluations_before"].endswith("T00:00:00Z")
    assert await rows(owner) == 6, "a dry run deletes nothing"
    changed = await owner.person.patch(path(owner), json={"raw_days": 7, "rollup_days": 100})
    assert changed.status_code == 200, changed.text
    await upkeep.merge_what_was_left(server.db)
    expected = (await owner.sdk.post(path(owner) + "/dry-run", json={})).json()
    assert (expected["evaluations"], expected["rollups"] > 0) == (3, True)
    await nightly(server, database)
    [job] = (await owner.sdk.get("/api/v1/jobs?kind=apply_retention")).json()["data"]
    assert job["report"] == {"evaluations": 3, "rollups": expected["rollups"]}
    assert await rows(owner) == 3
    assert await total(owner.sdk, days=150) == 5, "statistics of 40 days ago are kept, those of 200 days ago are not"
    assert await total(owner.sdk, days=365) == 5
    kept = (await owner.sdk.get(path(owner))).json()
    assert datetime.fromisoformat(kept["raw_from"]) == midnight(clock.now(), 7)
    # What was not asked for did not happen.
    assert await rows(stranger) == 6
    assert await total(stranger.sdk, days=365) == 6


async def test_a_second_night_finds_nothing_and_a_rebuild_keeps_what_has_no_rows_any_more(
    owner: Somebody, server: Runtime, database: TestDatabase
) -> None:
    await days_ago(owner, 1, 3, 9)
    await owner.person.patch(path(owner), json={"raw_days": 5})
    for expected in (1, 0):
        await nightly(server, database)
        newest = (await owner.sdk.get("/api/v1/jobs?limit=1")).json()["data"][0]
        assert newest["report"] == {"evaluations": expected, "rollups": 0}
    async with server.db.as_project(owner.project_id) as tx:
        await rollups.rebuild(tx, owner.project_id)
    assert await total(owner.sdk, days=30) == 3
    # Sent late, for a day that is past: it counts, and its row goes the next night.
    await days_ago(owner, 9)
    await nightly(server, database)
    assert (await rows(owner), await total(owner.sdk, days=30)) == (2, 4)
    # To keep more brings nothing back, and what a rebuild may count anew does not move back.
    await owner.person.patch(path(owner), json={"raw_days": 300})
    await nightly(server, database)
    async with server.db.as_project(owner.project_id) as tx:
        await rollups.rebuild(tx, owner.project_id)
    assert await total(owner.sdk, days=30) == 4


async def test_owners_and_admins_change_it_and_nobody_else(
    owner: Somebody, viewer: Somebody, stranger: Somebody, anonymous: AsyncClient, database: TestDatabase
) -> None:
    change = {"raw_days": 30}
    assert (await anonymous.patch(path(owner), json=change)).status_code == 401
    assert (await owner.sdk.patch(path(owner), json=change)).status_code == 401
    assert (await stranger.person.patch(path(owner), json=change)).status_code == 404
    assert (await stranger.person.get(path(owner))).status_code == 404
    assert (await stranger.sdk.get(path(owner))).status_code == 404
    for role, status in (("viewer", 403), ("member", 403), ("admin", 200)):
        set_role = "UPDATE memberships SET role = %s WHERE user_id = %s AND role <> 'owner'"
        ask(database.superuser_url, set_role, (role, viewer.user_id))

        # What somebody may is remembered for up to five seconds.
        async def answered(status: int = status) -> bool:
            return (await viewer.person.patch(path(owner), json=change)).status_code == status

        await until_async(answered, 30)
    assert (await viewer.person.get(path(owner))).json()["raw_days"] == 30
    assert (await owner.person.patch(path(owner), json={"raw_days": None})).json()["raw_days"] is None


async def test_the_database_itself_lets_only_administrators_change_it(
    owner: Somebody, viewer: Somebody, stranger: Somebody, server: Runtime
) -> None:
    insert = "INSERT INTO project_retention (project_id, raw_days) VALUES (%s, 1)"
    for guest in (viewer, stranger):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            async with server.db.as_user(guest.user_id) as tx:
                await tx.execute(insert, (owner.project_id,))
    async with server.db.as_user(owner.user_id) as tx:
        await tx.execute(insert, (owner.project_id,))
    for guest in (viewer, stranger):
        async with server.db.as_user(guest.user_id) as tx:
            assert (await tx.execute("UPDATE project_retention SET raw_days = 2")).rowcount == 0
    async with server.db.as_project(stranger.project_id) as tx:
        assert (await tx.execute("UPDATE project_retention SET raw_from = now()")).rowcount == 0


@pytest.mark.parametrize(
    "body",
    [{"raw_days": 0}, {"raw_days": 40_000}, {"rollup_days": 5}, {"raw_days": 9, "rollup_days": 8}, {"days": 5}],
)
async def test_what_cannot_be_kept_is_refused(owner: Somebody, body: dict[str, int]) -> None:
    for answer in (
        await owner.person.patch(path(owner), json=body),
        await owner.person.post(path(owner) + "/dry-run", json=body),
    ):
        assert answer.status_code == 422
        assert answer.json()["errors"]


def partitions(database: TestDatabase) -> set[str]:
    listed = "SELECT relname FROM pg_class WHERE relnamespace = 'agentops_partitions'::regnamespace AND relkind = 'r'"
    return {name for (name,) in ask(database.superuser_url, listed)}


async def test_a_month_is_dropped_when_it_holds_nothing_and_never_before(
    owner: Somebody, stranger: Somebody, server: Runtime, database: TestDatabase
) -> None:
    long_ago = date(2020, 1, 1)
    async with server.db.as_system() as tx:
        await tx.execute("SELECT agentops_ensure_partitions(%s, %s)", (long_ago, date(2020, 4, 30)))
    ask(
        database.superuser_url,
        """
        INSERT INTO evaluations (project_id, created_at, id, prompt, response)
        VALUES (%s, '2020-02-29T12:00Z', gen_random_uuid(), 'p', 'r')
        """,
        (stranger.project_id,),
    )
    before = partitions(database)
    # As if nobody had written: what the statistics say is a hint, and the look at the rows decides.
    ask(database.superuser_url, "SELECT pg_stat_reset()")
    await delete.drop_empty_partitions(server.db, before=date(2020, 4, 15))
    assert before - partitions(database) == {"evaluations_2020_01", "evaluations_2020_03"}
    unforced = "SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r' AND NOT relforcerowsecurity"
    assert ask(database.superuser_url, unforced) == []
    ask(database.superuser_url, "DELETE FROM evaluations")
    ask(database.superuser_url, "SELECT pg_stat_reset()")
    await delete.drop_empty_partitions(server.db, before=date(2020, 4, 15))
    assert before - partitions(database) == {"evaluations_2020_01", "evaluations_2020_02", "evaluations_2020_03"}


async def test_a_drop_waits_for_nobody_for_long(server: Runtime, database: TestDatabase) -> None:
    async with server.db.as_system() as tx:
        await tx.execute("SELECT agentops_ensure_partitions('2020-01-01', '2020-01-31')")
    async with await psycopg.AsyncConnection.connect(database.superuser_url) as reader:
        await reader.execute("SELECT count(*) FROM evaluations")
        async with asyncio.timeout(20):
            await delete.drop_empty_partitions(server.db, before=date(2020, 3, 1))
        assert "evaluations_2020_01" in partitions(database)
    await delete.drop_empty_partitions(server.db, before=date(2020, 3, 1))
    assert "evaluations_2020_01" not in partitions(database)


def test_whole_days_are_kept_in_utc() -> None:
    now = datetime(2026, 11, 24, 23, 59, tzinfo=UTC)
    assert midnight(now, 1) == datetime(2026, 11, 23, tzinfo=UTC)
    assert midnight(now.astimezone(), 30) == datetime(2026, 10, 25, tzinfo=UTC)
    assert midnight(now, 10**6) == datetime(1, 1, 1, tzinfo=UTC)
