"""A language model as judge: it says of each claim what the documents say of it, and must show where.

What it says counts only where it can be checked: `answer` tells what that takes. Whatever cannot be believed, or
cannot be had, leaves the local result standing, with `status="degraded"` and the reason in `notes`.
"""

import json
import os
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, cast

from agentops.detect import Detection, Detector, Label, LocalDetector
from agentops.judge.answer import Distrusted, Unreadable, Verdict, believed, verdicts_of
from agentops.judge.cache import Cache, key_of
from agentops.judge.chat import Chat
from agentops.judge.endpoint import Endpoint, Failed
from agentops.judge.merge import NAME_CHARS_MAX, NOT_CHECKABLE, Judged, merged
from agentops.judge.question import SCHEMA, evidence_sentences, question_of
from agentops.judge.selfcheck import SAMPLES_MIN, self_checked
from agentops.judge.spending import Spending

VERSION = "1"
_CLAIMS_A_REQUEST = 40
_CLAIMS_MAX = 200
_PROMPT_CHARS_MAX = 8_000
_OUTPUT_TOKENS_A_CLAIM = 150
_SAMPLES_MAX = 100
"""SelfCheckGPT's authors took 20. Each costs two calls."""


class LLMJudge:
    """Asks a language model about each claim of an answer. Threads may share it.

    Each question waits for the model, a second or so: in a client's background thread for what `observe` and `trace`
    record, but in the calling thread for `evaluate`. `AsyncAgentOps.evaluate` does not hold the event loop up.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        local: Detector | None = None,
        options: Mapping[str, Any] | None = None,
        evidence_chars_max: int = 60_000,
        self_check_samples: int = 0,
        cache_entries_max: int = 1_000,
        cache_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        """`local` splits the answer into claims and is the result that remains when the judge fails.

        `options` are fields of the requests beside those made here (default: `temperature` 0). With
        `self_check_samples`, from 2 to 100, answers without documents are compared with so many other answers of the
        model. `cache_entries_max=0` asks each time. Raises ValueError.
        """
        if self_check_samples and not SAMPLES_MIN <= self_check_samples <= _SAMPLES_MAX:
            raise ValueError(f"one other answer proves nothing: self_check_samples is 0, or 2 to {_SAMPLES_MAX}")
        self._endpoint = endpoint
        self._local = local or LocalDetector()
        self._chat = Chat(endpoint, {"temperature": 0} if options is None else options)
        self._evidence_chars_max = evidence_chars_max
        self._samples = self_check_samples
        self._cache = Cache(cache_entries_max, cache_dir)
        self.name = f"llm-judge/{VERSION} {endpoint.model}"[:NAME_CHARS_MAX]
        _all.add(self)

    @property
    def spending(self) -> Spending:
        """What the judge was asked, and what that cost."""
        return self._endpoint.spending

    def renew(self) -> None:
        """Begins with locks of its own, as a forked child must."""
        self._cache.renew()

    def detect(self, prompt: str, response: str, documents: Sequence[str] | None = None) -> Detection:
        """The judge's result; without documents only where it self-checks. Raises nothing."""
        return self.review(prompt, response, documents, self._local.detect(prompt, response, documents))

    def review(self, prompt: str, response: str, documents: Sequence[str] | None, found: Detection) -> Detection:
        """As `detect`, of an answer that another detector has looked at already."""
        until = self._endpoint.patience.until()
        texts = [text for text in documents or () if text.strip()]
        if self._samples and not texts:
            return self_checked(self, prompt, response, found, until=until)
        if not found.claims:
            return found
        judged: list[Judged | str] = []
        claims = [claim.text for claim in found.claims]
        shown, left_out = evidence_sentences(claims, documents or (), self._evidence_chars_max)
        for at in range(0, min(len(claims), _CLAIMS_MAX), _CLAIMS_A_REQUEST):
            part = claims[at : at + _CLAIMS_A_REQUEST]
            try:
                verdicts = self.verdicts(prompt, part, shown, until=until)
            except (Failed, Unreadable) as error:
                judged += [str(error)] * len(part)
            else:
                judged += map(judged_by, verdicts, part, [documents or ()] * len(part))
        judged += ["the judge is asked about the first 200 at most"] * (len(claims) - len(judged))
        notes = [f"The judge was not shown {left_out} sentences, those furthest from the claims."] if left_out else []
        return merged(found, judged, scoring="llm-judge", detector=self.name, notes=notes)

    def verdicts(
        self, prompt: str, claims: Sequence[str], evidence: Sequence[str], *, until: float
    ) -> list[Verdict | Distrusted]:
        """What the judge says of each claim, given these sentences. Raises Failed and Unreadable."""
        prompt = prompt[:_PROMPT_CHARS_MAX]
        key = key_of(VERSION, self._endpoint.base_url, self._endpoint.model, prompt, claims, evidence)
        kept = self._cache.get(key)
        if kept is not None and (known := _unpacked(kept, len(claims))) is not None:
            self._endpoint.ledger.cached()
            return [*known]
        question = question_of(prompt, claims, evidence)
        output_tokens = _OUTPUT_TOKENS_A_CLAIM * (len(claims) + 2)
        content = self._chat.ask(question.messages, until=until, output_tokens=output_tokens, schema=SCHEMA)
        verdicts = verdicts_of(content, question)
        if not any(isinstance(each, Distrusted) for each in verdicts):
            self._cache.put(key, json.dumps([asdict(each) for each in verdicts]))
        return verdicts

    @property
    def samples(self) -> int:
        """How many other answers a self-check compares with."""
        return self._samples

    @property
    def concurrency_max(self) -> int:
        """How many requests are made at one time."""
        return self._endpoint.patience.concurrency_max

    def sample(self, prompt: str, number: int, *, chars: int, until: float) -> str:
        """The model's own answer to the prompt, at temperature 1; each number gets another. Raises as `verdicts`."""
        key = key_of(VERSION, "sample", self._endpoint.base_url, self._endpoint.model, prompt, number)
        if (kept := self._cache.get(key)) is not None:
            self._endpoint.ledger.cached()
            return kept
        messages = [{"role": "user", "content": prompt}]
        said = self._chat.ask(messages, until=until, output_tokens=max(500, chars), temperature=1)
        self._cache.put(key, said)
        return said


def judged_by(verdict: Verdict | Distrusted, claim: str, documents: Sequence[str]) -> Judged | str:
    """What counts of a verdict on a claim, or why nothing does."""
    found = believed(verdict, claim, documents)
    if isinstance(found, str):
        return found
    said, quote = found
    if said.verdict == "not_checkable":
        return Judged(NOT_CHECKABLE, None, None, ())
    label = cast("Label", said.verdict)
    reasons = (said.reason,) if said.reason and label != "supported" else ()
    return Judged(label, said.probability, quote, reasons)


def _unpacked(text: str, claims: int) -> list[Verdict] | None:
    """The verdicts kept as text; None where that is not what was kept."""
    try:
        items = [Verdict(**item) for item in json.loads(text)]
    except (ValueError, TypeError, RecursionError):
        return None
    return items if len(items) == claims else None


_all: weakref.WeakSet[LLMJudge] = weakref.WeakSet()


def _renew() -> None:
    for judge in list(_all):
        judge.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
