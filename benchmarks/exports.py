"""Exports of a large project: `python -m benchmarks.exports --rows 1M`. First byte, time, and the server's memory.

Each is from a server that was just started: as a download, compressed too, and written by a job.
"""

import http.client
import tempfile
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, get_args

import orjson
import typer
from agentops_api.exports.formats import Format
from pydantic import TypeAdapter
from rich.console import Console

from benchmarks import processes, rows
from benchmarks.kept import keep
from benchmarks.server import HOST, Server, Tenant, make_tenant, running
from benchmarks.tables import Table

_PART_BYTES = 2**16
_LOOK_S = 0.02
_POLL_S = 0.25
_MIB = 2**20
_NOTE = "Each from a server that was just started. Of a job, the first byte is that of the file, once it is written."
_TENANT = TypeAdapter(Tenant)


def main(
    rows_total: Annotated[int, typer.Option("--rows", min=1_000, max=10_000_000)] = 1_000_000,
    only: Annotated[str, typer.Option(help="Formats, with commas between. Default: all.")] = "",
    seed: int = 1,
    data: Annotated[
        Path | None, typer.Option(help="Keep the project in this directory, and use it again. Default: do not.")
    ] = None,
) -> None:
    """Exports all of it, in each format and each way."""
    columns = ("export", "rows", "MiB", "first byte, s", "all, s", "rows/s", "RSS before, MiB", "RSS more, MiB")
    made: list[tuple[str, ...]] = []
    with _folder(data) as folder:
        tenant = _filled(folder, rows_total=rows_total, seed=seed)
        for kind in only.split(",") if only else get_args(Format):
            ways = {"identity": _download, "gzip": _download, "job": _job}
            for way, export in ways.items():
                if kind == "parquet" and way == "gzip":
                    continue
                with running(folder / "data") as server:
                    _warm(server, tenant)
                    figures = _measured(server, tenant, lambda s, t, e=export, k=kind, w=way: e(s, t, k, w), rows_total)
                made.append((f"{kind}, {way}", f"{rows_total:,}", *figures))
                Console(stderr=True).print(*made[-1])
    table = Table("Exports", columns, made)
    Console(width=160).print(table.rich())
    part = f" --only {only}" if only else ""
    keep("exports", f"python -m benchmarks.exports --rows {rows_total}{part}", table, _NOTE)


@contextmanager
def _folder(data: Path | None) -> Generator[Path]:
    if data:
        data.mkdir(mode=0o711, exist_ok=True)
        yield data
    else:
        with tempfile.TemporaryDirectory(prefix="agentops-bench-") as folder:
            # As root the database runs as somebody else, who must pass through.
            Path(folder).chmod(0o711)
            yield Path(folder)


def _filled(folder: Path, *, rows_total: int, seed: int) -> Tenant:
    known = folder / f"exports-{rows_total}-{seed}.json"
    if known.exists():
        return _TENANT.validate_json(known.read_bytes())
    with running(folder / "data") as server:
        tenant = make_tenant(server, f"exports-{rows_total}-{seed}@example.com")
        rows.fill(server, tenant, rows=rows_total, seed=seed, advance=lambda _: None)
    known.write_bytes(_TENANT.dump_json(tenant))
    return tenant


def _measured(
    server: Server, tenant: Tenant, export: Callable[[Server, Tenant], tuple[float, float, float]], rows_total: int
) -> list[str]:
    before = peak = processes.rss_mib(server.pid)
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(_LOOK_S):
            peak = max(peak, processes.rss_mib(server.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        mib, first_s, all_s = export(server, tenant)
    finally:
        done.set()
        watcher.join()
    seconds = (f"{first_s:.2f}", f"{all_s:.2f}", f"{rows_total / all_s:,.0f}")
    return [f"{mib:.1f}", *seconds, f"{before:.0f}", f"{peak - before:.1f}"]


def _download(server: Server, tenant: Tenant, kind: str, encoding: str) -> tuple[float, float, float]:
    path = f"/api/v1/exports/evaluations?format={kind}"
    return _fetched(server, path, {"X-API-Key": tenant.key, "Accept-Encoding": encoding})


def _job(server: Server, tenant: Tenant, kind: str, _: str) -> tuple[float, float, float]:
    """The first byte is that of the file, when it is written; all is both, the writing and the fetching."""
    headers = {"X-API-Key": tenant.key}
    connection = http.client.HTTPConnection(HOST, server.port, timeout=60)
    began = time.perf_counter()
    body = orjson.dumps({"format": kind})
    connection.request("POST", "/api/v1/exports", body, headers | {"Content-Type": "application/json"})
    job = orjson.loads(connection.getresponse().read())
    while job["status"] in ("queued", "running"):
        time.sleep(_POLL_S)
        connection.request("GET", f"/api/v1/jobs/{job['id']}", headers=headers)
        job = orjson.loads(connection.getresponse().read())
    connection.close()
    if job["status"] != "succeeded":
        raise RuntimeError(f"The export failed: {job['error']}")
    mib, first_s = _fetched(server, job["report"]["file"], headers)[:2]
    return mib, first_s, time.perf_counter() - began


def _fetched(server: Server, path: str, headers: dict[str, str]) -> tuple[float, float, float]:
    """MiB, seconds to the first byte, and to the last."""
    connection = http.client.HTTPConnection(HOST, server.port, timeout=600)
    began = time.perf_counter()
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    size = len(answer.read(1))
    first_s = time.perf_counter() - began
    while part := answer.read(_PART_BYTES):
        size += len(part)
    all_s = time.perf_counter() - began
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"The export was answered {answer.status}")
    return size / _MIB, first_s, all_s


def _warm(server: Server, tenant: Tenant) -> None:
    """What any first request costs is not the export's."""
    connection = http.client.HTTPConnection(HOST, server.port, timeout=60)
    for _ in range(20):
        connection.request("GET", "/evaluations?limit=50", headers={"X-API-Key": tenant.key})
        connection.getresponse().read()
    connection.close()


if __name__ == "__main__":
    typer.run(main)
