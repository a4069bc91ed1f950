"""Whether the server lives, and whether it should get requests. For load balancers, orchestrators and people."""

import asyncio
import time
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict

from agentops_api.db.migrate import HEAD, current_revision
from agentops_api.db.pool import Database
from agentops_api.db.privileges import excess_privileges
from agentops_api.edge.problems import responses
from agentops_api.edge.route import Route
from agentops_api.edge.runtime import Runtime, runtime
from agentops_api.errors import Unavailable

router = APIRouter(tags=["health"], route_class=Route)

_DATABASE_S_MAX = 3.0
"""A probe gives up soon after; a database that takes longer is down for its purposes."""
_BEAT_AGE_S_MAX = 10.0
_WORKER_BEAT_AGE_S_MAX = 60.0
_NOT_IN_TIME = f"The database did not answer within {_DATABASE_S_MAX:.0f} s."


class Health(BaseModel):
    """The server answers."""

    model_config = ConfigDict(
        use_attribute_docstrings=True,
        json_schema_extra={"examples": [{"status": "healthy", "version": "0.1.0", "uptime_s": 86400.5}]},
    )

    status: Literal["healthy"] = "healthy"
    version: str
    """The server's version."""
    uptime_s: float
    """Seconds since this process started to serve."""


class Liveness(BaseModel):
    """The process lives; whether its database does is not asked."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "alive"}]})

    status: Literal["alive"] = "alive"


class DatabaseHealth(BaseModel):
    """Whether the database answers."""

    model_config = ConfigDict(
        use_attribute_docstrings=True,
        json_schema_extra={"examples": [{"status": "healthy", "latency_ms": 1.2, "detail": None}]},
    )

    status: Literal["healthy", "unhealthy"]
    latency_ms: float
    """How long one transaction took, or how long the server waited in vain."""
    detail: str | None = None
    """Why it is not healthy."""


class Check(BaseModel):
    """One condition of readiness."""

    name: Literal["serving", "database", "migrations", "least_privilege", "writer", "jobs"]
    ok: bool
    detail: str | None = None


class Readiness(BaseModel):
    """Whether this process should get requests, and every reason why not."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"status": "ready", "checks": [{"name": "database", "ok": True, "detail": None}]}]
        }
    )

    status: Literal["ready", "not_ready"]
    checks: list[Check]


@router.get("/health", operation_id="get_health", summary="The server answers", responses=responses(400))
async def get_health(request: Request) -> Health:
    """Asks nobody else; see `/health/ready` for whether the server can do its work."""
    server = runtime(request)
    return Health(version=server.version, uptime_s=round(time.monotonic() - server.started_monotonic, 3))


@router.get("/health/live", operation_id="get_liveness", summary="The process lives", responses=responses(400))
async def get_liveness() -> Liveness:
    """Never touches the database: restarting this process would not mend that."""
    return Liveness()


@router.get(
    "/health/db",
    operation_id="get_database_health",
    summary="The database answers",
    responses=responses(400) | {503: {"model": DatabaseHealth, "description": "The database does not answer."}},
)
async def get_database_health(request: Request, response: Response) -> DatabaseHealth:
    """Opens one transaction."""
    started = time.perf_counter()
    detail = await _database_fault(runtime(request).db)
    latency_ms = round((time.perf_counter() - started) * 1e3, 2)
    if detail is None:
        return DatabaseHealth(status="healthy", latency_ms=latency_ms)
    response.status_code = 503
    return DatabaseHealth(status="unhealthy", latency_ms=latency_ms, detail=detail)


@router.get(
    "/health/ready",
    operation_id="get_readiness",
    summary="The server can do its work",
    responses=responses(400)
    | {503: {"model": Readiness, "description": "Send requests elsewhere; the checks say why."}},
)
async def get_readiness(request: Request, response: Response) -> Readiness:
    """503 while draining, and while the database, its schema, its login role, the writer or the queue of jobs is not as
    it must be."""
    server = runtime(request)
    checks = [_serving(server), *await _database_checks(server), _writer(server), await _jobs(server)]
    ready = all(check.ok for check in checks)
    if not ready:
        response.status_code = 503
    return Readiness(status="ready" if ready else "not_ready", checks=checks)


async def _database_fault(db: Database) -> str | None:
    try:
        async with asyncio.timeout(_DATABASE_S_MAX), db.as_system() as tx:
            await tx.execute("SELECT 1")
    except Unavailable as error:
        return str(error)
    except TimeoutError:
        return _NOT_IN_TIME
    return None


def _serving(server: Runtime) -> Check:
    detail = "The server is stopping." if server.draining else None
    return Check(name="serving", ok=not server.draining, detail=detail)


async def _database_checks(server: Runtime) -> list[Check]:
    try:
        async with asyncio.timeout(_DATABASE_S_MAX), server.db.as_system() as tx:
            revision = await current_revision(tx)
            excess = await excess_privileges(tx)
    except Unavailable as error:
        return [Check(name="database", ok=False, detail=str(error))]
    except TimeoutError:
        return [Check(name="database", ok=False, detail=_NOT_IN_TIME)]
    at_head = revision == HEAD
    expected = None if at_head else f"The schema is at revision {revision}; this server needs {HEAD}."
    excessive = f"{'; '.join(excess)}; run `agentops migrate --create-login`." if excess else None
    return [
        Check(name="database", ok=True),
        Check(name="migrations", ok=at_head, detail=expected),
        Check(
            name="least_privilege",
            ok=not excess or not server.settings.least_privilege_required,
            detail=excessive,
        ),
    ]


def _writer(server: Runtime) -> Check:
    writer = server.writer
    if writer.queued_rows >= writer.queue_rows_max:
        return Check(name="writer", ok=False, detail="The queue of evaluations is full.")
    if writer.beat_age_s > _BEAT_AGE_S_MAX:
        return Check(
            name="writer", ok=False, detail=f"Nothing was written for {writer.beat_age_s:.0f} s, and some waits."
        )
    return Check(name="writer", ok=True)


async def _jobs(server: Runtime) -> Check:
    age_s = server.worker.beat_age_s
    if age_s > _WORKER_BEAT_AGE_S_MAX:
        return Check(name="jobs", ok=False, detail=f"The worker's loop has stood still for {age_s:.0f} s.")
    try:
        async with asyncio.timeout(_DATABASE_S_MAX):
            late = await server.worker.is_late()
    except (Unavailable, TimeoutError):
        return Check(name="jobs", ok=False, detail="The queue of jobs could not be read.")
    detail = "A job has been due for more than five minutes, and no worker takes it." if late else None
    return Check(name="jobs", ok=not late, detail=detail)
