"""What all clients have in common: they record without waiting, and hurt nobody when that fails."""

import os
import random
import sys
import zlib
from collections.abc import Callable
from typing import Any, TypeVar, Unpack, cast, overload
from uuid import UUID

from agentops import events
from agentops.config import Bounds, Redact, configure, judge_settings
from agentops.detect import Detector
from agentops.events import Event, Fields, event_of
from agentops.judge.environment import detector_of
from agentops.notices import ONCE, warn
from agentops.outbox import Delivery
from agentops.redaction import redacted_by
from agentops.results import Evaluation
from agentops.scoring import degraded, evaluate, scores_of
from agentops.sender import Sender
from agentops.throughput import Throughput, tracker
from agentops.trace import Observer, Trace, TraceFields, observed
from agentops.version import __version__

F = TypeVar("F", bound=Callable[..., Any])
Captured = Callable[[dict[str, Any]], None]

captures: list[Captured] = []
"""`agentops.testing` puts its listener here: what is recorded then goes there, and nowhere else."""


class Recorder:
    """The part of a client that records."""

    def __init__(
        self,
        api_key: str | None = None,
        api_url: str | None = None,
        track_throughput: bool = True,  # noqa: FBT001, FBT002 - SDK 0.2 takes it by position
        auto_upload: bool = True,  # noqa: FBT001, FBT002 - SDK 0.2 takes it by position
        *,
        enabled: bool | None = None,
        sample_rate: float | None = None,
        spool_dir: str | os.PathLike[str] | None = None,
        redact: Redact | None = None,
        detector: Detector | None = None,
        raise_errors: bool | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        self._config = configure(
            api_key=api_key,
            api_url=api_url,
            enabled=enabled,
            sample_rate=sample_rate,
            spool_dir=spool_dir,
            redact=redact,
            raise_errors=raise_errors,
            bounds=bounds,
        )
        self.api_key = self._config.api_key
        self.api_url = self._config.api_url
        self.track_throughput = track_throughput
        self.auto_upload = auto_upload
        self._detector = detector or detector_of(judge_settings())
        # A detector that waits for others may say how many answers it takes together.
        self._sender = Sender(self._config, self._encode, getattr(self._detector, "concurrency_max", 1))
        if self._config.enabled and not self._config.can_send and not captures:
            missing = "AGENTOPS_API_URL" if self.api_key else "AGENTOPS_API_KEY"
            warn("local", f"{missing} is not set: evaluations stay in this process.", every_s=ONCE)

    @staticmethod
    def version() -> str:
        """The version of this package."""
        return __version__

    def record(self, prompt: str, response: str, **fields: Unpack[Fields]) -> UUID | None:
        """Sends scores made elsewhere, in the background. The evaluation's id; None where it is not sent.

        A `created_at` without an offset is local time.
        Raises nothing (but under pytest) and waits for nothing: what cannot be queued is counted in `delivery()`.
        """
        return self._record_or_log({"prompt": prompt, "response": response, **fields})

    def trace(self, prompt: str = "", **fields: Unpack[TraceFields]) -> Trace:
        """A block that becomes an evaluation: `with ops.trace(question) as trace: trace.response = ...`."""
        return Trace(self, prompt, **fields)

    @overload
    def observe(self, function: F) -> F: ...
    @overload
    def observe(
        self,
        *,
        prompt: str | None = None,
        retrieved_docs: str | None = None,
        response: Callable[[Any], str] | None = None,
        model_name: str | None = None,
        agent_name: str | None = None,
    ) -> Callable[[F], F]: ...
    def observe(
        self,
        function: F | None = None,
        *,
        prompt: str | None = None,
        retrieved_docs: str | None = None,
        response: Callable[[Any], str] | None = None,
        model_name: str | None = None,
        agent_name: str | None = None,
    ) -> F | Callable[[F], F]:
        """Makes each call of a function an evaluation, scored and sent in the background.

        `prompt` and `retrieved_docs` name its parameters (usual names are found without); `response` makes text of
        what it returns, or of the list of what it yields. Without `agent_name` the function's own name is taken.
        """

        def decorate(inner: F) -> F:
            if isinstance(inner, classmethod | staticmethod):
                # `@ops.observe` stands above `@classmethod`: what is called is the function within.
                method = cast("Any", inner)
                return type(method)(decorate(method.__func__))
            labels = {"model_name": model_name, "agent_name": agent_name or getattr(inner, "__name__", None)}
            observer = Observer(
                self, inner, prompt=prompt, retrieved_docs=retrieved_docs, response=response, labels=labels
            )
            return observed(inner, observer)

        return decorate if function is None else decorate(function)

    def delivery(self) -> Delivery:
        """What became of the evaluations that this process recorded, and of those it found in the spool."""
        return self._sender.delivery()

    def metrics(self) -> Throughput:
        """How many evaluations this process made, how long they took, and how many that is a second."""
        return tracker.stats()

    def reset_metrics(self) -> None:
        """Counts from nothing again."""
        tracker.reset()

    def start_session(self) -> None:
        """Counts from nothing again, for a new session."""
        tracker.reset()

    def end_session(self) -> Throughput:
        """The session's figures."""
        return tracker.stats()

    def record_unscored(self, fields: dict[str, Any]) -> None:
        """Records what a trace became; it is scored in the background. Raises what is wrong with it."""
        self._enqueue(fields, unscored=True)

    def do_or_log(self, step: Callable[[], None]) -> None:
        """Does it; what it raises is logged and not raised (but under pytest)."""
        try:
            step()
        except Exception as error:  # noqa: BLE001 - the application must not fail because it is watched
            self._log_or_raise(error)

    def _evaluate(
        self,
        prompt: str,
        response: str,
        retrieved_docs: object,
        *,
        upload: bool | None,
        latency_s: float | None,
        labels: dict[str, Any],
    ) -> Evaluation:
        documents: list[str] = []
        try:
            latency_s = None if latency_s is None else events.latency_of(latency_s)
        except Exception as error:  # noqa: BLE001 - it is no number, whatever it does; the verdict needs none
            self._log_or_raise(error)
            latency_s = None
        try:
            documents = events.documents_of(retrieved_docs)
            found = evaluate(
                self._detector,
                prompt,
                response,
                documents,
                track_throughput=self.track_throughput,
                latency_s=latency_s,
            )
        except Exception as error:  # noqa: BLE001 - the application must not fail because its answer cannot be judged
            self._log_or_raise(error)
            found = degraded(error)
        if self.auto_upload if upload is None else upload:
            fields = {"prompt": prompt, "response": response, "retrieved_docs": documents or None, **labels}
            scores = {name: value for name, value in found.items() if name in events.Scores.__annotations__}
            id = self._record_or_log(fields | scores)
            found["id"] = None if id is None else str(id)
        return found

    def _record_or_log(self, fields: dict[str, Any]) -> UUID | None:
        try:
            return self._enqueue(fields, unscored=False)
        except Exception as error:  # noqa: BLE001 - the application must not fail because it is watched
            self._log_or_raise(error)
            return None

    def _enqueue(self, fields: dict[str, Any], *, unscored: bool) -> UUID | None:
        """Samples, redacts, checks and queues it; the id, None where it is not sent. Raises what is wrong with it."""
        if not (self._config.can_send or (captures and self._config.enabled)):
            self._check(fields)
            return None
        if not self._is_sampled(fields.get("session_id")):
            self._sender.count("sampled_out")
            self._check(fields)
            return None
        if self._config.redact:
            try:
                redacted = redacted_by(self._config.redact, fields)
            except Exception:
                # Nothing leaves that was not redacted.
                self._sender.drop("redaction_failed")
                raise
            if redacted is None:
                self._sender.drop("redacted")
                return None
            fields = redacted
        try:
            event = event_of(fields, unscored=unscored)
        except Exception:
            self._sender.drop("invalid")
            raise
        if captures:
            captures[-1](self._scored(event))
        elif not self._sender.put(event):
            return None
        return UUID(event.fields["id"])

    def _check(self, fields: dict[str, Any]) -> None:
        """Raises what is wrong with an evaluation that is not sent, where mistakes are to raise."""
        if not self._raises_errors:
            return
        redacted = redacted_by(self._config.redact, fields) if self._config.redact else fields
        if redacted is not None:
            event_of(redacted)

    def _is_sampled(self, session_id: object) -> bool:
        rate = self._config.sample_rate
        if rate >= 1:
            return True
        if isinstance(session_id, str):
            # A conversation is kept whole or not at all.
            return zlib.crc32(session_id.encode(errors="replace")) / 2**32 < rate
        return random.random() < rate  # noqa: S311 - these dice decide nothing secret

    def _encode(self, event: Event) -> bytes:
        # In the thread that sends, which `SystemExit` and `CancelledError` would end for good.
        return events.encode(self._scored(event, but=BaseException))

    def _scored(self, event: Event, but: type[BaseException] = Exception) -> dict[str, Any]:
        """The event's fields, with scores; without them where the detector raises `but`."""
        if not event.unscored:
            return event.fields
        fields = event.fields
        try:
            found = self._detector.detect(fields["prompt"], fields["response"], fields.get("retrieved_docs", []))
        except but as error:
            # An answer without scores is better than none.
            warn("detector", f"Answers are sent without scores, because the detector failed: {error!r}")
            return fields | {"status": "degraded"}
        return fields | {name: value for name, value in scores_of(found).items() if value is not None}

    def _log_or_raise(self, error: Exception) -> None:
        if self._raises_errors:
            raise error
        warn(f"forgiven {type(error).__name__}", f"agentops left something out: {error!r}", error=error)

    @property
    def _raises_errors(self) -> bool:
        raises = self._config.raise_errors
        return _is_under_pytest() if raises is None else raises


def _is_under_pytest() -> bool:
    # The variable alone is inherited by programs that a test starts.
    return "PYTEST_CURRENT_TEST" in os.environ and "pytest" in sys.modules
