"""The application, put together. `_serving`, read from top to bottom, is the architecture."""

import asyncio
import gc
import signal
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from types import FrameType
from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema
from starlette.types import Lifespan

from agentops_api import log, upkeep
from agentops_api.analytics import api as analytics_api
from agentops_api.analytics import metrics_api as project_metrics_api
from agentops_api.auth import api as auth_api
from agentops_api.auth.authenticate import Authenticator
from agentops_api.auth.supabase import Supabase
from agentops_api.auth.tokens import SigningKeys
from agentops_api.calibrations import api as calibrations_api
from agentops_api.db.disk import has_room_to_write
from agentops_api.db.opening import open_database
from agentops_api.db.pool import Database
from agentops_api.edge import dashboard, health, metrics_api, middleware, pages, problems, workers
from agentops_api.edge.caller import api_key
from agentops_api.edge.limits import Limiter
from agentops_api.edge.runtime import Runtime
from agentops_api.evaluations import api as evaluations_api
from agentops_api.evaluations import ingest_api, stream_api
from agentops_api.evaluations.models import Window
from agentops_api.evaluations.tail import Streams
from agentops_api.exports import api as exports_api
from agentops_api.exports import files_api
from agentops_api.exports.download import Downloads
from agentops_api.jobs import api as jobs_api
from agentops_api.metrics import Requests
from agentops_api.projects import api as projects_api
from agentops_api.retention import api as retention_api
from agentops_api.scoring import api as scoring_api
from agentops_api.scoring.detectors import Detectors
from agentops_api.sessions import api as sessions_api
from agentops_api.settings import Settings, signing_key
from agentops_api.telemetry.postgres import PostgresStore
from agentops_api.telemetry.writer import Writer
from agentops_api.version import VERSION
from agentops_api.work import jobs_database, worker_of

_INGEST_CONNECTIONS = 2
_COLLECT_OBJECTS_MIN = 50_000
DRAIN_S = 1.0
"""After SIGTERM the server serves on for this long, not ready any more, so that balancers look elsewhere first."""


def create_app(settings: Settings) -> FastAPI:
    """The server as an ASGI application; nothing starts before its lifespan does."""
    requests = Requests()
    app = FastAPI(
        title="AgentOps API",
        summary="The backend for LLM agent observability: evaluations in, statistics out, nothing acknowledged lost.",
        version=VERSION,
        lifespan=_lifespan(settings, requests),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        # By default FastAPI records every exception into OpenTelemetry, with the values that caused it.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        license_info={"name": "MIT", "identifier": "MIT"},
    )
    problems.install(app)
    slices = (
        *(ingest_api, stream_api, evaluations_api, analytics_api, sessions_api, exports_api, files_api),
        *(scoring_api, calibrations_api, project_metrics_api, jobs_api, retention_api, projects_api, auth_api),
    )
    for part in (*slices, health, metrics_api, pages):
        app.include_router(part.router)
    app.include_router(dashboard.router())
    _document_raw_handlers(app)
    middleware.install(app, settings, direct=ingest_api.DIRECT, requests=requests)
    return app


def _lifespan(settings: Settings, requests: Requests) -> Lifespan[FastAPI]:
    @asynccontextmanager
    async def serving(app: FastAPI) -> AsyncGenerator[None]:
        log.configure(settings.log_level, settings.log_format)
        async with AsyncExitStack() as stack:
            app.state.runtime = server = await _build(settings, requests, stack)
            _drain_on_signals(server)
            _spare_the_collector()
            yield

    return serving


