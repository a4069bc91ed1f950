"""Walking the newest evaluations finds the conversations that counting all of them finds, page by page."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import LiteralString
from uuid import UUID, uuid4

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest
from agentops_api import clock, upkeep
from agentops_api.db.pool import Database
from agentops_api.evaluations.models import EvaluationIn
from agentops_api.sessions.models import Place, Session, SessionFilters
from agentops_api.telemetry.postgres import PostgresStore
from agentops_api.telemetry.sessions import read_sessions
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.cast import TestDatabase
from tests.telemetry.histories import insert

pytestmark = pytest.mark.anyio
Turn = tuple[EvaluationIn, int]
Shown = tuple[str, int, int]

_turns = st.lists(
    st.tuples(
        st.builds(
            EvaluationIn,
            prompt=st.just("p"),
            response=st.just("r"),
            # Upper case after lower case, and an umlaut: what a language's order does not share with that of bytes.
            session_id=st.sampled_from([None, "a", "B", "c", "Ä", "e/", "z"]),
            hallucinated=st.sampled_from([None, False, False, True]),
            agent_name=st.sampled_from([None, "x", "y"]),
            model_name=st.sampled_from([None, "m"]),
        ),
        st.integers(0, 12),
    ),
    max_size=40,
)
_filters = st.tuples(
    st.sampled_from([None, "x"]),
    st.sampled_from([None, None, "m"]),
    st.sampled_from([None, True, False]),
    st.sampled_from([0, 14, 28]),
)

_PLAIN: LiteralString = """
SELECT session_id, count(*), count(*) FILTER (WHERE hallucinated)
FROM (SELECT *, coalesce(agent_name = %(agent)s, %(agent)s::text IS NULL)
                AND coalesce(model_name = %(model)s, %(model)s::text IS NULL) AS matches
      FROM evaluations
      WHERE project_id = %(project_id)s AND created_at >= %(start)s AND created_at < %(end)s
        AND session_id IS NOT NULL) AS turn
GROUP BY session_id
HAVING CASE %(hallucinated)s WHEN 'some' THEN bool_or(matches AND coalesce(hallucinated, false))
                             WHEN 'none' THEN bool_or(matches)
                                                  AND NOT bool_or(matches AND coalesce(hallucinated, false))
                             ELSE bool_or(matches) END
ORDER BY max(created_at) FILTER (WHERE matches AND (hallucinated OR %(hallucinated)s <> 'some')) DESC,
         session_id COLLATE "C" DESC
"""


@pytest.fixture
async def db(database: TestDatabase) -> AsyncGenerator[Database]:
    async with Database(database.login_url, connections_max=4) as opened:
        await upkeep.ensure_partitions(opened, past=timedelta(days=30))
        yield opened


async def plain(db: Database, project_id: UUID, filters: SessionFilters) -> list[Shown]:
    params = {
        "project_id": project_id,
        "start": filters.start,
        "end": filters.end,
        "agent": filters.agent_name,
        "model": filters.model_name,
        "hallucinated": {None: "any", True: "some", False: "none"}[filters.hallucinated],
    }
    async with db.as_project(project_id) as tx:
        return [(row[0], row[1], row[2]) for row in await (await tx.execute(_PLAIN, params)).fetchall()]


async def walked(
    db: Database, project_id: UUID, filters: SessionFilters, *, limit: int, chunk: int, walk: int
) -> list[Shown]:
    found: list[Session] = []
    after: Place | None = None
    while True:
        async with db.as_project(project_id) as tx:
            page, after = await read_sessions(
                tx, project_id, filters, after=after, limit=limit, chunk_rows=chunk, walk_rows_max=walk
            )
        assert len(page) <= limit
        assert not {each.session_id for each in page} & {each.session_id for each in found}, "none comes twice"
        found += page
        if after is None:
            return [(each.session_id, each.evaluations, each.hallucinations) for each in found]


async def check(db: Database, turns: list[Turn], asked: tuple[str | None, str | None, bool | None, int]) -> None:
    project_id = uuid4()
    await insert(PostgresStore(db), project_id, turns)
    agent, model, hallucinated, skipped_minutes = asked
    end = clock.now() - timedelta(minutes=skipped_minutes)
    # Half way between two of the ages that `insert` gives.
    filters = SessionFilters(end - timedelta(minutes=52.5), end, agent, model, hallucinated)
    expected = await plain(db, project_id, filters)
    for limit, chunk, walk in ((1, 1, 100), (2, 3, 100), (3, 500, 500), (3, 1, 1), (2, 2, 6)):
        assert await walked(db, project_id, filters, limit=limit, chunk=chunk, walk=walk) == expected


async def test_pages_are_those_of_a_plain_count(db: Database) -> None:
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
    @given(_turns, _filters)
    def holds(turns: list[Turn], asked: tuple[str | None, str | None, bool | None, int]) -> None:
        anyio.from_thread.run(check, db, turns, asked)

    # Hypothesis is synchronous: it drives from a thread, and each example runs in this test's loop.
    await anyio.to_thread.run_sync(holds)
