"""Where a claim says something else than the window of evidence that it stands closest to."""

from dataclasses import dataclass

from .evidence import Evidence, Window
from .opposites import NEGATIONS, NEGATIVE_PREFIXES, OPPOSITES
from .text import Sentence, Token

_NEGATION_SCOPE_WORDS = 3
_ROOT_CHARS_MIN = 4


@dataclass(frozen=True, slots=True)
class Conflicts:
    """What speaks against a claim. Words are as the claim writes them."""

    missing_numbers: tuple[str, ...]
    """In no document."""
    misplaced_numbers: tuple[str, ...]
    """In the documents, but not in the window."""
    missing_names: tuple[str, ...]
    misplaced_names: tuple[str, ...]
    opposites: tuple[tuple[str, str], ...]
    """A word of the claim, and its opposite, which stands in the window instead of it."""
    negated: bool
    """The claim is negative and the window is not."""
    negated_word: str | None
    """A word that both have, and that only the claim negates."""
    other_numbers: bool
    """The window has numbers that the claim has not."""


def conflicts(claim: Sentence, window: Window | None, evidence: Evidence) -> Conflicts:
    """What speaks against the claim, given its window."""
    stems = window.stems if window else frozenset[str]()
    tokens = tuple(token for sentence in window.sentences for token in sentence.tokens) if window else ()
    distinct = {token.stem: token for token in claim.tokens if token.weight}
    numbers = [token for token in distinct.values() if token.is_number]
    names = [token for token in distinct.values() if token.is_name]
    negated = _is_negative(claim.tokens) and not _is_negative(tokens)
    return Conflicts(
        missing_numbers=tuple(token.text for token in numbers if token.stem not in evidence),
        misplaced_numbers=tuple(token.text for token in numbers if token.stem in evidence and token.stem not in stems),
        missing_names=tuple(token.text for token in names if not evidence.coverage(token.stem)),
        misplaced_names=tuple(token.text for token in names if token.stem in evidence and token.stem not in stems),
        opposites=tuple(
            (token.text, other) for token in distinct.values() if (other := _opposite(token.stem, stems)) is not None
        ),
        negated=negated,
        negated_word=_negated_word(claim.tokens, stems) if negated else None,
        other_numbers=any(token.is_number and token.stem not in distinct for token in tokens),
    )


def _is_negative(tokens: tuple[Token, ...]) -> bool:
    return any(_negates(tokens, at) for at in range(len(tokens)))


def _negates(tokens: tuple[Token, ...], at: int) -> bool:
    """Whether that token turns the next words around; `not only` does not."""
    word = tokens[at].text.lower().replace("’", "'")
    if word == "not" and at + 1 < len(tokens) and tokens[at + 1].stem == "only":
        return False
    return word in NEGATIONS or word.endswith("n't")


def _negated_word(tokens: tuple[Token, ...], stems: frozenset[str]) -> str | None:
    """The first word after a negation that the window has, too."""
    scope = 0
    for at, token in enumerate(tokens):
        if _negates(tokens, at):
            scope = _NEGATION_SCOPE_WORDS
        elif scope and token.weight:
            if token.stem in stems:
                return token.text
            scope -= 1
    return None


def _opposite(stem: str, stems: frozenset[str]) -> str | None:
    """What stands in the window instead of that word and means the opposite."""
    if stem in stems:
        return None
    found = sorted(OPPOSITES.get(stem, frozenset()) & stems)
    if found:
        return found[0]
    for prefix in NEGATIVE_PREFIXES:
        root = stem.removeprefix(prefix)
        if root != stem and len(root) >= _ROOT_CHARS_MIN and root in stems:
            return root
        if len(stem) >= _ROOT_CHARS_MIN and prefix + stem in stems:
            return prefix + stem
    return None
