"""`GET /metrics`: the server's own health, for Prometheus. Never a tenant, a user, an agent or a model."""

import asyncio
import time
from collections.abc import Iterator, Mapping
from hmac import compare_digest
from ipaddress import ip_address
from typing import get_args

from fastapi import APIRouter, Depends, Request
from fastapi.responses import PlainTextResponse
from prometheus_client import ProcessCollector
from prometheus_client.core import Metric

from agentops_api import metrics
from agentops_api.db.disk import free_bytes, total_bytes
from agentops_api.db.pool import Database
from agentops_api.edge.addresses import Address, client_address
from agentops_api.edge.problems import responses
from agentops_api.edge.route import Route
from agentops_api.edge.runtime import Runtime, runtime
from agentops_api.errors import Unauthenticated, Unavailable
from agentops_api.jobs import store as jobs
from agentops_api.jobs.models import Status

router = APIRouter(tags=["metrics"], route_class=Route)

_DATABASE_S_MAX = 2.0
"""Prometheus gives up after 10 s by default, and what the process counted must not be lost with the database."""
_FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
_TABLES_BYTES = """
SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class
WHERE relkind = 'r' AND relnamespace IN (
    SELECT oid FROM pg_namespace WHERE nspname IN ('public', 'agentops_partitions'))
"""


async def scraper(request: Request) -> None:
    """Lets through who shows METRICS_TOKEN; without one, who calls from this machine. Raises Unauthenticated."""
    server = runtime(request)
    if server.settings.metrics_token is None:
        if is_local(request):
            return
        message = "Without METRICS_TOKEN, metrics are only for callers on this machine."
    else:
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        token = server.settings.metrics_token.get_secret_value()
        if scheme.lower() == "bearer" and compare_digest(shown.strip().encode(), token.encode()):
            return
        message = "Show METRICS_TOKEN as Authorization: Bearer."
    address = client_address(request, server.settings.trusted_proxies)
    await server.limiter.hit("ordinary", f"address:{address}")
    raise Unauthenticated(message)


def is_local(request: Request) -> bool:
    """Whether the request comes from this machine itself, and from nobody behind a proxy or a page on it.

    A proxy that hides that it forwards cannot be told from a local caller (docs/security.md says so). The name in Host
    is looked at because a page may have its own name resolve to this machine.
    """
    trusted = runtime(request).settings.trusted_proxies
    peer = _address(request.client.host if request.client else "")
    if peer is None or not peer.is_loopback or any(peer in network for network in trusted):
        return False
    if any(name in request.headers for name in _FORWARDED):
        return False
    host = request.url.hostname or ""
    named = _address(host)
    return host == "localhost" or (named is not None and named.is_loopback)


@router.get(
    "/metrics",
    operation_id="get_metrics",
    summary="The server's own health, for Prometheus",
    dependencies=[Depends(scraper)],
    response_class=PlainTextResponse,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}, "example": "agentops_database_up 1.0\n"}}},
        **responses(400, 401, 422, 429, 503),
    },
    openapi_extra={"security": [{"Bearer": []}]},
)
async def get_metrics(request: Request) -> PlainTextResponse:
    """For who shows METRICS_TOKEN; without one, for callers on this machine. Each server is scraped for itself."""
    server = runtime(request)
    families = list(process_families(server))
    if server.workers:
        families = await server.workers.all_families(families)
    database, queue = await asyncio.gather(_database(server.db), _jobs(server))
    families += [*_disk(server), *database, *queue]
    text, media_type = metrics.exposition(families, request.headers.get("accept", ""))
    return PlainTextResponse(text, headers={"Content-Type": media_type})


