"""What README promises works when it is typed: in order, as it stands, against a server of its own."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from agentops_api.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
SERVER = ROOT / "agentops-api"
_START_S_MAX = 60.0
_STOP_S_MAX = 30.0
_OURS = {name.upper() for name in Settings.model_fields} | {f"{name.upper()}_FILE" for name in Settings.model_fields}


@pytest.fixture
def place() -> Generator[Path]:
    """A directory that PostgreSQL's user may enter too, when the tests are run by root."""
    path = Path(tempfile.mkdtemp(prefix="agentops-readme-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@contextmanager
def serving(place: Path) -> Generator[int]:
    """The port of `python main.py`, started in `place` with a data directory of its own; stopped at the end."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    with (place / "log").open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, SERVER / "main.py"],
            cwd=place,
            env=clean_environment() | {"AGENTOPS_DATA_DIR": str(place / "data"), "PORT": str(port)},
            stdout=log,
            stderr=log,
        )
    try:
        wait_until_ready(child, port, place / "log")
        yield port
    finally:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(_STOP_S_MAX)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            pytest.fail(f"The server did not stop:\n{(place / 'log').read_text()}")


def clean_environment() -> dict[str, str]:
    """The environment without the server's settings, so that only README's count."""
    return {name: value for name, value in os.environ.items() if name.upper() not in _OURS}


def wait_until_ready(child: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_S_MAX
    while time.monotonic() < deadline and child.poll() is None:
        try:
            with urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    pytest.fail(f"The server did not start:\n{log.read_text()}")


def printed(text: str) -> list[dict[str, object]]:
    """The JSON objects that one command after the other printed."""
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def test_the_first_evaluation_takes_the_lines_of_the_readme(place: Path) -> None:
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    section = (ROOT / "README.md").read_text().split("## The first evaluation")[1].split("\n## ")[0]
    lines = "".join(re.findall(r"^```bash\n(.*?)^```", section, flags=re.MULTILINE | re.DOTALL))
    assert "localhost:8000" in lines
    shutil.copy(SERVER / ".env.example", place / ".env")
    with serving(place) as port:
        (place / "lines.sh").write_text(lines.replace("localhost:8000", f"127.0.0.1:{port}"))
        done = subprocess.run(
            ["bash", "-e", "lines.sh"],
            cwd=place,
            env=clean_environment() | {"no_proxy": "127.0.0.1"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        for page in ("/docs", "/redoc", "/openapi.json"):
            assert urlopen(f"http://127.0.0.1:{port}{page}", timeout=60).status == 200
    assert (done.returncode, done.stderr) == (0, "")
    user, created, stats, page = printed(done.stdout)
    assert {"email": "user@example.com", "full_name": "John Doe"}.items() <= user.items()
    assert created["status"] == "created"
    assert stats == {
        "total_evaluations": 1,
        "total_hallucinations": 0,
        "hallucination_rate": 0.0,
        "avg_latency": 0.42,
        "avg_throughput": 2.38,
        "avg_semantic_drift": 0.12,
        "avg_uncertainty": 0.0,
        "avg_factual_support": 0.95,
    }
    assert (page["has_more"], page["next_cursor"]) == (False, None)
    assert [each["id"] for each in items(page)] == [created["id"]]


def items(page: Mapping[str, object]) -> list[dict[str, object]]:
    data = page["data"]
    assert isinstance(data, list)
    return data  # pyright: ignore[reportUnknownVariableType] - JSON
