"""A second server, for what must hold in every process."""

from collections.abc import AsyncGenerator

import pytest
from agentops_api.app import create_app
from agentops_api.settings import Settings
from fastapi import FastAPI


@pytest.fixture
async def another_process(settings: Settings) -> AsyncGenerator[FastAPI]:
    """A second server on the same database."""
    application = create_app(settings)
    async with application.router.lifespan_context(application):
        yield application
