"""Text as the detector reads it: sentences and tokens with offsets, light stems, numbers and names.

White space never decides anything here: wherever two tokens are apart, it does not matter by what.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain, pairwise
from typing import NamedTuple

from . import numbers
from .lexicon import ABBREVIATIONS, COMMON, COUNTING, NEGATIONS, NUMBER_WORDS, ONES, STOP, TENS

_WORDS_CACHED_MAX = _CHUNKS_CACHED_MAX = 1 << 15
_CHUNK_CHARS_MAX, _CHUNK_TOKENS_MAX = 60, 3
"""A longer one is read each time, so that the cache is bounded in bytes, too."""
SENTENCE_TOKENS_MAX = 60
"""A longer sentence is cut: tables and menus have no full stops, and a window must stay small to mean anything."""

# Scripts written without spaces (Thai, Lao, Khmer, Burmese, kana, Han): each character is a token.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
# Bounded, so that the cache of words is: a longer run of letters or digits is several tokens. The first alternative has
# most words of a text, and needs a fifth of the time of the last, which would take them, too.
_TOKEN = re.compile(
    r"[A-Za-z]{1,60}+(?![0-9'\x80-\U0010ffff])"
    rf"|\d{{1,40}}(?:[.,]\d{{1,40}}){{0,20}}+(?:(?:st|nd|rd|th|s)(?![^\W_])|(?=[^\W\d_{_UNSPACED}]{{0,8}}(?![^\W_{_UNSPACED}])))"
    rf"|[{_UNSPACED}]|[^\W_{_UNSPACED}]{{1,60}}(?:['’][^\W\d_{_UNSPACED}]{{1,20}}){{0,9}}+|%"
    r"|(?<![^\s(])[-\u2212](?=\d)"
)
# Each begins with a set of characters, which is what Python's engine can skip to. A run of stops is tried once, where
# it begins, so that a long one takes linear time.
_END = re.compile(
    r"[.!?。！？](?:(?<=[.!?])(?:(?<![.!?].)"
    r"""(?P<stop>[.!?]*+["'”’)\]*_]*+(?=\s))"""  # "last year. But", "last year ." Now"
    r"|(?<=[^\W\d_A-Z].)(?=[A-Z][^\W\d_]))|(?<=[。！？]))"  # "20th century.First"
)
_ITEM = re.compile(  # of a list
    r"[*•▪‣\-–\d](?:(?<=\s[*•▪‣])(?=[*•▪‣]*\s)|(?<=\s[-–])(?=\s+[A-Z*])|(?<=\s\d)(?=(?:[\d.,]{0,12}\d)?[.)]\s))"
)
_FIRST_ITEM = re.compile(r"\s*(\d[\d.,]{0,12})[.)]\s")
_ITEM_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_ITEM_DIGITS_MAX = 2
_SIGNS = {
    "%": ("percent", 0.5),
    "-": ("minus", 1.0),
    "\u2212": ("minus", 1.0),
}
"""What each means, and its weight."""
_EMPTY_LINE = re.compile(r"\n\s*\n")
_MARKS = re.compile(r"[ \t\r\n*\-–•#]*+")
_INITIALS = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")
_LAST_WORD = re.compile(r"([^\W_]+(?:\.[^\W_]+)*)$")


class Token(NamedTuple):
    """One word or number. Equal ones share one token, so it does not know where it stands."""

    text: str
    stem: str
    """What equal words share: `founded` and `founding`, `1,000` and `1000`."""
    weight: float
    """How much it says: 0 for a function word, 0.5 for a common one, 1 for any other."""
    is_number: bool
    is_name: bool
    """Written with a capital where a plain word is not."""
    negates: bool
    """It turns the next words around."""


class Sentence(NamedTuple):
    """A stretch of text between two breaks."""

    start: int
    end: int
    tokens: tuple[Token, ...]
    stems: tuple[str, ...]
    """Of its tokens."""
    content: tuple[str, ...]
    """Of its tokens that say something."""


def sentences(text: str) -> list[Sentence]:
    """The sentences that have a token, in their order."""
    found: list[Sentence] = []
    for start, end in _spans(text):
        tokens = _tokens(text, start, end)
        stems = [token.stem for token in tokens]
        if len(tokens) > SENTENCE_TOKENS_MAX or not _JOINED_STEMS.isdisjoint(stems):
            found += _cut(text, start, end)
            continue
        if _is_item(tokens, text, start, end):
            del tokens[0], stems[0]
        elif tokens:
            tokens[0] = _first(tokens[0])
        if tokens:
            found.append(_sentence(start, end, tokens, stems))
    return found


def part(text: str, start: int, end: int, *, is_first: bool) -> Sentence:
    """A stretch of a sentence; only the first one may begin with the number of an item."""
    tokens = _tokens(text, start, end)
    if not _JOINED_STEMS.isdisjoint([token.stem for token in tokens]):
        tokens, _ = _located(text, start, end)
    if is_first and _is_item(tokens, text, start, end):
        del tokens[0]
    return _sentence(start, end, tokens, [token.stem for token in tokens])


def _sentence(start: int, end: int, tokens: list[Token], stems: list[str]) -> Sentence:
    content = tuple([token.stem for token in tokens if token.weight])
    return Sentence(start, end, tuple(tokens), tuple(stems), content)


class _Chunks(dict[str, tuple[Token, ...]]):
    """The tokens of what stands between white space, which no token has within. Most texts repeat most of it."""

    def __missing__(self, chunk: str) -> tuple[Token, ...]:
        tokens = tuple(_timed([tokenized(written) for written in _TOKEN.findall(chunk)]))
        if len(chunk) <= _CHUNK_CHARS_MAX and len(tokens) <= _CHUNK_TOKENS_MAX:
            if len(self) >= _CHUNKS_CACHED_MAX:
                self.clear()
            self[chunk] = tokens
        return tokens


_CHUNKS = _Chunks()


def _tokens(text: str, start: int, end: int) -> list[Token]:
    return list(chain.from_iterable(map(_CHUNKS.__getitem__, text[start:end].split())))


def _cut(text: str, start: int, end: int) -> Iterator[Sentence]:
    """A sentence for which it matters where its tokens stand: it is long, or some may be one number together."""
    tokens, spots = _located(text, start, end)
    if _is_item(tokens, text, start, end):
        del tokens[0], spots[0]
    else:
        tokens[0] = _first(tokens[0])
    is_whole = len(tokens) <= SENTENCE_TOKENS_MAX
    for begin in range(0, len(tokens), SENTENCE_TOKENS_MAX):
        some = tokens[begin : begin + SENTENCE_TOKENS_MAX]
        first, last = (start, end) if is_whole else (spots[begin][0], spots[begin + len(some) - 1][1])
        yield _sentence(first, last, some, [token.stem for token in some])


def _located(text: str, start: int, end: int) -> tuple[list[Token], list[tuple[int, int]]]:
    matches = list(_TOKEN.finditer(text, start, end))
    tokens, spots = _compounds([tokenized(match[0]) for match in matches], [match.span() for match in matches], text)
    return _timed(tokens), spots


def _timed(tokens: list[Token]) -> list[Token]:
    """The same, where the "am" of an hour says something."""
    for at, (one, other) in enumerate(pairwise(tokens)):
        if one.is_number and other.stem == "am":
            tokens[at + 1] = other._replace(weight=1.0)
    return tokens


def _is_item(tokens: Sequence[Token], text: str, start: int, end: int) -> bool:
    """Whether the first token is the number of an item in a list. It claims nothing."""
    if len(tokens) < 2 or not tokens[0].is_number:
        return False
    number = _TOKEN.search(text, start, end)
    return (
        number is not None
        and number.end() - number.start() <= _ITEM_DIGITS_MAX
        and text[number.end() : number.end() + 1] in (".", ")")
    )


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Where sentences begin and end, without the white space around them."""
    begin = 0
    breaks = [(match.start(), match.end(), match["stop"] is not None) for match in _END.finditer(text)]
    breaks += [(at, at, False) for at in _items(text)]
    breaks += [(at, at, False) for at in _paragraphs(text)]
    for start, end, is_stop in sorted(breaks):
        is_dot = is_stop and text[start] == "." and text[start + 1] not in ".!?"
        if is_dot and _is_abbreviation(text, begin, start):
            continue
        if trimmed := _trimmed(text, begin, end):
            yield trimmed
        begin = end
    if trimmed := _trimmed(text, begin, len(text)):
        yield trimmed


def _paragraphs(text: str) -> Iterator[int]:
    """Where empty lines part two paragraphs that have white space of another kind within: where all words of a text are
    that far apart, it means nothing."""
    gaps = [match.span() for match in _EMPTY_LINE.finditer(text)]
    starts, ends = [0, *[end for _, end in gaps]], [*[start for start, _ in gaps], len(text)]
    is_long = [len(text[start:end].split(None, 1)) > 1 for start, end in zip(starts, ends, strict=True)]
    for (start, _), *both in zip(gaps, is_long[:-1], is_long[1:], strict=True):
        if all(both):
            yield start


def _items(text: str) -> Iterator[int]:
    """Where items of a list begin. A number behind a word begins one only where it goes on counting: "born on March 14.
    He died" has no item. A list that begins with a wrong number ("11.") may go on with the right one, so that behind
    any item "June 2. Then" is one; a longer number ("2023.", "4.5.") begins an item behind a colon only."""
    counted = {0}
    if first := _FIRST_ITEM.match(text):
        counted |= {1, _count(first[1]) or 1}
    for match in _ITEM.finditer(text):
        at = match.start()
        if number := _ITEM_NUMBER.match(text, at):
            count = _count(number[0])
            is_next = count is not None and count - 1 in counted
            if not is_next and _before(text, at) not in (":;" if count is None else ".:;!?"):
                continue
            counted |= {1, count or 1}
        yield at


def _count(number: str) -> int | None:
    return int(number) if number.isdecimal() and len(number) <= _ITEM_DIGITS_MAX else None


def _before(text: str, at: int) -> str:
    """What stands before the white space there; empty at the beginning, which is in any text."""
    while at and text[at - 1].isspace():
        at -= 1
    return text[at - 1 : at]


def _trimmed(text: str, start: int, end: int) -> tuple[int, int] | None:
    kept = text[start:end].lstrip()
    start = end - len(kept)
    return (start, start + len(kept.rstrip())) if kept else None


def _is_abbreviation(text: str, begin: int, dot: int) -> bool:
    """Whether that full stop belongs to its word: `Mr.`, `J.`, `U.S.`, `1.` of a list."""
    before = text[max(begin, dot - 20) : dot].rpartition(" ")[2]
    if before.isalpha() and len(before) > 2:
        return before.lower() in ABBREVIATIONS
    last = _LAST_WORD.search(text, max(begin, dot - 20), dot)
    if last is None:
        return False
    word = last[1]
    return (
        (len(word) == 1 and word.isalpha() and word != "I")
        or word.lower() in ABBREVIATIONS
        or (len(word) <= 2 and _MARKS.fullmatch(text, begin, last.start()) is not None)
        or _INITIALS.fullmatch(word) is not None
    )


def _compounds(
    tokens: list[Token], spots: list[tuple[int, int]], text: str
) -> tuple[list[Token], list[tuple[int, int]]]:
    """With `2.6 million` and `twenty-five` as one token each."""
    found: list[Token] = []
    places: list[tuple[int, int]] = []
    for token, spot in zip(tokens, spots, strict=True):
        is_second = bool(found) and token.stem in _SECOND_STEMS
        number = _joined(found[-1], token, text[places[-1][1] : spot[0]]) if is_second else ""
        if number:
            start, end = places[-1][0], spot[1]
            found[-1], places[-1] = Token(text[start:end], number, 1.0, True, False, False), (start, end)
        else:
            found.append(token)
            places.append(spot)
    return found, places


def _joined(first: Token, second: Token, between: str) -> str:
    """The number that two tokens side by side are together; empty if they are none."""
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


def _first(token: Token) -> Token:
    """The token, as it is at the beginning: a common word has its capital from there."""
    return token._replace(is_name=False) if token.is_name and token.weight < 1 else token


@lru_cache(maxsize=_WORDS_CACHED_MAX)
def tokenized(written: str) -> Token:
    if written[0].isdecimal() and (number := numbers.spelling(written)):
        return Token(written, number, 1.0, True, False, False)
    if sign := _SIGNS.get(written):
        return Token(written, *sign, False, False, False)
    lower = written.lower().replace("’", "'")
    plain = lower.removesuffix("'s")
    negates = lower in NEGATIONS or lower.endswith("n't")
    if plain in STOP:
        return Token(written, sys.intern(plain), 0.0, False, False, negates)
    if number := NUMBER_WORDS.get(plain):
        return Token(written, number, 1.0, True, False, negates)
    found = sys.intern(stem(plain))
    weight = 0.5 if plain in COMMON or found in _COMMON_STEMS else 1.0
    is_number = plain in COUNTING
    return Token(written, found, weight, is_number, any(map(str.isupper, written)) and not is_number, negates)


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
_JOINED_STEMS = frozenset(tokenized(word).stem for word in (*numbers.MULTIPLIERS, *numbers.SUFFIXES, *TENS, "am"))
"""Of sentences with none of them, no two tokens are one number, or an hour, together."""
_SECOND_STEMS = frozenset(tokenized(word).stem for word in (*numbers.MULTIPLIERS, *numbers.SUFFIXES, *ONES))
"""Of the second of two tokens that are one number together."""
