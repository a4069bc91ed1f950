"""A server that takes evaluations of the last year."""

import pytest
from agentops_api.settings import Settings


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"ingest_past_days": 400})
