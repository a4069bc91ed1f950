"""The detector that needs nothing: no key, no network, no model. It compares words."""

from collections.abc import Sequence
from typing import Literal

from agentops.detect import drift, legacy
from agentops.detect.calibration import Recalibration
from agentops.detect.evidence import Evidence, Window
from agentops.detect.features import Measured, measure
from agentops.detect.results import Claim, Detection, Label, Quote
from agentops.detect.scoring import PROFILES, THRESHOLD, Profile, ProfileName, infer, risk
from agentops.detect.text import Sentence, sentences

VERSION = "1"
RESPONSE_CHARS_MAX = 100_000
PROMPT_CHARS_MAX = 50_000
DOCUMENTS_CHARS_MAX = 400_000
_REASON_WORDS_MAX = 5
_NO_VERDICT = "There is nothing to compare, so there is no verdict."
_CONTRADICTION_OVERLAP_MIN = 0.5
"""A claim that shares less with its window speaks of something else, and so contradicts nothing."""


class LocalDetector:
    """Compares each sentence of an answer with the documents. Safe to share between threads: it keeps nothing."""

    def __init__(
        self,
        *,
        profile: ProfileName | Literal["auto"] = "auto",
        scoring: Literal["grounding", "legacy"] = "grounding",
        recalibration: Recalibration | None = None,
        threshold: float = THRESHOLD,
    ) -> None:
        """`recalibration` corrects the probabilities of `scoring="grounding"`; `legacy` is the formula of version 0.2."""
        self._profile = None if profile == "auto" else PROFILES[profile]
        self._scoring = scoring
        self._recalibration = recalibration
        self._threshold = threshold

    def detect(self, prompt: str, response: str, documents: Sequence[str] | None = None) -> Detection:
        """What the documents say of the answer; without documents, that nothing can be said."""
        prompt, response, texts, notes = _bounded(prompt, response, documents or ())
        evidence = Evidence(texts)
        asked, answered = sentences(prompt), sentences(response)
        stems = [token.stem for sentence in asked for token in sentence.tokens]
        profile = self._profile or infer(stems, evidence.words)
        known = frozenset(stems)
        claims: list[Claim] = []
        support = weight = 0.0
        for sentence in answered if evidence.words else ():
            found = measure(sentence, evidence, known)
            probability = None if found is None else self._probability(found, profile)
            claims.append(_claim(response, texts, sentence, found, probability, self._threshold))
            if found is not None and probability is not None:
                support += found.weight * (1 - probability)
                weight += found.weight
        factual_support = support / weight if weight else None
        semantic_drift = drift.semantic_drift(asked, answered)
        return self._detection(response, profile, claims, factual_support, semantic_drift, notes)

    def _probability(self, measured: Measured, profile: Profile) -> float:
        probability = profile.platt(risk(measured, profile))
        return self._recalibration(probability) if self._recalibration else probability

    def _detection(
        self,
        response: str,
        profile: Profile,
        claims: Sequence[Claim],
        factual_support: float | None,
        semantic_drift: float,
        notes: Sequence[str],
    ) -> Detection:
        hedging = legacy.uncertainty_score(response) if self._scoring == "legacy" else drift.uncertainty(response)
        probability = max((claim.probability for claim in claims if claim.probability is not None), default=None)
        hallucinated = None if probability is None else probability >= self._threshold
        if self._scoring == "legacy" and factual_support is not None:
            probability = legacy.probability(
                factual_support=factual_support, semantic_drift=semantic_drift, uncertainty=hedging
            )
            hallucinated = legacy.hallucinated(probability)
        return Detection(
            status="unverified" if probability is None else "verified",
            probability=probability,
            hallucinated=hallucinated,
            semantic_drift=semantic_drift,
            uncertainty=hedging,
            factual_support=factual_support,
            claims=tuple(claims),
            mode="unverified" if probability is None else "retrieved-doc entailment",
            scoring=self._scoring,
            detector=f"local/{VERSION} {profile.name}",
            notes=tuple(notes) if probability is not None else (*notes, _NO_VERDICT),
        )


def _bounded(prompt: str, response: str, documents: Sequence[str]) -> tuple[str, str, list[str], list[str]]:
    """The texts, cut where they are too long to be read in time, and a note for each cut."""
    notes: list[str] = []
    if len(response) > RESPONSE_CHARS_MAX:
        notes.append(f"Only the first {RESPONSE_CHARS_MAX:,} characters of the answer were checked.")
    each = _fair_share([len(text) for text in documents], DOCUMENTS_CHARS_MAX)
    if any(len(text) > each for text in documents):
        notes.append(f"Only the first {each:,} characters of each document were read.")
    return prompt[:PROMPT_CHARS_MAX], response[:RESPONSE_CHARS_MAX], [text[:each] for text in documents], notes


def _fair_share(lengths: list[int], total_max: int) -> int:
    """The largest length such that texts cut to it are at most `total_max` together. Their order plays no part."""
    left = total_max
    for at, length in enumerate(sorted(lengths)):
        share = left // (len(lengths) - at)
        if length > share:
            return share
        left -= length
    return total_max


def _claim(
    response: str,
    documents: Sequence[str],
    sentence: Sentence,
    measured: Measured | None,
    probability: float | None,
    threshold: float,
) -> Claim:
    label: Label = "not checkable"
    if measured is not None and probability is not None:
        contrary = "contradicted" if _is_contradicted(measured) else "unsupported"
        label = contrary if probability >= threshold else "supported"
    return Claim(
        start=sentence.start,
        end=sentence.end,
        text=response[sentence.start : sentence.end],
        label=label,
        probability=probability,
        evidence=_quote(documents, measured.window) if measured and measured.window else None,
        reasons=tuple(_reasons(measured)) if measured else (),
    )


def _quote(documents: Sequence[str], window: Window) -> Quote:
    return Quote(window.document, window.start, window.end, documents[window.document][window.start : window.end])


def _is_contradicted(measured: Measured) -> bool:
    """Whether the claim speaks of what its window speaks of, and says otherwise."""
    found = measured.conflicts
    is_other_number = found.other_numbers and bool(found.missing_numbers or found.misplaced_numbers)
    return measured.overlap >= _CONTRADICTION_OVERLAP_MIN and bool(
        is_other_number or found.opposites or found.negated_word
    )


def _reasons(measured: Measured) -> list[str]:
    """What speaks against the claim; the plainest first."""
    found = measured.conflicts
    reasons = [f'missing number "{number}"' for number in found.missing_numbers]
    reasons += [f'missing name "{name}"' for name in found.missing_names]
    reasons += [f'number "{number}" stands elsewhere in the documents' for number in found.misplaced_numbers]
    reasons += [f'"{word}" where the evidence has "{other}"' for word, other in found.opposites]
    if found.negated:
        at = f' of "{found.negated_word}"' if found.negated_word else ""
        reasons.append(f"a negation{at} that the evidence has not")
    told = {*found.missing_numbers, *found.missing_names}
    others = [word for word in measured.uncovered if word not in told]
    if others:
        more = ", ..." if len(others) > _REASON_WORDS_MAX else ""
        reasons.append("not in the documents: " + ", ".join(f'"{word}"' for word in others[:_REASON_WORDS_MAX]) + more)
    return reasons
