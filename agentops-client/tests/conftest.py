"""A receiver that misbehaves on demand, a real server of AgentOps API, and an environment without settings."""

import os
import tempfile
from collections.abc import Generator
from pathlib import Path
from uuid import uuid4

import pytest
from agentops import notices
from agentops.testing import agentops_capture
from tests.receiver import Receiver, receiving

from benchmarks.server import Server, Tenant, make_tenant, running

__all__ = ["agentops_capture"]


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("AGENTOPS_"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(notices, "_said", {})


@pytest.fixture
def receiver() -> Generator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture(scope="session")
def server() -> Generator[Server]:
    """AgentOps API itself, in a process and a directory of its own."""
    with tempfile.TemporaryDirectory(prefix="agentops-client-", ignore_cleanup_errors=True) as name:
        # As root the database runs as somebody else, who must pass through.
        Path(name).chmod(0o755)
        with running(Path(name) / "data") as started:
            yield started


@pytest.fixture
def tenant(server: Server) -> Tenant:
    """A project of this test's own."""
    return make_tenant(server, f"{uuid4()}@example.com")
