"""In which order a text has its words."""

from itertools import pairwise

from .text import Sentence


class Wordings:
    """The words of some sentences, and which stand side by side in them. All are stems."""

    def __init__(self, sought: "Wordings | None" = None) -> None:
        """With `sought`, only its bigrams and trigrams are kept: to keep all of long texts takes much memory."""
        self._sought = sought
        self.stems: set[str] = set()
        self.bigrams: set[tuple[str, str]] = set()
        self.trigrams: set[tuple[str, str, str]] = set()
        self.content_bigrams: set[tuple[str, str]] = set()
        """Of words that say something, over those between them that do not."""

    def add(self, sentence: Sentence) -> None:
        """Take in one sentence."""
        stems = sentence.stems
        self.stems.update(stems)
        bigrams, trigrams = pairwise(stems), zip(stems, stems[1:], stems[2:], strict=False)
        sought = self._sought
        self.bigrams.update(sought.bigrams.intersection(bigrams) if sought else bigrams)
        self.trigrams.update(sought.trigrams.intersection(trigrams) if sought else trigrams)
        self.content_bigrams.update(pairwise(sentence.content))
