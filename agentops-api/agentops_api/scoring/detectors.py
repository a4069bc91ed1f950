"""Runs the detector beside the server: in processes of its own, few, each with one answer at a time.

The detector is plain Python and may take a second for a long answer. In a thread it would hold the interpreter's lock
for five milliseconds at a time, and each of the event loop's turns would wait for it. A process can also be ended
when it takes too long, which a pool of `concurrent.futures` cannot do, and it ends by itself when the server is killed.
"""

import asyncio
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TypedDict
from uuid import UUID

import orjson

from agentops_api.detect import ProfileName, Status
from agentops_api.detect.wire import SentClaim
from agentops_api.errors import AgentOpsError, TooManyRequests, Unavailable
from agentops_api.scoring import child

WAITING_MAX = 32
WAITING_PER_PROJECT_MAX = 16
SECONDS_MAX = 10.0
_RETRY_AFTER_S = 2
_SOURCES = Path(__file__).resolve().parents[2]
"""Where `agentops_api` is imported from, which need not be where the server was started."""
_log = logging.getLogger(__name__)


class DetectorFailed(AgentOpsError):
    """The detector could not judge this answer; another attempt would end the same way."""


class TookTooLong(DetectorFailed):
    """The time was over: because of the answer, or because the machine stood still."""


class _Ended(Exception):
    """The process ended before it answered."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is to be judged, and how."""

    prompt: str
    response: str
    documents: Sequence[str]
    profile: ProfileName | Literal["auto"] = "auto"
    scoring: Literal["grounding", "legacy"] = "grounding"
    recalibration: Mapping[str, object] | None = None
    """A calibration's parameters."""


class Found(TypedDict):
    """What the detector found, as the fields of an evaluation."""

    semantic_drift: float
    uncertainty: float
    factual_support: float | None
    hallucination_probability: float | None
    hallucinated: bool | None
    mode: str
    status: Status
    scoring: str
    detector: str
    claims: list[SentClaim]


class Detectors:
    """The processes. They start when they are needed first, and end with the context."""

    def __init__(self, *, processes_max: int, seconds_max: float = SECONDS_MAX) -> None:
        self._places = asyncio.Semaphore(processes_max)
        self._seconds_max = seconds_max
        self._idle: list[Process] = []
        self._waiting = Counter[UUID]()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._idle:
            await _end(self._idle.pop())

    @contextmanager
    def place(self, project_id: UUID) -> Generator[None]:
        """A place in the line, for who cannot wait long. Raises TooManyRequests or Unavailable when it is full."""
        if self._waiting[project_id] >= WAITING_PER_PROJECT_MAX:
            message = f"{WAITING_PER_PROJECT_MAX} answers of this project are being judged; wait for one to end."
            raise TooManyRequests(message, retry_after_s=_RETRY_AFTER_S)
        if self._waiting.total() >= WAITING_MAX:
            message = "As many answers are being judged as the server can hold; send the same request again."
            raise Unavailable(message, retry_after_s=_RETRY_AFTER_S)
        self._waiting[project_id] += 1
        try:
            yield
        finally:
            self._waiting[project_id] -= 1
            self._waiting = +self._waiting

    async def detect(self, answer: Answer) -> Found:
        """What the detector says. Waits its turn. Raises DetectorFailed; Unavailable where no process can be started,
        which is no answer's fault."""
        async with self._places:
            if self._idle:
                try:
                    return await self._asked(self._idle.pop(), answer)
                except _Ended:
                    # Perhaps before it was asked: it is not this answer's fault until a new one ends too.
                    _log.warning("a detector's process ended; a new one is asked")
            try:
                process = await _start()
            except OSError as error:
                _log.exception("a detector's process could not be started")
                message = "The detector could not be started; the server's log says why."
                raise Unavailable(message, retry_after_s=10) from error
            try:
                return await self._asked(process, answer)
            except _Ended as error:
                _log.exception("a detector's process ended while it was asked")
                raise DetectorFailed("The detector failed at this answer; the server's log says why.") from error

    async def _asked(self, process: Process, answer: Answer) -> Found:
        """What this process says, which is idle then, or ended. Raises DetectorFailed and _Ended."""
        try:
            async with asyncio.timeout(self._seconds_max):
                found = await _ask(process, answer)
        except TimeoutError:
            message = f"The detector took more than {self._seconds_max:g} seconds for this answer."
            raise TookTooLong(message) from None
        except (OSError, asyncio.IncompleteReadError) as error:
            raise _Ended from error
        else:
            self._idle.append(process)
            return found
        finally:
            # Whatever came between, its answer must not be taken for the next one's.
            if process not in self._idle:
                await _end(process)


async def _start() -> Process:
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "PYTHONPATH") if name in os.environ}
    path = os.pathsep.join(filter(None, (str(_SOURCES), kept.get("PYTHONPATH"))))
    # A session of its own: Ctrl-C at the terminal is the server's to handle.
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", child.__name__),
        stdin=PIPE,
        stdout=PIPE,
        # None of the server's secrets: they are in its environment.
        env=kept | {"PYTHONPATH": path},
        start_new_session=True,
    )


async def _ask(process: Process, answer: Answer) -> Found:
    assert process.stdin is not None
    assert process.stdout is not None
    if process.stdin.is_closing():
        # uvloop raises RuntimeError for who writes to it then.
        raise BrokenPipeError
    question = orjson.dumps(answer)
    process.stdin.write(len(question).to_bytes(child.LENGTH_BYTES) + question)
    await process.stdin.drain()
    length = int.from_bytes(await process.stdout.readexactly(child.LENGTH_BYTES))
    return orjson.loads(await process.stdout.readexactly(length))


async def _end(process: Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
    await process.communicate()
