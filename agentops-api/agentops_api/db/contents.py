"""What a database of ours holds: its tables, how many rows with which checksum, and what protects them.

A table of ours is one that a role of the door may use; whatever else stands in the same database is somebody else's.
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

from psycopg import Connection, sql
from psycopg.rows import TupleRow

from agentops_api.db.archive import Progress, Table

_VERSION = "alembic_version"
_LEFT_OUT = frozenset({"public.export_parts"})
"""Copies of what other tables hold."""
_TABLES = r"""
SELECT nspname, relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
WHERE relkind IN ('r', 'p') AND NOT relispartition AND EXISTS (
    SELECT FROM (SELECT grantee FROM aclexplode(relacl)
                 UNION ALL
                 SELECT grantee FROM pg_attribute, aclexplode(attacl) WHERE attrelid = c.oid) AS granted
    JOIN pg_roles ON pg_roles.oid = grantee
    WHERE rolname LIKE 'agentops\_%' AND grantee <> relowner)
ORDER BY nspname, relname
"""
_COLUMNS = """
SELECT attname FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum
"""
# SHA-256 and not md5, which servers under FIPS rules refuse; what hashtext() says may change with PostgreSQL's version.
_CHECKSUM = """
SELECT count(*), coalesce(sum(
    ('x' || left(encode(sha256(convert_to(ROW({columns})::text, 'UTF8')), 'hex'), 16))::bit(64)::bigint), 0)::text
FROM {table}
"""
_MONTHS = """
SELECT substr(relname, length('evaluations_') + 1) FROM pg_inherits JOIN pg_class ON oid = inhrelid
WHERE inhparent = 'public.evaluations'::regclass AND relname ~ '^evaluations_[0-9]{4}_[0-9]{2}$' ORDER BY 1
"""
_POLICIES = r"""
SELECT format('%s.%s enforced', nspname, relname)
FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace
WHERE relrowsecurity AND relforcerowsecurity AND NOT relispartition
UNION
SELECT format('%s.%s %s %s %s', schemaname, tablename, policyname, cmd, role)
FROM pg_policies, unnest(roles) AS role WHERE role LIKE 'agentops\_%'
ORDER BY 1
"""
# A value's text depends on these; nothing may end the work of an hour but the person who started it.
_SESSION = """
SELECT set_config(name, value, true) FROM (VALUES
    ('TimeZone', 'UTC'), ('DateStyle', 'ISO'), ('IntervalStyle', 'postgres'), ('extra_float_digits', '1'),
    ('bytea_output', 'hex'), ('search_path', 'pg_catalog'), ('row_security', 'off'),
    ('statement_timeout', '0'), ('idle_in_transaction_session_timeout', '0')) AS setting (name, value)
"""
_LEFTOVERS = r"""
SELECT format('DROP ROUTINE %s CASCADE', oid::regprocedure) FROM pg_proc
WHERE pronamespace = 'public'::regnamespace AND proname ~ '^(agentops|procrastinate)_'
UNION ALL
SELECT format('DROP TYPE %s CASCADE', oid::regtype) FROM pg_type
WHERE typnamespace = 'public'::regnamespace AND typname ~ '^(agentops|procrastinate)_' AND typtype IN ('e', 'c', 'd')
  AND (typrelid = 0 OR (SELECT relkind FROM pg_class WHERE oid = typrelid) = 'c')
UNION ALL
SELECT format('DROP COLLATION public.%I CASCADE', collname) FROM pg_collation
WHERE collnamespace = 'public'::regnamespace AND collname ~ '^agentops_'
"""


@dataclass(frozen=True, slots=True)
class Name:
    """A table's."""

    schema: str
    table: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.table}"

    @property
    def quoted(self) -> sql.Identifier:
        """As SQL."""
        return sql.Identifier(self.schema, self.table)


def prepare_session(connection: Connection[TupleRow]) -> None:
    """Sets, for this transaction, what the other functions rely on. RLS raises where it would hide rows."""
    connection.execute(_SESSION)


def tables_of(connection: Connection[TupleRow]) -> list[Name]:
    """Our tables but the one that holds the schema's revision, by name; empty before the first migration."""
    return [Name(schema, table) for schema, table in connection.execute(_TABLES).fetchall() if table != _VERSION]


def kept_tables_of(connection: Connection[TupleRow]) -> list[Name]:
    """Those of them that a backup keeps."""
    return [name for name in tables_of(connection) if str(name) not in _LEFT_OUT]


def revision_of(connection: Connection[TupleRow]) -> str | None:
    """The schema's revision; None before the first migration."""
    if connection.execute("SELECT to_regclass('public.alembic_version')").fetchone() == (None,):
        return None
    row = connection.execute("SELECT version_num FROM public.alembic_version").fetchone()
    return row[0] if row else None


def count(connection: Connection[TupleRow], name: Name) -> Table:
    """The table's rows and checksum; reads all of it, 2 us a row and more for long ones."""
    columns = [sql.Identifier(column) for (column,) in connection.execute(_COLUMNS, (str(name),)).fetchall()]
    question = sql.SQL(_CHECKSUM).format(columns=sql.SQL(", ").join(columns), table=name.quoted)
    row = connection.execute(question).fetchone()
    assert row is not None
    return Table(rows=row[0], checksum=row[1])


def count_all(connection: Connection[TupleRow], progress: Progress) -> dict[str, Table]:
    """Every table that a backup keeps, by its name."""
    names = kept_tables_of(connection)
    found: dict[str, Table] = {}
    for n, name in enumerate(names, 1):
        found[str(name)] = count(connection, name)
        progress("tables checked", n, len(names))
    return found


def months_of(connection: Connection[TupleRow]) -> list[str]:
    """The months that evaluations have partitions for, such as 2026_11."""
    return [month for (month,) in connection.execute(_MONTHS).fetchall()]


def policies_of(connection: Connection[TupleRow]) -> list[str]:
    """A line for each table that enforces row level security, and each policy for a role of the door."""
    return [line for (line,) in connection.execute(_POLICIES).fetchall()]


@contextmanager
def unforced(connection: Connection[TupleRow]) -> Generator[None]:
    """Lets the owner see all rows and copy some in. What is raised inside must end the transaction."""
    policies = policies_of(connection)
    forced = [name for name in tables_of(connection) if f"{name} enforced" in policies]
    for name in forced:
        connection.execute(sql.SQL("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY").format(name.quoted))
    yield
    for name in forced:
        connection.execute(sql.SQL("ALTER TABLE {} FORCE ROW LEVEL SECURITY").format(name.quoted))


def holds_rows(connection: Connection[TupleRow]) -> bool:
    """Whether any of our tables has a row."""
    for name in tables_of(connection):
        found = connection.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(name.quoted)).fetchone()
        if found == (True,):
            return True
    return False


def drop_everything(connection: Connection[TupleRow]) -> None:
    """Drops all that our migrations made, but for roles: they are the cluster's, and others may use them."""
    names = [*tables_of(connection), Name("public", _VERSION)]
    connection.execute(
        sql.SQL("DROP TABLE IF EXISTS {} CASCADE").format(sql.SQL(", ").join(name.quoted for name in names))
    )
    connection.execute("DROP SCHEMA IF EXISTS agentops_partitions CASCADE")
    for (statement,) in connection.execute(_LEFTOVERS).fetchall():
        connection.execute(cast(str, statement).encode())
