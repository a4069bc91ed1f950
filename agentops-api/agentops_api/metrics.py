"""What the server tells Prometheus: each metric's name and meaning, and the plain numbers behind them.

They are counted on the ingest path, so they are plain numbers of one event loop that are only read when somebody
scrapes; the client library's own counters lock, and cost several times as much. Knows no HTTP server and no slice.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Literal, cast

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

Labels = Sequence[str]
Outcome = Literal["created", "duplicate", "rejected", "unavailable"]

_HTTP_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_COMMIT_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
LATENCY_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""Upper ends of the buckets of what agents report as their latency."""
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Definition:
    """One metric."""

    kind: Literal["counter", "gauge", "histogram"]
    name: str
    help: str
    labels: tuple[str, ...] = ()

    def of(self, samples: Iterable[tuple[Labels, float]]) -> Metric:
        """The counter or gauge with these values by the values of its labels."""
        kind = CounterMetricFamily if self.kind == "counter" else GaugeMetricFamily
        family = kind(self.name, self.help, labels=self.labels)
        for labels, value in samples:
            family.add_metric(labels, value)
        return family

    def value(self, value: float) -> Metric:
        """The counter or gauge that has no labels."""
        return self.of([((), value)])

    def histograms(self, samples: Iterable[tuple[Labels, "Histogram"]]) -> Metric:
        """The histogram with these observations by the values of its labels."""
        family = HistogramMetricFamily(self.name, self.help, labels=self.labels)
        for labels, histogram in samples:
            family.add_metric(labels, histogram.buckets(), histogram.sum)
        return family


BUILD = Definition("gauge", "agentops_build_info", "Always 1; the label is the server's version.", ("version",))
REQUESTS = Definition(
    "counter",
    "agentops_http_requests_total",
    "Answers, by the route's template (`none`: no such route) and status (499: the client left).",
    ("method", "route", "status"),
)
REQUEST_SECONDS = Definition(
    "histogram",
    "agentops_http_request_duration_seconds",
    "From the request's first byte to the answer's last, in the server.",
    ("method", "route"),
)
RATE_LIMITED = Definition(
    "counter", "agentops_rate_limited_total", "Requests refused because their caller is over a limit.", ("policy",)
)
INGESTED = Definition(
    "counter",
    "agentops_ingest_evaluations_total",
    "Evaluations by what their sender was told: created and duplicate are committed; rejected breaks a rule;"
    " unavailable was not stored in time and may be sent again.",
    ("outcome",),
)
QUEUE_ROWS = Definition("gauge", "agentops_ingest_queue_rows", "Evaluations that wait for their commit.")
QUEUE_ROWS_MAX = Definition("gauge", "agentops_ingest_queue_rows_max", "How many may wait (INGEST_QUEUE_ROWS).")
QUEUE_BYTES = Definition("gauge", "agentops_ingest_queue_bytes", "Bytes that wait for their commit.")
QUEUE_BYTES_MAX = Definition("gauge", "agentops_ingest_queue_bytes_max", "How many may wait (INGEST_QUEUE_BYTES).")
STALLED_SECONDS = Definition(
    "gauge", "agentops_ingest_stalled_seconds", "How long nothing was written although something waits."
)
COMMIT_SECONDS = Definition(
    "histogram",
    "agentops_ingest_commit_duration_seconds",
    "One batch of evaluations, from its begin to its commit or failure.",
)
UNMERGED = Definition(
    "gauge",
    "agentops_rollup_slots_unmerged",
    "Quarters of an hour, by project, whose statistics this process wrote and has not merged yet.",
)
POOL_CONNECTIONS = Definition(
    "gauge", "agentops_pool_connections", "Open connections to the database.", ("pool", "state")
)
POOL_CONNECTIONS_MAX = Definition("gauge", "agentops_pool_connections_max", "How many there may be.", ("pool",))
POOL_WAITING = Definition("gauge", "agentops_pool_waiting", "Who waits for a connection now.", ("pool",))
POOL_WAIT_SECONDS = Definition(
    "counter", "agentops_pool_wait_seconds_total", "Time spent waiting for connections.", ("pool",)
)
POOL_CHECKOUTS = Definition("counter", "agentops_pool_checkouts_total", "Connections asked for.", ("pool",))
POOL_ERRORS = Definition("counter", "agentops_pool_errors_total", "Connections asked for in vain.", ("pool",))
JOBS = Definition(
    "gauge",
    "agentops_jobs",
    "Background jobs by what they do and their state; failed ones were given up, and count for 30 days.",
    ("kind", "status"),
)
JOBS_OLDEST_DUE = Definition(
    "gauge",
    "agentops_jobs_oldest_due_seconds",
    "How long the job of this kind that waits longest could have begun. Those of one project wait for each other.",
    ("kind",),
)
JOBS_STALLED_SECONDS = Definition(
    "gauge",
    "agentops_jobs_stalled_seconds",
    "How long this server's worker has not looked for jobs; a second is usual, 0 where JOBS_IN_SERVER is false.",
)
DATABASE_UP = Definition("gauge", "agentops_database_up", "1 if the database answered this scrape in time, else 0.")
DATABASE_SECONDS = Definition(
    "gauge", "agentops_database_response_seconds", "A connection and one statement, measured by this scrape."
)
DATABASE_BYTES = Definition(
    "gauge", "agentops_database_bytes", "What the tables take on the database's disk, with their indexes."
)
DISK_FREE_BYTES = Definition(
    "gauge", "agentops_disk_free_bytes", "What is left on the disk of the embedded database (not with DATABASE_URL)."
)
DISK_BYTES = Definition("gauge", "agentops_disk_bytes", "The size of that disk.")

