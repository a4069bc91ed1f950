"""One embedded cluster on disk: where its parts are, its secrets, its making, and the roles inside it.

A cluster appears under its final name only when it is complete, so what is there can be trusted. Everything
here is idempotent and must be called by one process at a time (`embedded.py` holds the lock). Knows nothing
of processes.
"""

import hashlib
import logging
import os
import secrets
import shutil
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString
from urllib.parse import quote

import psycopg
from psycopg import sql

from agentops_api.db.disk import total_bytes
from agentops_api.db.installation import Account, EmbeddedDatabaseError, Installation, Major

log = logging.getLogger(__name__)

DATABASE = "agentops"
SUPERUSER = "postgres"
OWNER = "agentops_owner"
LOGIN = "agentops_login"
PORT = 5432

# sockaddr_un holds 104 bytes on macOS and 108 on Linux, "/.s.PGSQL.5432" and the final NUL included.
SOCKET_DIR_BYTES_MAX = 88
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Cluster:
    """The places of one cluster; `data_dir` is absolute and free of symbolic links."""

    data_dir: Path
    major: Major

    @property
    def path(self) -> Path:
        """PostgreSQL's own data directory."""
        return self.data_dir / f"postgres-{self.major}"

    @property
    def socket_dir(self) -> Path:
        """The directory of the unix socket: inside the data directory unless that makes the path too long
        or a list of two (libpq splits at commas).

        The other place is /tmp, not $TMPDIR, so that processes with different environments find each other.
        """
        inside = self.data_dir / "socket"
        if len(os.fsencode(inside)) <= SOCKET_DIR_BYTES_MAX and "," not in str(inside):
            return inside
        name = hashlib.sha256(os.fsencode(self.data_dir)).hexdigest()[:20]
        return Path("/tmp") / f"agentops-{name}"  # noqa: S108 - made 0700; owner and mode are checked.

    @property
    def socket(self) -> Path:
        """The unix socket itself."""
        return self.socket_dir / f".s.PGSQL.{PORT}"

    @property
    def pid_file(self) -> Path:
        """PostgreSQL's own lock file, whose first line is the postmaster's process id."""
        return self.path / "postmaster.pid"

    @property
    def log_file(self) -> Path:
        """What PostgreSQL writes to its standard error."""
        return self.data_dir / "postgres.log"

    @property
    def ballast(self) -> Path:
        """Room kept back for a full disk."""
        return self.data_dir / "ballast"

    @property
    def secrets_dir(self) -> Path:
        """One 0600 file for each password."""
        return self.data_dir / "secrets"

    def url(self, role: str, database: str = DATABASE) -> str:
        """A libpq URI for `role`, its password inside. Raises FileNotFoundError before there is a cluster."""
        password = (self.secrets_dir / role).read_text("utf-8").strip()
        host = quote(str(self.socket_dir), safe="")
        return f"postgresql://{role}:{quote(password, safe='')}@/{database}?host={host}&port={PORT}"


def make_data_dir(cluster: Cluster) -> None:
    """Makes the data directory, closed to others but for passing through root's, as PostgreSQL's user must."""
    as_root = os.geteuid() == 0
    try:
        if not cluster.data_dir.exists():
            cluster.data_dir.mkdir(mode=0o711 if as_root else 0o700, parents=True, exist_ok=True)
        elif as_root:
            cluster.data_dir.chmod(stat.S_IMODE(cluster.data_dir.stat().st_mode) | 0o011)
    except OSError as error:
        raise EmbeddedDatabaseError(
            f"The data directory {cluster.data_dir} cannot be made: {error.strerror}. "
            "Set AGENTOPS_DATA_DIR to a directory that this user may write."
        ) from error


def make_cluster(cluster: Cluster, installation: Installation) -> None:
    """Makes what is missing: passwords, the socket's directory, and by initdb the cluster itself (0.5 s)."""
    _make_secrets(cluster)
    make_socket_dir(cluster, installation.account)
    if (cluster.path / "PG_VERSION").exists():
        _take_over_files(cluster.path, installation.account)
    elif cluster.path.exists() and any(cluster.path.iterdir()):
        raise EmbeddedDatabaseError(
            f"{cluster.path} holds files but no PostgreSQL cluster. Move them away, or restore the cluster."
        )
    else:
        _init(cluster, installation)


def make_socket_dir(cluster: Cluster, account: Account | None) -> None:
    """Makes the socket's directory, 0700; EmbeddedDatabaseError when somebody else's is in its place."""
    path = cluster.socket_dir
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    ours = {os.geteuid(), account.uid if account else os.geteuid()}
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in ours or found.st_mode & 0o077:
        raise EmbeddedDatabaseError(
            f"{path} must be a directory of mode 0700 owned by the user of the database, and is not. "
            "Somebody else may have made it: look at it, then remove it."
        )
    if account and found.st_uid != account.uid:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)