def process_families(server: Runtime) -> Iterator[Metric]:
    """What this process counted, and how it is."""
    writer = server.writer
    yield metrics.BUILD.of([((server.version,), 1)])
    yield from server.requests.families()
    yield metrics.RATE_LIMITED.of(((policy,), count) for policy, count in server.limiter.refused.items())
    yield metrics.INGESTED.of(((outcome,), count) for outcome, count in writer.outcomes.items())
    yield metrics.QUEUE_ROWS.value(writer.queued_rows)
    yield metrics.QUEUE_ROWS_MAX.value(writer.queue_rows_max)
    yield metrics.QUEUE_BYTES.value(writer.queued_bytes)
    yield metrics.QUEUE_BYTES_MAX.value(writer.queue_bytes_max)
    yield metrics.STALLED_SECONDS.value(writer.beat_age_s)
    yield metrics.COMMIT_SECONDS.histograms([((), writer.commit_seconds)])
    yield metrics.UNMERGED.value(len(writer.touched))
    yield metrics.JOBS_STALLED_SECONDS.value(server.worker.beat_age_s)
    yield from _pools(server.pools)
    # Memory, CPU and open files under the names that every Prometheus client uses; nothing where there is no /proc.
    yield from ProcessCollector(registry=None).collect()


def _pools(pools: Mapping[str, Database]) -> Iterator[Metric]:
    found = [(name, db.statistics()) for name, db in pools.items()]
    idle = [((name, "idle"), each["pool_available"]) for name, each in found]
    busy = [((name, "busy"), each["pool_size"] - each["pool_available"]) for name, each in found]
    yield metrics.POOL_CONNECTIONS.of([*idle, *busy])
    for definition, key, unit in (
        (metrics.POOL_CONNECTIONS_MAX, "pool_max", 1),
        (metrics.POOL_WAITING, "requests_waiting", 1),
        (metrics.POOL_WAIT_SECONDS, "requests_wait_ms", 1_000),
        (metrics.POOL_CHECKOUTS, "requests_num", 1),
        (metrics.POOL_ERRORS, "requests_errors", 1),
    ):
        yield definition.of(((name,), each.get(key, 0) / unit) for name, each in found)


def _disk(server: Runtime) -> Iterator[Metric]:
    if not server.settings.database_url:
        yield metrics.DISK_FREE_BYTES.value(free_bytes(server.settings.agentops_data_dir))
        yield metrics.DISK_BYTES.value(total_bytes(server.settings.agentops_data_dir))


async def _database(db: Database) -> list[Metric]:
    """What only the database knows, as far as it says so in time."""
    found: list[Metric] = []
    try:
        async with asyncio.timeout(_DATABASE_S_MAX):
            started = time.perf_counter()
            async with db.as_system() as tx:
                found.append(metrics.DATABASE_SECONDS.value(time.perf_counter() - started))
                row = await (await tx.execute(_TABLES_BYTES)).fetchone()
                found.append(metrics.DATABASE_BYTES.value(row[0] if row else 0))
    except (Unavailable, TimeoutError):
        # With one of the two the database answers, but a table is locked.
        pass
    return [metrics.DATABASE_UP.value(bool(found)), *found]


async def _jobs(server: Runtime) -> list[Metric]:
    """The queue that all servers and workers share, as far as the database says so in time."""
    try:
        async with asyncio.timeout(_DATABASE_S_MAX), server.db.as_jobs() as tx:
            depths = await jobs.depths(tx)
    except (Unavailable, TimeoutError):
        return []
    # A kind without jobs is told too: what is not there raises no alert.
    counts = {(kind, status): 0 for kind in server.worker.kinds for status in get_args(Status)}
    counts |= {(depth.kind, depth.status): depth.jobs for depth in depths}
    oldest = dict.fromkeys(server.worker.kinds, 0.0)
    oldest |= {depth.kind: depth.oldest_due_s for depth in depths if depth.status == "queued"}
    return [
        metrics.JOBS.of(counts.items()),
        metrics.JOBS_OLDEST_DUE.of(((kind,), age_s) for kind, age_s in oldest.items()),
    ]


def _address(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None
