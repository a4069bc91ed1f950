"""`agentops backup`: everything that the database holds, in one file, while the server runs.

pg_dump writes the data; the schema is not in it, because the migrations make it anew: so a backup comes back on another
kind of database (embedded, Supabase, any PostgreSQL 15+) with the policies and privileges that are right there
(docs/adr/0012). Everything is read from one snapshot, so the manifest's counts and checksums are those of the data.
"""

import os
import subprocess
from pathlib import Path
from tempfile import TemporaryFile
from zipfile import ZipFile

import psycopg
from psycopg import Connection, IsolationLevel
from psycopg.rows import TupleRow

from agentops_api import clock
from agentops_api.db import contents
from agentops_api.db.archive import DATA, MANIFEST, BackupError, Manifest, Progress, connection_of, find_program
from agentops_api.version import VERSION

_MAJOR_MIN = 16
"""The first pg_dump that knows `--table-and-children`."""
_CHUNK_BYTES = 1024 * 1024


def backup(url: str, file: Path, progress: Progress) -> Manifest:
    """Writes the backup, which appears under its name when it is complete. Raises BackupError.

    `url`: of a role that row level security does not bind.
    """
    if file.exists():
        raise BackupError(f"{file} is there already; choose another name.")
    unfinished = file.with_name(file.name + ".unfinished")
    with psycopg.connect(url, connect_timeout=10) as connection:
        connection.isolation_level, connection.read_only = IsolationLevel.REPEATABLE_READ, True
        contents.prepare_session(connection)
        _check_role(connection)
        try:
            # Prompts and hashes of passwords are in it.
            unfinished.touch(mode=0o600)
            with ZipFile(unfinished, "w") as archive:
                manifest = _write(connection, url, archive, progress)
            with unfinished.open("rb") as written:
                os.fsync(written.fileno())
            unfinished.rename(file)
        except OSError as error:
            raise BackupError(f"{file} cannot be written: {error.strerror}.") from error
        finally:
            unfinished.unlink(missing_ok=True)
    return manifest


def _check_role(connection: Connection[TupleRow]) -> None:
    """Row level security binds the tables' owner too: what such a role dumps would be nothing at all."""
    found = connection.execute(
        "SELECT current_user, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    assert found is not None
    if not found[1]:
        raise BackupError(
            f"Row level security hides rows from {found[0]}, so its backup would be incomplete. Let a superuser run"
            f' ALTER ROLE "{found[0]}" BYPASSRLS, or let MIGRATION_DATABASE_URL name a superuser for this command.'
        )


def _write(connection: Connection[TupleRow], url: str, archive: ZipFile, progress: Progress) -> Manifest:
    revision = contents.revision_of(connection)
    if revision is None:
        raise BackupError("The database is empty: there is nothing to back up.")
    names = contents.kept_tables_of(connection)
    pg_dump, major = find_program("pg_dump", major_min=max(_MAJOR_MIN, connection.info.server_version // 10_000))
    row = connection.execute("SELECT pg_export_snapshot()").fetchone()
    assert row is not None
    connection_string, environment = connection_of(url)
    command = [
        str(pg_dump),
        *("--format=custom", "--compress=1", "--data-only", "--load-via-partition-root", f"--snapshot={row[0]}"),
        *(f'--table-and-children="{name.schema}"."{name.table}"' for name in names),
        f"--dbname={connection_string}",
    ]
    _dump(command, environment, archive, progress)
    manifest = Manifest(
        version=VERSION,
        made_at=clock.now(),
        revision=revision,
        pg_dump=major,
        months=contents.months_of(connection),
        tables=contents.count_all(connection, progress),
        policies=contents.policies_of(connection),
    )
    archive.writestr(MANIFEST, manifest.model_dump_json(indent=2))
    return manifest


def _dump(command: list[str], environment: dict[str, str], archive: ZipFile, progress: Progress) -> None:
    with TemporaryFile() as said, archive.open(DATA, "w", force_zip64=True) as member:
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said, env=environment
        ) as dumping:
            assert dumping.stdout is not None
            written = 0
            try:
                while chunk := dumping.stdout.read(_CHUNK_BYTES):
                    member.write(chunk)
                    written += len(chunk)
                    progress("KB written", written // 1024, None)
            except BaseException:
                dumping.kill()
                raise
        if dumping.returncode:
            said.seek(0)
            words = " ".join(said.read().decode(errors="replace").split())
            raise BackupError(f"pg_dump failed: {words[-500:]}")
