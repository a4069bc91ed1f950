"""From scores to probabilities that can be believed, and how far they can be: Platt, isotonic, reliability, ECE.

Knows nothing of texts, so whoever has scores and labels can use it.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

ISOTONIC_LABELS_MIN = 500
LABELS_MIN = 20
"""With fewer, a refit would follow chance."""
_NEWTON_STEPS_MAX = 100
_CLIP = 1e-6


@dataclass(frozen=True, slots=True)
class Platt:
    """probability = 1 / (1 + exp(-(slope * score + intercept)))"""

    slope: float
    intercept: float

    def __call__(self, score: float) -> float:
        return sigmoid(self.logit(score))

    def logit(self, score: float) -> float:
        """Where the probability is too close to 0 or 1 to be told apart, this still is."""
        return self.slope * score + self.intercept


@dataclass(frozen=True, slots=True)
class Isotonic:
    """A rising line through points; level beyond its ends."""

    scores: tuple[float, ...]
    probabilities: tuple[float, ...]

    def __call__(self, score: float) -> float:
        at = bisect_left(self.scores, score)
        if at == len(self.scores):
            return self.probabilities[-1]
        if at == 0 or self.scores[at] == score:
            return self.probabilities[at]
        (left, right), (low, high) = self.scores[at - 1 : at + 1], self.probabilities[at - 1 : at + 1]
        # Rounding must not lift it above what comes next.
        return min(high, low + (high - low) * (score - left) / (right - left))


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers with a like probability."""

    count: int
    probability: float
    """Their mean probability."""
    rate: float
    """Which share of them was labelled a hallucination. Calibrated means: about the same."""


def sigmoid(value: float) -> float:
    """1 / (1 + exp(-value)), without overflow."""
    return 1 / (1 + math.exp(-value)) if value >= 0 else 1 - 1 / (1 + math.exp(value))


def logit(probability: float) -> float:
    """The inverse of `sigmoid`; 0 and 1 are taken as almost so."""
    clipped = min(max(probability, _CLIP), 1 - _CLIP)
    return math.log(clipped / (1 - clipped))


@dataclass(frozen=True, slots=True)
class Recalibration:
    """Corrects a detector's probabilities by what people said of a project's own answers. It never reorders them."""

    method: Platt | Isotonic
    labels: int

    def __call__(self, probability: float) -> float:
        if isinstance(self.method, Platt):
            return self.method(logit(probability))
        return self.method(probability)


def refit(probabilities: Sequence[float], labels: Sequence[bool]) -> Recalibration:
    """A recalibration: Platt's method, from 500 labels on isotonic regression. `labels`: True for a hallucination.

    Raises ValueError with fewer than 20 labels, or where all labels are the same.
    """
    if len(probabilities) != len(labels):
        raise ValueError("There must be one label for each probability.")
    if len(labels) < LABELS_MIN or len(set(labels)) < 2:
        raise ValueError(f"A refit needs at least {LABELS_MIN} labels, and both kinds among them.")
    if len(labels) >= ISOTONIC_LABELS_MIN:
        return Recalibration(isotonic(probabilities, labels), len(labels))
    return Recalibration(platt([logit(each) for each in probabilities], labels), len(labels))


def platt(scores: Sequence[float], labels: Sequence[bool], weights: Sequence[float] | None = None) -> Platt:
    """Platt's fit with his smoothed targets (1999), by Newton's method with backtracking (Lin, Lin and Weng 2007).

    The slope is never negative: a score that points the wrong way gives the same probability to all.
    """
    by = weights or [1.0] * len(scores)
    positive = math.fsum(weight for weight, label in zip(by, labels, strict=True) if label)
    negative = math.fsum(by) - positive
    targets = [(positive + 1) / (positive + 2) if label else 1 / (negative + 2) for label in labels]
    prior = math.log((positive + 1) / (negative + 1))
    slope, intercept = _newton(scores, targets, by, prior)
    return Platt(slope, intercept) if slope > 0 else Platt(0.0, prior)


