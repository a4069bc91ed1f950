"""From a claim's measures to its probability.

Grounding: six measures, standardised, with unit weights; nothing is trained. Conflicts are added on top, with round
weights. Means, scales and the two numbers of each profile were computed from public sets by
`benchmarks/detector/fit.py`: MT-RAG (Apache-2.0), HaluEval (MIT), BEGIN (CC BY 4.0) and SummEdits (Apache-2.0).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from .calibration import Platt
from .features import Measured

ProfileName = Literal["long_answer", "short_answer", "summary"]

THRESHOLD = 0.5

COVERAGE = {
    "uncovered": (0.20, 0.24),
    "uncovered_weight": (1.17, 1.29),
}
WORDING = {
    "bigrams": (0.49, 0.31),
    "trigrams": (0.62, 0.34),
    "content_bigrams": (0.50, 0.34),
    "copied_run": (0.60, 0.30),
}
"""Mean and scale of each measure."""

_FURTHER_CLAIMS_WEIGHT = 0.03

_LONG_EVIDENCE_WORDS_MIN = 150
_INSTRUCTION_WORDS = 40


@dataclass(frozen=True, slots=True)
class Profile:
    """How answers of one kind are judged."""

    name: ProfileName
    conflict_weight: float
    """Summaries differ from their source in wording anyway; what betrays them is a number, a name, a "not". On
    SummEdits grounding alone has an AUROC of 0.49, and conflicts alone 0.63 (2026-11-27)."""
    platt: Platt


PROFILES: dict[ProfileName, Profile] = {
    "long_answer": Profile("long_answer", 1.5, Platt(1.061, -2.731)),
    "short_answer": Profile("short_answer", 1.5, Platt(2.017, 0.390)),
    "summary": Profile("summary", 8.0, Platt(0.116, -0.765)),
}


def infer(prompt: Sequence[str], evidence_words: int) -> Profile:
    """The profile for an answer to a prompt of these stems.

    It is not the answer that decides, so that padding it changes nothing: a prompt that begins or ends by asking for a
    summary; else much evidence, which is retold freely; else little, which is quoted.
    """
    instruction = (*prompt[:_INSTRUCTION_WORDS], *prompt[-_INSTRUCTION_WORDS:])
    if any(stem.startswith("summar") or stem == "tldr" for stem in instruction):
        return PROFILES["summary"]
    return PROFILES["long_answer" if evidence_words >= _LONG_EVIDENCE_WORDS_MIN else "short_answer"]


def risk(measured: Measured, profile: Profile) -> float:
    """How little the evidence supports the claim, in standard deviations from a middling one."""
    return _grounding(measured.grounding) + profile.conflict_weight * measured.conflict


def _grounding(measures: Mapping[str, float]) -> float:
    """Words count as much as their order."""
    halves = (
        sum((measures[name] - mean) / scale for name, (mean, scale) in each.items()) / len(each)
        for each in (COVERAGE, WORDING)
    )
    return sum(halves) / 2


_COPIED = _grounding(dict.fromkeys([*COVERAGE, *WORDING], 0.0))
"""The risk of a sentence that was copied from the evidence."""


def answer_risk(claims: Sequence[float]) -> float:
    """The risk of an answer with claims of these risks: that of the worst, and a little for doubts about the others.

    No claim's risk can rise without this rising, and a copied sentence adds nothing, so that padding makes no answer
    look better. A mean would gain 0.02 on MT-RAG, and could.
    """
    worst = max(claims)
    others = sum(each - _COPIED for each in claims) - (worst - _COPIED)
    return worst + _FURTHER_CLAIMS_WEIGHT * math.log1p(max(0.0, others))
