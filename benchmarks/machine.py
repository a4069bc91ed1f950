"""What the numbers were measured on: hardware, file system, versions."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

import psycopg

from benchmarks.results import Machine

_PACKAGES = ("fastapi", "starlette", "uvicorn", "uvloop", "httptools", "pydantic", "psycopg", "orjson")


def describe(data_dir: Path, database_url: str) -> Machine:
    """The machine, and the versions of what matters to speed."""
    with psycopg.connect(database_url) as connection:
        postgres = connection.info.parameter_status("server_version") or ""
    versions = {"python": platform.python_version(), "postgresql": postgres}
    return Machine(
        system=f"{platform.system()} {platform.machine()}",
        cpu=_cpu_model(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        memory_mib=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20,
        filesystem=_filesystem(data_dir),
        load_average=busy(),
        versions=versions | {name: version(name) for name in _PACKAGES},
    )


def busy() -> float:
    """The load average of the last minute."""
    return round(os.getloadavg()[0], 2)


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")


def _filesystem(path: Path) -> str:
    """The type of the file system that holds the path: of all mounts above it the longest counts."""
    try:
        mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    except OSError:
        return "unknown"
    above = [mount for mount in mounts if path.resolve().is_relative_to(mount[1])]
    return max(above, key=lambda mount: len(mount[1]))[2] if above else "unknown"
