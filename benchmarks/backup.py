"""A backup and its restoration at size: `python -m benchmarks.backup --rows 1M`. Seconds, and seconds per GB.

A GB is one of the database (`pg_database_size`), indexes, rollups and words included.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from rich.console import Console

from benchmarks import rows
from benchmarks.kept import keep
from benchmarks.server import PASSED_ON, make_tenant, running
from benchmarks.tables import Table

_GB = 10**9
_console = Console(width=160)


def main(
    rows_total: Annotated[int, typer.Option("--rows", min=1_000, max=10_000_000)] = 1_000_000,
    seed: int = 1,
    data: Annotated[
        Path | None, typer.Option(help="A directory of data, such as `benchmarks.run --reuse` keeps; it is only read.")
    ] = None,
) -> None:
    """Backs the database up while its server runs, and restores it into an empty one."""
    with tempfile.TemporaryDirectory(prefix="agentops-bench-") as temporary:
        # As root the database runs as somebody else, who must pass through.
        folder = Path(temporary)
        folder.chmod(0o711)
        source, target, file = data or folder / "source", folder / "target", folder / "all.backup"
        with running(source) as server:
            if data is None:
                rows.fill(
                    server,
                    make_tenant(server, "backup@example.com"),
                    rows=rows_total,
                    seed=seed,
                    advance=lambda _: None,
                )
            with psycopg.connect(server.superuser_url) as connection:
                found = connection.execute(
                    "SELECT pg_database_size(current_database()), count(*) FROM evaluations"
                ).fetchone()
            assert found is not None
            size_gb, evaluations = int(found[0]) / _GB, int(found[1])
            backup_s = _timed(source, "backup", str(file))
        restore_s = _timed(target, "restore", str(file))
        sizes = f"{evaluations:,}", f"{size_gb:.2f}", f"{file.stat().st_size / _GB:.2f}"
    taken = (("backup, the server running", backup_s), ("restore into an empty one", restore_s))
    figures = [(what, *sizes, f"{took_s:.0f}", f"{took_s / size_gb:.1f}") for what, took_s in taken]
    columns = ("what", "evaluations", "database, GB", "file, GB", "s", "s per GB")
    table = Table("Backup and restoration", columns, figures)
    _console.print(table.rich())
    keep("backup", f"python -m benchmarks.backup --rows {rows_total}", table, _NOTE)


_NOTE = "Both count every table and compare its checksum; nothing is restored unless all agree."


def _timed(data_dir: Path, *command: str) -> float:
    environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    began = time.monotonic()
    subprocess.run(
        [sys.executable, "-c", "from agentops_api.cli import main; main()", *command],
        env=environment | {"AGENTOPS_DATA_DIR": str(data_dir)},
        cwd=data_dir.parent,
        check=True,
    )
    return time.monotonic() - began


if __name__ == "__main__":
    typer.run(main)
