"""The detector that needs nothing: no key, no network, no model. It compares words."""

from collections.abc import Sequence
from typing import Literal

from . import claims, drift, legacy
from .calibration import Recalibration
from .evidence import Evidence
from .features import Prompt, measure, sought
from .relevance import Relevance
from .results import Claim, Detection, Status
from .scoring import PROFILES, THRESHOLD, Profile, ProfileName, answer, risk
from .text import Sentence, sentences

VERSION = "4"
RESPONSE_CHARS_MAX = 100_000
PROMPT_CHARS_MAX = 50_000
DOCUMENTS_CHARS_MAX = 400_000
EFFORT_MAX = 4_000_000
"""Lookups and windows for all claims of an answer: more than the longest one over ordinary texts takes."""
_PROFILE_NAMES = ("auto", *PROFILES)
_SCORINGS = ("grounding", "legacy")
_UNREADABLE = "The judge's rating could not be read."
_NO_VERDICT = "There is nothing to compare, so there is no verdict."


class LocalDetector:
    """Compares each sentence of an answer with the documents. It keeps nothing, so threads may share it."""

    def __init__(
        self,
        *,
        profile: ProfileName | Literal["auto"] = "auto",
        scoring: Literal["grounding", "legacy"] = "grounding",
        recalibration: Recalibration | None = None,
        threshold: float = THRESHOLD,
        legacy_judge: legacy.Judge | None = None,
        legacy_parse: bool = False,
    ) -> None:
        """`recalibration` corrects the probabilities of `grounding`; `legacy` is the formula of version 0.2, whose
        threshold is always 0.45. Its factual support is what `legacy_judge` says, as in 0.2, else comes from here;
        `legacy_parse` misreads the judge as 0.2 did. What cannot be read is `degraded`. Raises ValueError."""
        if profile not in _PROFILE_NAMES:
            raise ValueError(f"profile is {profile!r}, and may be {', '.join(_PROFILE_NAMES)}")
        if scoring not in _SCORINGS:
            raise ValueError(f"scoring is {scoring!r}, and may be {', '.join(_SCORINGS)}")
        if scoring != "legacy" and (legacy_judge or legacy_parse):
            raise ValueError("legacy_judge and legacy_parse need scoring='legacy'")
        self._profile = None if profile == "auto" else PROFILES[profile]
        self._scoring = scoring
        self._recalibration = recalibration
        self._threshold = threshold
        self._legacy_judge = legacy_judge
        self._legacy_parse = legacy_parse

    def detect(self, prompt: str, response: str, documents: Sequence[str] | None = None) -> Detection:
        """What the documents say of the answer; without documents, that nothing can be said."""
        prompt, response, texts, notes = _bounded(prompt, response, documents or ())
        asked, answered = sentences(prompt), sentences(response)
        wordings = sought(answered)
        evidence = Evidence(texts, wordings)
        relevance = Relevance(evidence, asked, self._profile)
        found, judged, support = self._check(answered, evidence, Prompt(asked, wordings), relevance, response, texts)
        judged_risk, profile = judged or (None, relevance.without_claims)
        probability = None if judged_risk is None else self._probability(judged_risk, profile)
        semantic_drift = drift.semantic_drift(asked, answered)
        if evidence.words and len(found) < len(answered):
            notes.append(
                f"Only the first {len(found):,} sentences of the answer were checked: too much resembles them."
            )
        hedging = legacy.uncertainty_score(response) if self._scoring == "legacy" else drift.uncertainty(response)
        hallucinated = None if probability is None else probability >= self._threshold
        rated = self._rating(prompt, response, texts)
        support = support if rated is None else rated
        if self._scoring == "legacy" and support is not None:
            probability = legacy.probability(support, semantic_drift, hedging)
            hallucinated = legacy.hallucinated(probability)
        return Detection(
            status=self._status(probability, rated),
            probability=probability,
            hallucinated=hallucinated,
            semantic_drift=semantic_drift,
            uncertainty=hedging,
            factual_support=support,
            claims=tuple(found),
            mode=_mode(probability, evidence),
            scoring=self._scoring,
            detector=f"local/{VERSION} {profile.name}",
            notes=self._notes(notes, probability, rated),
        )

    def _rating(self, prompt: str, response: str, documents: Sequence[str]) -> float | None:
        if self._legacy_judge is None:
            return None
        return legacy.rating(self._legacy_judge(prompt, response, documents), legacy_parse=self._legacy_parse)

    def _status(self, probability: float | None, rated: float | None) -> Status:
        if self._legacy_judge and rated is None:
            return "degraded"
        return "unverified" if probability is None else "verified"

    def _notes(self, notes: Sequence[str], probability: float | None, rated: float | None) -> tuple[str, ...]:
        unread = (_UNREADABLE,) if self._legacy_judge and rated is None else ()
        return (*notes, *unread, *((_NO_VERDICT,) if probability is None else ()))

    def _check(
        self,
        answered: Sequence[Sentence],
        evidence: Evidence,
        asked: Prompt,
        relevance: Relevance,
        response: str,
        documents: Sequence[str],
    ) -> tuple[list[Claim], tuple[float, Profile] | None, float | None]:
        """The claims, risk and profile of the whole answer, and how much of it is supported."""
        found: list[Claim] = []
        risks: list[tuple[float, Profile]] = []
        weight = supported = 0.0
        for sentence in answered if evidence.words else ():
            if evidence.effort > EFFORT_MAX:
                break
            measured = measure(sentence, response, evidence, asked)
            if measured is None:
                found.append(claims.not_checkable(sentence, response=response))
                continue
            profile = relevance.profile(sentence)
            risks.append((risk(measured, profile), profile))
            probability = self._probability(*risks[-1])
            weight += measured.weight
            supported += measured.weight * (1 - probability)
            found.append(
                claims.checked(
                    sentence, measured, probability, response=response, documents=documents, threshold=self._threshold
                )
            )
        if not risks:
            return found, None, None
        return found, answer(risks), supported / weight

    def _probability(self, risk: float, profile: Profile) -> float:
        probability = profile.platt(risk)
        return self._recalibration(probability) if self._recalibration else probability


def _mode(probability: float | None, evidence: Evidence) -> str:
    if probability is None:
        return "unverified"
    return "retrieved-doc entailment" if evidence.words else "legacy judge"


def _bounded(prompt: str, response: str, documents: Sequence[str]) -> tuple[str, str, list[str], list[str]]:
    """The texts, cut where they are too long to be read in time, and a note for each cut."""
    notes: list[str] = []
    if len(response) > RESPONSE_CHARS_MAX:
        notes.append(f"Only the first {RESPONSE_CHARS_MAX:,} characters of the answer were checked.")
    each = _fair_share([len(text) for text in documents], DOCUMENTS_CHARS_MAX)
    if any(len(text) > each for text in documents):
        notes.append(f"Only the first {each:,} characters of each document were read.")
    return prompt[:PROMPT_CHARS_MAX], response[:RESPONSE_CHARS_MAX], [text[:each] for text in documents], notes


def _fair_share(lengths: Sequence[int], total_max: int) -> int:
    """The largest length such that texts cut to it are at most `total_max` together. Their order plays no part."""
    left = total_max
    for at, length in enumerate(sorted(lengths)):
        share = left // (len(lengths) - at)
        if length > share:
            return share
        left -= length
    return total_max
