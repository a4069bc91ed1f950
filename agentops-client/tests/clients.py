"""Clients with short waits, and programs of their own that use the package."""

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from agentops import AgentOps, Bounds
from tests.receiver import Receiver

PACKAGE_DIR = Path(__file__).parents[1]
KEY = "agops_test"
QUICK = Bounds(linger_s=0.05, backoff_s=0.02, backoff_s_max=0.1)


@contextmanager
def client_of(receiver: Receiver, bounds: Bounds = QUICK, **options: Any) -> Generator[AgentOps]:
    """A client that sends there, closed when left."""
    ops = AgentOps(KEY, receiver.url, bounds=bounds, **options)
    try:
        yield ops
    finally:
        ops.close(0)


def program(
    text: str, place: Path, *words: str, stdin: int = subprocess.DEVNULL, **environment: str
) -> subprocess.Popen[str]:
    """A Python program of its own, with the package on its path and nothing of ours in its environment."""
    script = place / "program.py"
    script.write_text(text)
    return subprocess.Popen(
        [sys.executable, "-W", "error", script, *words],
        env={"PATH": os.defpath, "PYTHONPATH": str(PACKAGE_DIR)} | environment,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str], within_s: float = 30) -> str:
    """What a program printed that ended well, and said nothing else."""
    try:
        out, err = process.communicate(timeout=within_s)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    if process.returncode or err:
        pytest.fail(f"It ended with {process.returncode}: {out}{err}")
    return out
