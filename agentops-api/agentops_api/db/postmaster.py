"""The postmaster of one cluster as a process: found, started, asked, ended.

What is found is proven to serve this very cluster before it is signalled, since a process id in a file may
have been given to somebody else after a reboot. Every function is synchronous, and the slow ones say how
slow. Whoever starts or ends holds the supervisor's lock (`embedded.py`).
"""

import logging
import os
import signal
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from psycopg.pq import PGconn, Ping

from agentops_api.db.cluster import Cluster, make_socket_dir, server_settings
from agentops_api.db.installation import Installation, clean_environment

log = logging.getLogger(__name__)

LOG_BYTES_MAX = 10 * 1024 * 1024
LOG_BYTES_KEPT = 1024 * 1024
FAST_SHUTDOWN_S = 8.0
IMMEDIATE_SHUTDOWN_S = 5.0
KILL_S = 5.0
POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Postmaster:
    """A postmaster that was running when we looked; `exited` is None when it is not our child."""

    pid: int
    cluster: Cluster
    exited: threading.Event | None = None

    @property
    def adopted(self) -> bool:
        """True when somebody else started it."""
        return self.exited is None

    def is_running(self) -> bool:
        """True until the process ended; an adopted one is looked up, lest a recycled id be taken for it."""
        return serves(self.pid, self.cluster) if self.exited is None else not self.exited.is_set()


def find(cluster: Cluster) -> Postmaster | None:
    """The running postmaster of the cluster, by its pid file, or None."""
    lines = _pid_file_lines(cluster)
    with suppress(IndexError, ValueError):
        pid = abs(int(lines[0]))
        if serves(pid, cluster):
            return Postmaster(pid=pid, cluster=cluster)
    return None


def is_stopping(cluster: Cluster) -> bool:
    """True when the postmaster wrote that it shuts down: it will accept nobody any more."""
    lines = _pid_file_lines(cluster)
    return len(lines) > 7 and lines[7].strip() == "stopping"


def answer(cluster: Cluster) -> Ping:
    """What a connection would meet: OK, REJECT (starting, recovering, stopping), NO_RESPONSE. At most 3 s."""
    socket_dir = str(cluster.socket_dir).replace("\\", "\\\\").replace("'", "\\'")
    conninfo = f"host='{socket_dir}' port=5432 user=postgres dbname=postgres connect_timeout=3"
    return Ping(PGconn.ping(conninfo.encode()))


