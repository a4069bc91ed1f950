"""A backup's file: what pg_dump wrote, and a manifest of what that must come back as, in one zip archive.

Also where PostgreSQL's own programs for it are found. Knows no database.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Literal
from zipfile import BadZipFile, ZipFile

from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import BaseModel, ConfigDict, ValidationError

from agentops_api.db.installation import WHEEL_FOLDERS, wheel_folder
from agentops_api.errors import AgentOpsError

DATA, MANIFEST = "data.dump", "manifest.json"
"""The members of the file."""
Progress = Callable[[str, int, int | None], None]
"""Told what is being done, how far it is, and how far it goes, if anybody knows."""
_SYSTEM = Path("/usr/lib/postgresql")
_ENVIRONMENT = ("PATH", "HOME", "KRB5CCNAME", "TMPDIR")


class BackupError(AgentOpsError):
    """The backup cannot be made or restored; the message says why and what to do."""


class Table(BaseModel):
    """What a table held."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    rows: int
    checksum: str
    """The sum of the beginnings of every row's SHA-256, so that order does not matter."""


class Manifest(BaseModel):
    """What a backup holds."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    format: Literal[1] = 1
    version: str
    """The server's version that made it."""
    made_at: datetime
    revision: str
    """The schema's revision."""
    pg_dump: int
    """The major version of the pg_dump that wrote the data: pg_restore must not be older."""
    months: list[str]
    """The partitions of evaluations, such as 2026_11."""
    tables: dict[str, Table]
    """By schema and name."""
    policies: list[str]
    """Row level security as it was: tables that enforce it, and their policies for the roles of the door."""

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(table.rows for table in self.tables.values())


def read_manifest(file: Path) -> Manifest:
    """The manifest of a backup. Raises BackupError for what is none, or is cut short."""
    try:
        with ZipFile(file) as archive:
            return Manifest.model_validate_json(archive.read(MANIFEST))
    except OSError as error:
        raise BackupError(f"{file} cannot be read: {error.strerror}.") from error
    except (BadZipFile, KeyError):
        raise BackupError(f"{file} is no backup, or only a part of one.") from None
    except ValidationError:
        raise BackupError(f"{file} was made by a newer version of agentops, or is no backup.") from None


def find_program(name: Literal["pg_dump", "pg_restore"], *, major_min: int) -> tuple[Path, int]:
    """The program and its major version, at least `major_min`: the wheel's, else this system's newest.

    Raises BackupError where there is none.
    """
    wheel = wheel_folder()
    folders = [wheel / folder / "bin" for folder in WHEEL_FOLDERS.values()] if wheel else []
    folders += sorted(_SYSTEM.glob("*/bin"), key=lambda path: path.parent.name.zfill(3), reverse=True)
    on_path = shutil.which(name)
    for program in [*(folder / name for folder in folders), *([Path(on_path)] if on_path else [])]:
        if (major := _major_of(program)) >= major_min:
            return program, major
    raise BackupError(f"No {name} of PostgreSQL {major_min} or newer is here: install postgresql-client-{major_min}.")


def _major_of(program: Path) -> int:
    """0 for what does not run here."""
    try:
        told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return 0
    found = re.search(r"\(PostgreSQL\) (\d+)", told)
    return int(found[1]) if found else 0


def connection_of(url: str) -> tuple[str, dict[str, str]]:
    """A connection string for a command line, and the environment that holds its password: others see command lines."""
    parts = conninfo_to_dict(url)
    password = parts.pop("password", None)
    kept = {name: value for name, value in os.environ.items() if name in _ENVIRONMENT or name.startswith("PG")}
    if password is not None:
        kept["PGPASSWORD"] = str(password)
    return make_conninfo("", **parts), kept | {"LC_ALL": "C"}
