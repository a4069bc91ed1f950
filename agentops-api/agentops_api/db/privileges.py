"""What the server's login role may do beyond its doors; on a safe installation, nothing."""

from psycopg import AsyncConnection
from psycopg.rows import TupleRow

_ASK = """
SELECT rolname, rolsuper, rolbypassrls,
       (SELECT count(*) FROM pg_class
        JOIN pg_namespace ON pg_namespace.oid = relnamespace
        WHERE relowner = login.oid AND relkind IN ('r', 'p') AND nspname IN ('public', 'agentops_partitions')),
       coalesce(pg_has_role(login.oid, (SELECT relowner FROM pg_class WHERE oid = to_regclass('public.evaluations')),
                            'MEMBER'), false)
FROM pg_roles AS login WHERE rolname = session_user
"""


async def excess_privileges(connection: AsyncConnection[TupleRow]) -> list[str]:
    """A sentence for each privilege of the session's login role that could get round row level security."""
    found = await connection.execute(_ASK)
    row = await found.fetchone()
    assert row is not None, "the session's user is a role"
    name, superuser, bypasses, owned, owner = row
    findings: list[str] = []
    if superuser:
        findings.append(f"the login role {name} is a superuser")
    if bypasses:
        findings.append(f"the login role {name} bypasses row level security")
    if owned:
        findings.append(f"the login role {name} owns {owned} of the tables")
    elif owner and not superuser:
        findings.append(f"the login role {name} may become the tables' owner")
    return findings