def _newton(
    scores: Sequence[float], targets: Sequence[float], by: Sequence[float], start: float
) -> tuple[float, float]:
    slope, intercept = 0.0, start
    loss = _loss(scores, targets, by, slope, intercept)
    for _ in range(_NEWTON_STEPS_MAX):
        gradient_slope = gradient_intercept = 0.0
        h11 = h22 = 1e-9
        h12 = 0.0
        for score, target, weight in zip(scores, targets, by, strict=True):
            p = sigmoid(slope * score + intercept)
            error, curve = weight * (p - target), weight * p * (1 - p)
            gradient_slope += error * score
            gradient_intercept += error
            h11 += curve * score * score
            h12 += curve * score
            h22 += curve
        if max(abs(gradient_slope), abs(gradient_intercept)) < 1e-7:
            break
        determinant = h11 * h22 - h12 * h12
        step_slope = (h22 * gradient_slope - h12 * gradient_intercept) / determinant
        step_intercept = (h11 * gradient_intercept - h12 * gradient_slope) / determinant
        step = 1.0
        while step > 1e-8:
            tried = slope - step * step_slope, intercept - step * step_intercept
            if (new := _loss(scores, targets, by, *tried)) < loss:
                break
            step /= 2
        else:
            break
        (slope, intercept), loss = tried, new
    return slope, intercept


def _loss(
    scores: Sequence[float], targets: Sequence[float], by: Sequence[float], slope: float, intercept: float
) -> float:
    """Weighted cross entropy."""
    total = 0.0
    for score, target, weight in zip(scores, targets, by, strict=True):
        value = slope * score + intercept
        # log(1 + exp(value)) without overflow
        total += weight * (max(value, 0.0) + math.log1p(math.exp(-abs(value))) - target * value)
    return total


def isotonic(scores: Sequence[float], labels: Sequence[bool]) -> Isotonic:
    """The rising fit with the least squared error (pool adjacent violators): level over each pool, from its lowest
    score to its highest, and a straight line to the next. It has at most one point for each score that there is.

    A lowest pool without a hit and a highest with nothing else are no certainty: of n labels, 1 / (n + 2) is left.
    """
    by_score: dict[float, list[bool]] = {}
    for score, label in zip(scores, labels, strict=True):
        by_score.setdefault(score, []).append(label)
    pools: list[_Pool] = []
    for score, same in sorted(by_score.items()):
        pool = _Pool(score, score, len(same), sum(same))
        while pools and pools[-1].hits * pool.count >= pool.hits * pools[-1].count:
            last = pools.pop()
            pool = _Pool(last.lowest, score, last.count + pool.count, last.hits + pool.hits)
        pools.append(pool)
    rates = [pool.hits / pool.count for pool in pools]
    doubts = [1 / (pool.count + 2) for pool in pools]
    # Pools rise, so that only the outermost can be certain; their doubt does not take them past their neighbours.
    if pools and rates[0] == 0:
        rates[0] = min([doubts[0], *rates[1:2]])
    if pools and rates[-1] == 1:
        rates[-1] = max([1 - doubts[-1], *rates[-2:-1]])
    edges = [(at, rate) for pool, rate in zip(pools, rates, strict=True) for at in sorted({pool.lowest, pool.highest})]
    return Isotonic(tuple(at for at, _ in edges), tuple(rate for _, rate in edges))


@dataclass(frozen=True, slots=True)
class _Pool:
    """Neighbouring scores that get one probability."""

    lowest: float
    highest: float
    count: int
    hits: int


def reliability(probabilities: Sequence[float], labels: Sequence[bool], *, bins: int = 10) -> list[Bin]:
    """The answers in bins of equal width; empty bins are left out."""
    found: dict[int, list[tuple[float, bool]]] = {}
    for probability, label in zip(probabilities, labels, strict=True):
        found.setdefault(min(int(probability * bins), bins - 1), []).append((probability, label))
    return [
        Bin(len(each), math.fsum(p for p, _ in each) / len(each), sum(label for _, label in each) / len(each))
        for _, each in sorted(found.items())
    ]


def ece(probabilities: Sequence[float], labels: Sequence[bool], *, bins: int = 10) -> float:
    """Expected calibration error: how far probability and rate are apart, on average (Naeini et al. 2015)."""
    if not labels:
        return 0.0
    parts = reliability(probabilities, labels, bins=bins)
    return math.fsum(part.count * abs(part.probability - part.rate) for part in parts) / len(labels)
