"""One spelling for each number: `2.6 million`, `2.6M` and `2,600,000` are the same."""

import re
import sys
from decimal import Decimal
from functools import lru_cache

_NUMBER = re.compile(r"(\d+(?:[.,]\d+)*)(st|nd|rd|th|s)?")
_PLAIN = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?")
_VALUE = re.compile(r"[0-9]+(?:\.[0-9]+)?")

MULTIPLIERS = {
    "hundred": 100,
    "thousand": 1_000,
    "million": 1_000_000,
    "billion": 1_000_000_000,
    "trillion": 1_000_000_000_000,
    "dozen": 12,
}
SUFFIXES = {
    "k": 1_000,
    "K": 1_000,
    "M": 1_000_000,
    "mn": 1_000_000,
    "B": 1_000_000_000,
    "bn": 1_000_000_000,
    "tn": 1_000_000_000_000,
}
"""What may be written right behind a number instead."""

_DIGITS_MAX = 40
"""A longer number is not multiplied: "million million ..." would grow with each word."""

_YEAR = re.compile(r"1[5-9]\d\d|20\d\d")


def spelling(written: str) -> str:
    """`1,000` and `1000.0` are the same, `05` and `5` too; `2nd` and `1980s` keep what they are. Empty if none."""
    found = _NUMBER.fullmatch(written)
    if found is None:
        return ""
    digits, suffix = found[1], found[2] or ""
    if _PLAIN.fullmatch(digits):
        digits = digits.replace(",", "")
        if "." in digits:
            digits = digits.rstrip("0").rstrip(".")
        digits = digits.lstrip("0") or "0"
        digits = f"0{digits}" if digits.startswith(".") else digits
    return sys.intern(digits + ("th" if suffix in ("st", "nd", "rd") else suffix))


def times(number: str, factor: int) -> str:
    """That many times the number; empty if it is an ordinal, a decade, or too long."""
    is_value = len(number) <= _DIGITS_MAX and _VALUE.fullmatch(number)
    return _plain(Decimal(number) * factor) if is_value else ""


def plus(tens: str, ones: str) -> str:
    """`twenty` and `five` together."""
    return str(int(tens) + int(ones))


@lru_cache(maxsize=1 << 12)
def roundings(number: str) -> frozenset[str]:
    """What a writer who rounds makes of it: `4.47` becomes `4.5` or `4`, `1234567` becomes `1200000`; `1994` becomes
    `1990s`, and nothing else, for it may be a year."""
    if _YEAR.fullmatch(number):
        return frozenset([f"{number[:3]}0s"])
    if not _VALUE.fullmatch(number):
        return frozenset()
    whole, _, decimals = number.partition(".")
    if len(number) >= 20:
        return frozenset()
    found = {_plain(round(Decimal(number), places)) for places in range(len(decimals))}
    if len(whole) >= 5:
        found |= {_plain(round(Decimal(number), figures - len(whole))) for figures in (2, 3)}
    return frozenset(found - {number, "0"})


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    return sys.intern(text.rstrip("0").rstrip(".") if "." in text else text)
