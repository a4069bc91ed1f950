"""The judge's verdicts and the local result, made into one."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import get_args

from agentops.detect import Claim, Detection, Label, Quote

NAME_CHARS_MAX = 200
"""Of a detector's name: the server takes no longer one."""
NOT_CHECKABLE: Label = next(label for label in get_args(Label) if label.startswith("not"))
_AGAINST: tuple[Label, ...] = ("unsupported", "contradicted")


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found out about one claim."""

    label: Label
    probability: float | None
    """That it is not supported."""
    evidence: Quote | None
    reasons: tuple[str, ...]


def merged(
    local: Detection, judged: Sequence[Judged | str], *, scoring: str, detector: str, notes: Sequence[str] = ()
) -> Detection:
    """The local result with what was found out about its claims, in their order.

    Text in place of a finding says why none counts: that claim stays as it was, and the whole is degraded.
    """
    refused = Counter(each for each in judged if isinstance(each, str))
    told = [f"{count} of {len(judged)} claims keep the local result: {why}." for why, count in refused.items()]
    if sum(refused.values()) == len(judged):
        return degraded(local, *notes, *told)
    claims = tuple(map(_with, local.claims, judged))
    weights = [(len(claim.text), claim.probability) for claim in claims if claim.probability is not None]
    probabilities = [probability for _, probability in weights]
    support = sum(weight * (1 - probability) for weight, probability in weights) / (sum(w for w, _ in weights) or 1)
    if not weights:
        told.append("The answer states nothing that could be checked, so there is no verdict.")
    return replace(
        local,
        status="degraded" if refused else ("verified" if weights else "unverified"),
        probability=max(probabilities, default=None),
        hallucinated=any(claim.label in _AGAINST for claim in claims) if weights else None,
        factual_support=support if weights else None,
        claims=claims,
        scoring=scoring,
        detector=detector,
        notes=(*local.notes, *notes, *told),
    )


def degraded(local: Detection, *notes: str) -> Detection:
    """The local result, where a better one was wanted and could not be had."""
    return replace(local, status="degraded", notes=(*local.notes, *notes))


def _with(claim: Claim, found: Judged | str) -> Claim:
    if isinstance(found, str):
        return claim
    return replace(
        claim,
        label=found.label,
        probability=found.probability,
        evidence=found.evidence,
        reasons=found.reasons,
    )
