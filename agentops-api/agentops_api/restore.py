"""`agentops restore`: a backup's rows in a database of any kind, checked against its manifest before they count.

One transaction: the schema is made at the backup's revision, the rows are copied in, counted, and committed, or nothing
has happened. Newer migrations follow, as they do when a newer server starts.
"""

import re
import subprocess
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryFile
from threading import Thread
from typing import IO, LiteralString, cast
from zipfile import BadZipFile, ZipFile

import psycopg
from psycopg import Connection, sql
from psycopg.rows import TupleRow

from agentops_api.db import contents
from agentops_api.db.archive import DATA, BackupError, Manifest, Progress, connection_of, find_program, read_manifest
from agentops_api.db.migrate import HEAD, door_grants, migration_sql

_LOCK_S_MAX = 60
_CHUNK_BYTES = 256 * 1024
# Of what pg_restore prints only these are followed: a backup is data, not a program.
COPY = re.compile(rb'COPY ([a-z_]+\.[a-z0-9_]+) \([a-z0-9_", ]+\) FROM stdin;\n')
SETVAL = re.compile(rb"SELECT pg_catalog\.setval\('([a-z_]+\.[a-z0-9_]+)', (\d+), (true|false)\);\n")
_END = b"\\.\n"


def restore(owner_url: str, file: Path, progress: Progress, *, login: str | None, replace: bool) -> Manifest:
    """Puts the backup's rows in the place of all that the database holds. Raises BackupError; then nothing changed.

    `owner_url`: of the role that will own the tables. `login`: who may then become the roles of the door. `replace`:
    the database may hold rows, which will be gone.
    """
    manifest = read_manifest(file)
    if manifest.revision > HEAD:
        raise BackupError(
            f"The backup is of revision {manifest.revision}, newer than this version's {HEAD}: "
            f"restore it with agentops {manifest.version} or newer."
        )
    pg_restore, _ = find_program("pg_restore", major_min=manifest.pg_dump)
    with psycopg.connect(owner_url, connect_timeout=10, prepare_threshold=None) as connection:
        try:
            _make_room(connection, replace=replace)
        except psycopg.errors.LockNotAvailable:
            raise BackupError("The database is in use: stop the servers that use it, and try again.") from None
        _make_schema(connection, manifest, login)
        with contents.unforced(connection):
            with ZipFile(file) as archive:
                _fill(connection, pg_restore, archive, manifest, progress)
            _verify(connection, manifest, progress)
        if missing := set(manifest.policies) - set(contents.policies_of(connection)):
            raise BackupError(f"The tables would be less protected than they were: {'; '.join(sorted(missing))}.")
    with psycopg.connect(owner_url, connect_timeout=10, autocommit=True) as connection:
        for name in contents.tables_of(connection):
            connection.execute(sql.SQL("ANALYZE {}").format(name.quoted))
    return manifest


def _make_room(connection: Connection[TupleRow], *, replace: bool) -> None:
    connection.execute("SELECT set_config('lock_timeout', %s, true)", (f"{_LOCK_S_MAX}s",))
    connection.execute("SELECT pg_advisory_xact_lock(hashtext('agentops.migrations'))")
    with contents.unforced(connection):
        holds_rows = contents.holds_rows(connection)
    if holds_rows and not replace:
        raise BackupError("The database is not empty. With --replace, all that it holds is deleted first.")
    contents.drop_everything(connection)


def _make_schema(connection: Connection[TupleRow], manifest: Manifest, login: str | None) -> None:
    # Alembic made this text from the revisions of this package; no input is in it.
    connection.execute(cast(LiteralString, migration_sql(None, manifest.revision)))
    for statement in door_grants(login) if login else ():
        connection.execute(statement)
    for month in manifest.months:
        first = f"{month.replace('_', '-')}-01"
        connection.execute("SELECT public.agentops_ensure_partitions(%(first)s, %(first)s)", {"first": first})


def _fill(
    connection: Connection[TupleRow], pg_restore: Path, archive: ZipFile, manifest: Manifest, progress: Progress
) -> None:
    """Copies the rows in. Triggers have fired when these rows were made first."""
    names = contents.tables_of(connection)
    for name in names:
        connection.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(name.quoted))
    contents.prepare_session(connection)
    done = 0
    known = {str(name).encode() for name in names}
    with closing(_script(pg_restore, archive)) as script:
        for statement, lines in script:
            if setval := SETVAL.fullmatch(statement):
                name, value, called = (each.decode() for each in setval.groups())
                connection.execute("SELECT setval(%s, %s, %s)", (name, int(value), called == "true"))
                continue
            copied = COPY.fullmatch(statement)
            if copied is None or copied[1] not in known:
                raise BackupError("The backup holds what is not a table of agentops; nothing was restored.")
            with connection.cursor().copy(statement) as copy:
                for chunk, rows in lines:
                    copy.write(chunk)
                    done += rows
                    progress("rows restored", done, manifest.rows)
    for name in names:
        connection.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(name.quoted))


def _verify(connection: Connection[TupleRow], manifest: Manifest, progress: Progress) -> None:
    found = contents.count_all(connection, progress)
    differing = [name for name in manifest.tables | found if manifest.tables.get(name) != found.get(name)]
    if differing:
        raise BackupError(f"What came back differs from what the backup holds, in {', '.join(differing)}.")


Lines = Iterator[tuple[bytes, int]]


def _script(pg_restore: Path, archive: ZipFile) -> Generator[tuple[bytes, Lines]]:
    """Each statement that pg_restore prints and that means rows, with the lines that follow it, in chunks."""
    failed: list[Exception] = []

    def feed(program: IO[bytes]) -> None:
        try:
            with program, archive.open(DATA) as member:
                while chunk := member.read(_CHUNK_BYTES):
                    program.write(chunk)
        except (OSError, BadZipFile) as error:
            failed.append(error)

    _, environment = connection_of("")
    with TemporaryFile() as said:
        command = [str(pg_restore), "--data-only", "--file=-"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, env=environment
        ) as reading:
            assert reading.stdin is not None
            assert reading.stdout is not None
            feeder = Thread(target=feed, args=(reading.stdin,), daemon=True)
            feeder.start()
            try:
                for line in reading.stdout:
                    if line.startswith((b"COPY ", b"SELECT pg_catalog.setval(")):
                        yield line, _lines(reading.stdout)
            except BaseException:
                reading.kill()
                raise
            finally:
                feeder.join()
        said.seek(0)
        words = " ".join(said.read().decode(errors="replace").split())
    if failed or reading.returncode:
        raise BackupError(f"The backup's data cannot be read: {failed[0] if failed else words[-500:]}.")


def _lines(printed: IO[bytes]) -> Lines:
    chunk: list[bytes] = []
    size = 0
    for line in printed:
        if line == _END:
            yield b"".join(chunk), len(chunk)
            return
        chunk.append(line)
        size += len(line)
        if size >= _CHUNK_BYTES:
            yield b"".join(chunk), len(chunk)
            chunk, size = [], 0
    raise BackupError("The backup ends in the middle of a table.")
