"""A model of one's own as a detector: the local one finds the claims, the model judges them."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from agentops.detect import Claim, Detection, Detector, Label, LocalDetector, Quote
from agentops.detect.text import sentences
from agentops.judge.merge import NAME_CHARS_MAX, NOT_CHECKABLE, Judged, merged
from agentops.models.readers import Hhem, Lettuce, MiniCheck, MiniCheckT5, Nli, PairReader
from agentops.models.runtime import ModelUnavailable, Tokenizer, load, settings_of
from agentops.notices import warn

Directory = str | os.PathLike[str]
Runtime = Literal["auto", "onnx", "transformers"]
Judge = Callable[[str, str, Sequence[Claim], Sequence[str]], list[Judged | str]]
"""Prompt, response, its claims and the documents: what is found out about each claim."""

_EVEN = 0.5
_PASSAGES_MAX = 16
"""Of each claim's nearest passages so many are read: a model takes some 50 ms for each on one core."""
_LETTUCE_TOKENS_MAX = 4_096


class ModelDetector:
    """Judges claims by a model. Threads may share it. Made by `nli`, `hhem`, `minicheck` and `lettucedetect`."""

    def __init__(self, name: str, judge: Judge, local: Detector | None = None) -> None:
        self.name = name
        self._judge = judge
        self._local = local or LocalDetector()

    def detect(self, prompt: str, response: str, documents: Sequence[str] | None = None) -> Detection:
        """The model's result; where it fails, the local one, degraded."""
        return self.review(prompt, response, documents, self._local.detect(prompt, response, documents))

    def review(self, prompt: str, response: str, documents: Sequence[str] | None, found: Detection) -> Detection:
        """As `detect`, of an answer that another detector has looked at already."""
        # "Yes." says nothing that could be looked for in a document.
        checkable = [claim for claim in found.claims if claim.label != NOT_CHECKABLE]
        if not checkable:
            return found
        try:
            judged = self._judge(prompt, response, checkable, documents or ())
        except Exception as error:  # noqa: BLE001 - whatever a model's library raises, the local result is there
            warn("model", f"The model {self.name} failed: {error!r}", error=error)
            judged = [f"the model failed with {type(error).__name__}"] * len(checkable)
        waiting = iter(judged)
        all_judged = [
            Judged(NOT_CHECKABLE, None, None, ()) if claim.label == NOT_CHECKABLE else next(waiting)
            for claim in found.claims
        ]
        return merged(found, all_judged, scoring="model", detector=self.name)


def nli(
    directory: Directory, *, runtime: Runtime = "auto", threads: int = 1, local: Detector | None = None
) -> ModelDetector:
    """Any cross-encoder for natural language inference, such as `cross-encoder/nli-deberta-v3-base`.

    The directory has `tokenizer.json`, `config.json` and `model.onnx`, or weights for transformers. Raises
    ModelUnavailable, as the others do.
    """
    return _pairs(Nli(settings_of(directory, "config.json")), directory, runtime, threads, local)


def hhem(
    directory: Directory, *, runtime: Runtime = "auto", threads: int = 1, local: Detector | None = None
) -> ModelDetector:
    """Vectara's HHEM-2.1-Open, as `model.onnx` or as weights of a plain T5ForTokenClassification.

    Its weights as published need code of their own, which is never run: docs/judge.md tells how to convert them.
    """
    return _pairs(Hhem(), directory, runtime, threads, local)


def minicheck(
    directory: Directory, *, runtime: Runtime = "auto", threads: int = 1, local: Detector | None = None
) -> ModelDetector:
    """MiniCheck-RoBERTa-Large, -DeBERTa-v3-Large or -Flan-T5-Large; which one, `config.json` says."""
    config = settings_of(directory, "config.json")
    if config.get("model_type") == "t5":
        return _pairs(MiniCheckT5(), directory, runtime, threads, local)
    names = settings_of(directory, "tokenizer_config.json", "special_tokens_map.json")
    end: Any = names.get("eos_token") or names.get("sep_token")
    mark = end.get("content") if isinstance(end, dict) else end  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - JSON
    if not isinstance(mark, str):
        raise ModelUnavailable(f"{directory} does not say in tokenizer_config.json what its `eos_token` is")
    return _pairs(MiniCheck(mark), directory, runtime, threads, local)


