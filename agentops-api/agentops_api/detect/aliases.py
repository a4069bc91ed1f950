"""What a document also says by what it writes, in the words that an answer may take for it.

Only documents get aliases. An alias excuses a word of the answer, so each kind is narrow.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from .numbers import roundings
from .synonyms import SYNONYMS
from .text import Token, stem

_HUMPS = re.compile(r"[A-Z]?[a-z]{3,}")
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


def aliases(tokens: Sequence[Token], text: str) -> set[str]:
    """The stems under which a claim may refer to these tokens of the text, besides their own."""
    found = {other for token in tokens for other in _OTHERS.get(token.stem, ())}
    found.update(other for token in tokens if token.weight for other in SYNONYMS.get(token.stem, ()))
    found.update(other for token in tokens if token.is_number for other in roundings(token.stem))
    found.update(_hours(tokens, text))
    for token in tokens:
        # "OutdoorSeating", as a field is called in JSON
        if token.is_name and len(humps := _HUMPS.findall(token.text)) > 1:
            found.update(stem(hump.lower()) for hump in humps)
    found.update(_initials(tokens))
    return found


def _hours(tokens: Sequence[Token], text: str) -> Iterator[str]:
    """17:30 is 5:30 pm."""
    for hour, minute in pairwise(tokens):
        if hour.is_number and minute.is_number and text[hour.end : minute.start] == ":":
            if hour.stem.isdecimal() and len(hour.stem) == 2 and 13 <= int(hour.stem) <= 24:
                yield str(int(hour.stem) - 12)
                yield "pm"
            elif hour.stem == "0":
                yield "12"


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
