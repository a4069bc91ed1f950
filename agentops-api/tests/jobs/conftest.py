"""A queue without a server around it."""

from collections.abc import AsyncGenerator
from uuid import UUID

import pytest
from agentops_api.db.pool import Database
from tests.cast import TestDatabase
from tests.jobs.queue import new_project


@pytest.fixture
async def db(database: TestDatabase) -> AsyncGenerator[Database]:
    async with Database(database.login_url, connections_max=8) as opened:
        yield opened


@pytest.fixture
def project_id(database: TestDatabase) -> UUID:
    return new_project(database.superuser_url)


@pytest.fixture
def other_project_id(database: TestDatabase) -> UUID:
    return new_project(database.superuser_url)
