"""What a document also says by what it writes, in the words that an answer may take for it.

Only documents get aliases. An alias excuses a word of the answer, so each kind is narrow.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain

from .numbers import roundings
from .synonyms import SYNONYMS
from .text import Sentence, Token, stem

_HUMPS = re.compile(r"[A-Z]?[a-z]{3,}")
_HOUR = re.compile(r"(?<!\w)(?<!\d[.,])([0-2]?\d):(?=\d)")
_DATE = re.compile(r"(?<!\d)(?:1\d|20)\d\d-([01]\d)-[0-3]\d(?!\d)")
_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
_MONTH_NUMBERS = {stem(month): str(number) for number, month in enumerate(_MONTHS, start=1)}
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
        found.update(_halves(sentence.stems), _months(sentence, text))
        if text.find(":", sentence.start, sentence.end) >= 0:
            found.update(_hours(text[sentence.start : sentence.end]))
    names = [token.text for token in sentence.tokens if token.is_name]
    found.update(*map(_humps, names))
    if len(names) > 1:
        found.update(_initials(sentence.tokens))
    return found


def _halves(stems: Iterable[str]) -> Iterable[str]:
    """50 % is a half."""
    stems = frozenset(stems)
    if "half" in stems:
        return ("50", "percent")
    return ("half",) if {"50", "percent"} <= stems else ()


def _months(sentence: Sentence, text: str) -> Iterator[str]:
    """2019-03-05 is in March, and March 5, 2019 in month 3."""
    if text.find("-", sentence.start, sentence.end) >= 0:
        for found in _DATE.finditer(text, sentence.start, sentence.end):
            if 1 <= (number := int(found[1])) <= len(_MONTHS):
                yield stem(_MONTHS[number - 1])
    for token in sentence.tokens:
        # "may" is a verb more often.
        if (number := _MONTH_NUMBERS.get(token.stem)) and token.text[0].isupper():
            yield number


def written(alias: str, tokens: Iterable[Token]) -> str:
    """The first of these words that is, or may be called, so; as it is written there."""
    tokens = list(tokens)
    same = (token.text for token in tokens if token.stem == alias)
    called = (
        token.text for token in tokens if alias in _OTHERS.get(token.stem, ()) or alias in SYNONYMS.get(token.stem, ())
    )
    return next(chain(same, called), alias)


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
