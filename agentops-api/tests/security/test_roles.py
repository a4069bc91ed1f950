"""A server whose login could get round row level security says so, and is not ready where that matters."""

from collections.abc import Generator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from agentops_api.app import create_app
from agentops_api.doctor import examine
from agentops_api.settings import Settings
from psycopg import sql
from pydantic import SecretStr
from tests.cast import Postgres, TestDatabase, client_of

pytestmark = pytest.mark.anyio

PASSWORD = "a-password-of-a-role"


@pytest.fixture
def logins(postgres: Postgres, database: TestDatabase, tmp_path: Path) -> Generator[dict[str, str]]:
    """URLs of roles that each could do too much, and of one that could not."""
    bypasser, heir = f"bypasser_{tmp_path.name[-8:]}", f"heir_{tmp_path.name[-8:]}"
    named = [sql.Identifier(name) for name in (bypasser, heir)]
    with psycopg.connect(database.superuser_url, autocommit=True) as admin:
        for name, power in zip(named, ("BYPASSRLS", "NOBYPASSRLS"), strict=True):
            options = sql.SQL("CREATE ROLE {} LOGIN NOINHERIT {} PASSWORD {}")
            admin.execute(options.format(name, sql.SQL(power), sql.Literal(PASSWORD)))
            doors = "agentops_project, agentops_user, agentops_ingest, agentops_system, agentops_jobs"
            admin.execute(sql.SQL("GRANT {} TO {}").format(sql.SQL(doors), name))
        admin.execute(sql.SQL("GRANT agentops_owner TO {}").format(named[1]))
        rest = database.superuser_url.partition("@")[2]
        yield {
            "a superuser": database.superuser_url,
            "the owner": database.owner_url,
            "bypasses": f"postgresql://{bypasser}:{quote(PASSWORD)}@{rest}",
            "may become the owner": f"postgresql://{heir}:{quote(PASSWORD)}@{rest}",
            "harmless": database.login_url,
        }
        for name in named:
            admin.execute(sql.SQL("DROP OWNED BY {}").format(name))
            admin.execute(sql.SQL("DROP ROLE {}").format(name))


async def look(settings: Settings, url: str, *, required: bool) -> tuple[int, bool, set[str]]:
    """The status of readiness, whether its check of the role is content, and the levels of what doctor finds."""
    changed = settings.model_copy(update={"database_url": SecretStr(url), "require_least_privilege": required})
    app = create_app(changed)
    async with app.router.lifespan_context(app), client_of(app) as client:
        answer = await client.get("/health/ready")
        (check,) = [each for each in answer.json()["checks"] if each["name"] == "least_privilege"]
    found = [finding for finding in await examine(changed) if "the login role" in finding.text]
    return answer.status_code, bool(check["detail"]), {finding.level for finding in found}


async def test_too_powerful_a_login_is_told_and_refused_where_that_is_asked_for(
    settings: Settings, logins: dict[str, str]
) -> None:
    for name, url in logins.items():
        powerful = name != "harmless"
        expected = (503, True, {"error"}) if powerful else (200, False, set[str]())
        assert await look(settings, url, required=True) == expected, name
        expected = (200, True, {"warning"}) if powerful else (200, False, set[str]())
        assert await look(settings, url, required=False) == expected, name


async def test_the_powerful_login_still_sees_nothing_foreign(settings: Settings, logins: dict[str, str]) -> None:
    """Each transaction drops to its least role before anything else."""
    for name in ("a superuser", "bypasses"):
        app = create_app(settings.model_copy(update={"database_url": SecretStr(logins[name])}))
        async with app.router.lifespan_context(app), app.state.runtime.db.as_system() as tx:
            found = await tx.execute("SELECT current_user, pg_catalog.row_security_active('public.users')")
            assert await found.fetchone() == ("agentops_system", True), name
