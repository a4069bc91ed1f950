"""The client for programs on asyncio: the same, and what waits is awaited."""

import threading
from collections.abc import Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Self
from uuid import UUID

from agentops import query
from agentops.events import Scalar
from agentops.recorder import Recorder
from agentops.results import Evaluation, Stats, StoredLabel
from agentops.threads import AwaitedThreads, waiting

_judging = AwaitedThreads("agentops-judging", 32)
"""Apart from those that wait: a judge that hangs holds up no delivery."""


class AsyncAgentOps(Recorder):
    """Judges answers in a thread, and sends what it finds in the background. `record` and `trace` never wait."""

    @property
    def evaluations(self) -> query.AsyncEvaluations:
        """The project's evaluations on the server."""
        return query.AsyncEvaluations(self._sender.server)

    async def evaluate(
        self,
        prompt: str,
        response: str,
        retrieved_docs: Sequence[str] | None = None,
        *,
        model_name: str | None = None,
        agent_name: str | None = None,
        session_id: str | None = None,
        upload: bool | None = None,
        latency_sec: float | None = None,
        metadata: Mapping[str, Scalar] | None = None,
    ) -> Evaluation:
        """As `AgentOps.evaluate`; the event loop goes on meanwhile. At most 32 answers are judged at one time."""
        labels = {"model_name": model_name, "agent_name": agent_name, "session_id": session_id, "metadata": metadata}
        judge = partial(self._evaluate, upload=upload, latency_s=latency_sec, labels=labels)
        return await _judging.do(partial(judge, prompt, response, retrieved_docs))

    async def label(self, evaluation_id: UUID | str, *, hallucinated: bool, note: str | None = None) -> StoredLabel:
        """Says whether a stored answer is hallucinated; it takes the place of what was said before. Fifty of them
        calibrate the server's detector. Raises `AgentOpsError`s, such as NotFound."""
        return await query.label_async(self._sender.server, evaluation_id, hallucinated=hallucinated, note=note)

    async def stats(self, days: int = 7, *, agent_name: str | None = None, model_name: str | None = None) -> Stats:
        """Statistics of the last days, from the server. Raises `AgentOpsError`s."""
        return await query.stats_async(self._sender.server, days, agent_name, model_name)

    async def flush(self, timeout: float = 10.0) -> bool:
        """Waits at most so many seconds until everything is delivered or given up; False when that took too long."""
        left = threading.Event()
        try:
            return await waiting.do(lambda: self._sender.flush(timeout, left.is_set))
        finally:
            # Where this was cancelled the thread is free for others.
            left.set()
            self._sender.wake()

    async def close(self, timeout: float = 2.0) -> bool:
        """Delivers what it can within so many seconds, and ends; False when something was left over."""
        return await waiting.do(lambda: self._sender.close(timeout))

    async def __aenter__(self) -> Self:
        self.start_session()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # As `AgentOps`: the client goes on working; what it holds is sent in the background.
        self.end_session()
