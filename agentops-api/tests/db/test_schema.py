"""`database/schema.sql` is the migrations: as text, and as the database it makes."""

from pathlib import Path

import psycopg
import pytest
from agentops_api.db.embedded import Cluster
from agentops_api.db.installation import find_installation
from agentops_api.db.migrate import HEAD, migrate, schema_sql
from tests.cast import Postgres, TestDatabase
from tests.db.elsewhere import run, schema_of

pytestmark = pytest.mark.anyio

SCHEMA = Path(__file__).resolve().parents[2] / "database/schema.sql"


@pytest.fixture
def bin_dir(postgres: Postgres) -> Path:
    cluster = Cluster(postgres.data_dir, "18")
    return find_installation("18", postgres.data_dir, cluster.path).bin_dir


def test_the_file_is_what_the_migrations_print() -> None:
    assert SCHEMA.read_text() == schema_sql(), "run `make schema`"


async def test_the_file_makes_the_database_that_the_migrations_make(
    empty: TestDatabase, database: TestDatabase, bin_dir: Path
) -> None:
    run(bin_dir / "psql", "--no-psqlrc", "--quiet", "-v", "ON_ERROR_STOP=1", "-f", SCHEMA, empty.owner_url)
    migrated = schema_of(bin_dir, database.superuser_url)
    assert schema_of(bin_dir, empty.superuser_url) == migrated
    assert "CREATE TABLE public.evaluations " in migrated
    assert migrated.count("FORCE ROW LEVEL SECURITY") > 10
    assert not await migrate(empty.owner_url), "the server finds nothing to do"


async def test_the_file_works_as_one_paste_and_a_second_paste_changes_nothing(
    empty: TestDatabase, bin_dir: Path
) -> None:
    with psycopg.connect(empty.owner_url, autocommit=True) as editor:
        editor.execute(SCHEMA.read_bytes())
        once = schema_of(bin_dir, empty.superuser_url)
        with pytest.raises(psycopg.errors.DuplicateTable):
            editor.execute(SCHEMA.read_bytes())
        editor.rollback()
        assert editor.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]
    assert schema_of(bin_dir, empty.superuser_url) == once
