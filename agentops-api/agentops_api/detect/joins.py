"""Claims that join what stands in two places: `Founded in Berlin in 1998, Acme has 4,200 employees.`

Where such a claim can be cut is decided by its text alone, so that more evidence never leaves fewer ways to support it.
"""

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import islice

from .conflicts import Conflicts, Suspect
from .evidence import Evidence, Window
from .text import Sentence, part

COST = 0.15
"""What it costs to rest on two windows: a claim that one window supports is the better supported one."""
_CUTS_MAX = 4
_PART_WEIGHT_MIN = 2.0
"""A part that says less finds a window by chance."""
_CUT = re.compile(r"[,;:]\s+|\s(?:and|but|while|whereas|which|who|although|though|with)\s")


@dataclass(frozen=True, slots=True)
class Joined:
    """A claim that rests on two windows."""

    cost: float
    """What speaks against it, and `COST`."""
    conflicts: Conflicts
    """Of both its parts; what is missing everywhere is left to the whole."""


def joined(claim: Sentence, text: str, evidence: Evidence, prompt: AbstractSet[str], *, below: float) -> Joined | None:
    """The cheapest way to let two parts of that sentence of the text rest on a window each; None if none costs less
    than `below`."""
    found: list[tuple[Suspect, Window | None]] = []
    for parts in _cuts(claim, text):
        weights = [_weight(each) for each in parts]
        if min(weights) < _PART_WEIGHT_MIN:
            continue
        cost = COST
        rests: list[tuple[Suspect, Window | None]] = []
        for each in parts:
            suspect = Suspect(each, text, evidence, prompt, whole=sum(weights))
            window, spoken = suspect.rest()
            rests.append((suspect, window))
            cost += spoken
            if cost >= below:
                break
        else:
            found, below = rests, cost
    return Joined(below, _together(*[suspect.conflicts(window) for suspect, window in found])) if found else None


def _weight(sentence: Sentence) -> float:
    return sum({token.stem: token.weight for token in sentence.tokens}.values())


def _cuts(claim: Sentence, text: str) -> Iterator[tuple[Sentence, Sentence]]:
    for cut in islice(_CUT.finditer(text, claim.start, claim.end), _CUTS_MAX):
        yield part(text, claim.start, cut.end(), is_first=True), part(text, cut.end(), claim.end, is_first=False)


def _together(one: Conflicts, other: Conflicts) -> Conflicts:
    return replace(
        one,
        misplaced_numbers=one.misplaced_numbers + other.misplaced_numbers,
        misplaced_names=one.misplaced_names + other.misplaced_names,
        opposites=one.opposites + other.opposites,
        negated=one.negated or other.negated,
        negated_word=one.negated_word or other.negated_word,
        denied=one.denied + other.denied,
        contraries=one.contraries + other.contraries,
        other_numbers=one.other_numbers or other.other_numbers,
    )
