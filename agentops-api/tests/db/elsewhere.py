"""PostgreSQL as others run it: other versions, without our roles, and with a pooler between.

What is started here is ended here, by the process it was started as.
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

import psycopg
import pytest
from agentops_api.db import postmaster
from agentops_api.db.cluster import SUPERUSER, Cluster, make_cluster, make_data_dir
from agentops_api.db.installation import Account, Installation, choose_account, clean_environment, find_installation
from psycopg.pq import Ping

_READY_S_MAX = 20.0


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A running PostgreSQL that holds nothing of ours yet."""

    cluster: Cluster
    bin_dir: Path
    account: Account | None

    @property
    def superuser_url(self) -> str:
        return self.cluster.url(SUPERUSER, "postgres")

    def url(self, role: str, password: str, database: str) -> str:
        host = quote(str(self.cluster.socket_dir), safe="")
        return f"postgresql://{role}:{quote(password, safe='')}@/{database}?host={host}&port=5432"


@contextmanager
def postgres_of_version(major: str) -> Generator[Elsewhere]:
    """A new cluster: of 18 and 16 from the wheel, of any other where this system has it; else the test is skipped."""
    with readable_directory() as parent:
        # The place and the locale are what the cluster's own `major` is for: 15 and 17 take those of 16.
        cluster = Cluster(data_dir=parent / "data", major="18" if major == "18" else "16")
        make_data_dir(cluster)
        if major in ("18", "16"):
            installation = find_installation(cluster.major, cluster.data_dir, cluster.path)
        else:
            bin_dir = Path(f"/usr/lib/postgresql/{major}/bin")
            if not bin_dir.is_dir():
                pytest.skip(f"PostgreSQL {major} is not installed")
            installation = Installation(bin_dir, choose_account(cluster.path))
        make_cluster(cluster, installation)
        running = postmaster.start(cluster, installation)
        try:
            _until_ready(cluster)
            yield Elsewhere(cluster, installation.bin_dir, installation.account)
        finally:
            postmaster.end(running)


def _until_ready(cluster: Cluster) -> None:
    deadline = time.monotonic() + _READY_S_MAX
    while postmaster.answer(cluster) is not Ping.OK:
        assert time.monotonic() < deadline, cluster.log_file.read_text()
        time.sleep(0.02)


@contextmanager
def readable_directory() -> Generator[Path]:
    """A temporary directory that PostgreSQL's and pgbouncer's own user may enter too, when root runs the tests."""
    with tempfile.TemporaryDirectory(prefix="agentops-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name).resolve()


@contextmanager
def pgbouncer(url: str, *, account: Account | None, server_connections: int) -> Generator[str]:
    """The database of `url` behind pgbouncer in transaction mode; skips the test where there is none."""
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    if program is None:
        pytest.skip("pgbouncer is not installed")
    with readable_directory() as folder:
        parts = urlsplit(url)
        (socket_dir,) = parse_qs(parts.query)["host"]
        (folder / "pgbouncer.ini").write_text(
            f"""
            [databases]
            behind = host={socket_dir} port=5432 dbname={parts.path[1:]} user={parts.username}
              password={unquote(parts.password or "")}
            [pgbouncer]
            listen_addr =
            listen_port = 6432
            unix_socket_dir = {folder}
            auth_type = any
            pool_mode = transaction
            default_pool_size = {server_connections}
            max_client_conn = 200
            query_wait_timeout = 20
            ignore_startup_parameters = extra_float_digits
            """.replace("\n              password", " password").replace("\n            ", "\n")
        )
        if account:
            os.chown(folder, account.uid, account.gid)
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [program, folder / "pgbouncer.ini"],
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=clean_environment(),
                cwd="/",
            )
        try:
            pooled = f"postgresql://{parts.username}@/behind?host={quote(str(folder), safe='')}&port=6432"
            _until_pooled(pooled, process, folder / "log")
            yield pooled
        finally:
            process.terminate()
            process.wait(10)


def _until_pooled(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _READY_S_MAX
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        else:
            return


def schema_of(bin_dir: Path, superuser_url: str) -> str:
    """What `pg_dump` says of a database's schema, privileges and policies included."""
    dumped = run(bin_dir / "pg_dump", "--schema-only", superuser_url)
    # Each dump names a random word, so that nothing in it can end psql's restricted mode.
    return "\n".join(line for line in dumped.splitlines() if not line.startswith(("\\restrict", "\\unrestrict")))


def run(*command: str | Path) -> str:
    """What a PostgreSQL program prints; its last words when it fails."""
    done = subprocess.run(command, env=clean_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
