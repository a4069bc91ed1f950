"""Reading over HTTP: one keep-alive connection, one request after the other, the whole answer read."""

import http.client
import random
import time
from collections.abc import Iterator
from urllib.parse import urlencode

from agentops_api.evaluations.models import Position
from agentops_api.evaluations.paging import cursor_of

from benchmarks import processes, rows
from benchmarks.load import percentile
from benchmarks.results import Read
from benchmarks.server import HOST, Server, Tenant

_WARM_UP = 10
KINDS = 10
"""How many kinds of request `measure` makes."""


def measure(
    server: Server, tenant: Tenant, *, rows_total: int, requests: int, seed: int, patience_s: int
) -> Iterator[Read]:
    """Every kind of GET, `requests` times each."""
    connection = http.client.HTTPConnection(HOST, server.port, timeout=60)
    for what, paths in _kinds(server, tenant, requests + _WARM_UP, random.Random(seed)):
        processes.wait_until_quiet(patience_s)
        yield _get(connection, tenant, what, paths, rows_total=rows_total)
    connection.close()


def _kinds(server: Server, tenant: Tenant, count: int, dice: random.Random) -> Iterator[tuple[str, list[str]]]:
    """What is asked, and `count` paths that ask it with changing values."""
    known = rows.some(server, tenant, count)
    dice.shuffle(known)

    def agent() -> str:
        return f"agent-{dice.randrange(rows.AGENTS)}"

    def listed(**query: str) -> str:
        return f"/evaluations/?{urlencode({'limit': '50'} | query)}"

    yield "statistics of 7 days", ["/evaluations/stats?days=7"] * count
    yield "statistics of 30 days", ["/evaluations/stats?days=30"] * count
    yield "statistics of 7 days, one agent", [f"/evaluations/stats?days=7&agent_name={agent()}" for _ in range(count)]
    yield "list", [listed()] * count
    yield "list, one agent", [listed(agent_name=agent()) for _ in range(count)]
    yield "list, hallucinated", [listed(hallucinated="true")] * count
    yield "list, hallucinated, one agent", [listed(hallucinated="true", agent_name=agent()) for _ in range(count)]
    yield "list, probability at least 0.9", [listed(min_hallucination_probability="0.9")] * count
    cursors = [cursor_of(Position(created_at, id)) for created_at, id in known]
    yield "list from a cursor anywhere", [listed(cursor=cursor) for cursor in cursors]
    yield "one by id", [f"/evaluations/{id}" for _, id in known]


def _get(
    connection: http.client.HTTPConnection, tenant: Tenant, what: str, paths: list[str], *, rows_total: int
) -> Read:
    headers = {"X-API-Key": tenant.key}
    took_us: list[int] = []
    largest = 0
    for path in paths:
        began = time.perf_counter()
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        text = response.read()
        took_us.append(int((time.perf_counter() - began) * 1e6))
        if response.status != 200:
            raise RuntimeError(f"GET {path} was answered {response.status}: {text[:500].decode()}")
        largest = max(largest, len(text))
    measured = sorted(took_us[_WARM_UP:])
    return Read(
        rows=rows_total,
        what=what,
        requests=len(measured),
        bytes=largest,
        p50_ms=percentile(measured, 50) / 1e3,
        p95_ms=percentile(measured, 95) / 1e3,
        p99_ms=percentile(measured, 99) / 1e3,
        max_ms=measured[-1] / 1e3,
    )
