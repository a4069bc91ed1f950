"""Real servers on a directory of their own, each a process that this test started, stopped or killed by its id."""

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from agentops_api.db import postmaster
from agentops_api.db.cluster import LOGIN, SUPERUSER, Cluster
from agentops_api.db.installation import Major
from tests.cast import PASSWORD, SECRET_KEY
from tests.chaos.wire import BrokenOff, Connection

READY_S_MAX = 60.0
"""Only a bound: the tests measure how long it takes. The machine of the tests may be busy."""
POLL_S = 0.02
_ROOT = Path(__file__).parents[2]
MAIN = _ROOT / "main.py"
_ENVIRONMENT = {
    "SECRET_KEY": SECRET_KEY,
    "RATE_LIMIT_PER_MINUTE": "1000000",
    "INGEST_LIMIT_PER_MINUTE": "100000000",
    "REGISTER_LIMIT_PER_HOUR": "100000",
    "LOG_LEVEL": "WARNING",
    "LOG_FORMAT": "json",
}


@dataclass(frozen=True, slots=True)
class Account:
    """A person of the server under test, and the program that holds their key."""

    key: str
    token: str
    project_id: UUID

    @property
    def sdk(self) -> dict[str, str]:
        return {"X-API-Key": self.key}


@dataclass(frozen=True, slots=True)
class Server:
    """A server process."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def kill(self) -> None:
        """SIGKILL, and waits until the process is gone."""
        self.process.kill()
        self.process.wait(10)

    async def stop(self, within_s: float = 30) -> float:
        """SIGTERM; the seconds until the process was gone."""
        started = time.monotonic()
        self.process.terminate()
        await until(lambda: not self.is_running, within_s)
        return time.monotonic() - started

    def errors(self) -> list[str]:
        """What it logged at ERROR or worse; a line that is no JSON counts as well."""
        found: list[str] = []
        for line in self.log.read_text().splitlines():
            try:
                severe = json.loads(line)["level"] in ("ERROR", "CRITICAL")
            except (ValueError, KeyError):
                severe = True
            if severe:
                found.append(line)
        return found

    def rss_bytes(self) -> int:
        """The memory that the process holds now."""
        pages = int(Path("/proc", str(self.process.pid), "statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


class Site:
    """A directory, and the servers that were started on it."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.data_dir = place / "data"
        self.servers: list[Server] = []

    async def start(self, *, port: int | None = None, program: Path = MAIN, **environment: str) -> Server:
        """A server that is ready. Its environment is this, and nothing of ours."""
        server = self.spawn(port=port, program=program, **environment)
        await ready(server)
        return server

    def spawn(self, *, port: int | None = None, program: Path = MAIN, **environment: str) -> Server:
        """A server that was only just started."""
        port = port or free_port()
        log = self.place / f"server-{len(self.servers)}.log"
        places = {"PATH": os.defpath, "AGENTOPS_DATA_DIR": str(self.data_dir), "PYTHONPATH": str(_ROOT)}
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, program],
                cwd=self.place,
                env=_ENVIRONMENT | places | {"PORT": str(port)} | environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.servers.append(Server(process, port, log))
        return self.servers[-1]

    def cluster(self, major: Major = "18") -> Cluster:
        return Cluster(data_dir=self.data_dir, major=major)

    @property
    def login_url(self) -> str:
        """What the server logs in as, to its embedded database."""
        return self.cluster().url(LOGIN)

    @property
    def superuser_url(self) -> str:
        return self.cluster().url(SUPERUSER)

    def postmaster_pid(self) -> int:
        """The process id in PostgreSQL's own lock file; 0 when it is not there or not written yet."""
        with suppress(FileNotFoundError, IndexError, ValueError):
            return int(self.cluster().pid_file.read_text().splitlines()[0])
        return 0

    def postgres_pids(self) -> list[int]:
        """The postmaster's process id, and then those of its children."""
        parent = self.postmaster_pid()
        return [parent, *children_of(parent)]

    def end(self) -> None:
        """Ends what is still running, by process id."""
        for server in self.servers:
            if server.is_running:
                os.kill(server.process.pid, signal.SIGCONT)
                server.kill()
        majors: tuple[Major, ...] = ("18", "16")
        for major in majors:
            left = postmaster.find(self.cluster(major))
            if left:
                for pid in (left.pid, *children_of(left.pid)):
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGCONT)
                postmaster.end(left)


@contextmanager
def new_site() -> Generator[Site]:
    """A site in a directory that PostgreSQL's user may enter, as pytest's own cannot be when root runs the tests."""
    place = Path(tempfile.mkdtemp(prefix="agentops-chaos-")).resolve()
    place.chmod(0o711)
    site = Site(place)
    try:
        yield site
    finally:
        site.end()
        shutil.rmtree(place)


def children_of(pid: int) -> list[int]:
    """The process ids of its children."""
    with suppress(FileNotFoundError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


async def ready(server: Server, within_s: float = READY_S_MAX) -> float:
    """Waits until the server says that it is ready; the seconds that took."""
    started = time.monotonic()

    async def is_ready() -> bool:
        assert server.is_running, f"the server ended: {server.log.read_text()[-3000:]}"
        return await status_of(server, "/health/ready") == 200

    await until_async(is_ready, within_s)
    return time.monotonic() - started


async def status_of(server: Server, path: str) -> int:
    """The status of a GET; 0 where nobody answers."""
    async with Connection(server.port) as connection:
        try:
            return (await connection.get(path)).status
        except BrokenOff:
            return 0


async def join(server: Server, email: str = "owner@example.com") -> Account:
    """Registers, logs in and makes a key, as a newcomer does."""
    async with Connection(server.port) as newcomer:
        account = {"email": email, "password": PASSWORD}
        made = await newcomer.post("/auth/register", account | {"full_name": "Some Body"})
        assert made.status == 201, made.body
        token = (await newcomer.post("/auth/login", account)).json()["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        key = (await newcomer.post("/auth/api-keys", {"name": "sdk"}, bearer)).json()
    return Account(key["key"], token, UUID(key["project_id"]))


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


async def until(fact: Callable[[], bool], within_s: float) -> None:
    """Waits until it is true."""

    async def asked() -> bool:
        return fact()

    await until_async(asked, within_s)


async def until_async(fact: Callable[[], Awaitable[bool]], within_s: float) -> None:
    """Waits until it is true."""
    deadline = time.monotonic() + within_s
    while not await fact():
        assert time.monotonic() < deadline, f"it did not come true within {within_s} s"
        await asyncio.sleep(POLL_S)
