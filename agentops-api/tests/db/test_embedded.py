"""The embedded PostgreSQL through faults: every one of them is done for real, to processes that this file started."""

import asyncio
import os
import shutil
import signal
import stat
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psycopg
import pytest
from agentops_api.db import disk, postmaster
from agentops_api.db.cluster import SUPERUSER, Cluster
from agentops_api.db.embedded import EmbeddedDatabase, EmbeddedDatabaseError, embedded_database, free_fraction

pytestmark = pytest.mark.anyio

BACK_S_MAX = 15.0
ANOTHER_SERVER = """
import asyncio, sys
from pathlib import Path
from agentops_api.db.embedded import embedded_database

async def main():
    async with embedded_database(Path(sys.argv[1])) as database:
        print(database.owner_url, flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def data_dir() -> Generator[Path]:
    """A directory that PostgreSQL's user can enter, as pytest's own cannot be when root runs the tests."""
    parent = Path(tempfile.mkdtemp(prefix="agentops-test-")).resolve()
    parent.chmod(0o711)
    path = parent / "data"
    yield path
    left = postmaster.find(Cluster(data_dir=path, major="18"))
    if left:
        postmaster.end(left)
    shutil.rmtree(parent)
    assert not left, "a test left PostgreSQL running"


@asynccontextmanager
async def another_server(data_dir: Path) -> AsyncGenerator[asyncio.subprocess.Process]:
    """A process of its own that uses the database until its standard input closes."""
    process = await _spawn_server(data_dir)
    try:
        assert process.stdout
        assert await asyncio.wait_for(process.stdout.readline(), 30)
        yield process
    finally:
        await leave(process)


async def _spawn_server(data_dir: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", ANOTHER_SERVER, str(data_dir)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


async def leave(process: asyncio.subprocess.Process) -> None:
    """Lets the other server go in order, if it has not gone yet."""
    assert process.stdin
    process.stdin.close()
    await asyncio.wait_for(process.wait(), 30)


async def kill(process: asyncio.subprocess.Process) -> None:
    process.kill()
    await process.wait()


async def until(fact: Callable[[], bool], within_s: float = BACK_S_MAX) -> None:
    deadline = time.monotonic() + within_s
    while not fact():
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.02)


def pid_of(data_dir: Path) -> int:
    return int((data_dir / "postgres-18" / "postmaster.pid").read_text().splitlines()[0])


def is_up(database: EmbeddedDatabase) -> bool:
    try:
        ask(database, "SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


def ask(database: EmbeddedDatabase, question: str) -> object:
    with psycopg.connect(database.owner_url, connect_timeout=5) as connection:
        row = connection.execute(question.encode()).fetchone()
    return row[0] if row else None


def note(database: EmbeddedDatabase, text: str) -> None:
    with psycopg.connect(database.owner_url, connect_timeout=5) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS notes (note text)")
        connection.execute("INSERT INTO notes (note) VALUES (%(text)s)", {"text": text})


def notes(database: EmbeddedDatabase) -> object:
    return ask(database, "SELECT string_agg(note, ' ' ORDER BY note) FROM notes")


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_the_login_owns_nothing_and_the_owner_is_no_superuser(data_dir: Path) -> None:
    async with embedded_database(data_dir) as database:
        with psycopg.connect(database.login_url) as connection:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("CREATE TABLE mine (id int)")
            connection.rollback()
            roles = connection.execute(
                "SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolbypassrls, rolcanlogin"
                " FROM pg_roles WHERE rolname LIKE 'agentops%' ORDER BY rolname"
            ).fetchall()
        assert roles == [
            ("agentops_login", False, False, False, False, False, True),
            ("agentops_owner", False, True, True, False, False, True),
        ]
        owner = ask(database, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'agentops'")
        assert owner == "agentops_owner"


async def test_a_superuser_without_the_password_is_refused(data_dir: Path) -> None:
    async with embedded_database(data_dir) as database:
        cluster = Cluster(data_dir=data_dir, major="18")
        for password in ("", "password=wrong"):
            with pytest.raises(psycopg.OperationalError, match="password"):
                psycopg.connect(f"host={cluster.socket_dir} user=postgres dbname=postgres {password}")
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            psycopg.connect(database.login_url.replace("/agentops?", "/postgres?"))
        psycopg.connect(cluster.url(SUPERUSER, "postgres")).close()


async def test_secrets_and_the_socket_are_for_their_owner_only(data_dir: Path) -> None:
    async with embedded_database(data_dir):
        cluster = Cluster(data_dir=data_dir, major="18")
        assert {path.name for path in cluster.secrets_dir.iterdir()} == {
            "postgres",
            "agentops_owner",
            "agentops_login",
        }
        assert {mode_of(path) for path in cluster.secrets_dir.iterdir()} == {0o600}
        assert {mode_of(path) for path in (cluster.secrets_dir, cluster.socket_dir, cluster.path)} == {0o700}
        assert mode_of(cluster.log_file) == 0o600
        assert mode_of(data_dir) & 0o066 == 0


async def test_there_is_no_tcp_port_and_nothing_unsafe_for_speed(data_dir: Path) -> None:
    async with embedded_database(data_dir) as database:
        for name, value in {
            "listen_addresses": "",
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
            "data_checksums": "on",
            "server_encoding": "UTF8",
            "TimeZone": "UTC",
        }.items():
            assert ask(database, f"SELECT current_setting('{name}')") == value
        descriptors = Path("/proc", str(pid_of(data_dir)), "fd")
        if not descriptors.exists():
            pytest.skip("no /proc to look for sockets in")
        sockets = {str(path.readlink()) for path in descriptors.iterdir()}
        tables = [Path("/proc/net/tcp"), Path("/proc/net/tcp6")]
        lines = [line for table in tables if table.exists() for line in table.read_text().splitlines()[1:]]
        assert not sockets & {f"socket:[{line.split()[9]}]" for line in lines}


async def test_a_stop_ends_postgresql_and_a_start_keeps_the_data(data_dir: Path) -> None:
    async with embedded_database(data_dir) as database:
        note(database, "kept")
        first = pid_of(data_dir)
    assert not postmaster.serves(first, Cluster(data_dir=data_dir, major="18"))
    async with embedded_database(data_dir) as database:
        assert notes(database) == "kept"


async def test_a_killed_postmaster_is_back_with_all_it_had_committed(data_dir: Path) -> None:
    async with embedded_database(data_dir) as database:
        for number in range(3):
            note(database, str(number))
            killed = pid_of(data_dir)
            os.kill(killed, signal.SIGKILL)
            await until(lambda killed=killed: is_up(database) and pid_of(data_dir) != killed)
        assert notes(database) == "0 1 2"


async def test_a_backend_that_outlives_its_postmaster_does_not_keep_it_down(data_dir: Path) -> None:
    def be_busy(url: str) -> None:
        with psycopg.connect(url) as connection:
            connection.execute("SELECT sum(n) FROM generate_series(1, 1000000000000) AS n")

    async with embedded_database(data_dir) as database:
        busy = asyncio.create_task(asyncio.to_thread(be_busy, database.owner_url))
        running = "SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'SELECT sum%' AND state = 'active'"
        await until(lambda: ask(database, running) is True)
        os.kill(pid_of(data_dir), signal.SIGKILL)
        with pytest.raises(psycopg.OperationalError):
            await asyncio.wait_for(busy, BACK_S_MAX)
        await until(lambda: is_up(database))


async def test_a_postmaster_left_behind_is_adopted_and_stopped_at_the_end(data_dir: Path) -> None:
    async with another_server(data_dir) as other:
        orphan = pid_of(data_dir)
        await kill(other)
    async with embedded_database(data_dir) as database:
        assert pid_of(data_dir) == orphan
        note(database, "adopted")
        os.kill(orphan, signal.SIGKILL)
        await until(lambda: is_up(database) and pid_of(data_dir) != orphan)
        assert notes(database) == "adopted"
    assert not postmaster.serves(orphan, Cluster(data_dir=data_dir, major="18"))


async def test_a_postmaster_left_behind_that_accepts_nobody_is_replaced(data_dir: Path) -> None:
    async with another_server(data_dir) as other:
        orphan = pid_of(data_dir)
        await kill(other)
    cluster = Cluster(data_dir=data_dir, major="18")
    with psycopg.connect(cluster.url("agentops_owner")):
        # A smart shutdown waits for this connection, and so for ever.
        os.kill(orphan, signal.SIGTERM)
        await until(lambda: postmaster.is_stopping(cluster))
        async with embedded_database(data_dir) as database:
            assert is_up(database)
            assert pid_of(data_dir) != orphan


async def test_processes_share_a_database_and_any_of_them_takes_over(data_dir: Path) -> None:
    async with another_server(data_dir) as first, another_server(data_dir) as second:
        shared = pid_of(data_dir)
        async with embedded_database(data_dir) as database:
            assert pid_of(data_dir) == shared
            await leave(first)
            await kill(second)
            assert is_up(database)
            assert pid_of(data_dir) == shared
            os.kill(shared, signal.SIGKILL)
            await until(lambda: is_up(database) and pid_of(data_dir) != shared)
    assert not postmaster.find(Cluster(data_dir=data_dir, major="18"))


async def test_processes_that_start_and_leave_together_agree(data_dir: Path) -> None:
    async def use() -> int:
        async with embedded_database(data_dir) as database:
            assert is_up(database)
            return pid_of(data_dir)

    for _ in range(3):
        assert await asyncio.gather(*(use() for _ in range(4)))
        assert not postmaster.find(Cluster(data_dir=data_dir, major="18"))


async def test_a_lock_file_whose_process_id_is_somebody_else_now_does_not_hurt(data_dir: Path) -> None:
    cluster = Cluster(data_dir=data_dir, major="18")
    lock = cluster.socket.with_name(cluster.socket.name + ".lock")
    async with embedded_database(data_dir):
        was = {path: path.read_text().splitlines(keepends=True) for path in (cluster.pid_file, lock)}
    bystander = await asyncio.create_subprocess_exec("sleep", "60")
    try:
        for path, lines in was.items():
            path.write_text(f"{bystander.pid}\n" + "".join(lines[1:]))
            shutil.chown(path, cluster.path.stat().st_uid, cluster.path.stat().st_gid)
        async with embedded_database(data_dir) as database:
            assert is_up(database)
        assert bystander.returncode is None
    finally:
        bystander.kill()
        await bystander.wait()


@pytest.mark.parametrize("remains", ["", "not a number\n", "999999999\n"])
async def test_a_damaged_lock_file_does_not_hurt(data_dir: Path, remains: str) -> None:
    async with embedded_database(data_dir):
        pass
    cluster = Cluster(data_dir=data_dir, major="18")
    cluster.pid_file.write_text(remains)
    shutil.chown(cluster.pid_file, cluster.path.stat().st_uid, cluster.path.stat().st_gid)
    async with embedded_database(data_dir) as database:
        assert is_up(database)


async def test_an_interrupted_making_is_begun_anew(data_dir: Path) -> None:
    process = await _spawn_server(data_dir)
    await until(lambda: any(data_dir.glob("initdb-*.unfinished/cluster/base")))
    await kill(process)
    assert not (data_dir / "postgres-18").exists()
    async with embedded_database(data_dir) as database:
        assert is_up(database)
    async with embedded_database(data_dir) as database:
        assert is_up(database)


async def test_a_making_interrupted_before_its_roles_is_completed(data_dir: Path) -> None:
    cluster = Cluster(data_dir=data_dir, major="18")
    async with embedded_database(data_dir):
        with psycopg.connect(cluster.url(SUPERUSER, "postgres"), autocommit=True) as connection:
            connection.execute("DROP DATABASE agentops")
            connection.execute("DROP ROLE agentops_login")
        (cluster.secrets_dir / "agentops_owner").unlink()
    async with embedded_database(data_dir) as database:
        assert is_up(database)
        psycopg.connect(database.login_url).close()


async def test_what_is_no_cluster_is_not_touched(data_dir: Path) -> None:
    stray = data_dir / "postgres-18" / "letter.txt"
    stray.parent.mkdir(parents=True)
    stray.write_text("mine")
    with pytest.raises(EmbeddedDatabaseError, match="no PostgreSQL cluster"):
        async with embedded_database(data_dir):
            pass
    assert stray.read_text() == "mine"


async def test_a_socket_directory_open_to_others_is_refused(data_dir: Path) -> None:
    data_dir.mkdir(mode=0o711)
    (data_dir / "socket").mkdir()
    (data_dir / "socket").chmod(0o777)
    with pytest.raises(EmbeddedDatabaseError, match="0700"):
        async with embedded_database(data_dir):
            pass


async def test_a_long_or_odd_path_works(data_dir: Path) -> None:
    odd = data_dir / 'it\'s "quoted", long' / ("x" * 80)
    async with embedded_database(odd) as database:
        assert is_up(database)
        socket_dir = Cluster(data_dir=odd, major="18").socket_dir
        assert socket_dir.parent == Path("/tmp")
        assert mode_of(socket_dir) == 0o700
    with suppress(FileNotFoundError):
        shutil.rmtree(socket_dir)


async def test_a_removed_socket_comes_back(data_dir: Path) -> None:
    async with embedded_database(data_dir) as database:
        Cluster(data_dir=data_dir, major="18").socket.unlink()
        assert not is_up(database)
        await until(lambda: is_up(database))


async def test_the_log_is_bounded(data_dir: Path) -> None:
    data_dir.mkdir(mode=0o711)
    (data_dir / "postgres.log").write_bytes(b"a line\n" * 2_000_000)
    async with embedded_database(data_dir):
        assert (data_dir / "postgres.log").stat().st_size < 2 * postmaster.LOG_BYTES_KEPT


async def test_the_ballast_is_real_and_can_be_let_go(data_dir: Path) -> None:
    data_dir.mkdir()
    assert 0 < free_fraction(data_dir) <= 1
    if not disk.has_room_for_ballast(data_dir):
        pytest.skip("this disk is too full for a ballast")
    ballast = data_dir / "ballast"
    assert disk.make_ballast(ballast)
    assert ballast.stat().st_blocks * 512 >= disk.BALLAST_BYTES
    assert not disk.make_ballast(ballast)
    assert disk.release_ballast(ballast)
    assert not disk.release_ballast(ballast)
