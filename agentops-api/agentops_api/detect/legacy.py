"""The formula of agentops-client 0.2: kept so that old numbers can be continued, not because it detects anything.

Measured on public sets (2026-11): drift alone has an AUROC of 0.52 on RAGTruth-QA and 0.08 on HaluEval-QA, hedges 0.5.
"""

import math
import re
from collections.abc import Callable, Sequence

THRESHOLD = 0.45
Judge = Callable[[str, str, Sequence[str]], str]
"""Takes prompt, response and documents, and says in its own words how much of it is supported, from 0 to 1."""
_CUES = ("maybe", "probably", "unsure", "not sure", "might", "perhaps", "possibly")
_CUE_WEIGHT = 0.2
_OLD_RATING = re.compile(r"0\.\d+|1")
_NUMBER = r"(?:\d+(?:[.,]\d+)?|[.,]\d+)"
_SCALE = re.compile(
    rf"\b(?:scale|range|between|from)\b[^.\d]*{_NUMBER}\s*(?:to|and|through|[-–])\s*{_NUMBER}"
    r"|[\[(]\s*0(?:[.,]0)?\s*[,;]\s*1(?:[.,]0)?\s*[\])]",
    re.IGNORECASE,
)
# Neither a part of a word or of a longer number, nor an end of a range, nor explained (`0 = unsupported`).
_RATING = re.compile(
    rf"(?<![\w.,])(?<!\d[-–])(?P<sign>[-\u2212])?(?P<value>{_NUMBER})(?![.,]?\d)"
    rf"(?:\s*(?P<percent>%|percent\b)|\s*(?:/|out of)\s*(?P<whole>{_NUMBER}))?"
    r"(?!\w)(?!\s*[-–]\s*[\d.])(?!\s*(?:=|means\b|being\b))",
    re.IGNORECASE,
)
_NAMED = re.compile(r"\b(?:scored?|rating|rated?|grade)\b|\bsupport\s*(?:[:=]|is\b|of\b)", re.IGNORECASE)
_NAMED_WITHIN_CHARS = 60
_CONFIDENCE = re.compile(
    rf"\b(?:confiden|certain)\w*[^\d\n;]{{0,20}}{_NUMBER}\s*%?|{_NUMBER}\s*(?:%|percent)?\s*(?:confiden|certain|sure)\w*",
    re.IGNORECASE,
)


def uncertainty_score(text: str) -> float:
    """0.2 for each cue that occurs, also within a word (`mighty`), at most 1."""
    lower = text.lower()
    return min(1.0, sum(cue in lower for cue in _CUES) * _CUE_WEIGHT)


def probability(factual_support: float, semantic_drift: float, uncertainty: float) -> float:
    """0.4 (1 - support) + 0.4 drift + 0.2 uncertainty, rounded to three places."""
    return round(0.4 * (1 - factual_support) + 0.4 * semantic_drift + 0.2 * uncertainty, 3)


def hallucinated(probability: float) -> bool:
    """Whether the rounded probability is above 0.45."""
    return probability > THRESHOLD


def rating(text: str, *, legacy_parse: bool = False) -> float | None:
    """The rating from 0 to 1 that a judge wrote; None if there is none to be read.

    Understands `0`, `0.2`, `0,2`, `20%`, `2/10` and `On a scale of 0 to 1, I rate it 0.2`. A number after a word like
    `score` or `rating` goes before others, the last before earlier ones; how confident the judge is is no rating. With
    `legacy_parse` it reads what 0.2 read: the first `0.…` or `1` anywhere, and 0.5 where there is neither.
    """
    if legacy_parse:
        old = _OLD_RATING.search(text)
        return float(old.group()) if old else 0.5
    text = _CONFIDENCE.sub(" ; ", _SCALE.sub(" ; ", text))
    found = [(each.start(), _value(each)) for each in _RATING.finditer(text)]
    for name in reversed([*_NAMED.finditer(text)]):
        for at, value in found:
            if 0 <= at - name.end() <= _NAMED_WITHIN_CHARS and value <= 1:
                return value if value >= 0 else None
    values = [value for _, value in found if 0 <= value <= 1]
    return values[-1] if values else None


def _value(found: re.Match[str]) -> float:
    value = _number(found["value"])
    if found["percent"]:
        value /= 100
    elif found["whole"]:
        whole = _number(found["whole"])
        value = value / whole if whole else math.inf
    return -value if found["sign"] and value else value


def _number(text: str) -> float:
    whole, comma, rest = text.partition(",")
    if comma and len(rest) == len("000") and whole.strip("0"):
        # 1,000 is a thousand, and 0,125 an eighth.
        return float(whole + rest)
    return float(text.replace(",", "."))
