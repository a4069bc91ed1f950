"""What a text is found by: its words, and the characters of scripts that are written without spaces between words.

The database makes them, by the same expressions for what is filed, for a query, and for a text that is looked at. Their
collation is one of our own (migration 0010), so that letters are letters whatever the locale of the database.
Why this and no more: docs/adr/0006-words-filed-in-the-background.md.
"""

from dataclasses import dataclass
from typing import LiteralString

from agentops_api.db.pool import Tx
from agentops_api.errors import Invalid

WORDS_MAX = 10
STEM_CHARS = 64
"""Of a longer word the beginning is filed."""
_STEMS_MAX = 20
"""Of so many words and characters of a query it is looked up where they are."""

_INVISIBLE: LiteralString = r"[\u00AD\u200B-\u200D\u2060\uFEFF]"
"""Soft hyphens, joiners, and spaces of no width, which one writer sets and the next does not."""
_SPACELESS: LiteralString = (
    r"\u3005-\u3007\u3021-\u3029\u3031-\u3035\u303B\u303C\u3041-\u3096\u3099\u309A\u309D-\u309F\u30A1-\u30FA\u30FC-\u30FF"
    r"\u3105-\u312F\u31A0-\u31BF\u31F0-\u31FF\u3400-\u4DBF\u4E00-\u9FFF\uF900-\uFAFF\U0001AFF0-\U0001B16F"
    r"\U00020000-\U0003FFFF\u0E01-\u0E3A\u0E40-\u0E4E\u0E50-\u0E59\u0E81-\u0EFF\u1000-\u1049\u1050-\u109F\u1780-\u17D3"
    r"\u17D7\u17DC-\u17F9"
)
"""Han, kana, bopomofo; Thai, Lao, Burmese, Khmer: letters, vowel signs, tone marks and digits, no punctuation."""
_MARKS: LiteralString = (
    r"\u0300-\u036F\u093C\u094D\u09BC\u09CD\u0A3C\u0A4D\u0ABC\u0ACD\u0B3C\u0B4D\u0BCD\u0C3C\u0C4D\u0CBC\u0CCD\u0D3B\u0D3C"
    r"\u0D4D\u0DCA"
)
"""Marks that stand within words and that no `\\w` counts among letters: accents that compose with nothing, and what
joins consonants in the scripts of India."""
_GAP: LiteralString = r"(?:[^\w" + _MARKS + r"]|[" + _SPACELESS + r"])"
"""A character that stands in no word."""

# NFKC makes one of what looks the same: an accent as a character of its own, ligatures, wide and narrow forms. Most
# texts are in it, and to see that costs less than to make it; ASCII always is.
PLAIN: LiteralString = (
    "CASE WHEN octet_length(text) = length(text) THEN lower(text COLLATE agentops_words) ELSE replace(regexp_replace("
    "lower((CASE WHEN text IS NFKC NORMALIZED THEN text ELSE normalize(text, NFKC) END) COLLATE agentops_words), '"
    + _INVISIBLE
    + r"', '', 'g'), U&'\03C2', U&'\03C3') END"
)
"""`text` in small letters and one form, with one sigma."""
# Not unnest: of that the planner expects so few words that it joins them with what is filed by a nested loop.
WORDS_OF: LiteralString = (
    'LATERAL (SELECT word COLLATE "default" AS word FROM (SELECT string_to_table('
    "regexp_replace(plain, '"
    + _GAP
    + "+', ' ', 'g') || CASE WHEN octet_length(plain) > length(plain) THEN ' ' || array_to_string(string_to_array("
    "regexp_replace(plain, '[^"
    + _SPACELESS
    + "]+', '', 'g'), NULL), ' ') ELSE '' END, ' ') AS word FROM (SELECT "
    + PLAIN
    # OFFSET 0: what is used several times is made once.
    + " AS plain FROM (SELECT TEXT AS text OFFSET 0) AS given OFFSET 0) AS plainly) AS parted"
    " WHERE word <> '') AS words"
)
"""What stands in FROM to get the `word`s of TEXT, one for each time it occurs."""
_PARTS: LiteralString = (
    "SELECT DISTINCT part, part ~ '["
    + _SPACELESS
    + "]' FROM (SELECT "
    + PLAIN
    + " AS plain FROM (SELECT %(text)s::text AS text) AS given) AS plainly,"
    " string_to_table(regexp_replace(regexp_replace(plain, '["
    + _SPACELESS
    + r"]+', ' \& ', 'g'), '[^\w"
    + _MARKS
    + _SPACELESS
    + "]+', ' ', 'g'), ' ') AS part WHERE part <> ''"
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a query looks for."""

    stems: list[str]
    """What is filed of it. A text that lacks one of these is not meant."""
    has_phrases: bool
    """Whether characters must stand beside each other: a text that has all stems need not be meant."""
    patterns: list[str]
    """A text is meant whose plain form matches each of these."""


async def read(tx: Tx, text: str) -> Wanted:
    """What to look for, as the database that filed the words makes it of a query.

    Raises Invalid when the text has no word, or more than ten; characters without a space between them count as one.
    """
    found = await tx.execute(_PARTS, {"text": text})
    parts = await found.fetchall()
    if not 1 <= len(parts) <= WORDS_MAX:
        message = f"must hold 1 to {WORDS_MAX} words to search for"
        raise Invalid(f"`q` {message}.", [{"field": "q", "message": message}])
    words = [part for part, is_spaceless in parts if not is_spaceless]
    phrases = [part for part, is_spaceless in parts if is_spaceless]
    stems = list({word[:STEM_CHARS] for word in words})
    # Kanji come behind kana, and are rarer.
    characters = sorted({character for phrase in phrases for character in phrase}, reverse=True)
    return Wanted(
        stems + characters[: _STEMS_MAX - len(stems)],
        any(len(phrase) > 1 for phrase in phrases),
        [f"(?:^|{_GAP}){word}(?:$|{_GAP})" for word in words] + phrases,
    )
