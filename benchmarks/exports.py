"""Exports of a large project: `python -m benchmarks.exports --rows 1M`. First byte, time, and the server's memory."""

import http.client
import tempfile
import threading
import time
from pathlib import Path
from typing import Annotated, get_args

import typer
from agentops_api.exports.formats import Format
from rich.console import Console
from rich.table import Table

from benchmarks import processes, rows
from benchmarks.server import HOST, Server, Tenant, make_tenant, running

_PART_BYTES = 2**16
_LOOK_S = 0.02
_MIB = 2**20


def main(
    rows_total: Annotated[int, typer.Option("--rows", min=1_000, max=10_000_000)] = 1_000_000,
    only: Annotated[str, typer.Option(help="One format. Default: all.")] = "",
    seed: int = 1,
    directory: Annotated[
        Path | None, typer.Option(help="Where the data goes. Default: the temporary directory.")
    ] = None,
) -> None:
    """Exports all of it, in each format from a server that was just started, and compressed."""
    table = Table("format", "rows", "MiB", "first byte, s", "all, s", "rows/s", "RSS before, MiB", "RSS more, MiB")
    with tempfile.TemporaryDirectory(prefix="agentops-bench-", dir=directory) as folder:
        # As root the database runs as somebody else, who must pass through.
        Path(folder).chmod(0o711)
        data_dir = Path(folder) / "data"
        with running(data_dir) as server:
            tenant = make_tenant(server, "exports@example.com")
            rows.fill(server, tenant, rows=rows_total, seed=seed, advance=lambda _: None)
        for kind in (only,) if only else get_args(Format):
            for encoding in ("identity",) if kind == "parquet" else ("identity", "gzip"):
                with running(data_dir) as server:
                    _warm(server, tenant)
                    table.add_row(
                        f"{kind}, {encoding}", f"{rows_total:,}", *_export(server, tenant, kind, encoding, rows_total)
                    )
    Console().print(table)


def _export(server: Server, tenant: Tenant, kind: str, encoding: str, rows_total: int) -> list[str]:
    before = peak = processes.rss_mib(server.pid)
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(_LOOK_S):
            peak = max(peak, processes.rss_mib(server.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    connection = http.client.HTTPConnection(HOST, server.port, timeout=600)
    began = time.perf_counter()
    connection.request(
        "GET",
        f"/api/v1/exports/evaluations?format={kind}",
        headers={"X-API-Key": tenant.key, "Accept-Encoding": encoding},
    )
    answer = connection.getresponse()
    size = len(answer.read(1))
    first_s = time.perf_counter() - began
    while part := answer.read(_PART_BYTES):
        size += len(part)
    all_s = time.perf_counter() - began
    done.set()
    watcher.join()
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"The export was answered {answer.status}")
    figures = (size / _MIB, first_s, all_s)
    return [*(f"{each:.2f}" for each in figures), f"{rows_total / all_s:,.0f}", f"{before:.0f}", f"{peak - before:.1f}"]


def _warm(server: Server, tenant: Tenant) -> None:
    """What any first request costs is not the export's."""
    connection = http.client.HTTPConnection(HOST, server.port, timeout=60)
    for _ in range(20):
        connection.request("GET", "/evaluations?limit=50", headers={"X-API-Key": tenant.key})
        connection.getresponse().read()
    connection.close()


if __name__ == "__main__":
    typer.run(main)
