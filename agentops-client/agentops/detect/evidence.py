"""The documents, indexed so that a claim is compared with few windows of them instead of all.

What a claim finds here depends on the set of sentences alone: neither their order between documents nor how often they
are repeated changes anything.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agentops.detect.text import Sentence, sentences

_BEGINNING_CHARS = 5
_ALIKE = 0.6
_CANDIDATES_MAX = 6
"""Windows that are looked at closely: the best by a cheap count."""


@dataclass(frozen=True, slots=True)
class Window:
    """Neighbouring sentences of one document."""

    document: int
    sentences: tuple[Sentence, ...]
    stems: frozenset[str]

    @property
    def start(self) -> int:
        return self.sentences[0].start

    @property
    def end(self) -> int:
        return self.sentences[-1].end


class Evidence:
    """Documents, read once."""

    def __init__(self, documents: Sequence[str]) -> None:
        self._sentences: list[Sentence] = []
        self._documents: list[int] = []
        self._stems: list[frozenset[str]] = []
        self._postings: dict[str, list[int]] = defaultdict(list)
        self.bigrams: set[tuple[str, str]] = set()
        self.trigrams: set[tuple[str, str, str]] = set()
        self.content_bigrams: set[tuple[str, str]] = set()
        self.words = 0
        """Tokens of all distinct sentences."""
        seen: set[tuple[str, ...]] = set()
        for document, text in enumerate(documents):
            self._read(document, sentences(text), seen)
        self._beginnings = frozenset(stem[:_BEGINNING_CHARS] for stem in self._postings if len(stem) >= _BEGINNING_CHARS)

    def __contains__(self, stem: str) -> bool:
        return stem in self._postings

    def coverage(self, stem: str) -> float:
        """1 if a document has the word, 0.6 if it has one that begins the same, else 0."""
        if stem in self._postings:
            return 1.0
        is_alike = len(stem) >= _BEGINNING_CHARS and stem[:_BEGINNING_CHARS] in self._beginnings
        return _ALIKE if is_alike else 0.0

    def _read(self, document: int, found: Iterable[Sentence], seen: set[tuple[str, ...]]) -> None:
        for sentence in found:
            stems = tuple(token.stem for token in sentence.tokens)
            if stems in seen:
                continue
            seen.add(stems)
            self.words += len(stems)
            at = len(self._sentences)
            self._sentences.append(sentence)
            self._documents.append(document)
            distinct = frozenset(stems)
            self._stems.append(distinct)
            for stem in distinct:
                self._postings[stem].append(at)
            self.bigrams.update(zip(stems, stems[1:], strict=False))
            self.trigrams.update(zip(stems, stems[1:], stems[2:], strict=False))
            content = [token.stem for token in sentence.tokens if token.weight]
            self.content_bigrams.update(zip(content, content[1:], strict=False))

    def best_window(self, weights: dict[str, float]) -> Window | None:
        """The window, of one sentence or two, that has most of those stems by weight, and of equal ones the shortest; None if
        none has any."""
        scores: dict[int, float] = defaultdict(float)
        for stem, weight in weights.items():
            for at in self._postings.get(stem, ()):
                scores[at] += weight
        if not scores:
            return None
        candidates = sorted(scores, key=lambda at: (-scores[at], len(self._stems[at])))[:_CANDIDATES_MAX]
        spans = {(at, at + 1) for at in candidates} | {span for at in candidates for span in self._pairs(at)}
        ranked = sorted((-self._weight(span, weights), sum(len(self._stems[at]) for at in range(*span)), span) for span in spans)
        equal = [span for weight, size, span in ranked if (weight, size) == ranked[0][:2]]
        return self._make(min(equal, key=lambda span: [sorted(self._stems[at]) for at in range(*span)]))

    def _pairs(self, at: int) -> list[tuple[int, int]]:
        """The windows of two sentences of one document that it is part of."""
        spans = [(at - 1, at + 1), (at, at + 2)]
        return [
            span
            for span in spans
            if span[0] >= 0 and span[1] <= len(self._sentences) and self._documents[span[0]] == self._documents[span[1] - 1]
        ]

    def _weight(self, span: tuple[int, int], weights: dict[str, float]) -> float:
        """How much of the weight stands there. Weights are halves, so their sum is exact in any order."""
        first, last = self._stems[span[0]], self._stems[span[1] - 1]
        return sum(weight for stem, weight in weights.items() if stem in first or stem in last)

    def _make(self, span: tuple[int, int]) -> Window:
        stems = frozenset[str]().union(*self._stems[span[0] : span[1]])
        return Window(self._documents[span[0]], tuple(self._sentences[span[0] : span[1]]), stems)
