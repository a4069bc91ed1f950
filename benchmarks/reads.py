"""Reading over HTTP: one keep-alive connection, one request after the other, the whole answer read."""

import http.client
import random
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import quote

from agentops_api.evaluations.models import Position
from agentops_api.evaluations.paging import cursor_of

from benchmarks import processes, rows, vocabulary
from benchmarks.load import percentile
from benchmarks.results import Read
from benchmarks.server import HOST, Server, Tenant

_WARM_UP = 10
_QUESTION_S_MAX, _MEASURED_MIN = 30.0, 6
"""A question that took this long, all requests together, is asked no more."""
_TRIES, _OTHERS_MAX = 3, 0.1
"""How much of the machine others may use before a question is measured again."""
_NAMES = re.compile(r"\{(agent|model|session|common|word|rare|single)\}")
_COMMON, _RARE = 20, 4_000
"""Words up to the first rank are in a quarter of all evaluations and more; those behind the second in one of 700."""


@dataclass(frozen=True, slots=True)
class Question:
    """A kind of GET. A name of `_NAMES` in braces stands for another one in each request."""

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
        "90 days by day in Berlin: latency p95", "timeseries?days=90&metric=latency_p95&time_zone=Europe/Berlin"
    ),
    _analytics("90 days by day in India: rate", "timeseries?days=90&metric=hallucination_rate&time_zone=Asia/Kolkata"),
    _analytics("90 days by day in India: latency p95", "timeseries?days=90&metric=latency_p95&time_zone=Asia/Kolkata"),
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
    _list("list, one session", "&session_id={session}"),
    _list("list, hallucinated", "&hallucinated=true"),
    _list("list, not hallucinated", "&hallucinated=false"),
    _list("list, probability at least 0.1", "&min_hallucination_probability=0.1"),
    _list("list, probability at least 0.9", "&min_hallucination_probability=0.9"),
    _list("list, one agent and model", "&agent_name={agent}&model_name={model}"),
    _list("list, one model and mode", f"&model_name={{model}}&mode={quote(rows.MODES[-1])}"),
    _list("list, hallucinated, one agent", "&hallucinated=true&agent_name={agent}"),
    _list("list, hallucinated, one model", "&hallucinated=true&model_name={model}"),
    _list("list, one agent, probability at least 0.9", "&agent_name={agent}&min_hallucination_probability=0.9"),
    _list("list, hallucinated, probability at least 0.9", "&hallucinated=true&min_hallucination_probability=0.9"),
    _list("list, an agent that nothing has", "&agent_name=none"),
    _list("list, a model that nothing has", "&model_name=none"),
    _list("list, a mode that nothing has", "&mode=none"),
    _list("list, a session that nothing has", "&session_id=none"),
    _list("list, a probability that nothing has", "&min_hallucination_probability=0.995"),
    # No probability below 0.5 goes with a verdict `hallucinated`, and none above with the other (benchmarks/rows.py).
    _list("list, a verdict and a probability that never meet", "&hallucinated=false&min_hallucination_probability=0.6"),
    _list("list, an agent, and a mode that nothing has", "&agent_name={agent}&mode=none"),
    _list("list, an agent, and a model that nothing has", "&agent_name={agent}&model_name=none"),
    _list(
        "list, an agent, and a probability that nothing has", "&agent_name={agent}&min_hallucination_probability=0.995"
    ),
    _list("list, a session that its agent does not have", "&session_id={session}&agent_name=none"),
    _list("search, a common word", "&q={common}"),
    _list("search, a word", "&q={word}"),
    _list("search, a rare word", "&q={rare}"),
    _list("search, a word that one evaluation has", "&q={single}"),
    _list("search, two words", "&q={word}+{common}"),
    _list("search, two rare words", "&q={rare}+{rare}"),
    _list("search, a word, one agent", "&q={word}&agent_name={agent}"),
    _list("search, a word, hallucinated", "&q={word}&hallucinated=true"),
    _list("search, a word that nothing has", "&q=nowhere"),
    _list("search, a word, and an agent that nothing has", "&q={word}&agent_name=none"),
    Question("conversations, 7 days", "/api/v1/sessions?limit=50"),
    Question("conversations, 30 days, one agent", "/api/v1/sessions?limit=50&days=30&agent_name={agent}"),
    Question("conversations, hallucinated", "/api/v1/sessions?limit=50&hallucinated=true"),
    Question("one conversation", "/api/v1/sessions/{session}"),
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

    def quietest(what: str, paths: list[str]) -> Read:
        """Measured again, at most twice, while others disturb it; the first request is that of the first time."""
        reads: list[Read] = []
        while len(reads) < _TRIES and all((each.others_busy or 0) > _OTHERS_MAX for each in reads):
            processes.wait_until_quiet(patience_s)
            reads.append(_get(connection, server, tenant, what, paths, rows_total=rows_total))
        return replace(min(reads, key=lambda each: each.others_busy or 0), first_ms=reads[0].first_ms)

    for question in QUESTIONS:
        paths = [_path(question, rows_total, seed, dice) for _ in range(count)]
        yield quietest(question.what, paths)
    known = rows.some(server, tenant, count)
    dice.shuffle(known)
    cursors = [cursor_of(Position(created_at, id)) for created_at, id in known]
    for what, paths in (
        (_CURSOR.what, [_CURSOR.path + quote(cursor) for cursor in cursors]),
        ("one by id", [f"/evaluations/{id}" for _, id in known]),
    ):
        yield quietest(what, paths)
    connection.close()


def _path(question: Question, rows_total: int, seed: int, dice: random.Random) -> str:
    many = {"agent": rows.AGENTS, "model": rows.MODELS, "session": rows_total // rows.SESSION_ROWS}
    ranks = {"common": (1, _COMMON), "word": (_COMMON, _RARE), "rare": (_RARE, vocabulary.WORDS)}

    def another(found: re.Match[str]) -> str:
        name = found[1]
        if name in many:
            return f"{name}-{dice.randrange(many[name])}"
        if name == "single":
            return rows.word_of(dice.randrange(rows_total), seed)
        return vocabulary.word(dice.randint(*ranks[name]))

    return _NAMES.sub(another, question.path)


def _get(
    connection: http.client.HTTPConnection,
    server: Server,
    tenant: Tenant,
    what: str,
    paths: list[str],
    *,
    rows_total: int,
) -> Read:
    headers = {"X-API-Key": tenant.key}
    took_us: list[int] = []
    largest, failed = 0, 0
    before, own_before_s = server.cpu(), time.process_time()
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
    used, own_s = server.cpu().since(before), time.process_time() - own_before_s
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
        others_busy=used.others_share(own_s),
        cpu_ms=(used.server_s + used.postgres_s) / len(took_us) * 1e3,
        first_ms=took_us[0] / 1e3,
    )
