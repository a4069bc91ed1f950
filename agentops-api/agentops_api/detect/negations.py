"""Which words a sentence negates."""

from collections.abc import Iterator, Sequence
from itertools import combinations, islice, pairwise

from .text import Token, tokenized

_SCOPE_WORDS = 3
_COMBINED_MAX = 3
_POSITIVE = {"can't": "can", "cannot": "can", "won't": "will", "shan't": "shall"}


def negations(tokens: Sequence[Token]) -> tuple[frozenset[str], ...]:
    """For each negation, the stems of the words that it stands before. One more changes no other."""
    return tuple(frozenset(scope(tokens[at + 1 :])) for at in _places(tokens))


def negated_stems(tokens: Sequence[Token]) -> frozenset[str]:
    """All those stems, and the negations' own; empty if there is none."""
    places = _places(tokens)
    return frozenset(stem for at in places for stem in [tokens[at].stem, *scope(tokens[at + 1 :])])


def _places(tokens: Sequence[Token]) -> list[int]:
    if True not in [token.negates for token in tokens]:
        return []
    only = {at for at, (one, other) in enumerate(pairwise(tokens)) if one.stem == "not" and other.stem == "only"}
    return [at for at, token in enumerate(tokens) if token.negates and at not in only]


def scope(tokens: Sequence[Token]) -> list[str]:
    """The stems of the words that a negation before these tokens bears on."""
    return list(islice((token.stem for token in tokens if token.weight and not token.negates), _SCOPE_WORDS))


def without_negations(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """The tokens without some of their plain negations, in all ways, and without all of them. Of more than three, at
    most one stays."""
    plain = [at for at, token in enumerate(tokens) if token.negates and not token.weight]
    kept_max = len(plain) - 1 if len(plain) <= _COMBINED_MAX else 1
    for count in range(min(kept_max, len(plain)) + 1):
        for kept in combinations(plain, count):
            gone = frozenset(plain).difference(kept)
            yield [
                each for at, token in enumerate(tokens) for each in ([token] if at not in gone else _positive(token))
            ]


def _positive(token: Token) -> list[Token]:
    """What is left of a word without its negation: of `isn't`, `is`."""
    lower = token.text.lower().replace("’", "'")
    left = _POSITIVE.get(lower, lower.removesuffix("n't") if lower.endswith("n't") else "")
    return [tokenized(left)] if left else []
