"""The client for ordinary programs."""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self
from uuid import UUID

from agentops import query
from agentops.events import Scalar
from agentops.recorder import Recorder
from agentops.results import Evaluation, Stats, StoredLabel


class AgentOps(Recorder):
    """Judges answers, and sends what it finds to AgentOps API in the background.

    Without a key and an address (`AGENTOPS_API_KEY`, `AGENTOPS_API_URL`) everything works, and nothing is sent. Make
    one and keep it: each has a queue and a thread of its own.
    """

    @property
    def evaluations(self) -> query.Evaluations:
        """The project's evaluations on the server."""
        return query.Evaluations(self._sender.server)

    def evaluate(
        self,
        prompt: str,
        response: str,
        retrieved_docs: Sequence[str] | None = None,
        model_name: str | None = None,
        agent_name: str | None = None,
        session_id: str | None = None,
        upload: bool | None = None,  # noqa: FBT001 - SDK 0.2 takes it by position
        *,
        latency_sec: float | None = None,
        metadata: Mapping[str, Scalar] | None = None,
    ) -> Evaluation:
        """Judges an answer by its documents, and sends the evaluation in the background.

        Without documents there is no verdict: `hallucinated` and `hallucination_probability` are None. `latency_sec` is
        how long the answer took; without it, how long this took, as in SDK 0.2. Raises nothing (but under pytest).
        """
        labels = {"model_name": model_name, "agent_name": agent_name, "session_id": session_id, "metadata": metadata}
        return self._evaluate(prompt, response, retrieved_docs, upload=upload, latency_s=latency_sec, labels=labels)

    def label(self, evaluation_id: UUID | str, *, hallucinated: bool, note: str | None = None) -> StoredLabel:
        """Says whether a stored answer is hallucinated; it takes the place of what was said before. Fifty of them
        calibrate the server's detector. Raises `AgentOpsError`s, such as NotFound."""
        return query.label(self._sender.server, evaluation_id, hallucinated=hallucinated, note=note)

    def stats(self, days: int = 7, *, agent_name: str | None = None, model_name: str | None = None) -> Stats:
        """Statistics of the last days, from the server. Raises `AgentOpsError`s."""
        return query.stats(self._sender.server, days, agent_name, model_name)

    def flush(self, timeout: float = 10.0) -> bool:
        """Waits at most so many seconds until everything is delivered or given up; False when that took too long."""
        return self._sender.flush(timeout)

    def close(self, timeout: float = 2.0) -> bool:
        """Delivers what it can within so many seconds, and ends; False when something was left over."""
        return self._sender.close(timeout)

    def __enter__(self) -> Self:
        self.start_session()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # As in SDK 0.2 the client goes on working; what it holds is sent in the background.
        self.end_session()
