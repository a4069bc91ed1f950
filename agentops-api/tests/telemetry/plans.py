"""What PostgreSQL really did to answer, in rows."""

from collections.abc import Iterator, Mapping
from typing import Any, LiteralString

from agentops_api.db.pool import Tx

_ROWS = "Actual Rows", "Rows Removed by Filter", "Rows Removed by Join Filter"


async def rows_looked_at(tx: Tx, query: LiteralString, params: Mapping[str, object]) -> float:
    """Runs the statement: all rows that the parts of its plan gave or left out, which tells all from each with each."""
    explained = await tx.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + query, params)
    row = await explained.fetchone()
    assert row
    return sum(part["Actual Loops"] * sum(part.get(name, 0) for name in _ROWS) for part in _parts(row[0][0]["Plan"]))


def _parts(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan and all that it is made of."""
    yield plan
    for part in plan.get("Plans", []):
        yield from _parts(part)
