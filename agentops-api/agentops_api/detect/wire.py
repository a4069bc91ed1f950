"""Claims as JSON objects that the server takes: within its bounds, however long an answer is."""

from collections.abc import Sequence
from typing import TypedDict

from .results import Claim, Label, Quote

CLAIMS_MAX = 500
QUOTE_CHARS_MAX = 10_000
REASONS_MAX = 20
REASON_CHARS_MAX = 500


class SentEvidence(TypedDict):
    """Where the documents come closest to a claim."""

    document: int
    start: int
    end: int
    text: str


class SentClaim(TypedDict):
    """A claim as it is sent."""

    start: int
    end: int
    text: str
    label: Label
    probability: float | None
    evidence: SentEvidence | None
    reasons: list[str]


def sent(claims: Sequence[Claim]) -> list[SentClaim]:
    """The claims, in their order. Of too many, the most probable are kept: they are what made the verdict."""
    if len(claims) > CLAIMS_MAX:
        worst = sorted(range(len(claims)), key=lambda at: -(claims[at].probability or 0.0))[:CLAIMS_MAX]
        claims = [claims[at] for at in sorted(worst)]
    return [
        {
            "start": claim.start,
            "end": claim.end,
            "text": claim.text[:QUOTE_CHARS_MAX],
            "label": claim.label,
            "probability": claim.probability,
            "evidence": _evidence(claim.evidence) if claim.evidence else None,
            "reasons": [reason[:REASON_CHARS_MAX] for reason in claim.reasons[:REASONS_MAX]],
        }
        for claim in claims
    ]


def _evidence(quote: Quote) -> SentEvidence:
    return {
        "document": quote.document,
        "start": quote.start,
        "end": quote.end,
        "text": quote.text[:QUOTE_CHARS_MAX],
    }