def server_settings(cluster: Cluster) -> dict[str, str]:
    """What PostgreSQL is started with. Durability is never traded; there is no TCP.

    The log keeps neither statements nor the rows an error names, since they may hold what agents were told.
    """
    # On a small disk, WAL of the usual size would be what fills it.
    wal_mib_max = max(64, min(2048, total_bytes(cluster.path) // 10 // MIB))
    socket_dir = str(cluster.socket_dir).replace('"', '""')
    return {
        "listen_addresses": "",
        "port": str(PORT),
        "unix_socket_directories": f'"{socket_dir}"',
        "unix_socket_permissions": "0700",
        "max_connections": "100",
        "shared_buffers": "256MB",
        "max_wal_size": f"{wal_mib_max}MB",
        "min_wal_size": f"{min(80, wal_mib_max)}MB",
        "wal_compression": "on",
        "jit": "off",
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "restart_after_crash": "on",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_min_messages": "warning",
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
        "log_line_prefix": "%m [%p] ",
    }


def bootstrap(cluster: Cluster) -> None:
    """Makes the roles and the database on a running server; 10 ms when they are there already.

    Raises psycopg.Error when the server cannot be asked.
    """
    if can_log_in(cluster):
        return
    with psycopg.connect(cluster.url(SUPERUSER, "postgres"), connect_timeout=10, autocommit=True) as connection:
        _make_role(connection, OWNER, "LOGIN CREATEROLE NOSUPERUSER NOBYPASSRLS", cluster)
        _make_role(connection, LOGIN, "LOGIN NOINHERIT NOSUPERUSER NOCREATEROLE NOCREATEDB NOBYPASSRLS", cluster)
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'agentops'").fetchone():
            connection.execute("CREATE DATABASE agentops OWNER agentops_owner")
        connection.execute("REVOKE ALL ON DATABASE agentops, postgres, template1 FROM PUBLIC")
        connection.execute("GRANT CONNECT ON DATABASE agentops TO agentops_login")


def can_log_in(cluster: Cluster) -> bool:
    """True when the roles and the database are there and their server answers; at most 10 s."""
    try:
        for role in (OWNER, LOGIN):
            psycopg.connect(cluster.url(role), connect_timeout=5).close()
    except (psycopg.OperationalError, FileNotFoundError):
        return False
    return True


def _make_role(
    connection: psycopg.Connection[tuple[object, ...]], role: str, options: LiteralString, cluster: Cluster
) -> None:
    """Creates or repairs a role. Its password is sent as a SCRAM verifier, so that no log can hold it."""
    password = (cluster.secrets_dir / role).read_bytes().strip()
    verifier = connection.pgconn.encrypt_password(password, role.encode(), b"scram-sha-256").decode()
    exists = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %(role)s", {"role": role}).fetchone()
    statement = sql.SQL("{} ROLE {} " + options + " PASSWORD {}")
    verb = sql.SQL("ALTER") if exists else sql.SQL("CREATE")
    connection.execute(statement.format(verb, sql.Identifier(role), sql.Literal(verifier)))


def _make_secrets(cluster: Cluster) -> None:
    cluster.secrets_dir.mkdir(mode=0o700, exist_ok=True)
    cluster.secrets_dir.chmod(0o700)
    for role in (SUPERUSER, OWNER, LOGIN):
        path = cluster.secrets_dir / role
        if path.exists():
            path.chmod(0o600)
        else:
            _write_secret(path, secrets.token_urlsafe(32))


def _write_secret(path: Path, text: str) -> None:
    """Writes a 0600 file that appears under its name whole and on disk, or not at all."""
    unfinished = path.with_name(path.name + ".unfinished")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600, exist_ok=False)
    unfinished.write_text(text, "utf-8")
    _sync(unfinished)
    unfinished.rename(path)
    _sync(path.parent)


def _init(cluster: Cluster, installation: Installation) -> None:
    for remains in cluster.data_dir.glob("*.unfinished"):
        shutil.rmtree(remains, ignore_errors=True)
    # A new name each time: the initdb of a server that was killed may still be at work on its own.
    workplace = cluster.data_dir / f"initdb-{secrets.token_hex(4)}.unfinished"
    unfinished, password_file = workplace / "cluster", workplace / "password"
    workplace.mkdir(mode=0o711)
    unfinished.mkdir(mode=0o700)
    password_file.touch(mode=0o600)
    password_file.write_bytes((cluster.secrets_dir / SUPERUSER).read_bytes())
    if installation.account:
        for path in (unfinished, password_file):
            os.chown(path, installation.account.uid, installation.account.gid)
    log.info("Making a PostgreSQL %s cluster in %s.", cluster.major, cluster.path)
    answer = installation.run(
        [
            installation.bin_dir / "initdb",
            *("-D", str(unfinished), "-U", SUPERUSER, "--pwfile", str(password_file)),
            *("-A", "scram-sha-256", "-E", "UTF8", "--data-checksums", "--no-instructions"),
            *_locale_options(cluster.major),
        ]
    )
    if answer.returncode != 0:
        shutil.rmtree(workplace, ignore_errors=True)
        raise EmbeddedDatabaseError(
            f"PostgreSQL could not make a cluster in {cluster.path}: "
            f"{answer.stderr.strip() or answer.stdout.strip()[-500:]}"
        )
    unfinished.rename(cluster.path)
    _sync(cluster.data_dir)
    shutil.rmtree(workplace, ignore_errors=True)


def _locale_options(major: Major) -> tuple[str, ...]:
    """UTF-8 by code point. PostgreSQL 16 has no locale of its own and takes the system's where it has one."""
    if major == "16":
        return ("--locale=C.UTF-8",) if sys.platform == "linux" else ("--locale=C",)
    return ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")


def _take_over_files(path: Path, account: Account | None) -> None:
    """Gives the account what root owns, as after a backup was restored by root, and closes the directory."""
    if account and path.stat().st_uid != account.uid:
        for inner in path.rglob("*"):
            os.chown(inner, account.uid, account.gid, follow_symlinks=False)
        os.chown(path, account.uid, account.gid)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        path.chmod(0o700)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