SERVER = (
    BUILD, REQUESTS, REQUEST_SECONDS, RATE_LIMITED, INGESTED, QUEUE_ROWS, QUEUE_ROWS_MAX, QUEUE_BYTES, QUEUE_BYTES_MAX,
    STALLED_SECONDS, COMMIT_SECONDS, UNMERGED, POOL_CONNECTIONS, POOL_CONNECTIONS_MAX, POOL_WAITING, POOL_WAIT_SECONDS,
    POOL_CHECKOUTS, POOL_ERRORS, JOBS, JOBS_OLDEST_DUE, JOBS_STALLED_SECONDS,
    DATABASE_UP, DATABASE_SECONDS, DATABASE_BYTES, DISK_FREE_BYTES, DISK_BYTES,
)  # fmt: skip
"""What `GET /metrics` tells. Never a tenant, a user, an agent or a model."""

_GROUP = ("agent", "model")
PROJECT_EVALUATIONS = Definition(
    "counter", "agentops_project_evaluations_total", "Evaluations of today (UTC), by their own time.", _GROUP
)
PROJECT_VERDICTS = Definition("counter", "agentops_project_verdicts_total", "Those of them with a verdict.", _GROUP)
PROJECT_HALLUCINATIONS = Definition(
    "counter", "agentops_project_hallucinations_total", "Those of them judged to be hallucinated.", _GROUP
)
PROJECT_RATE = Definition(
    "gauge", "agentops_project_hallucination_ratio", "Hallucinations over verdicts of today, 0 to 1.", _GROUP
)
PROJECT_LATENCY = Definition(
    "histogram",
    "agentops_project_latency_seconds",
    "What the agents of today's evaluations reported as their latency. Edges are met to 1 %.",
    _GROUP,
)

PROJECT = (PROJECT_EVALUATIONS, PROJECT_VERDICTS, PROJECT_HALLUCINATIONS, PROJECT_RATE, PROJECT_LATENCY)
"""What `GET /api/v1/projects/{id}/metrics` tells, of that project alone."""


class Histogram:
    """Observations counted by bucket. For one thread; 0.3 us an observation (2026-11)."""

    __slots__ = ("_counts", "_ends", "sum")

    def __init__(self, ends: tuple[float, ...]) -> None:
        """`ends`: the buckets' upper ends, included, ascending; what lies above all of them has its own."""
        self._ends = ends
        self._counts = [0] * (len(ends) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Counts one value."""
        self._counts[bisect_left(self._ends, value)] += 1
        self.sum += value

    def add(self, value: float, n: int) -> None:
        """Counts `n` values, all in this value's bucket; their sum is the caller's to know."""
        self._counts[bisect_left(self._ends, value)] += n

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulative counts by upper end, as Prometheus wants them."""
        ends = [*(str(end) for end in self._ends), "+Inf"]
        return list(zip(ends, accumulate(self._counts), strict=True))


def commit_seconds() -> Histogram:
    """Nothing observed yet."""
    return Histogram(_COMMIT_S)


@dataclass(slots=True)
class _Tally:
    statuses: dict[int, int] = field(default_factory=dict[int, int])
    seconds: Histogram = field(default_factory=lambda: Histogram(_HTTP_S))


class Requests:
    """What the server answered, by method and route."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, str], _Tally] = {}

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Counts an answer. `route` is a template, so that there are few of them."""
        key = (method if method in METHODS else "other", route)
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = _Tally()
        tally.statuses[status] = tally.statuses.get(status, 0) + 1
        tally.seconds.observe(seconds)

    def families(self) -> list[Metric]:
        """All answers until now."""
        tallies = self._tallies.items()
        counts = (
            ((*key, str(status)), count) for key, tally in tallies for status, count in sorted(tally.statuses.items())
        )
        return [REQUESTS.of(counts), REQUEST_SECONDS.histograms((key, tally.seconds) for key, tally in tallies)]


@dataclass(frozen=True, slots=True)
class _Collected:
    families: Sequence[Metric]

    def collect(self) -> Iterable[Metric]:
        return self.families


def exposition(families: Sequence[Metric], accept: str) -> tuple[bytes, str]:
    """The families as text, and its media type: OpenMetrics 1.0 for those who ask for it, else Prometheus's own."""
    collected = _Collected(families)
    if "application/openmetrics-text" in accept:
        # The library gives this one function no types.
        encode = cast(Callable[[Collector], bytes], openmetrics.generate_latest)  # pyright: ignore[reportUnknownMemberType]
        return encode(collected), openmetrics.CONTENT_TYPE_LATEST
    return generate_latest(collected), CONTENT_TYPE_PLAIN_0_0_4
