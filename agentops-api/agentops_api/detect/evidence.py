"""The documents, indexed so that a claim is compared with a few windows of them instead of all.

What a claim finds here depends on which sentences stand beside each other, and on nothing else: not on the order of the
documents, nor on how often they are repeated.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from .text import Sentence, sentences

_BEGINNING_CHARS = 5
_ALIKE = 0.6
_CANDIDATES_MAX = 6
"""Sentences that are looked at closely, with their neighbours: the best by a cheap count."""
_PLACES_MAX = 8
"""Of a sentence that is repeated, so many places are looked at."""


@dataclass(frozen=True, slots=True)
class Window:
    """A sentence of a document, or two neighbours."""

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
        self.words = 0
        """Tokens of all different sentences."""
        self.bigrams: set[tuple[str, str]] = set()
        self.trigrams: set[tuple[str, str, str]] = set()
        self.content_bigrams: set[tuple[str, str]] = set()
        self._sentences: list[Sentence] = []
        self._documents: list[int] = []
        """Which document each sentence is of."""
        self._contents: list[int] = []
        """Which content each sentence has: equal ones have the same."""
        self._stems: list[frozenset[str]] = []
        """Of each content."""
        self._places: list[list[int]] = []
        """Where each content stands."""
        self._postings: dict[str, list[int]] = defaultdict(list)
        """Which contents have a stem."""
        numbers: dict[tuple[str, ...], int] = {}
        for document, text in enumerate(documents):
            for sentence in sentences(text):
                self._add(document, sentence, numbers)
        self._beginnings = {stem[:_BEGINNING_CHARS] for stem in self._postings if len(stem) >= _BEGINNING_CHARS}

    def __contains__(self, stem: str) -> bool:
        return stem in self._postings

    def coverage(self, stem: str) -> float:
        """1 if a document has the word, 0.6 if it has one that begins the same, else 0."""
        if stem in self._postings:
            return 1.0
        is_alike = len(stem) >= _BEGINNING_CHARS and stem[:_BEGINNING_CHARS] in self._beginnings
        return _ALIKE if is_alike else 0.0

    def _add(self, document: int, sentence: Sentence, numbers: dict[tuple[str, ...], int]) -> None:
        stems = tuple([token.stem for token in sentence.tokens])
        content = numbers.setdefault(stems, len(numbers))
        if content == len(self._stems):
            self._read(content, stems, sentence)
        if len(self._places[content]) < _PLACES_MAX:
            self._places[content].append(len(self._sentences))
        self._sentences.append(sentence)
        self._documents.append(document)
        self._contents.append(content)

    def _read(self, content: int, stems: tuple[str, ...], sentence: Sentence) -> None:
        self.words += len(stems)
        distinct = frozenset(stems)
        self._stems.append(distinct)
        self._places.append([])
        for stem in distinct:
            self._postings[stem].append(content)
        self.bigrams.update(pairwise(stems))
        self.trigrams.update(zip(stems, stems[1:], stems[2:], strict=False))
        self.content_bigrams.update(pairwise([token.stem for token in sentence.tokens if token.weight]))

    def best_window(self, weights: Mapping[str, float]) -> Window | None:
        """The window that has most of those stems by weight, and of equal ones the shortest; None if none has any."""
        scores: dict[int, float] = defaultdict(float)
        for stem, weight in weights.items():
            for content in self._postings.get(stem, ()):
                scores[content] += weight
        if not scores:
            return None
        candidates = sorted(scores, key=lambda content: (-scores[content], len(self._stems[content])))[:_CANDIDATES_MAX]
        spans = {span for content in candidates for at in self._places[content] for span in self._spans(at)}
        ranked = sorted((-self._weight(span, weights), self._size(span), span) for span in spans)
        equal = [span for weight, size, span in ranked if (weight, size) == ranked[0][:2]]
        return self._window(min(equal, key=lambda span: [sorted(self._stems[self._contents[at]]) for at in span]))

    def _spans(self, at: int) -> list[tuple[int, int]]:
        """First and last sentence of the windows that it is part of."""
        alone, before, after = (at, at), (at - 1, at), (at, at + 1)
        return [
            (first, last)
            for first, last in (alone, before, after)
            if first >= 0 and last < len(self._sentences) and self._documents[first] == self._documents[last]
        ]

    def _weight(self, span: tuple[int, int], weights: Mapping[str, float]) -> float:
        """How much of the weight stands there. Weights are halves, so that their sum is exact in any order."""
        first, last = (self._stems[self._contents[at]] for at in span)
        return sum(weight for stem, weight in weights.items() if stem in first or stem in last)

    def _size(self, span: tuple[int, int]) -> int:
        first, last = span
        return sum(len(self._stems[self._contents[at]]) for at in range(first, last + 1))

    def _window(self, span: tuple[int, int]) -> Window:
        first, last = span
        stems = self._stems[self._contents[first]] | self._stems[self._contents[last]]
        return Window(self._documents[first], tuple(self._sentences[first : last + 1]), stems)
