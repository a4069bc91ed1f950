"""Sends an export to somebody who downloads it: as fast as they take it, holding little of it, and not for ever."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from uuid import UUID

from anyio import CapacityLimiter
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from agentops_api import tasks
from agentops_api.errors import AgentOpsError, TooManyRequests, Unavailable
from agentops_api.evaluations.models import Filters
from agentops_api.exports.flow import Flow, Form, Left
from agentops_api.telemetry.store import EvaluationStore

AT_ONCE_PER_PROJECT_MAX = 2
STALL_S_MAX = 60.0
"""A client that takes nothing for so long is given up, and its transaction with it."""
_BUSY_RETRY_S = 15
_log = logging.getLogger(__name__)


class Downloads:
    """Those that run: each holds a connection, a transaction and a thread, so they are few."""

    def __init__(self, store: EvaluationStore, *, at_once_max: int, seconds_max: int) -> None:
        self.store = store
        self.seconds_max = seconds_max
        # Threads of their own: downloads that wait for their clients keep nothing else waiting.
        self.threads = CapacityLimiter(at_once_max)
        self._at_once_max = at_once_max
        self._running = Counter[UUID]()

    @contextmanager
    def place(self, project_id: UUID) -> Generator[None]:
        """One of the places. Raises TooManyRequests or Unavailable when none is free."""
        if self._running[project_id] >= AT_ONCE_PER_PROJECT_MAX:
            message = f"{AT_ONCE_PER_PROJECT_MAX} exports of this project are being downloaded; wait for one to end."
            raise TooManyRequests(message, retry_after_s=_BUSY_RETRY_S)
        if self._running.total() >= self._at_once_max:
            message = "As many exports are being downloaded as the server allows (EXPORTS_MAX); try again later."
            raise Unavailable(message, retry_after_s=_BUSY_RETRY_S)
        self._running[project_id] += 1
        try:
            yield
        finally:
            self._running[project_id] -= 1
            self._running = +self._running


@dataclass(frozen=True, slots=True)
class Export:
    """What is to be written, and how."""

    project_id: UUID
    filters: Filters
    form: Form


class Download(Response):
    """The answer: what fails before its first byte is a problem document; what fails later cuts it."""

    def __init__(self, downloads: Downloads, export: Export, headers: dict[str, str]) -> None:
        self._downloads, self._export = downloads, export
        self.status_code, self.background = 200, None
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        export, downloads = self._export, self._downloads
        with downloads.place(export.project_id):
            async with aclosing(downloads.store.scan(export.project_id, export.filters)) as portions:
                first = await anext(portions, None)
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                flow = Flow(portions, lambda part: send_part(send, part), seconds_max=downloads.seconds_max)
                watching = asyncio.create_task(until_gone(receive, flow.leave))
                try:
                    await flow.write(export.form, threads=downloads.threads, first=first)
                except Left:
                    return
                except (AgentOpsError, TimeoutError) as error:
                    # Without its last chunk: every HTTP client reports that.
                    _log.warning("An export was cut: %s", error)
                    return
                finally:
                    await tasks.end(watching)
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def send_part(send: Send, part: bytes) -> None:
    """Returns when the client's connection took it. Raises TimeoutError when it takes nothing for a minute."""
    try:
        async with asyncio.timeout(STALL_S_MAX):
            await send({"type": "http.response.body", "body": part, "more_body": True})
    except TimeoutError:
        raise TimeoutError(f"its client took nothing for {STALL_S_MAX:.0f} s") from None


async def until_gone(receive: Receive, leave: Callable[[], None]) -> None:
    """Waits until the client has left, and says so."""
    while (await receive())["type"] != "http.disconnect":
        pass
    leave()
