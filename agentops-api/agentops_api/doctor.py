"""`agentops doctor`: the configuration in effect, secrets masked, and what is wrong with it."""

import stat
from dataclasses import dataclass
from typing import Literal

from psycopg import AsyncConnection, Error
from psycopg.errors import InsufficientPrivilege, InvalidParameterValue
from psycopg.rows import TupleRow
from pydantic import SecretStr

from agentops_api.db.disk import free_fraction
from agentops_api.db.migrate import HEAD, current_revision
from agentops_api.db.opening import database_urls
from agentops_api.db.privileges import excess_privileges
from agentops_api.errors import AgentOpsError
from agentops_api.settings import Settings
from agentops_api.upkeep import FREE_FRACTION_MIN

_LEAST_PRIVILEGE = "`agentops migrate --create-login` makes a login that owns nothing; put its URL into DATABASE_URL"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    level: Literal["ok", "warning", "error"]
    text: str


def effective(settings: Settings) -> dict[str, str]:
    """Each setting's environment variable and its value, secrets masked."""
    return {name.upper(): _shown(getattr(settings, name)) for name in type(settings).model_fields}


def _shown(value: object) -> str:
    if value is None:
        return "(not set)"
    if isinstance(value, SecretStr):
        return "******** (set)"
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or "(none)"  # pyright: ignore[reportUnknownArgumentType] - shown only
    return str(value)


async def examine(settings: Settings) -> list[Finding]:
    """Looks at everything that can be wrong before the server serves."""
    findings = [*_files(settings), *_network(settings)]
    try:
        async with (
            database_urls(settings) as urls,
            await AsyncConnection.connect(
                urls.login, prepare_threshold=None, connect_timeout=10, autocommit=True
            ) as login,
        ):
            findings += await _database(login, settings)
    except (Error, AgentOpsError) as error:
        findings.append(Finding("error", f"the database cannot be reached: {_one_line(error)}"))
    return findings


def _files(settings: Settings) -> list[Finding]:
    findings: list[Finding] = []
    secret = settings.agentops_data_dir / "secret_key"
    if settings.secret_key is None and secret.exists() and stat.S_IMODE(secret.stat().st_mode) & 0o077:
        findings.append(Finding("error", f"{secret} may be read by others: chmod 600 it, and replace it if they did"))
    existing = next(path for path in [settings.agentops_data_dir, *settings.agentops_data_dir.parents] if path.exists())
    free = free_fraction(existing)
    level = "warning" if free < FREE_FRACTION_MIN else "ok"
    return [*findings, Finding(level, f"{free:.0%} of the disk of {existing} is free")]


def _network(settings: Settings) -> list[Finding]:
    if settings.host in ("127.0.0.1", "::1", "localhost"):
        return [Finding("ok", f"listens on this machine only, port {settings.listen_port}")]
    if settings.trusted_proxies:
        return [Finding("ok", f"listens on {settings.host}, port {settings.listen_port}, behind known proxies")]
    return [
        Finding("ok", f"listens on {settings.host}, port {settings.listen_port}"),
        Finding(
            "warning",
            "TRUSTED_PROXIES is empty: behind a load balancer every caller would share its address's rate limit",
        ),
    ]


async def _database(login: AsyncConnection[TupleRow], settings: Settings) -> list[Finding]:
    findings = [Finding("ok", f"PostgreSQL {login.info.server_version // 10_000} answers as {login.info.user}")]
    if login.info.server_version < 150_000:
        findings.append(Finding("error", "PostgreSQL 15 or newer is needed"))
    if (encoding := login.info.parameter_status("server_encoding")) not in (None, "UTF8"):
        findings.append(Finding("error", f"the database has the encoding {encoding}; UTF8 is needed"))
    revision = await _revision(login)
    if revision == HEAD:
        findings.append(Finding("ok", f"the schema is at revision {revision}"))
    else:
        findings.append(Finding("warning", f"the schema is at revision {revision}, not {HEAD}: `agentops migrate`"))
    for excess in await excess_privileges(login):
        level = "error" if settings.least_privilege_required else "warning"
        findings.append(
            Finding(level, f"{excess}; every transaction still drops to its least role. {_LEAST_PRIVILEGE}")
        )
    return findings


async def _revision(login: AsyncConnection[TupleRow]) -> str | None:
    """The schema's revision; None where the database is empty, or does not know this login yet."""
    try:
        async with login.transaction():
            # A login that owns nothing may read nothing as itself.
            await login.execute("SELECT set_config('role', 'agentops_system', true)")
            return await current_revision(login)
    except (InvalidParameterValue, InsufficientPrivilege):
        return None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
