"""Text as the detector reads it: sentences and tokens with offsets, light stems, numbers and names.

White space never decides anything here: wherever two tokens are apart, it does not matter by what.
"""

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from . import numbers
from .lexicon import ABBREVIATIONS, COMMON, COUNTING, NUMBER_WORDS, ONES, STOP, TENS

SENTENCE_TOKENS_MAX = 60
"""A longer sentence is cut: tables and menus have no full stops, and a window must stay small to mean anything."""

# Scripts written without spaces (Thai, Lao, Khmer, Burmese, kana, Han): each character is a token.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
# Bounded, so that the cache of words is: a longer run of letters or digits is several tokens.
_TOKEN = re.compile(
    rf"\d{{1,40}}(?:[.,]\d{{1,40}})*+(?:(?:st|nd|rd|th|s)(?![^\W_])|(?=[^\W\d_{_UNSPACED}]{{0,8}}(?![^\W_{_UNSPACED}])))"
    rf"|[{_UNSPACED}]|[^\W_{_UNSPACED}]{{1,60}}(?:['’][^\W\d_{_UNSPACED}]{{1,20}})*+|%"
)
_BREAK = re.compile(
    r"""(?P<stop>[.!?]+)["'”’)\]*_]*(?=\s)"""  # "last year. But", "last year ." Now"
    r"|(?<=[^\W\d_A-Z])(?P<glued>[.!?])(?=[A-Z][^\W\d_])"  # "20th century.First"
    r"|(?P<wide>[。！？])"
    r"|(?<=\s)(?=[*•▪‣]+\s|[-–]\s+[A-Z*]|\d{1,2}[.)]\s)"  # an item of a list
)
_LAST_WORD = re.compile(r"([^\W_]+(?:\.[^\W_]+)*)$")


class Token(NamedTuple):
    """One word or number of a text. A tuple, since a long document has thousands."""

    start: int
    end: int
    text: str
    stem: str
    """What equal words share: `founded` and `founding`, `1,000` and `1000`."""
    weight: float
    """How much it says: 0 for a function word, 0.5 for a common one, 1 for any other."""
    is_number: bool
    is_name: bool
    """Written with a capital where a plain word is not."""


_new: Callable[[type[Token], tuple[object, ...]], Token] = tuple.__new__  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
"""Makes a token in half the time of its own constructor."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A stretch of text between two breaks."""

    start: int
    end: int
    tokens: tuple[Token, ...]


def sentences(text: str) -> list[Sentence]:
    """The sentences that have a token, in their order."""
    found: list[Sentence] = []
    for start, end in _spans(text):
        tokens = _tokens(text, start, end)
        for at in range(0, len(tokens), SENTENCE_TOKENS_MAX):
            part = tuple(tokens[at : at + SENTENCE_TOKENS_MAX])
            whole = len(tokens) <= SENTENCE_TOKENS_MAX
            found.append(Sentence(start if whole else part[0].start, end if whole else part[-1].end, part))
    return found


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Where sentences begin and end, without the white space around them."""
    begin = 0
    for match in _BREAK.finditer(text):
        if match["stop"] == "." and _is_abbreviation(text, begin, match.start()):
            continue
        yield from _trimmed(text, begin, match.end())
        begin = match.end()
    yield from _trimmed(text, begin, len(text))


def _trimmed(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    part = text[start:end]
    stripped = part.strip()
    if stripped:
        lead = len(part) - len(part.lstrip())
        yield start + lead, start + lead + len(stripped)


def _is_abbreviation(text: str, begin: int, dot: int) -> bool:
    """Whether that full stop belongs to its word: `Mr.`, `J.`, `U.S.`, `1.` of a list."""
    last = _LAST_WORD.search(text, max(begin, dot - 20), dot)
    if last is None:
        return False
    word = last[1]
    alone = not text[begin : last.start()].strip(" \t\r\n*-–•#")
    return (
        (len(word) == 1 and word.isalpha() and word != "I")
        or word.lower() in ABBREVIATIONS
        or (alone and len(word) <= 2)
        or bool(re.fullmatch(r"(?:[^\W\d_]\.)+[^\W\d_]", word))
    )


def _tokens(text: str, start: int, end: int) -> list[Token]:
    # Nearly all the time of a detection is spent in this line.
    tokens = [_new(Token, (*match.span(), match[0], *_word(match[0]))) for match in _TOKEN.finditer(text, start, end)]
    if tokens:
        first = tokens[0]
        if first.is_number and first.end - first.start <= 2 and text[first.end : first.end + 1] in (".", ")"):
            del tokens[0]  # The number of an item in a list claims nothing.
        elif first.is_name and first.weight < 1:
            tokens[0] = first._replace(is_name=False)  # A common word has its capital from beginning the sentence.
    return _compounds(tokens, text) if any(token.is_number for token in tokens) else tokens


def _compounds(tokens: list[Token], text: str) -> list[Token]:
    """With `2.6 million` and `twenty-five` as one token each."""
    found: list[Token] = []
    for token in tokens:
        number = _joined(found[-1], token, text) if found else ""
        if number:
            first = found.pop()
            found.append(Token(first.start, token.end, text[first.start : token.end], number, 1.0, True, False))
        else:
            found.append(token)
    return found


def _joined(first: Token, second: Token, text: str) -> str:
    """The number that two tokens side by side are together; empty if they are none."""
    between = text[first.end : second.start]
    if not between and first.is_number:
        factor = numbers.SUFFIXES.get(second.text)
    elif not between.strip(" \t\r\n-\u2010\u2011\xa0"):
        factor = numbers.MULTIPLIERS.get(second.text.lower())
    else:
        return ""
    if factor:
        return numbers.times("1" if first.text in ("a", "one", "A", "One") else first.stem, factor)
    is_compound = first.text.lower() in TENS and second.text.lower() in ONES
    return numbers.plus(first.stem, second.stem if second.stem.isdecimal() else "1") if is_compound else ""


@lru_cache(maxsize=1 << 15)
def _word(written: str) -> tuple[str, float, bool, bool]:
    """The last four fields of its token."""
    if written[0].isdecimal() and (number := numbers.spelling(written)):
        return number, 1.0, True, False
    if written == "%":
        return "percent", 0.5, False, False
    plain = written.lower().replace("’", "'").removesuffix("'s")
    if plain in STOP:
        return sys.intern(plain), 0.0, False, False
    if number := NUMBER_WORDS.get(plain):
        return number, 1.0, True, False
    found = sys.intern(stem(plain))
    weight = 0.5 if plain in COMMON or found in _COMMON_STEMS else 1.0
    is_number = plain in COUNTING
    return found, weight, is_number, written[0].isupper() and not is_number


def stem(word: str) -> str:
    """What a word shares with its other forms. Light on purpose: two words that differ should stay apart."""
    if len(word) <= 3 or not word.isascii():
        return word
    if word.endswith("ies") and len(word) > 4:
        word = word[:-3] + "y"
    elif word.endswith(("sses", "shes", "ches", "xes", "zes")):
        word = word[:-2]
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed", "ly"):
        root = word[: -len(ending)]
        if word.endswith(ending) and len(root) >= 3 and re.search("[aeiouy]", root):
            word = root[:-1] if root[-1] == root[-2] and root[-1] not in "aeiouls" else root
            break
    if len(word) > 4 and word.endswith("e"):
        word = word[:-1]
    return word[:-1] + "i" if len(word) > 3 and word.endswith("y") else word


_COMMON_STEMS = frozenset(stem(word) for word in COMMON)
