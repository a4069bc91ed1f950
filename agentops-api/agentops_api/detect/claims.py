"""What is told of one claim: a label, the closest evidence, and reasons that a person understands."""

from collections.abc import Sequence

from .evidence import Window
from .features import Measured
from .results import Claim, Quote
from .text import Sentence

_REASON_WORDS_MAX = 5
_CONTRADICTION_OVERLAP_MIN = 0.5
"""A claim that shares less with its window speaks of something else, and so contradicts nothing."""


def checked(
    sentence: Sentence,
    measured: Measured,
    probability: float,
    *,
    response: str,
    documents: Sequence[str],
    threshold: float,
) -> Claim:
    """The claim that this sentence of the response makes."""
    against = "contradicted" if _is_contradicted(measured) else "unsupported"
    return Claim(
        start=sentence.start,
        end=sentence.end,
        text=response[sentence.start : sentence.end],
        label=against if probability >= threshold else "supported",
        probability=probability,
        evidence=_quote(documents, measured.window) if measured.window else None,
        reasons=tuple(_reasons(measured)),
    )


def not_checkable(sentence: Sentence, *, response: str) -> Claim:
    """A sentence of function words only, such as "yes": any document has them."""
    text = response[sentence.start : sentence.end]
    return Claim(sentence.start, sentence.end, text, "not_checkable", None, None, ())


def _quote(documents: Sequence[str], window: Window) -> Quote:
    return Quote(window.document, window.start, window.end, documents[window.document][window.start : window.end])


def _is_contradicted(measured: Measured) -> bool:
    """Whether the claim speaks of what its window speaks of, and says otherwise."""
    found = measured.conflicts
    is_other_number = found.other_numbers and bool(found.missing_numbers or found.misplaced_numbers)
    is_contrary = bool(found.denied or found.contraries or found.opposites)
    says_otherwise = is_other_number or is_contrary or found.negated_word is not None
    return says_otherwise and measured.overlap >= _CONTRADICTION_OVERLAP_MIN


def _reasons(measured: Measured) -> list[str]:
    """What speaks against the claim; the plainest first."""
    found = measured.conflicts
    reasons = [f'missing number "{number}"' for number in found.missing_numbers]
    reasons += [f'missing name "{name}"' for name in found.missing_names]
    reasons += [f'number "{number}" stands elsewhere in the documents' for number in found.misplaced_numbers]
    reasons += [f'name "{name}" stands elsewhere in the documents' for name in found.misplaced_names]
    reasons += [f'the evidence says "{quote}"' for quote in found.denied]
    contraries = dict.fromkeys([*found.contraries, *found.opposites])
    reasons += [f'"{word}" where the evidence has "{other}"' for word, other in contraries]
    if found.negated_word is not None:
        reasons.append(f'"{found.negated_word}" is negated here and not in the evidence')
    elif found.negated:
        reasons.append("a negation that the evidence has not")
    told = {*found.missing_numbers, *found.missing_names}
    others = [f'"{word}"' for word in measured.uncovered if word not in told]
    if others:
        more = ", ..." if len(others) > _REASON_WORDS_MAX else ""
        reasons.append(f"not in the documents: {', '.join(others[:_REASON_WORDS_MAX])}{more}")
    return reasons
