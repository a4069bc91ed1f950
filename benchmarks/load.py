"""Load over HTTP from processes apart: wrk where it is installed, else Python clients (client.py).

Their own CPU time is measured too, because a load generator that is busy all the time measures itself.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import orjson

from benchmarks.payload import Bodies
from benchmarks.server import HOST, Server, Tenant

_PYTHON_CLIENTS = 2
_SCRIPT = Path(__file__).parent / "post.lua"
_salts = count(os.getpid())
"""Makes the ids of one measurement differ from those of the next."""


@dataclass(frozen=True, slots=True)
class Load:
    """What the clients saw."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    refused: int
    broken: int
    client_busy: float
    """CPU time over the time that its threads had."""


def generator() -> str:
    """Which load generator is used here."""
    if shutil.which("wrk"):
        return "wrk, 1 thread"
    return f"Python, {_PYTHON_CLIENTS} processes"


def post(server: Server, tenant: Tenant, bodies: Bodies, *, connections: int, seconds: int, pause_ms: int = 0) -> Load:
    """Sends the bodies over so many connections, each waiting for its answer and then `pause_ms`, for so long."""
    if shutil.which("wrk"):
        return _wrk(server, tenant, bodies, connections=connections, seconds=seconds, pause_ms=pause_ms)
    return _python(server, tenant, bodies, connections=connections, seconds=seconds, pause_ms=pause_ms)


def _wrk(server: Server, tenant: Tenant, bodies: Bodies, *, connections: int, seconds: int, pause_ms: int) -> Load:
    salt = str(next(_salts) % 2**20)
    command = [
        *("wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--timeout", "20s", "-s", str(_SCRIPT)),
        *(f"http://{HOST}:{server.port}", "--", str(bodies.path), tenant.key, bodies.url_path, salt, str(pause_ms)),
    ]
    out, cpu_s = _run([command])
    found = _last_object(out[0])
    return Load(
        requests=int(found["requests"]),
        seconds=found["seconds"],
        p50_ms=found["p50_ms"],
        p99_ms=found["p99_ms"],
        max_ms=found["max_ms"],
        refused=int(found["refused"]),
        broken=int(found["broken"]),
        client_busy=cpu_s / found["seconds"],
    )


def _python(server: Server, tenant: Tenant, bodies: Bodies, *, connections: int, seconds: int, pause_ms: int) -> Load:
    clients = min(_PYTHON_CLIENTS, connections)
    shares = [connections // clients + (i < connections % clients) for i in range(clients)]
    commands = [
        [
            *(sys.executable, "-m", "benchmarks.client", str(server.port), tenant.key, bodies.url_path),
            *(str(bodies.path), str(share), str(seconds), str(pause_ms)),
        ]
        for share in shares
    ]
    outputs, cpu_s = _run(commands)
    answers = [orjson.loads(out) for out in outputs]
    latencies: list[int] = sorted(each for answer in answers for each in answer["latencies_us"])
    return Load(
        requests=len(latencies),
        seconds=seconds,
        p50_ms=percentile(latencies, 50) / 1e3,
        p99_ms=percentile(latencies, 99) / 1e3,
        max_ms=latencies[-1] / 1e3 if latencies else 0.0,
        refused=sum(int(answer["refused"]) for answer in answers),
        broken=sum(int(answer["broken"]) for answer in answers),
        client_busy=cpu_s / (clients * seconds),
    )


def percentile(ascending: list[int], percent: float) -> int:
    """The nearest-rank percentile; 0 of nothing."""
    if not ascending:
        return 0
    return ascending[min(len(ascending) - 1, int(len(ascending) * percent / 100))]


def _run(commands: list[list[str]]) -> tuple[list[bytes], float]:
    """The outputs of commands that run side by side, and the CPU seconds they used."""
    before = os.times()
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE) for command in commands]
    outputs = [process.communicate()[0] for process in processes]
    after = os.times()
    for process in processes:
        if process.returncode:
            raise RuntimeError(f"The load generator {process.args!r} ended with {process.returncode}.")
    used_s = after.children_user + after.children_system - before.children_user - before.children_system
    return outputs, used_s


def _last_object(output: bytes) -> dict[str, float]:
    line = next(line for line in reversed(output.splitlines()) if line.startswith(b"{"))
    found: dict[str, float] = orjson.loads(line)
    return found
