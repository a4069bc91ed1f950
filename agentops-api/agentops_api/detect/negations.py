"""Which words a sentence negates."""

from collections.abc import Sequence

from .opposites import NEGATIONS
from .text import Token

_SCOPE_WORDS = 3


def negates(tokens: Sequence[Token], at: int) -> bool:
    """Whether that token turns the next words around; `not only` does not."""
    word = tokens[at].text.lower().replace("’", "'")
    if word == "not" and at + 1 < len(tokens) and tokens[at + 1].stem == "only":
        return False
    return word in NEGATIONS or word.endswith("n't")


def negated_stems(tokens: Sequence[Token]) -> frozenset[str]:
    """The stems of the words that a negation stands before, and the negation's own; empty if there is none."""
    found: set[str] = set()
    scope = 0
    for at, token in enumerate(tokens):
        if negates(tokens, at):
            scope = _SCOPE_WORDS
            found.add(token.stem)
        elif scope and token.weight:
            found.add(token.stem)
            scope -= 1
    return frozenset(found)
