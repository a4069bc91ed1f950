"""CPU time and memory of processes, read from /proc; zeros where a system has none."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_LOOK_S = 0.5
QUIET_SHARE = 0.1
"""A machine of which others use no more than this is quiet."""
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU seconds used up to now."""

    server_s: float
    postgres_s: float
    machine_busy_s: float
    machine_s: float
    """Busy and idle, of all cores."""

    def others_share(self, client_s: float) -> float | None:
        """How much of the machine went to neither server, PostgreSQL nor a client; None where nothing is known."""
        if not self.machine_s:
            return None
        others_s = self.machine_busy_s - self.server_s - self.postgres_s - client_s
        return max(0.0, others_s / self.machine_s)

    def since(self, before: "Cpu") -> "Cpu":
        """What was used in between."""
        return Cpu(
            self.server_s - before.server_s,
            self.postgres_s - before.postgres_s,
            self.machine_busy_s - before.machine_busy_s,
            self.machine_s - before.machine_s,
        )


def cpu(server_pid: int, postmaster_pid: int) -> Cpu:
    """CPU time of the server, of PostgreSQL (backends that ended included) and of the whole machine."""
    if not _PROC.exists():
        return Cpu(0, 0, 0, 0)
    own, waited_for = _cpu_s(postmaster_pid)
    postgres_s = own + waited_for + sum(_cpu_s(pid)[0] for pid in children(postmaster_pid))
    return Cpu(_cpu_s(server_pid)[0], postgres_s, *_machine())


def wait_until_quiet(seconds_max: float) -> None:
    """Waits while others use more than a tenth of the machine, but no longer than this."""
    deadline = time.monotonic() + seconds_max
    while time.monotonic() < deadline and _PROC.exists():
        before = _machine()
        time.sleep(_LOOK_S)
        busy_s, total_s = (now - then for now, then in zip(_machine(), before, strict=True))
        if busy_s <= QUIET_SHARE * total_s:
            return


def rss_mib(pid: int) -> float:
    """Resident set of the process."""
    return _kib(_PROC / str(pid) / "status", "VmRSS:") / 1024


def pss_mib(postmaster_pid: int) -> float:
    """Proportional set of PostgreSQL's processes together."""
    pids = [postmaster_pid, *children(postmaster_pid)]
    return sum(_kib(_PROC / str(pid) / "smaps_rollup", "Pss:") for pid in pids) / 1024


def children(pid: int) -> list[int]:
    """Processes that the process started and that still run."""
    found: list[int] = []
    for folder in _PROC.glob("[0-9]*"):
        fields = _stat(int(folder.name))
        if fields and int(fields[1]) == pid:
            found.append(int(folder.name))
    return found


def _machine() -> tuple[float, float]:
    """CPU seconds of all cores: busy, and busy or idle."""
    ticks = [int(each) for each in (_PROC / "stat").read_text().splitlines()[0].split()[1:9]]
    total_s, idle_s = sum(ticks) * _TICK_S, (ticks[3] + ticks[4]) * _TICK_S
    return total_s - idle_s, total_s


def _cpu_s(pid: int) -> tuple[float, float]:
    """Its own CPU seconds, and those of children that it waited for."""
    fields = _stat(pid)
    if not fields:
        return 0.0, 0.0
    own, waited_for = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
    return own * _TICK_S, waited_for * _TICK_S


def _stat(pid: int) -> list[str]:
    """The fields of /proc/pid/stat from the state on (proc(5)); empty when the process has ended."""
    try:
        # The name before it is in parentheses and may hold spaces.
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _kib(path: Path, name: str) -> float:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return 0.0
    return next((float(line.split()[1]) for line in lines if line.startswith(name)), 0.0)
