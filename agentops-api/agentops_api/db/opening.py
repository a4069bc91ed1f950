"""Which database the settings mean, started if it is ours, and brought up to date."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from agentops_api.db.embedded import embedded_database
from agentops_api.db.migrate import migrate
from agentops_api.db.pool import Database
from agentops_api.settings import Settings

_EMBEDDED_LOGIN = "agentops_login"


@dataclass(frozen=True, slots=True)
class Urls:
    """How to reach the database, as two roles."""

    owner: str
    """Owns the tables; only migrations use it."""
    login: str
    """What the server logs in as."""
    reader: str
    """Sees every row, if anybody does: for backups."""
    allowed: str | None = None
    """The login that migrations let become the roles of the door; None where that is the administrator's to do."""


@asynccontextmanager
async def database_urls(settings: Settings) -> AsyncGenerator[Urls]:
    """The database's URLs; an embedded one runs for as long as they are held."""
    if settings.database_url:
        login = settings.database_url.get_secret_value()
        owner = settings.migration_database_url.get_secret_value() if settings.migration_database_url else login
        yield Urls(owner, login, reader=owner)
        return
    async with embedded_database(settings.agentops_data_dir, major=settings.embedded_postgres) as embedded:
        yield Urls(embedded.owner_url, embedded.login_url, reader=embedded.superuser_url, allowed=_EMBEDDED_LOGIN)


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncGenerator[Database]:
    """The migrated database, behind its door."""
    async with database_urls(settings) as urls:
        await migrate(urls.owner, login=urls.allowed)
        pooled = settings.database_pooled
        async with Database(urls.login, connections_max=settings.database_pool_size, pooled=pooled) as db:
            yield db