def start(cluster: Cluster, installation: Installation) -> Postmaster:
    """Starts a postmaster as our child in its own session; it answers later. The caller knows none runs."""
    make_socket_dir(cluster, installation.account)
    _clear_remains(cluster)
    bound_log(cluster.log_file)
    options = [word for name, value in server_settings(cluster).items() for word in ("-c", f"{name}={value}")]
    account = installation.account
    log_fd = os.open(cluster.log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        child = subprocess.Popen(
            [installation.bin_dir / "postgres", "-D", cluster.path, *options],
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            stdin=subprocess.DEVNULL,
            stdout=log_fd,
            stderr=log_fd,
            env=clean_environment(),
            cwd="/",
            umask=0o077,
            start_new_session=True,
        )
    finally:
        os.close(log_fd)
    exited = threading.Event()

    # A thread, because the child may outlive this supervisor and its event loop, and must be reaped then too.
    def reap() -> None:
        code = child.wait()
        log.debug("PostgreSQL (process %d) exited with %d.", child.pid, code)
        exited.set()

    threading.Thread(target=reap, name=f"reap-{child.pid}", daemon=True).start()
    return Postmaster(pid=child.pid, cluster=cluster, exited=exited)


def end(postmaster: Postmaster) -> None:
    """Ends the postmaster: fast shutdown, after 8 s an immediate one, then by force. At most 18 s."""
    for number, patience_s in (
        (signal.SIGINT, FAST_SHUTDOWN_S),
        (signal.SIGQUIT, IMMEDIATE_SHUTDOWN_S),
        (signal.SIGKILL, KILL_S),
    ):
        deadline = time.monotonic() + patience_s
        if postmaster.is_running():
            with suppress(ProcessLookupError):
                os.kill(postmaster.pid, number)
        while postmaster.is_running() and time.monotonic() < deadline:
            time.sleep(POLL_S)
        if not postmaster.is_running():
            return
        log.warning("PostgreSQL did not end within %.0f s of %s.", patience_s, number.name)


def serves(pid: int, cluster: Cluster) -> bool:
    """True when `pid` is a living PostgreSQL process of this cluster. Uses ps where there is no /proc."""
    process = Path("/proc") / str(pid)
    if process.is_dir():
        # The directory it works in is the cluster. Reading that can be forbidden (root without CAP_SYS_PTRACE
        # in a container), the command line never; both are gone from a process that is dead and not reaped.
        with suppress(OSError):
            return process.joinpath("cwd").readlink() == cluster.path.resolve() and _is_postgres(process)
        with suppress(OSError):
            words = process.joinpath("cmdline").read_bytes().split(b"\0")
            return words[1:3] == [b"-D", os.fsencode(cluster.path)]
        return False
    if Path("/proc/self").exists():
        return False
    listed = subprocess.run(
        ["ps", "-ww", "-p", str(pid), "-o", "command="], capture_output=True, text=True, check=False
    )
    return f"postgres -D {cluster.path} " in listed.stdout


def bound_log(path: Path) -> None:
    """Keeps only the last megabyte of a log of more than ten. Who writes to it appends, so none is torn."""
    with suppress(FileNotFoundError):
        if path.stat().st_size > LOG_BYTES_MAX:
            kept = log_tail(path, LOG_BYTES_KEPT)
            os.truncate(path, 0)
            with path.open("ab") as file:
                file.write(kept)


def log_tail(path: Path, bytes_max: int) -> bytes:
    """The last `bytes_max` bytes of a log or fewer, from the start of a line; empty when there is no log."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - bytes_max))
            if size > bytes_max:
                file.readline()
            return file.read(bytes_max)
    except FileNotFoundError:
        return b""


def _pid_file_lines(cluster: Cluster) -> list[str]:
    try:
        return cluster.pid_file.read_text("utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []


def _clear_remains(cluster: Cluster) -> None:
    """Removes what a dead postmaster left and a new one would stumble over.

    PostgreSQL refuses to start while the process id in a lock file is alive, whoever that now is; it excepts
    its parent's. So ours is written in its place. The file itself must stay: it names the old shared memory,
    by which PostgreSQL makes sure that no backend of its predecessor is still at work on these files.
    """
    _end_orphans(cluster)
    for path in (cluster.socket, cluster.socket.with_name(cluster.socket.name + ".lock")):
        path.unlink(missing_ok=True)
    lines = _pid_file_lines(cluster)
    if lines and lines[0].strip().lstrip("-").isdigit():
        with cluster.pid_file.open("r+", encoding="utf-8") as file:
            file.write("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
            file.truncate()
    else:
        cluster.pid_file.unlink(missing_ok=True)


def _end_orphans(cluster: Cluster) -> None:
    """Ends backends that outlived their postmaster (they notice late when they are busy). At most 5 s.

    Nothing is lost by SIGKILL that the postmaster's death had not lost already. Without /proc PostgreSQL
    itself refuses to start until they have gone, and the supervisor tries again.
    """
    deadline = time.monotonic() + KILL_S
    orphans = _processes_in(cluster)
    if orphans:
        log.warning("Ending %d PostgreSQL processes that outlived their postmaster.", len(orphans))
    for pid in orphans:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    while any(serves(pid, cluster) for pid in orphans) and time.monotonic() < deadline:
        time.sleep(POLL_S)


def _processes_in(cluster: Cluster) -> list[int]:
    found: list[int] = []
    path = cluster.path.resolve()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if process.joinpath("cwd").readlink() == path and _is_postgres(process):
                found.append(int(process.name))
    return found


def _is_postgres(process: Path) -> bool:
    return process.joinpath("comm").read_text().strip() == "postgres"
