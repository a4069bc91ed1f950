"""Units, currencies and minus signs of numbers: `5 km` and `5 miles` have the number in common, and nothing else.

A number that stands somewhere without any may be of anything, and contradicts nothing.
"""

import re
from collections.abc import Mapping, Sequence

from .text import Sentence, Token, stem

Units = Mapping[str, Mapping[str, str]]
"""For each number, its units in all its places, and how both are written. A unit is `BARE` where there is none."""

BARE = ""
_CURRENCIES = {"$": "dollar", "€": "euro", "£": "pound", "¥": "yen", "₹": "rupee"}
_SIGNED = re.compile(
    r"(?P<sign>[$€£¥₹])\s?(?P<number>\d[\d.,]*+)|(?<![\d.,])(?P<before>\d[\d.,]*+)\s?(?P<behind>[€£¥₹])"
)
_DIGITS = re.compile(r"[\d.,]*\d")

_NAMES = """
millimeter millimetre mm; centimeter centimetre cm; meter metre; kilometer kilometre km; inch; foot feet ft; yard; mile;
milligram mg; gram; kilogram kg kilo; ton tonne; ounce oz; pound lb gbp;
litre liter; millilitre milliliter ml; gallon; pint; barrel; acre; hectare;
second sec; minute min; hour hr; day; week; month; year yr; decade; century;
dollar usd; euro eur; cent; yen jpy; rupee inr; peso; franc; yuan;
percent percentage; degree celsius fahrenheit; mph; kph kmh; kilowatt kw; megawatt mw; gigawatt gw;
kilobyte kb; megabyte mb; gigabyte gb; terabyte tb
"""


def _units() -> dict[str, str]:
    groups = [[stem(word) for word in group.split()] for group in _NAMES.split(";")]
    return {word: group[0] for group in groups for word in group}


_UNITS = _units()


def units(sentence: Sentence, text: str) -> Units:
    """Of the numbers in that sentence of the text."""
    tokens = sentence.tokens
    places = [at for at, token in enumerate(tokens) if token.is_number and token.stem[0].isdecimal()]
    if not places:
        return {}
    signed = currencies(text[sentence.start : sentence.end])
    found: dict[str, dict[str, str]] = {}
    for at in places:
        ours = found.setdefault(tokens[at].stem, {})
        digits = _DIGITS.match(tokens[at].text)
        if digits and (signs := signed.get(digits[0])):
            ours.update(signs)
            # "$480/month"
            ours.update({unit: how for unit, how in [_beside(tokens, at)] if unit})
        else:
            ours.update([_beside(tokens, at)])
    return found


def _beside(tokens: Sequence[Token], at: int) -> tuple[str, str]:
    number = tokens[at].text
    unit = _UNITS.get(tokens[at + 1].stem, BARE) if at + 1 < len(tokens) else BARE
    if not unit:
        return BARE, number
    is_minus = at > 0 and tokens[at - 1].stem == "minus"
    how = f"{number}%" if tokens[at + 1].text == "%" else f"{number} {tokens[at + 1].text}"
    return (f"minus {unit}", f"-{how}") if is_minus else (unit, how)


def has_currencies(text: str) -> bool:
    """Whether any sign of a currency stands there."""
    return any(sign in text for sign in _CURRENCIES)


def currencies(sentence: str) -> dict[str, dict[str, str]]:
    """Of numbers, as they are written."""
    found: dict[str, dict[str, str]] = {}
    if has_currencies(sentence):
        for match in _SIGNED.finditer(sentence):
            number = (match["number"] or match["before"]).rstrip(".,")
            sign = match["sign"] or match["behind"]
            found.setdefault(number, {})[_CURRENCIES[sign]] = f"{sign}{number}"
    return found
