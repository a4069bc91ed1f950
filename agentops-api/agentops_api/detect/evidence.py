"""The documents, indexed so that a claim is compared with a few windows of them instead of all.

What a claim finds here depends on which sentences stand beside each other, and on nothing else: not on the order of the
documents, nor on how often they are repeated. More documents only ever add windows, words and wordings.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

from .aliases import aliases
from .said import NOTHING, Said, marks, said, together
from .text import Sentence, sentences
from .units import has_currencies
from .wordings import Wordings

_BEGINNING_CHARS = 5
_ALIKE = 0.6
_ROOM = 1e-9


@dataclass(frozen=True, slots=True)
class Window:
    """A sentence of a document, or two neighbours."""

    document: int
    sentences: tuple[Sentence, ...]
    said: Said

    @property
    def start(self) -> int:
        return self.sentences[0].start

    @property
    def end(self) -> int:
        return self.sentences[-1].end


Price = Callable[[Said, float], float]
"""What it costs a claim to rest on a window: by what it says, and the weight that they share."""


class Evidence:
    """Documents, read once."""

    def __init__(self, documents: Sequence[str], sought: Wordings) -> None:
        """`sought`: of the claims that are compared with them."""
        self.words = 0
        """Tokens of all different sentences."""
        self.effort = 0
        """How much was looked up and compared for claims. It does not depend on the order of the documents."""
        self.wordings = Wordings(sought)
        self._documents = documents
        self._stems: list[frozenset[str]] = []
        """Of each content, and of what its words may be called instead. Equal sentences have the same content."""
        self._places: list[tuple[int, Sentence]] = []
        """Where each content stands first."""
        self._known: dict[int, Said] = {}
        """What each content says that a claim came close to: most are never read so closely."""
        self._following: list[dict[int, tuple[int, Sentence, Sentence]]] = []
        """Which contents follow each one, and where first."""
        self._postings: dict[str, list[int]] = defaultdict(list)
        """Which contents have a stem."""
        self._contents: list[frozenset[int]] = []
        """Those of each different document."""
        self._holders: list[list[int]] = []
        """Which of them have a content."""
        numbers: dict[tuple[tuple[str, ...], tuple[str, ...]], int] = {}
        known: set[frozenset[int]] = set()
        for document, text in enumerate(documents):
            last: tuple[int, Sentence] | None = None
            contents: set[int] = set()
            is_signed = has_currencies(text)
            for sentence in sentences(text):
                key = sentence.stems, marks(sentence, text, has_currencies=is_signed)
                content = self._add(document, sentence, text, numbers.setdefault(key, len(numbers)))
                if last:
                    self._following[last[0]].setdefault(content, (document, last[1], sentence))
                last = content, sentence
                contents.add(content)
            if (distinct := frozenset(contents)) not in known:
                known.add(distinct)
                for content in distinct:
                    self._holders[content].append(len(self._contents))
                self._contents.append(distinct)
        self.stems = frozenset(self._postings)
        """Of their words, and of what those may be called instead."""
        self._beginnings = {stem[:_BEGINNING_CHARS] for stem in self.stems}

    def __contains__(self, stem: str) -> bool:
        return stem in self.stems

    def coverage(self, stem: str) -> float:
        """1 if a document has the word, 0.6 if it has one that begins the same, else 0."""
        if stem in self.stems:
            return 1.0
        is_word = len(stem) >= _BEGINNING_CHARS and not stem[0].isdecimal()
        return _ALIKE if is_word and stem[:_BEGINNING_CHARS] in self._beginnings else 0.0

    def _add(self, document: int, sentence: Sentence, text: str, content: int) -> int:
        """The content of the sentence, which is kept if it is new."""
        if content < len(self._stems):
            return content
        self.words += len(sentence.stems)
        distinct = frozenset(aliases(sentence, text).union(sentence.stems))
        self._stems.append(distinct)
        self._places.append((document, sentence))
        self._following.append({})
        self._holders.append([])
        postings = self._postings
        for stem in distinct:
            postings[stem].append(content)
        self.wordings.add(sentence)
        return content

    def shared(self, weights: Mapping[str, float]) -> dict[int, float]:
        """How much of these weights each document has; those that have none are left out."""
        found: dict[int, float] = defaultdict(float)
        for stem, weight in weights.items():
            holders = [each for content in self._postings.get(stem, ()) for each in self._holders[content]]
            self.effort += len(holders)
            for document in set(holders):
                found[document] += weight
        return found

    def length(self, documents: Iterable[int], most: int) -> int:
        """How many tokens the different sentences of these documents have, counted until they are so many."""
        seen: set[int] = set()
        words = 0
        for document in documents:
            for content in self._contents[document]:
                if words >= most:
                    return words
                if content not in seen:
                    seen.add(content)
                    words += len(self._places[content][1].stems)
        return words

    def closest(self, weights: Mapping[str, float], price: Price) -> Window | None:
        """The cheapest window that has one of those stems; None if none has any.

        `price` must not fall below what it is for a window of the same shared weight that speaks against nothing, and
        that must fall evenly with the weight.
        """
        scores: dict[int, float] = defaultdict(float)
        for stem, weight in weights.items():
            postings = self._postings.get(stem, ())
            self.effort += len(postings)
            for content in postings:
                scores[content] += weight
        if not scores:
            return None
        self.effort += len(scores) + sum([len(self._following[content]) for content in scores])
        top = max(scores, key=scores.__getitem__)
        best = price(self._said(top, top), scores[top])
        # A window is worth at most what its sentences are worth together, so most need no closer look.
        alone, full = price(NOTHING, 0.0), price(NOTHING, 1.0)
        worth_min = (alone - best) / (alone - full) - _ROOM
        spans = [(score, content, content) for content, score in scores.items() if score >= worth_min]
        following, highest = self._following, scores[top]
        for content, score in scores.items():
            if score + highest < worth_min:
                continue
            for after in following[content]:
                if after in scores and after != content and score + scores[after] >= worth_min:
                    spans.append((score + scores[after], content, after))
        found: tuple[float, int] | None = None
        chosen = top, top
        for bound, first, last in sorted(spans, key=itemgetter(0), reverse=True):
            if price(NOTHING, bound) > best:
                break
            shared = bound
            if first != last:
                ours, theirs = self._stems[first], self._stems[last]
                shared = sum([by for stem, by in weights.items() if stem in ours or stem in theirs])
                if price(NOTHING, shared) > best:
                    continue
            found_there = self._said(first, last)
            cost = price(found_there, shared)
            if cost > best:
                continue
            rank = cost, len(found_there.stems)
            if found is None or rank < found or (rank == found and self._order(first, last) < self._order(*chosen)):
                found, chosen, best = rank, (first, last), cost
        return self._window(*chosen)

    def _order(self, first: int, last: int) -> list[list[str]]:
        """Decides between windows that are alike in all else."""
        return [sorted(self._stems[first]), sorted(self._stems[last])]

    def _said(self, first: int, last: int) -> Said:
        """By the window of these contents."""
        if first != last:
            return together(self._said(first, first), self._said(last, last))
        known = self._known.get(first)
        if known is None:
            document, sentence = self._places[first]
            known = self._known[first] = said(sentence, self._documents[document], self._stems[first])
        return known

    def _window(self, first: int, last: int) -> Window:
        if first == last:
            document, sentence = self._places[first]
            return Window(document, (sentence,), self._said(first, last))
        document, before, after = self._following[first][last]
        return Window(document, (before, after), self._said(first, last))