def lettucedetect(
    directory: Directory, *, runtime: Runtime = "auto", threads: int = 1, local: Detector | None = None
) -> ModelDetector:
    """LettuceDetect, which reads question, documents and answer at once, and tells which words have no support."""
    tokenizer = Tokenizer(directory)
    runner = load(directory, "token", runtime=runtime, threads=threads)
    positions = settings_of(directory, "config.json").get("max_position_embeddings", _LETTUCE_TOKENS_MAX)
    reader = Lettuce(min(_LETTUCE_TOKENS_MAX, int(positions)))

    def judge(prompt: str, response: str, claims: Sequence[Claim], documents: Sequence[str]) -> list[Judged | str]:
        risks = reader.risks(tokenizer, runner, (prompt, response), claims, documents)
        if isinstance(risks, str):
            return [risks] * len(claims)
        return [
            Judged("unsupported" if risk >= _EVEN else "supported", risk, claim.evidence, _reasons(claim, risk))
            for claim, risk in zip(claims, risks, strict=True)
        ]

    return ModelDetector(_name(reader.name, runner.name, directory), judge, local)


def _pairs(
    reader: PairReader, directory: Directory, runtime: Runtime, threads: int, local: Detector | None
) -> ModelDetector:
    """A detector of a reader that compares one passage with one claim at a time."""
    tokenizer = Tokenizer(directory)
    runner = load(directory, reader.kind, runtime=runtime, threads=threads)

    def judge(prompt: str, response: str, claims: Sequence[Claim], documents: Sequence[str]) -> list[Judged | str]:
        passages = _passages(tokenizer, documents, reader.chunk_tokens)
        return [_best(claim, passages) for claim in claims]

    def _best(claim: Claim, passages: Sequence[tuple[Quote, frozenset[str]]]) -> Judged | str:
        wanted = _stems(claim.text)
        nearest = sorted(passages, key=lambda passage: -len(wanted & passage[1]))[:_PASSAGES_MAX]
        asked = [
            (quote, reader.read(runner.logits(reader.ask(tokenizer, quote.text, claim.text)))) for quote, _ in nearest
        ]
        supporting = max(asked, key=lambda each: each[1].supported)
        risk = 1 - supporting[1].supported
        if risk < _EVEN:
            return Judged("supported", risk, supporting[0], ())
        against = max(asked, key=lambda each: each[1].contradicted)
        label: Label = "contradicted" if against[1].contradicted > _EVEN else "unsupported"
        quote = against[0] if label == "contradicted" else supporting[0]
        return Judged(label, risk, quote, _reasons(claim, risk))

    return ModelDetector(_name(reader.name, runner.name, directory), judge, local)


def _passages(tokenizer: Tokenizer, documents: Sequence[str], tokens_max: int) -> list[tuple[Quote, frozenset[str]]]:
    """The documents in stretches of whole sentences, each with its stems; one sentence may be longer than allowed."""
    found: list[tuple[Quote, frozenset[str]]] = []
    for number, document in enumerate(documents):
        start = end = tokens = 0
        for sentence in sentences(document):
            length = tokenizer.count(document[sentence.start : sentence.end])
            if end and tokens + length > tokens_max:
                found.append(_passage(number, document, start, end))
                start, tokens = sentence.start, 0
            end = sentence.end
            tokens += length
        if end:
            found.append(_passage(number, document, start, end))
    return found


def _passage(number: int, document: str, start: int, end: int) -> tuple[Quote, frozenset[str]]:
    text = document[start:end]
    return Quote(number, start, end, text), _stems(text)


def _stems(text: str) -> frozenset[str]:
    return frozenset(token.stem for each in sentences(text) for token in each.tokens if token.weight)


def _reasons(claim: Claim, risk: float) -> tuple[str, ...]:
    """The model gives none; what the local detector noticed explains it as well."""
    return claim.reasons if risk >= _EVEN else ()


def _name(reader: str, runner: str, directory: Directory) -> str:
    return f"{reader}/{runner} {Path(directory).expanduser().name}"[:NAME_CHARS_MAX]
