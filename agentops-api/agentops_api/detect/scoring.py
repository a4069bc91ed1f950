"""From a claim's measures to its probability.

Grounding: nine features, standardised, with unit weights; nothing is trained. Conflicts are added on top, with round
weights. Means, scales and the two numbers of each profile were computed from public sets by
`benchmarks/detector/fit.py`: MT-RAG (Apache-2.0), HaluEval (MIT), BEGIN (CC BY 4.0) and SummEdits (Apache-2.0).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from .calibration import Platt
from .features import Measured

ProfileName = Literal["long_answer", "short_answer", "summary"]

THRESHOLD = 0.5

STANDARD = {
    "uncovered": (0.26, 0.28),
    "uncovered_weight": (1.51, 1.56),
    "new": (0.22, 0.25),
    "new_weight": (1.33, 1.38),
    "window": (0.33, 0.30),
    "bigrams": (0.52, 0.33),
    "trigrams": (0.64, 0.35),
    "content_bigrams": (0.53, 0.36),
    "copied_run": (0.62, 0.31),
}
CONFLICT = {
    "missing_numbers": 0.75,
    "misplaced_numbers": 0.25,
    "missing_names": 0.5,
    "misplaced_names": 0.1,
    "opposites": 0.25,
    "negated": 1.0,
}

_COPIED = -sum(mean / scale for mean, scale in STANDARD.values()) / len(STANDARD)
"""The risk of a sentence that was copied from the evidence."""
_FURTHER_CLAIMS_WEIGHT = 0.1

_LONG_EVIDENCE_WORDS_MIN = 150
_INSTRUCTION_WORDS = 40


@dataclass(frozen=True, slots=True)
class Profile:
    """How answers of one kind are judged."""

    name: ProfileName
    conflict_weight: float
    """Summaries differ from their source in wording anyway; what betrays them is a number, a name, a "not"."""
    platt: Platt


PROFILES: dict[ProfileName, Profile] = {
    "long_answer": Profile("long_answer", 1.0, Platt(1.38, -2.48)),
    "short_answer": Profile("short_answer", 1.0, Platt(2.82, 1.34)),
    "summary": Profile("summary", 2.0, Platt(0.37, -0.54)),
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
    grounding = sum((measured.grounding[name] - mean) / scale for name, (mean, scale) in STANDARD.items())
    conflict = sum(measured.conflict[name] * weight for name, weight in CONFLICT.items())
    return grounding / len(STANDARD) + profile.conflict_weight * conflict


def answer_risk(claims: Sequence[float]) -> float:
    """The risk of an answer with claims of these risks: that of the worst, and a little for doubts about the others.

    No claim's risk can rise without this rising, and a copied sentence adds nothing, so that padding makes no answer
    look better. A mean would gain 0.02 on MT-RAG, and could.
    """
    worst = max(claims)
    others = sum(each - _COPIED for each in claims) - (worst - _COPIED)
    return worst + _FURTHER_CLAIMS_WEIGHT * math.log1p(max(0.0, others))
