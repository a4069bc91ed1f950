"""For the tests of programs that use this package: what they record is captured, and nothing is sent.

With pytest, `pytest_plugins = ["agentops.testing"]` in `conftest.py` gives the fixture `agentops_capture`.
"""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from agentops import recorder
from agentops.results import STORED_ITEMS, StoredEvaluation


@contextmanager
def capture() -> Generator[list[StoredEvaluation]]:
    """What every client records meanwhile, scored and redacted, as the server would keep it. No key is needed."""
    found: list[StoredEvaluation] = []

    def listener(fields: dict[str, Any]) -> None:
        now = datetime.now(UTC).isoformat()
        found.append(StoredEvaluation(dict.fromkeys(STORED_ITEMS) | {"created_at": now} | fields))

    recorder.captures.append(listener)
    try:
        yield found
    finally:
        recorder.captures.remove(listener)


# `capture` works without pytest, and a program that uses it must not become one that runs under pytest.
if TYPE_CHECKING or "pytest" in sys.modules:
    import pytest

    @pytest.fixture
    def agentops_capture() -> Generator[list[StoredEvaluation]]:
        """What every client records during the test."""
        with capture() as found:
            yield found
