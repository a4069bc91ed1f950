"""A site for each test."""

from collections.abc import Generator

import pytest
from tests.chaos.processes import Site, new_site


@pytest.fixture
def site() -> Generator[Site]:
    """A directory for servers, empty; what runs on it is ended afterwards."""
    with new_site() as made:
        yield made
