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

SHORT_EVIDENCE_WORDS, LONG_EVIDENCE_WORDS = 100, 150
"""Up to so many words, and from so many on, evidence is short or long; between them it is in part either."""
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


def asks_for_summary(prompt: Sequence[str]) -> bool:
    """Whether a prompt of these stems begins or ends by asking for a summary."""
    instruction = (*prompt[:_INSTRUCTION_WORDS], *prompt[-_INSTRUCTION_WORDS:])
    return any(stem.startswith("summar") or stem == "tldr" for stem in instruction)


def between(evidence_words: int) -> Profile:
    """The profile for a claim that so many words of evidence have to do with: much is retold freely, little is quoted.
    Its probability never rises with their number, whatever the claim's risk is."""
    short, long = PROFILES["short_answer"], PROFILES["long_answer"]
    span = math.log(LONG_EVIDENCE_WORDS / SHORT_EVIDENCE_WORDS)
    share = min(1.0, max(0.0, math.log(max(1, evidence_words) / SHORT_EVIDENCE_WORDS) / span))
    slope = short.platt.slope + share * (long.platt.slope - short.platt.slope)
    intercept = short.platt.intercept + share * (long.platt.intercept - short.platt.intercept)
    nearer = long if share >= 0.5 else short
    return Profile(nearer.name, nearer.conflict_weight, Platt(slope, intercept))


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


def answer(claims: Sequence[tuple[float, Profile]]) -> tuple[float, Profile]:
    """The risk and the profile of an answer with claims of these: those of the worst, and a little for doubts about the
    others.

    No claim's risk can rise without the probability rising, and a copied sentence adds nothing, so that padding makes
    no answer look better. A mean would gain 0.02 on MT-RAG, and could.
    """
    doubts = sum(risk - _COPIED for risk, _ in claims)

    def whole(claim: tuple[float, Profile]) -> float:
        return claim[0] + _FURTHER_CLAIMS_WEIGHT * math.log1p(max(0.0, doubts - (claim[0] - _COPIED)))

    worst = max(claims, key=lambda claim: claim[1].platt.logit(whole(claim)))
    return whole(worst), worst[1]
