"""What a document also says by what it writes, in the words that an answer may take for it.

Only documents get aliases. An alias excuses a word of the answer, so each kind is narrow.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from .numbers import roundings
from .synonyms import SYNONYMS
from .text import Sentence, Token, stem

_HUMPS = re.compile(r"[A-Z]?[a-z]{3,}")
_HOUR = re.compile(r"(?<!\w)(?<!\d[.,])([0-2]?\d):(?=\d)")
_INITIALS_MAX = 6
_CONNECTORS = frozenset(["of", "and", "the", "for", "on", "in"])

_SAME = """
france french; britain british; england english; spain spanish; china chinese; greece greek;
wales welsh; turkey turkish;
poland polish; sweden swedish; denmark danish; finland finnish; switzerland swiss; ireland irish; scotland scottish;
netherlands dutch holland; japan japanese; portugal portuguese; norway norwegian; ukraine ukrainian; peru peruvian;
iraq iraqi;
january jan; february feb; march mar; april apr; august aug; september sept sep; october oct; november nov;
december dec;
kilometer kilometre km; meter metre; centimeter centimetre cm; kilogram kg; gram g; pound lb; mile mi; hour hr h;
minute min; second sec; year yr; dollar usd; euro eur; percent percentage; television tv; doctor dr; professor prof;
okay ok; versus vs; telephone phone; photograph photo; president pres; governor gov; senator sen; company co corp;
"""


def _same() -> dict[str, frozenset[str]]:
    groups = [frozenset(stem(word) for word in group.split()) for group in _SAME.split(";")]
    return {word: group - {word} for group in groups for word in group}


_OTHERS = _same()


def aliases(sentence: Sentence, text: str) -> set[str]:
    """The stems under which a claim may refer to what this sentence of the text says, besides its own."""
    found: set[str] = set()
    for word in _OTHERS.keys() & sentence.stems:
        found |= _OTHERS[word]
    for word in SYNONYMS.keys() & sentence.content:
        found |= SYNONYMS[word]
    numbers = [token.stem for token in sentence.tokens if token.is_number]
    if numbers:
        found.update(*map(roundings, numbers))
        if text.find(":", sentence.start, sentence.end) >= 0:
            found.update(_hours(text[sentence.start : sentence.end]))
    names = [token.text for token in sentence.tokens if token.is_name]
    found.update(*map(_humps, names))
    if len(names) > 1:
        found.update(_initials(sentence.tokens))
    return found


def _hours(text: str) -> Iterator[str]:
    """17:30 is 5:30 pm."""
    for found in _HOUR.finditer(text):
        hour = int(found[1])
        if 13 <= hour <= 24:
            yield str(hour - 12)
            yield "pm"
        elif hour == 0:
            yield "12"


@lru_cache(maxsize=1 << 12)
def _humps(name: str) -> frozenset[str]:
    """Of `OutdoorSeating`, as a field is called in JSON."""
    humps: list[str] = _HUMPS.findall(name)
    return frozenset(stem(hump.lower()) for hump in humps) if len(humps) > 1 else frozenset()


def _initials(tokens: Iterable[Token]) -> Iterator[str]:
    """Of names in a row: `Federal Bureau of Investigation` is `fbi`."""
    run = ""
    for token in tokens:
        if token.is_name:
            run += token.text[0].lower()
        elif token.stem not in _CONNECTORS:
            if 2 <= len(run) <= _INITIALS_MAX:
                yield run
            run = ""
    if 2 <= len(run) <= _INITIALS_MAX:
        yield run
