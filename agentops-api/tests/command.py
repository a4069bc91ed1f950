"""The `agentops` command as a process of its own, with nothing of ours in its environment."""

import os
import subprocess
import sys
from pathlib import Path

_SERVER = Path(__file__).resolve().parents[1]


def agentops(*words: str, directory: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """What the command did: run in `directory`, whose `.env` it reads, with these variables and no other setting."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-m", "agentops_api.cli", *words],
        env=kept | {"PYTHONPATH": str(_SERVER), "PYTHONWARNINGS": "error"} | environment,
        cwd=directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
