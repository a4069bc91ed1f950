"""The formula of agentops-client 0.2: kept so that old numbers can be continued, not because it detects anything.

Measured on public sets (2026-11): drift alone has an AUROC of 0.52 on RAGTruth-QA and 0.08 on HaluEval-QA, hedges 0.5.
"""

import re

THRESHOLD = 0.45
_CUES = ("maybe", "probably", "unsure", "not sure", "might", "perhaps", "possibly")
_CUE_WEIGHT = 0.2
_OLD_RATING = re.compile(r"0\.\d+|1")
_SCALE = re.compile(
    r"\b(?:scale|range|between|from)\b[^.\d]*\d+(?:\.\d+)?\s*(?:to|and|through|[-–])\s*\d+(?:\.\d+)?", re.IGNORECASE
)
_RATING = re.compile(
    r"(?<![\w.])(?P<value>\d*\.?\d+)"
    r"(?:\s*(?P<percent>%|percent\b)|\s*(?:/|out of)\s*(?P<whole>\d+(?:\.\d+)?))?(?![\w])",
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

    Understands `0`, `0.2`, `20%`, `2/10` and `On a scale of 0 to 1, I rate it 0.2`. With `legacy_parse` it reads what
    0.2 read: the first `0.…` or `1` anywhere, and 0.5 where there is neither.
    """
    if legacy_parse:
        old = _OLD_RATING.search(text)
        return float(old.group()) if old else 0.5
    values = [value for found in _RATING.finditer(_SCALE.sub(" ", text)) if (value := _value(found)) is not None]
    return values[-1] if values else None


def _value(found: re.Match[str]) -> float | None:
    value = float(found["value"])
    if found["percent"]:
        value /= 100
    elif found["whole"]:
        whole = float(found["whole"])
        value = value / whole if whole else -1.0
    return value if 0 <= value <= 1 else None
