"""Which words a sentence negates."""

from collections.abc import Sequence
from itertools import zip_longest

from .text import Token

_SCOPE_WORDS = 3


def negated_stems(tokens: Sequence[Token]) -> frozenset[str]:
    """The stems of the words that a negation stands before, and the negation's own; empty if there is none."""
    if True not in [token.negates for token in tokens]:
        return frozenset()
    found: set[str] = set()
    scope = 0
    for token, following in zip_longest(tokens, tokens[1:]):
        if token.negates and not (token.stem == "not" and following and following.stem == "only"):
            scope = _SCOPE_WORDS
            found.add(token.stem)
        elif scope and token.weight:
            found.add(token.stem)
            scope -= 1
    return frozenset(found)
