"""PostgreSQL servers that are not ours to the server under test, and Debian's pgbouncer before one of them."""

import getpass
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from agentops_api.db.installation import Account, choose_account, clean_environment, find_installation, run_as
from psycopg import sql
from tests.chaos.processes import free_port

START_S_MAX = 30.0
PGBOUNCER = shutil.which("pgbouncer", path=os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin")))


class ExternalPostgres:
    """A cluster on a unix socket. It trusts whoever may enter its directory: root and its own account."""

    def __init__(self, place: Path, bin_dir: Path | None = None, *, data_dir: Path | None = None) -> None:
        """`bin_dir`: the wheel's newest when not given. `data_dir`: for all but the log of transactions."""
        self.place = place / "external"
        self.place.mkdir()
        self.account: Account | None = choose_account(self.place / "none")
        if self.account:
            os.chown(self.place, self.account.uid, self.account.gid)
        self._bin_dir = bin_dir or find_installation("18", place, self.place / "none").bin_dir
        self._data = data_dir or self.place / "cluster"
        self._process: subprocess.Popen[bytes] | None = None
        made = run_as(
            self.account,
            [
                self._bin_dir / "initdb",
                *("-D", str(self._data), "-X", str(self.place / "wal"), "-U", "postgres", "-A", "trust", "-E", "UTF8"),
            ],
        )
        assert made.returncode == 0, made.stderr

    def start(self) -> None:
        """Returns when it answers."""
        options = ("-c", "listen_addresses=", "-c", f"unix_socket_directories={self.place}", "-c", "fsync=on")
        self._process = popen_as(self.account, [self._bin_dir / "postgres", "-D", self._data, *options], self.place)
        deadline = time.monotonic() + START_S_MAX
        while not self._answers():
            assert time.monotonic() < deadline, (self.place / "log").read_text()[-2000:]
            time.sleep(0.02)

    def stop(self) -> None:
        """Fast shutdown: sessions are ended, everything committed is kept."""
        if self._process and self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(START_S_MAX)

    def make_database(self, name: str = "agentops") -> tuple[str, str]:
        """The URLs of its owner, who may make roles and is no superuser, and of a login that owns nothing."""
        with psycopg.connect(self.url("postgres", "postgres"), autocommit=True) as admin:
            owner, database = sql.Identifier(f"{name}_owner"), sql.Identifier(name)
            admin.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEROLE").format(owner))
            admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, owner))
        return self.url(f"{name}_owner", name), self.url("agentops_login", name)

    def url(self, role: str, database: str) -> str:
        return f"postgresql://{role}@/{database}?host={self.place}"

    def _answers(self) -> bool:
        assert self._process
        assert self._process.poll() is None, (self.place / "log").read_text()[-2000:]
        try:
            psycopg.connect(self.url("postgres", "postgres"), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True


@contextmanager
def external_postgres(
    place: Path, bin_dir: Path | None = None, *, data_dir: Path | None = None
) -> Generator[ExternalPostgres]:
    """A running cluster in `place`, which its account may enter."""
    made = ExternalPostgres(place, bin_dir, data_dir=data_dir)
    try:
        made.start()
        yield made
    finally:
        made.stop()


@contextmanager
def pgbouncer(postgres: ExternalPostgres, database: str, *, sessions_max: int) -> Generator[int]:
    """Debian's pgbouncer in transaction mode before a database, `sessions_max` sessions for all; its port."""
    assert PGBOUNCER
    port, file = free_port(), postgres.place / "pgbouncer.ini"
    # auth_type any ignores the client's user: everyone is the login, as with one connection string.
    lines = (
        "[databases]",
        f"{database} = host={postgres.place} dbname={database} user=agentops_login",
        "[pgbouncer]",
        "listen_addr = 127.0.0.1",
        f"listen_port = {port}",
        "unix_socket_dir =",
        "auth_type = any",
        "pool_mode = transaction",
        f"default_pool_size = {sessions_max}",
        "max_client_conn = 200",
    )
    file.write_text("\n".join(lines))
    file.chmod(0o644)
    process = popen_as(postgres.account, [PGBOUNCER, str(file)], postgres.place)
    try:
        deadline = time.monotonic() + START_S_MAX
        while not _listens(port, database):
            running = process.poll() is None and time.monotonic() < deadline
            assert running, (postgres.place / "log").read_text()[-2000:]
            time.sleep(0.02)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(START_S_MAX)


def popen_as(account: Account | None, command: list[str | Path], place: Path) -> subprocess.Popen[bytes]:
    """A process of the account, its output in `place`/log."""
    with (place / "log").open("ab") as log:
        return subprocess.Popen(
            command,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=clean_environment() | {"USER": account.name if account else getpass.getuser()},
            cwd="/",
            umask=0o077,
        )


def _listens(port: int, database: str) -> bool:
    try:
        psycopg.connect(f"postgresql://agentops_login@127.0.0.1:{port}/{database}", connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True
