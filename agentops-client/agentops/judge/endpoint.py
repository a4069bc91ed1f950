"""An endpoint that speaks OpenAI's HTTP interface: retries, patience, concurrency, a budget. It knows no judging.

https://platform.openai.com/docs/api-reference/chat and /embeddings; vLLM, llama.cpp, Ollama, LiteLLM and others speak
the same.
"""

import json
import os
import random
import ssl
import threading
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import httpx2

from agentops.judge.spending import Estimate, Ledger, OverBudget, Prices, Spending, estimated_tokens
from agentops.judge.transfer import Cut, Reply, post
from agentops.version import __version__
from agentops.wire import retry_after_s

_RETRIED = {408, 425, 429, 500, 502, 503, 504, 529}
_BACKOFF_S_MAX = 8.0
_FAILURES_MAX = 3
"""After so many in a row the endpoint is left alone for a while: a batch of evaluations must not wait for each."""
_PAUSE_S_MAX = 600.0
_DETAIL_CHARS_MAX = 200
_TOKENS_MAX = 100_000_000
"""No model reads more; who says so is not believed."""


class Failed(Exception):
    """There is no answer of use. The message says why, in the middle of a sentence."""

    def __init__(self, why: str, *, status: int | None = None) -> None:
        super().__init__(why)
        self.status = status


class Spent(Failed):
    """The budget is spent: nobody was asked."""


class LeftAlone(Failed):
    """It failed too often: nobody was asked."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one question may take, and how hard it is tried."""

    timeout_s: float = 30.0
    """For one request."""
    total_s: float = 60.0
    """For all attempts and the waits between them."""
    attempts_max: int = 3
    backoff_s: float = 0.5
    """The wait before the second attempt is below this, before the next below twice as much, and so on."""
    concurrency_max: int = 4
    """Requests at one time; others wait for their turn within `total_s`."""
    pause_s: float = 30.0
    """After three failures in a row nothing is asked for so long."""

    def until(self) -> float:
        """When a question asked now is given up, by the monotonic clock."""
        return time.monotonic() + self.total_s


