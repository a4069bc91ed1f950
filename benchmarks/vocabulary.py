"""Sentences for the rows of a benchmark: made-up words whose frequencies follow Zipf's law, as a language's do."""

import random

_SYLLABLES = (
    *("ba", "con", "der", "el", "fi", "gra", "hu", "in", "ja", "ker", "lo", "men", "no", "or", "pra", "qui"),
    *("re", "sto", "ti", "ur", "ven", "wes", "xa", "yo", "zen", "mi", "tal", "sha", "lum", "pek"),
)
WORDS = 5_000
PROMPTS, RESPONSES = 20_000, 20_000


def word(rank: int) -> str:
    """The word that is the `rank`-th most frequent, from 1: two to four syllables, no two words alike."""
    parts: list[str] = []
    rest = rank + len(_SYLLABLES)
    while rest:
        rest, at = divmod(rest, len(_SYLLABLES))
        parts.append(_SYLLABLES[at])
    return "".join(reversed(parts))


def sentences(dice: random.Random) -> tuple[list[str], list[str]]:
    """Prompts of 8 to 16 words and responses of 20 to 60."""
    words = [word(rank) for rank in range(1, WORDS + 1)]

    def sentence(shortest: int, longest: int) -> str:
        # A power with a uniform exponent: a word's share is inverse to its rank.
        picked = [words[int(WORDS ** dice.random()) - 1] for _ in range(dice.randint(shortest, longest))]
        return " ".join(picked).capitalize()

    return [sentence(8, 16) for _ in range(PROMPTS)], [sentence(20, 60) for _ in range(RESPONSES)]
