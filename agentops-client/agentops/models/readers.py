"""How each family of models wants to be asked, and what its numbers mean.

A pair reader says for one passage of a document and one claim how likely it is that the passage supports, and that it
contradicts it. LettuceDetect reads everything at once and says it for each token of the answer.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from agentops.detect import Claim
from agentops.models.runtime import Encoded, Kind, ModelUnavailable, Runner, Tokenizer


@dataclass(frozen=True, slots=True)
class Opinion:
    """Of one passage, about one claim; both in [0, 1]."""

    supported: float
    contradicted: float = 0.0


class PairReader(Protocol):
    """One family of models."""

    name: str
    kind: Kind
    chunk_tokens: int
    """How long a passage may be."""

    def ask(self, tokenizer: Tokenizer, passage: str, claim: str) -> Encoded:
        """Both as the model was trained to read them."""
        ...

    def read(self, logits: Sequence[Any]) -> Opinion:
        """What its logits mean."""
        ...


class Nli:
    """A cross-encoder for natural language inference: the pair, and three classes in the order of its own config."""

    name = "nli"
    kind: Kind = "sequence"
    chunk_tokens = 350

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Raises ModelUnavailable where `id2label` names no entailment."""
        labels = {int(number): str(label).lower() for number, label in config.get("id2label", {}).items()}
        self._entailment = next((number for number, label in labels.items() if label.startswith("entail")), None)
        self._contradiction = next((number for number, label in labels.items() if label.startswith("contra")), None)
        if self._entailment is None:
            raise ModelUnavailable("config.json must name the classes in `id2label`, one of them `entailment`")

    def ask(self, tokenizer: Tokenizer, passage: str, claim: str) -> Encoded:
        return tokenizer.encode(tokenizer.plain(passage), tokenizer.plain(claim))

    def read(self, logits: Sequence[Any]) -> Opinion:
        shares = softmax(logits)
        assert self._entailment is not None
        contradicted = shares[self._contradiction] if self._contradiction is not None else 0.0
        return Opinion(shares[self._entailment], contradicted)


class Hhem:
    """Vectara's HHEM-2.1-Open (huggingface.co/vectara/hallucination_evaluation_model): a prompt for flan-T5, of whose
    first token class 1 is "consistent"."""

    name = "hhem"
    kind: Kind = "token"
    chunk_tokens = 400
    _PROMPT = "<pad> Determine if the hypothesis is true given the premise?\n\nPremise: {}\n\nHypothesis: {}"

    def ask(self, tokenizer: Tokenizer, passage: str, claim: str) -> Encoded:
        return tokenizer.encode(self._PROMPT.format(tokenizer.plain(passage), tokenizer.plain(claim)))

    def read(self, logits: Sequence[Any]) -> Opinion:
        # The model as published answers for its first token only, T5ForTokenClassification for all.
        first: Any = logits[0]
        return Opinion(softmax(logits if isinstance(first, float) else first)[1])


class MiniCheck:
    """MiniCheck-RoBERTa and -DeBERTa (Tang, Laban, Durrett 2024, arXiv:2404.10774; github.com/Liyan06/MiniCheck):
    document and claim in one text, between them the tokenizer's end mark; class 1 is "supported"."""

    name = "minicheck"
    kind: Kind = "sequence"
    chunk_tokens = 400

    def __init__(self, end: str) -> None:
        self._end = end

    def ask(self, tokenizer: Tokenizer, passage: str, claim: str) -> Encoded:
        return tokenizer.encode(f"{tokenizer.plain(passage)}{self._end}{tokenizer.plain(claim)}")

    def read(self, logits: Sequence[Any]) -> Opinion:
        return Opinion(softmax(logits)[1])


