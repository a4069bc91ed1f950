"""The server under test: a real process with the embedded database in a directory of its own, and somebody's key."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import orjson
from agentops_api.db.cluster import LOGIN, SUPERUSER, Cluster

from benchmarks import processes

HOST = "127.0.0.1"
_READY_S_MAX = 300.0
_STOP_S_MAX = 30.0
PASSED_ON = ("HOME", "LANG", "PATH", "VIRTUAL_ENV")
_ROOT = Path(__file__).parent.parent
# Not the script `agentops`, which need not be on the PATH.
_SERVER = ("-c", "from agentops_api.cli import main; main()")
_SERVER_WITHOUT_ROLLUPS = ("-m", "benchmarks.no_rollups")
_UNLIMITED = "1000000000"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server process and its database."""

    pid: int
    port: int
    ready_s: float
    """From the process's start to the first 200 of `/health/ready`."""
    cluster: Cluster

    @property
    def login_url(self) -> str:
        """The database, as the role that the server itself logs in as."""
        return self.cluster.url(LOGIN)

    @property
    def superuser_url(self) -> str:
        """The database without row level security, to fill it."""
        return self.cluster.url(SUPERUSER)

    @property
    def postmaster_pid(self) -> int:
        """PostgreSQL's parent process."""
        return int(self.cluster.pid_file.read_text().splitlines()[0])

    def cpu(self) -> processes.Cpu:
        """CPU time used up to now."""
        return processes.cpu(self.pid, self.postmaster_pid)


@dataclass(frozen=True, slots=True)
class Tenant:
    """A key, and the project that it belongs to."""

    key: str
    project_id: UUID


@contextmanager
def running(data_dir: Path, *, group_commit: bool = True, rollups: bool = True) -> Generator[Server]:
    """A server on a free port, ready; ended when left. Several on one directory share the database."""
    port = _free_port()
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ} | {
        "AGENTOPS_DATA_DIR": str(data_dir),
        "HOST": HOST,
        "PORT": str(port),
        "INGEST_LIMIT_PER_MINUTE": _UNLIMITED,
        "RATE_LIMIT_PER_MINUTE": _UNLIMITED,
        "INGEST_GROUP_COMMIT": str(group_commit).lower(),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH")))),
    }
    log_path = data_dir.parent / f"server-{port}.log"
    started = time.monotonic()
    with log_path.open("wb") as log:
        # In a directory without .env.
        process = subprocess.Popen(
            [sys.executable, *(_SERVER if rollups else _SERVER_WITHOUT_ROLLUPS), "serve"],
            cwd=data_dir.parent,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        _until_ready(process, port, log_path)
        ready_s = time.monotonic() - started
        yield Server(process.pid, port, ready_s, Cluster(data_dir.resolve(), "18"))
    finally:
        _end(process)


def make_tenant(server: Server, email: str) -> Tenant:
    """Registers somebody and makes them a key, as a client would."""
    password = "correct-horse-battery-staple-7"
    connection = http.client.HTTPConnection(HOST, server.port, timeout=30)
    _post(connection, "/auth/register", {"email": email, "password": password, "full_name": "Bench"})
    login = _post(connection, "/auth/login", {"email": email, "password": password})
    made = _post(connection, "/auth/api-keys", {"name": "bench"}, token=str(login["access_token"]))
    connection.close()
    return Tenant(str(made["key"]), UUID(str(made["project_id"])))


def _post(
    connection: http.client.HTTPConnection, path: str, body: dict[str, str], *, token: str | None = None
) -> dict[str, object]:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    connection.request("POST", path, orjson.dumps(body), headers)
    response = connection.getresponse()
    text = response.read()
    if not 200 <= response.status < 300:
        raise RuntimeError(f"POST {path} was answered {response.status}: {text.decode()}")
    answer: dict[str, object] = orjson.loads(text)
    return answer


def _until_ready(process: subprocess.Popen[bytes], port: int, log_path: Path) -> None:
    deadline = time.monotonic() + _READY_S_MAX
    while time.monotonic() < deadline and process.poll() is None:
        if _is_ready(port):
            return
        time.sleep(0.01)
    raise RuntimeError(f"The server did not become ready:\n{log_path.read_text()[-4_000:]}")


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
    try:
        process.wait(_STOP_S_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