class Endpoint:
    """One model at one address. Threads share it."""

    def __init__(
        self,
        base_url: str,
        model: str,
        api_key: str | None = None,
        *,
        prices: Prices | None = None,
        budget_usd: float | None = None,
        patience: Patience | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`base_url` is what `/chat/completions` comes after, such as `https://api.example.com/v1`.

        When the next call is estimated to cost more than is left of `budget_usd`, no call is made any more. An answer
        may be longer than estimated, so that what is on its way then can go beyond it. Raises ValueError.
        """
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("base_url must look like https://api.example.com/v1")
        if not model:
            raise ValueError("an endpoint needs the name of a model")
        if api_key and not (api_key.isascii() and api_key.isprintable()):
            raise ValueError("the API key has characters that no key has")
        self.base_url = base_url.rstrip("/")
        self.model = model
        self.patience = patience or Patience()
        self._headers = {"User-Agent": f"agentops-client/{__version__}", **(headers or {})}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"
        self.ledger = Ledger(prices, budget_usd)
        # Reading the certificates takes long: once, and not in a thread that a fork may cut.
        is_tls = parts.scheme == "https"
        self._trust = httpx2.create_ssl_context() if is_tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.renew()
        _all.add(self)

    def renew(self) -> None:
        """Begins with nobody waiting, as a forked child does."""
        self._turns = threading.BoundedSemaphore(self.patience.concurrency_max)
        self._failures = 0
        self._paused_until = 0.0
        self.ledger.renew()

    @property
    def spending(self) -> Spending:
        """What was asked of it, and what that cost."""
        return self.ledger.spending

    def ask(self, path: str, body: Mapping[str, Any], *, until: float, output_tokens: int) -> dict[str, Any]:
        """The JSON object that it answers a POST with, before that moment of the monotonic clock. Raises Failed.

        `output_tokens` is how long the answer is expected to be at most, for the budget; the endpoint is not told.
        """
        self._check_pause()
        # ASCII only: half a surrogate pair is no reason for an exception, and is U+FFFD to the model.
        text = json.dumps(body).encode("ascii")
        if not self._turns.acquire(timeout=max(0.0, until - time.monotonic())):
            raise Failed("too many other questions are waiting for the endpoint")
        try:
            # Those whose turn it was may have failed.
            self._check_pause()
            answer = self._try(path, text, until, Estimate(estimated_tokens(len(text)), output_tokens))
        except Failed as error:
            self._note_failure(error)
            raise
        finally:
            self._turns.release()
        self._failures = 0
        return answer

    def _try(self, path: str, body: bytes, until: float, estimate: Estimate) -> dict[str, Any]:
        """Asks until there is an answer, or no time or attempt is left."""
        attempt = 0
        while True:
            attempt += 1
            asked_s = 0.0
            try:
                reply = self._once(path, body, until, estimate)
            except Cut as error:
                failure = Failed(str(error))
            else:
                if reply.status < 300:
                    return _object(reply)
                failure = Failed(_told(reply), status=reply.status)
                if reply.status not in _RETRIED:
                    raise failure
                asked_s = retry_after_s(reply.headers) or 0.0
                if asked_s > until - time.monotonic():
                    self._paused_until = time.monotonic() + min(asked_s, _PAUSE_S_MAX)
            bound_s = min(_BACKOFF_S_MAX, self.patience.backoff_s * 2 ** (attempt - 1))
            wait_s = asked_s + random.uniform(0, bound_s)  # noqa: S311 - these dice decide nothing secret
            if attempt >= self.patience.attempts_max or time.monotonic() + wait_s >= until:
                raise failure
            time.sleep(wait_s)

    def _once(self, path: str, body: bytes, until: float, estimate: Estimate) -> Reply:
        try:
            self.ledger.reserve(estimate)
        except OverBudget:
            raise Spent("the budget is spent") from None
        usage: Estimate | None = estimate
        is_estimated = failed = True
        try:
            left_s = max(0.001, until - time.monotonic())
            timeout_s = min(self.patience.timeout_s, left_s)
            reply = post(self.base_url + path, body, self._headers, trust=self._trust, timeout_s=timeout_s)
            failed = reply.status >= 300
            usage = None if failed else _usage(reply)
            is_estimated = usage is None and not failed
            if is_estimated:
                usage = Estimate(estimate.input_tokens, estimated_tokens(len(reply.body)))
            return reply
        finally:
            # A call without an answer may be billed all the same: its estimate counts.
            self.ledger.settle(estimate, usage, is_estimated=is_estimated, failed=failed)

    def _check_pause(self) -> None:
        if time.monotonic() < self._paused_until:
            raise LeftAlone("the endpoint failed before and is left alone for a while")

    def _note_failure(self, error: Failed) -> None:
        if isinstance(error, Spent | LeftAlone) or (error.status is not None and error.status not in _RETRIED):
            return  # It is there; what it was asked was wrong.
        self._failures += 1
        if self._failures >= _FAILURES_MAX:
            self._paused_until = max(self._paused_until, time.monotonic() + self.patience.pause_s)
            self._failures = 0


def _object(reply: Reply) -> dict[str, Any]:
    try:
        found: object = json.loads(reply.body)
    except (ValueError, RecursionError):
        kind = reply.headers.get("Content-Type", "nothing in particular").partition(";")[0][:40]
        raise Failed(f"the endpoint answered {kind} that is not JSON") from None
    if not isinstance(found, dict):
        raise Failed("the endpoint's answer is not a JSON object")
    return cast("dict[str, Any]", found)


def _told(reply: Reply) -> str:
    """What a refusal says of itself, which is never shown to be more than text."""
    detail = reply.body[: _DETAIL_CHARS_MAX * 4].decode("utf-8", "replace").replace("\n", " ")[:_DETAIL_CHARS_MAX]
    return f"the endpoint answered {reply.status}: {detail}"


def _usage(reply: Reply) -> Estimate | None:
    """The tokens that it counted, where it says something that can be true."""
    try:
        told = _object(reply).get("usage")
    except Failed:
        return None
    if not isinstance(told, dict):
        return None
    usage = cast("dict[str, Any]", told)
    counts = [usage.get("prompt_tokens"), usage.get("completion_tokens", 0)]
    known = [count for count in counts if isinstance(count, int) and 0 <= count <= _TOKENS_MAX]
    return Estimate(*known) if len(known) == len(counts) else None


_all: weakref.WeakSet[Endpoint] = weakref.WeakSet()


def _renew() -> None:
    for endpoint in list(_all):
        endpoint.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