async def _build(settings: Settings, requests: Requests, stack: AsyncExitStack) -> Runtime:
    """Starts every part. The stack stops them in reverse: the writer empties its queue while the database runs."""
    data_dir = settings.agentops_data_dir
    db = await stack.enter_async_context(open_database(settings))
    past, future = timedelta(days=settings.ingest_past_days), timedelta(hours=settings.ingest_future_hours)
    await upkeep.ensure_partitions(db, past=past)
    limiter = await stack.enter_async_context(Limiter(settings))
    previous = settings.secret_key_previous
    signing_keys = SigningKeys(signing_key(settings), previous.get_secret_value() if previous else None)
    authenticator = Authenticator(db, signing_keys, supabase=await _supabase(settings, stack))
    # Connections of its own: however many people read, what agents send is written.
    ingest_db = await stack.enter_async_context(
        Database(db.url, connections_max=_INGEST_CONNECTIONS, pooled=settings.database_pooled)
    )
    writer = await stack.enter_async_context(
        Writer(
            PostgresStore(ingest_db),
            queue_rows_max=settings.ingest_queue_rows,
            queue_bytes_max=settings.ingest_queue_bytes,
            group_commit=settings.ingest_group_commit,
            has_room=lambda: bool(settings.database_url) or has_room_to_write(data_dir),
        )
    )
    # Theirs too: a download holds one for as long as its client takes.
    export_db = await stack.enter_async_context(
        Database(db.url, connections_max=settings.exports_max, pooled=settings.database_pooled)
    )
    downloads = Downloads(
        PostgresStore(export_db), at_once_max=settings.exports_max, seconds_max=settings.export_seconds_max
    )
    streams = Streams(
        PostgresStore(db), writer, at_once_max=settings.streams_max, seconds_max=settings.stream_seconds_max
    )
    upkeep.start(stack, "merge busy rollups", 2, partial(upkeep.merge_rollups, db, writer, upkeep.MERGE_ROWS_MIN))
    upkeep.start(stack, "merge quiet rollups", 60, partial(upkeep.merge_rollups, db, writer, 1))
    upkeep.start(stack, "merge what was left", 86_400, partial(upkeep.merge_what_was_left, db))
    upkeep.start(stack, "file many words", 2, partial(upkeep.file_words, db, writer, upkeep.FILE_BYTES_MIN))
    upkeep.start(stack, "file few words", 30, partial(upkeep.file_words, db, writer, 0))
    upkeep.start(stack, "make partitions", 60, partial(upkeep.ensure_partitions, db, past=past))
    upkeep.start(stack, "forget old sign-ins", 3_600, partial(upkeep.forget_old_sign_ins, db))
    upkeep.start(stack, "note key use", 30, authenticator.flush_last_used)
    if not settings.database_url:
        upkeep.start(stack, "watch disk", 60, partial(upkeep.watch_disk, data_dir))
    detectors = await stack.enter_async_context(Detectors(processes_max=settings.detector_processes))
    jobs_db = await stack.enter_async_context(jobs_database(db.url, settings))
    worker = worker_of(jobs_db, settings, detectors)
    if settings.jobs_in_server:
        await stack.enter_async_context(worker)
    server = Runtime(
        settings=settings,
        db=db,
        pools={"main": db, "ingest": ingest_db, "exports": export_db, "jobs": jobs_db},
        store=PostgresStore(db),
        writer=writer,
        window=Window(past, future),
        authenticator=authenticator,
        limiter=limiter,
        downloads=downloads,
        streams=streams,
        detectors=detectors,
        requests=requests,
        worker=worker,
        version=VERSION,
    )
    server.workers = await workers.join(stack, lambda: list(metrics_api.process_families(server)))
    return server


def _spare_the_collector() -> None:
    """What is there now stays for good: looking through it again and again made one request in a hundred wait for tens
    of milliseconds (measured 2026-11-23: p99 at 64 connections 42 to 89 ms before, 16 to 23 after)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_OBJECTS_MIN)


async def _supabase(settings: Settings, stack: AsyncExitStack) -> Supabase | None:
    if not settings.supabase_url:
        return None
    secret = settings.supabase_jwt_secret
    legacy_secret = secret.get_secret_value() if secret else None
    return await stack.enter_async_context(Supabase(settings.supabase_url, legacy_secret=legacy_secret))


def _drain_on_signals(server: Runtime) -> None:
    """Puts itself before the HTTP server's own handlers, whichever way that was started: not ready first, then stop."""
    _on_sigint(server)
    loop = asyncio.get_running_loop()
    stop = signal.getsignal(signal.SIGTERM)
    if not callable(stop):
        return

    def drain(signum: int, frame: FrameType | None) -> None:
        if server.draining:
            stop(signum, frame)
            return
        server.draining = True
        server.worker.stop()
        loop.call_soon_threadsafe(loop.call_later, DRAIN_S, stop, signum, None)

    signal.signal(signal.SIGTERM, drain)


def _on_sigint(server: Runtime) -> None:
    """Who types Ctrl-C does not wait for a balancer, but streams must hear of it, or the server would wait for them."""
    stop = signal.getsignal(signal.SIGINT)
    if not callable(stop) or stop is signal.default_int_handler:
        return

    def end(signum: int, frame: FrameType | None) -> None:
        server.draining = True
        stop(signum, frame)

    signal.signal(signal.SIGINT, end)


def _document_raw_handlers(app: FastAPI) -> None:
    """Adds what FastAPI does not see in handlers that read the request raw to the OpenAPI document."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        _, schemas = models_json_schema(
            [(model, "validation") for model in ingest_api.BODIES], ref_template="#/components/schemas/{model}"
        )
        document["components"]["schemas"].update(schemas["$defs"])
        scheme = api_key.model.model_dump(mode="json", by_alias=True, exclude_none=True)
        document["components"]["securitySchemes"][api_key.scheme_name] = scheme
        return document

    app.openapi = openapi
