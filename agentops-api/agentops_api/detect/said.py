"""What the documents say in one or two sentences, as far as a claim may say something else."""

from dataclasses import dataclass

from .denials import Denial, denials
from .negations import negated_stems
from .text import Sentence
from .units import currencies


@dataclass(frozen=True, slots=True)
class Said:
    """By a window."""

    stems: frozenset[str]
    """Of its words, and of what they may be called instead."""
    negated: frozenset[str]
    """Stems that it negates; empty if there is no negation."""
    denials: tuple[Denial, ...]
    sentences: tuple[tuple[Sentence, str], ...]
    """With the text of each."""


NOTHING = Said(frozenset(), frozenset(), (), ())


def said(sentence: Sentence, text: str, stems: frozenset[str]) -> Said:
    """By that sentence of the text; `stems`: of its words, and of what they may be called instead."""
    negated = negated_stems(sentence.tokens)
    return Said(stems, negated, denials(sentence, text) if negated else (), ((sentence, text),))


def marks(sentence: Sentence, text: str, *, has_currencies: bool) -> tuple[str, ...]:
    """What makes a difference to that besides the stems: signs of currencies, with numbers, and of a question."""
    question = ("?",) if "?" in text[sentence.end - 2 : sentence.end] else ()
    if not has_currencies:
        return question
    found = currencies(text[sentence.start : sentence.end])
    return (*question, *sorted(sign for signs in found.values() for sign in signs.values()))


def together(one: Said, other: Said) -> Said:
    """By two sentences. What one of them denies and the other asserts is not denied."""
    return Said(
        one.stems | other.stems,
        one.negated | other.negated,
        _denied(one, other) + _denied(other, one) if one.denials or other.denials else (),
        one.sentences + other.sentences,
    )


def _denied(one: Said, other: Said) -> tuple[Denial, ...]:
    denied = {denial.stem for denial in other.denials}
    return tuple([each for each in one.denials if each.stem not in other.stems or each.stem in denied])
