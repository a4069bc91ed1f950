"""Reading over HTTP: one keep-alive connection, one request after the other, the whole answer read."""

import http.client
import random
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import quote

from agentops_api.evaluations.models import Position
from agentops_api.evaluations.paging import cursor_of

from benchmarks import processes, rows
from benchmarks.load import percentile
from benchmarks.results import Read
from benchmarks.server import HOST, Server, Tenant

_WARM_UP = 10
_QUESTION_S_MAX, _MEASURED_MIN = 60.0, 6
"""A question that took this long, all requests together, is asked no more."""
_NAMES = re.compile(r"\{(agent|model|session)\}")


@dataclass(frozen=True, slots=True)
class Question:
    """A kind of GET. `{agent}`, `{model}` and `{session}` stand for another one in each request."""

    what: str
    path: str


def _analytics(what: str, path: str) -> Question:
    return Question(what, f"/api/v1/analytics/{path}")


def _list(what: str, query: str = "") -> Question:
    return Question(what, f"/evaluations/?limit=50{query}")


QUESTIONS = (
    Question("statistics, 7 days", "/evaluations/stats?days=7"),
    Question("statistics, 30 days", "/evaluations/stats?days=30"),
    Question("statistics, 7 days, one agent", "/evaluations/stats?days=7&agent_name={agent}"),
    _analytics("summary, 7 days", "summary?days=7"),
    _analytics("summary, 30 days", "summary?days=30"),
    _analytics("summary, 90 days", "summary?days=90"),
    _analytics("90 days by day: count", "timeseries?days=90&metric=count"),
    _analytics("90 days by day: rate", "timeseries?days=90&metric=hallucination_rate"),
    _analytics("90 days by day: latency p95", "timeseries?days=90&metric=latency_p95"),
    _analytics(
        "7 days by hour and model: latency p50 and p95",
        "timeseries?days=7&interval=hour&split=model&metric=latency_p50&metric=latency_p95",
    ),
    _analytics("breakdown by model, 30 days", "breakdown?days=30&by=model"),
    _analytics("breakdown by model, 90 days", "breakdown?days=90&by=model"),
    _analytics("breakdown by agent and model, 30 days", "breakdown?days=30&by=agent&by=model"),
    _analytics("distribution of latency, 30 days", "distribution?days=30&measure=latency"),
    _analytics("compare two models, 30 days", "compare?days=30&base_model_name=model-0&candidate_model_name=model-1"),
    _list("list"),
    _list("list, one agent", "&agent_name={agent}"),
    _list("list, one model", "&model_name={model}"),
    _list("list, one mode", f"&mode={quote(rows.MODES[-1])}"),
    _list("list, a mode that nothing has", "&mode=none"),
    _list("list, one session", "&session_id={session}"),
    _list("list, hallucinated", "&hallucinated=true"),
    _list("list, hallucinated, one agent", "&hallucinated=true&agent_name={agent}"),
    _list("list, probability at least 0.1", "&min_hallucination_probability=0.1"),
    _list("list, probability at least 0.9", "&min_hallucination_probability=0.9"),
    _list("list, a probability that nothing has", "&min_hallucination_probability=0.995"),
)
_CURSOR = _list("list from a cursor anywhere", "&cursor=")
KINDS = len(QUESTIONS) + 2
"""How many kinds of request `measure` makes."""


def measure(
    server: Server, tenant: Tenant, *, rows_total: int, requests: int, seed: int, patience_s: int
) -> Iterator[Read]:
    """Every kind of GET, `requests` times each."""
    connection = http.client.HTTPConnection(HOST, server.port, timeout=60)
    count = requests + _WARM_UP
    dice = random.Random(seed)
    for question in QUESTIONS:
        processes.wait_until_quiet(patience_s)
        paths = [_path(question, rows_total, dice) for _ in range(count)]
        yield _get(connection, tenant, question.what, paths, rows_total=rows_total)
    known = rows.some(server, tenant, count)
    dice.shuffle(known)
    cursors = [cursor_of(Position(created_at, id)) for created_at, id in known]
    for what, paths in (
        (_CURSOR.what, [_CURSOR.path + quote(cursor) for cursor in cursors]),
        ("one by id", [f"/evaluations/{id}" for _, id in known]),
    ):
        processes.wait_until_quiet(patience_s)
        yield _get(connection, tenant, what, paths, rows_total=rows_total)
    connection.close()


def _path(question: Question, rows_total: int, dice: random.Random) -> str:
    many = {"agent": rows.AGENTS, "model": rows.MODELS, "session": rows_total // rows.SESSION_ROWS}
    return _NAMES.sub(lambda found: f"{found[1]}-{dice.randrange(many[found[1]])}", question.path)


def _get(
    connection: http.client.HTTPConnection, tenant: Tenant, what: str, paths: list[str], *, rows_total: int
) -> Read:
    headers = {"X-API-Key": tenant.key}
    took_us: list[int] = []
    largest, failed = 0, 0
    for path in paths:
        began = time.perf_counter()
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        text = response.read()
        took_us.append(int((time.perf_counter() - began) * 1e6))
        if response.status not in (200, 503):
            raise RuntimeError(f"GET {path} was answered {response.status}: {text[:500].decode()}")
        failed += response.status == 503
        largest = max(largest, len(text))
        if sum(took_us) > _QUESTION_S_MAX * 1e6 and len(took_us) >= _MEASURED_MIN:
            break
    measured = sorted(took_us[min(_WARM_UP, len(took_us) // 2) :])
    return Read(
        rows=rows_total,
        what=what,
        requests=len(measured),
        bytes=largest,
        p50_ms=percentile(measured, 50) / 1e3,
        p95_ms=percentile(measured, 95) / 1e3,
        p99_ms=percentile(measured, 99) / 1e3,
        max_ms=measured[-1] / 1e3,
        failed=failed,
    )
