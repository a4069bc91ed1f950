"""The client for programs on asyncio: the same, and what waits is awaited."""

import asyncio
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self
from uuid import UUID

from agentops import query
from agentops.events import Scalar
from agentops.recorder import Recorder
from agentops.results import Evaluation, Stats, StoredLabel


class AsyncAgentOps(Recorder):
    """Judges answers in a thread, and sends what it finds in the background. `record` and `trace` never wait."""

    @property
    def evaluations(self) -> query.AsyncEvaluations:
        """The project's evaluations on the server."""
        return query.AsyncEvaluations(self._config)

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
        """As `AgentOps.evaluate`; the event loop goes on meanwhile."""
        labels = {"model_name": model_name, "agent_name": agent_name, "session_id": session_id, "metadata": metadata}
        return await asyncio.to_thread(
            self._evaluate, prompt, response, retrieved_docs, upload=upload, latency_s=latency_sec, labels=labels
        )

    async def label(self, evaluation_id: UUID | str, *, hallucinated: bool, note: str | None = None) -> StoredLabel:
        """Says whether a stored answer is hallucinated; it takes the place of what was said before. Fifty of them
        calibrate the server's detector. Raises `AgentOpsError`s, such as NotFound."""
        return await query.label_async(self._config, evaluation_id, hallucinated=hallucinated, note=note)

    async def stats(self, days: int = 7, *, agent_name: str | None = None, model_name: str | None = None) -> Stats:
        """Statistics of the last days, from the server. Raises `AgentOpsError`s."""
        return await query.stats_async(self._config, days, agent_name, model_name)

    async def flush(self, timeout: float = 10.0) -> bool:
        """Waits at most so many seconds until everything is delivered or given up; False when that took too long."""
        return await asyncio.to_thread(self._sender.flush, timeout)

    async def close(self, timeout: float = 2.0) -> bool:
        """Delivers what it can within so many seconds, and ends; False when something was left over."""
        return await asyncio.to_thread(self._sender.close, timeout)

    async def __aenter__(self) -> Self:
        self.start_session()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end_session()
        await self.close()
