"""The claims of an answer: its sentences, as a detector judged them. Knows no HTTP, no SQL and no detector."""

from typing import Annotated

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    Strict,
    StringConstraints,
    ValidationInfo,
)
from typing_extensions import TypedDict

from agentops_api.detect import Label
from agentops_api.detect.wire import CLAIMS_MAX, QUOTE_CHARS_MAX, REASON_CHARS_MAX, REASONS_MAX

_DOCUMENTS_MAX = 200
_OFFSET_MAX = 1_000_000


def _whole(value: object) -> object:
    """In JSON 1.0 is a whole number too (JSON Schema 2020-12, validation, section 6.1.1)."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


_Offset = Annotated[int, Field(ge=0, le=_OFFSET_MAX), Strict(), BeforeValidator(_whole)]
_Quote = Annotated[str, StringConstraints(max_length=QUOTE_CHARS_MAX)]
_Reason = Annotated[str, StringConstraints(max_length=REASON_CHARS_MAX)]

CLAIMS_EXAMPLE: list[JsonValue] = [
    {
        "start": 0,
        "end": 53,
        "text": "Unopened goods can be returned within 90 days, always.",
        "label": "contradicted",
        "probability": 0.93,
        "evidence": {
            "document": 0,
            "start": 0,
            "end": 57,
            "text": "Unopened goods can be returned within 30 days of delivery",
        },
        "reasons": ['missing number "90"'],
    }
]
"""As the documentation shows claims."""

_CONFIG = ConfigDict(extra="ignore", use_attribute_docstrings=True, hide_input_in_errors=True)


class Evidence(TypedDict):
    """Where the documents come closest to a claim."""

    __pydantic_config__ = _CONFIG  # pyright: ignore[reportGeneralTypeIssues] - pydantic's own way

    document: Annotated[int, Field(ge=0, lt=_DOCUMENTS_MAX), Strict(), BeforeValidator(_whole)]
    """The document's position in `retrieved_docs`, from 0."""
    start: _Offset
    """Where the stretch begins in that document, in characters (Unicode code points)."""
    end: _Offset
    """Where it ends: the first character behind it."""
    text: _Quote
    """The stretch itself."""


class Claim(TypedDict):
    """One sentence of the answer, and what was found out about it."""

    __pydantic_config__ = _CONFIG  # pyright: ignore[reportGeneralTypeIssues] - pydantic's own way

    start: _Offset
    """Where it begins in the response, in characters (Unicode code points)."""
    end: _Offset
    """Where it ends: the first character behind it."""
    text: _Quote
    """The sentence itself."""
    label: Label
    """`supported`, `unsupported`, `contradicted`, or `not_checkable`, which says nothing that could be checked."""
    probability: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False), Strict()] | None
    """That the evidence does not support it, in [0, 1]; null where there is nothing to check."""
    evidence: Evidence | None
    """Where the documents come closest to it; null where nothing does."""
    reasons: Annotated[list[_Reason], Field(max_length=REASONS_MAX)]
    """What speaks against it, for a person to read."""


def _fit(claims: list[Claim], info: ValidationInfo) -> list[Claim]:
    """The claims, when they lie within the texts that were sent with them."""
    response, documents = info.data.get("response"), info.data.get("retrieved_docs")
    for claim in claims:
        if claim["start"] > claim["end"] or (response is not None and claim["end"] > len(response)):
            raise ValueError("a claim's start and end must lie within the response, start first")
        evidence = claim["evidence"]
        if evidence is None:
            continue
        if evidence["start"] > evidence["end"]:
            raise ValueError("an evidence's start must not lie behind its end")
        if documents is not None and (
            evidence["document"] >= len(documents) or evidence["end"] > len(documents[evidence["document"]])
        ):
            raise ValueError("a claim's evidence must lie within one of `retrieved_docs`")
    return claims


Claims = Annotated[list[Claim], Field(max_length=CLAIMS_MAX), AfterValidator(_fit)]