class MiniCheckT5:
    """MiniCheck-Flan-T5-Large: `predict: `, document, end mark, claim; of the first token that it would write, 209
    means "supported" and 3 "not"."""

    name = "minicheck-t5"
    kind: Kind = "seq2seq"
    chunk_tokens = 500

    def ask(self, tokenizer: Tokenizer, passage: str, claim: str) -> Encoded:
        return tokenizer.encode(f"predict: {tokenizer.plain(passage)}</s>{tokenizer.plain(claim)}")

    def read(self, logits: Sequence[Any]) -> Opinion:
        return Opinion(softmax([logits[3], logits[209]])[1])


class Lettuce:
    """LettuceDetect (Kovács, Recski 2025, arXiv:2502.17125; github.com/KRLabsOrg/LettuceDetect): prompt with numbered
    passages, and the answer; class 1 of each of the answer's tokens is "hallucinated"."""

    name = "lettucedetect"
    kind: Kind = "token"
    _QUESTION = (
        "Briefly answer the following question:\n{question}\nBear in mind that your response should be strictly based"
        " on the following {count} passages:\n{passages}\nIn case the passages do not contain the necessary information"
        ' to answer the question, please reply with: "Unable to answer based on given passages."\noutput:'
    )
    _SUMMARY = "Summarize the following text:\n{passages}\noutput:"

    def __init__(self, tokens_max: int) -> None:
        self._tokens_max = tokens_max

    def risks(
        self,
        tokenizer: Tokenizer,
        runner: Runner,
        texts: tuple[str, str],
        claims: Sequence[Claim],
        documents: Sequence[str],
    ) -> list[float] | str:
        """For each claim of the answer, how likely its worst token is hallucinated; or why nobody can say.

        `texts` are the question and the answer. What is too long is read in parts, and a token counts as its worst part
        says, as the authors do.
        """
        question, answer = texts
        left = self._tokens_max - tokenizer.count(answer) - tokenizer.count(self._prompt(question, [""])) - 8
        if left < self._tokens_max // 8:
            return "the question and the answer are too long for the model"
        risks = [0.0] * len(claims)
        for passages in _grouped(tokenizer, [tokenizer.plain(document) for document in documents], left):
            # The answer is not made plain: its offsets are what is wanted. A mark in it can only end the answer.
            encoded = tokenizer.encode(self._prompt(tokenizer.plain(question), passages), answer)
            logits = runner.logits(encoded)
            for at, claim in enumerate(claims):
                of_claim = [
                    softmax(logits[token])[1]
                    for token, (start, end) in enumerate(encoded.offsets)
                    if encoded.texts[token] == 1 and start < claim.end and end > claim.start
                ]
                risks[at] = max([risks[at], *of_claim])
        return risks

    def _prompt(self, question: str, passages: Sequence[str]) -> str:
        listed = "\n".join(f"passage {number}: {text}" for number, text in enumerate(passages, 1))
        if not question.strip():
            return self._SUMMARY.format(passages=listed)
        return self._QUESTION.format(question=question, count=len(passages), passages=listed)


def softmax(logits: Sequence[float]) -> list[float]:
    """Shares that add up to 1."""
    highest = max(logits)
    powers = [math.exp(logit - highest) for logit in logits]
    return [power / sum(powers) for power in powers]


def _grouped(tokenizer: Tokenizer, documents: Sequence[str], tokens_max: int) -> list[list[str]]:
    """The documents in as few groups as fit; one that is too long alone is halved until it fits."""
    groups: list[list[str]] = [[]]
    left = tokens_max
    waiting = list(reversed(documents))
    while waiting:
        document = waiting.pop()
        length = tokenizer.count(f"passage 10: {document}\n")
        if length > tokens_max and len(document) > 1:
            middle = document.rfind(" ", 1, len(document) // 2 + 1)
            middle = middle if middle > 0 else len(document) // 2
            waiting += (document[middle:], document[:middle])
            continue
        if length > left and groups[-1]:
            groups.append([])
            left = tokens_max
        groups[-1].append(document)
        left -= length
    return groups
