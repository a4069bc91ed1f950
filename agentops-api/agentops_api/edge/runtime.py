"""What a handler may use: the parts that `app.py` built for this process, behind one typed name."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from starlette.requests import Request

from agentops_api.auth.authenticate import Authenticator
from agentops_api.db.pool import Database
from agentops_api.edge.limits import Limiter
from agentops_api.edge.workers import Workers
from agentops_api.evaluations.models import Window
from agentops_api.evaluations.tail import Streams
from agentops_api.exports.download import Downloads
from agentops_api.jobs.worker import Worker
from agentops_api.metrics import Requests
from agentops_api.scoring.detectors import Detectors
from agentops_api.settings import Settings
from agentops_api.telemetry.store import EvaluationStore
from agentops_api.telemetry.writer import Writer


@dataclass(slots=True)
class Runtime:
    """The parts of a running server. Made in the application's lifespan, kept in `app.state.runtime`."""

    settings: Settings
    db: Database
    pools: Mapping[str, Database]
    """All connections, by what they are for; `db` is the first of them."""
    store: EvaluationStore
    writer: Writer
    window: Window
    authenticator: Authenticator
    limiter: Limiter
    downloads: Downloads
    streams: Streams
    detectors: Detectors
    """Judge answers, beside the server."""
    requests: Requests
    worker: Worker
    """Does jobs here if `JOBS_IN_SERVER` says so; it knows the queue either way."""
    version: str
    workers: Workers | None = None
    """The others that serve the same port, where there are any."""
    draining: bool = False
    """The process was told to stop: it finishes what it has, and is not ready for more."""
    started_monotonic: float = field(default_factory=time.monotonic)


def runtime(request: Request) -> Runtime:
    """The parts of the server that answers this request."""
    return cast(Runtime, request.app.state.runtime)
