"""How other the words of an answer are than those of its prompt, and how much it hedges. Reported, never a verdict."""

import math
import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from itertools import chain
from zlib import crc32

from .text import Sentence

_BUCKETS = 1 << 14
_HEDGE = re.compile(r"\b(?:maybe|probably|unsure|not sure|might|perhaps|possibly)\b", re.IGNORECASE)


def semantic_drift(prompt: Iterable[Sentence], response: Iterable[Sentence]) -> float:
    """1 - cosine of the two hashed word vectors: 0 for the same words, 1 for none in common or an empty text."""
    one, other = _vector(prompt), _vector(response)
    norm = math.sqrt(_dot(one, one) * _dot(other, other))
    return round(min(1.0, max(0.0, 1 - _dot(one, other) / norm)), 3) if norm else 1.0


def uncertainty(response: str) -> float:
    """0.2 for each different hedge in the text, at most 1."""
    return min(1.0, 0.2 * len({hedge.lower() for hedge in _HEDGE.findall(response)}))


def _vector(text: Iterable[Sentence]) -> dict[int, float]:
    stems = Counter(chain.from_iterable([sentence.content for sentence in text]))
    vector: dict[int, float] = {}
    for stem, count in stems.items():
        bucket = _bucket(stem)
        vector[bucket] = vector.get(bucket, 0.0) + 1 + math.log(count)
    return vector


@lru_cache(maxsize=1 << 15)
def _bucket(stem: str) -> int:
    return crc32(stem.encode("utf-8", "surrogatepass")) % _BUCKETS


def _dot(one: dict[int, float], other: dict[int, float]) -> float:
    return math.fsum(value * other[bucket] for bucket, value in one.items() if bucket in other)
