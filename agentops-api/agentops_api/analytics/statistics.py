"""What counts and histograms say: intervals, tests, quantiles. Pure functions; each names the source of its formula.

Knows no HTTP and no SQL. Tests compare side B with side A (the baseline).
They take the values as independent. Answers of one conversation are not quite, which makes p-values somewhat too small:
look at the effect beside them, above all where counts are large and nearly every difference is significant.
"""

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import accumulate
from statistics import NormalDist
from typing import Literal

Histogram = Mapping[int, int]
"""How many values each bucket holds. Buckets without an entry are empty."""
Ranked = tuple[Sequence[int], Sequence[int]]
"""Of a histogram: its buckets, ascending, and how many values lie in or below each."""
Kind = Literal["log", "linear"]
"""log: bucket b holds 1.02^(b-1) < x <= 1.02^b (DDSketch: Masson, Rim, Lee, PVLDB 12, 2019, section 2).
The lowest one, of a millionth, holds 0 and all below it too.
linear: bucket b of 0 to 99 holds b/100 <= x < (b+1)/100, x rounded to its ninth decimal; 1 is in the last one."""
EffectName = Literal["difference", "probability_of_larger", "ratio"]

GROWTH = 1.02
"""The ratio of a log bucket's edges."""
LOWEST = math.ceil(math.log(1e-6) / math.log(GROWTH))
"""The log bucket of all up to a millionth."""
BUCKETS_OF_SCORES = 100
ALPHA = 0.05
"""A difference that chance makes less often than this is called significant."""
QUANTILES = (0.5, 0.9, 0.95, 0.99)

_EXPECTED_MIN = 5
"""Below this expected count the normal distribution is not close enough (Cochran, Biometrics 10 (1954), 417-451)."""
_RANKED_MIN = 8
"""Mann and Whitney (1947) call the distribution of U almost normal at 8 values a side."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether side B differs from side A. Two-sided."""

    test: str
    """The test's name."""
    source: str
    """Where the test was published."""
    p_value: float | None
    """How often chance alone makes a difference at least as large; None where it cannot be decided."""
    effect_name: EffectName
    """What `effect` is: B's share less A's; how often a value of B exceeds one of A, ties counting half; B's rate over
    A's."""
    effect: float | None
    """The size of the difference; without one it is 0, 0.5 and 1. None where a side has nothing, or A's rate is 0."""
    effect_interval: tuple[float, float] | None = None
    """Where the effect lies with 95 % confidence, for a difference of shares."""
    reason: str | None = None
    """Why it cannot be decided."""


def wilson(successes: int, n: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """The interval of the share that `successes` of `n` estimate; (0, 1) for n = 0.

    The score interval without continuity correction: Wilson, JASA 22 (1927), 209-212; Newcombe, Statistics in Medicine
    17 (1998), 857-872, method 3.
    """
    assert 0 <= successes <= n
    if n == 0:
        return 0.0, 1.0
    z = _z(confidence)
    middle = 2 * successes + z * z
    half = z * math.sqrt(z * z + 4 * successes * (n - successes) / n)
    whole = 2 * (n + z * z)
    # At the ends the formula gives 0 and 1, but for rounding.
    return (
        0.0 if successes == 0 else max(0.0, (middle - half) / whole),
        1.0 if successes == n else min(1.0, (middle + half) / whole),
    )


def newcombe_difference(
    successes_a: int, n_a: int, successes_b: int, n_b: int, *, confidence: float = 0.95
) -> tuple[float, float]:
    """The interval of B's share less A's; both sides must have something.

    The hybrid score interval: Newcombe, Statistics in Medicine 17 (1998), 873-890, method 10.
    """
    share_a, share_b = successes_a / n_a, successes_b / n_b
    low_a, high_a = wilson(successes_a, n_a, confidence=confidence)
    low_b, high_b = wilson(successes_b, n_b, confidence=confidence)
    difference = share_b - share_a
    return (
        max(-1.0, difference - math.hypot(share_b - low_b, high_a - share_a)),
        min(1.0, difference + math.hypot(high_b - share_b, share_a - low_a)),
    )


def two_proportions(successes_a: int, n_a: int, successes_b: int, n_b: int) -> Verdict:
    """Whether B's share differs from A's.

    z with the pooled share; its square is the chi-square of the 2 by 2 table (Pearson, Philosophical Magazine 50
    (1900), 157-175). Where an expected count is below 5, the exact test instead (Fisher, J. Royal Statistical Society
    98 (1935), 39-82; two-sided by probability: Freeman and Halton, Biometrika 38 (1951), 141-149).
    """
    assert 0 <= successes_a <= n_a
    assert 0 <= successes_b <= n_b
    successes, n = successes_a + successes_b, n_a + n_b
    if n_a == 0 or n_b == 0:
        return _undecided("two-proportion z-test", "Pearson 1900", "difference", "One side has nothing to count.")
    difference = successes_b / n_b - successes_a / n_a
    interval = newcombe_difference(successes_a, n_a, successes_b, n_b)
    if min(n_a, n_b) * min(successes, n - successes) < _EXPECTED_MIN * n:
        p_value = _fisher(successes_b, n_b, successes, n)
        return Verdict("Fisher's exact test", "Fisher 1935", p_value, "difference", difference, interval)
    pooled = successes / n
    z = difference / math.sqrt(pooled * (1 - pooled) * (1 / n_a + 1 / n_b))
    return Verdict("two-proportion z-test", "Pearson 1900", two_sided(z), "difference", difference, interval)


def mann_whitney(a: Histogram, b: Histogram) -> Verdict:
    """Whether values of B tend to be larger or smaller than those of A; values of one bucket count as equal.

    U with ties corrected for and a continuity correction of 1/2 (Mann and Whitney, Annals of Mathematical Statistics 18
    (1947), 50-60; Lehmann, Nonparametrics, 1975, section 1.4). The effect is A of Vargha and Delaney (J. Educational
    and Behavioral Statistics 25 (2000), 101-132), P(B > A) + P(B = A) / 2; they call 0.56 small, 0.64 medium and 0.71
    large, and so 0.44, 0.36 and 0.29.
    """
    test, source, effect_name = "Mann-Whitney U test", "Mann and Whitney 1947", "probability_of_larger"
    n_a, n_b = sum(a.values()), sum(b.values())
    if n_a == 0 or n_b == 0:
        return _undecided(test, source, effect_name, "One side has no values.")
    # In halves, so that every sum is a whole number.
    below, u_halves, ties = 0, 0, 0
    for bucket in sorted(a.keys() | b.keys()):
        in_a, in_b = a.get(bucket, 0), b.get(bucket, 0)
        u_halves += in_b * (2 * below + in_a)
        below += in_a
        ties += (in_a + in_b) ** 3 - (in_a + in_b)
    n, pairs = n_a + n_b, n_a * n_b
    effect = u_halves / (2 * pairs)
    if min(n_a, n_b) < _RANKED_MIN:
        return _undecided(test, source, effect_name, f"One side has fewer than {_RANKED_MIN} values.", effect)
    variance = pairs * (n**3 - n - ties) / (12 * n * (n - 1))
    excess = max(0.0, (abs(u_halves - pairs) - 1) / 2)
    # Without variance all values are in one bucket.
    z = excess / math.sqrt(variance) if excess else 0.0
    return Verdict(test, source, two_sided(z), effect_name, effect)


def compare_quantiles(a: Histogram, b: Histogram, q: float) -> Verdict:
    """Whether B's q-quantile differs from A's: whether as many values of each lie above the one of both together.

    The median test and its like for other quantiles (Westenberg, Proc. Koninklijke Nederlandse Akademie 51 (1948),
    252-261; Mood, Introduction to the Theory of Statistics, 1950, section 16.5): `two_proportions` of the values above.
    The effect is B's share less A's. Unlike ranks it sees a tail by itself, and is not moved by the rest.
    """
    test, source = "quantile test", "Westenberg 1948"
    n_a, n_b = sum(a.values()), sum(b.values())
    if n_a == 0 or n_b == 0:
        return _undecided(test, source, "difference", "One side has no values.")
    if min(n_a, n_b) < _RANKED_MIN:
        return _undecided(test, source, "difference", f"One side has fewer than {_RANKED_MIN} values.")
    buckets = sorted(a.keys() | b.keys())
    below = [0, *accumulate(a.get(bucket, 0) + b.get(bucket, 0) for bucket in buckets)]
    n = below[-1]
    at = bisect_left(below, _rank(q, n)) - 1
    # Equal values stay together: the quantile's own bucket lies on the side that leaves shares closest to q.
    first = min((at, at + 1), key=lambda cut: (below[cut] in (0, n), abs(below[cut] - q * n)))
    above = buckets[first:]
    above_a, above_b = (sum(side.get(bucket, 0) for bucket in above) for side in (a, b))
    # The interval is that of a difference of shares, and says nothing of how far the quantiles are apart.
    return replace(two_proportions(above_a, n_a, above_b, n_b), test=test, source=source, effect_interval=None)


def poisson_rates(count_a: int, duration_a_s: float, count_b: int, duration_b_s: float) -> Verdict:
    """Whether B's events come at another rate than A's.

    Given the sum of both, B's count is binomial with its share of the time (Przyborowski and Wilenski, Biometrika 31
    (1940), 313-323): by the normal distribution where both expected counts reach 5, exactly below. Events that come in
    bursts differ more than this takes for chance.
    """
    assert min(count_a, count_b) >= 0
    test, source = "conditional test of two Poisson rates", "Przyborowski and Wilenski 1940"
    if min(duration_a_s, duration_b_s) <= 0:
        return _undecided(test, source, "ratio", "The time of one side has not begun.")
    n, share = count_a + count_b, duration_b_s / (duration_a_s + duration_b_s)
    if n == 0:
        return _undecided(test, source, "ratio", "Nothing was counted on either side.")
    ratio = (count_b / duration_b_s) / (count_a / duration_a_s) if count_a else None
    if n * min(share, 1 - share) < _EXPECTED_MIN:
        return Verdict(test, source, _binomial(count_b, n, share), "ratio", ratio)
    z = (count_b - n * share) / math.sqrt(n * share * (1 - share))
    return Verdict(test, source, two_sided(z), "ratio", ratio)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """P-values for many comparisons made at once, in the same order: calling those below 0.05 significant, at most 5 %
    of the calls are expected to be wrong.

    The step-up procedure as adjusted p-values: Benjamini and Hochberg, J. Royal Statistical Society B 57 (1995),
    289-300.
    """
    descending = sorted(range(len(p_values)), key=lambda i: p_values[i], reverse=True)
    adjusted = [1.0] * len(p_values)
    smallest = 1.0
    for place, i in enumerate(descending):
        smallest = min(smallest, p_values[i] * len(p_values) / (len(p_values) - place))
        adjusted[i] = smallest
    return adjusted


def two_sided(z: float) -> float:
    """How often a standard normal value is at least as far from 0 as z (NIST Digital Library of Mathematical Functions,
    7.20.1)."""
    return math.erfc(abs(z) / math.sqrt(2))


def quantiles(histogram: Histogram, qs: Sequence[float] = QUANTILES, *, kind: Kind) -> tuple[float | None, ...]:
    """For each q in (0, 1], the representative of the nearest-rank value; None for all of nothing.

    That is the smallest value with at least q of all values at or below it: definition 1 of Hyndman and Fan (American
    Statistician 50 (1996), 361-365), PostgreSQL's percentile_disc. It differs from that value by at most 1 % (log; up
    to a millionth it is 0) or 0.005 (linear). q counts to its sixth decimal.
    """
    return quantiles_of(ranked(histogram), qs, kind=kind)


def ranked(histogram: Histogram) -> Ranked:
    """The histogram, ready to be asked for quantiles."""
    buckets = sorted(histogram)
    return buckets, list(accumulate(map(histogram.__getitem__, buckets)))


def quantiles_of(values: Ranked, qs: Sequence[float], *, kind: Kind) -> tuple[float | None, ...]:
    """As `quantiles`."""
    buckets, cumulative = values
    if not cumulative or cumulative[-1] == 0:
        return (None,) * len(qs)
    ranks = (_rank(q, cumulative[-1]) for q in qs)
    return tuple(representative(buckets[bisect_left(cumulative, rank)], kind=kind) for rank in ranks)


def _rank(q: float, n: int) -> int:
    # Whole numbers: 0.07 * 100 is more than 7 in floating point, and would take the next value.
    return max(1, -(-round(q * 1_000_000) * n // 1_000_000))


def representative(bucket: int, *, kind: Kind) -> float:
    """The value that stands for the bucket's values.

    log: 2 * 1.02^b / 2.02, at most 0.02 / 2.02 < 1 % from each of them (DDSketch, as for `Kind`); 0 for the lowest.
    linear: the middle.
    """
    if kind == "linear":
        return (bucket + 0.5) / BUCKETS_OF_SCORES
    return 2 * GROWTH**bucket / (GROWTH + 1) if bucket > LOWEST else 0.0


@dataclass(frozen=True, slots=True)
class Bin:
    """A bar of a distribution chart. The edge that belongs to it: log, the high one; linear, the low one."""

    low: float
    high: float
    count: int


def bins(histogram: Histogram, *, kind: Kind, bins_max: int = 50) -> list[Bin]:
    """The histogram in at most `bins_max` bars, each of equally many buckets, ascending and without gaps.

    Scores span 0 to 1. Log bars span what there is, their edges the powers of one factor, or 0 below the lowest bucket.
    Empty for nothing.
    """
    assert bins_max >= 2
    occupied = [bucket for bucket, n in histogram.items() if n]
    if not occupied:
        return []
    lowest, highest = (min(occupied), max(occupied)) if kind == "log" else (0, BUCKETS_OF_SCORES - 1)
    # A log bucket is named for its high edge, a linear one for its low edge; shifted, both are.
    shift = -1 if kind == "log" else 0
    width = next(
        each
        for each in range(1, highest - lowest + 2)
        if (highest + shift) // each - (lowest + shift) // each < bins_max
        and (kind == "log" or BUCKETS_OF_SCORES % each == 0)
    )
    first, last = (lowest + shift) // width, (highest + shift) // width
    counts = [0] * (last - first + 1)
    for bucket in occupied:
        counts[(bucket + shift) // width - first] += histogram[bucket]
    edge = _edges(kind)
    return [Bin(edge(i * width), edge((i + 1) * width), n) for i, n in enumerate(counts, first)]


def _edges(kind: Kind) -> Callable[[int], float]:
    return (lambda i: GROWTH**i if i >= LOWEST else 0.0) if kind == "log" else (lambda i: i / BUCKETS_OF_SCORES)


@cache
def _z(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)


def _fisher(successes_b: int, n_b: int, successes: int, n: int) -> float:
    """Of all tables with these margins, the share of those that are no likelier than this one."""
    n_a = n - n_b
    return _no_likelier(
        lambda k: (successes - k) * (n_b - k) / ((k + 1) * (n_a - successes + k + 1)),
        low=max(0, successes - n_a),
        high=min(successes, n_b),
        mode=(n_b + 1) * (successes + 1) // (n + 2),
        observed=successes_b,
    )


def _binomial(successes: int, n: int, share: float) -> float:
    """Of all outcomes of n trials, the share of those that are no likelier than this one."""
    return _no_likelier(
        lambda k: (n - k) / (k + 1) * share / (1 - share),
        low=0,
        high=n,
        mode=min(n, math.floor((n + 1) * share)),
        observed=successes,
    )


def _no_likelier(ratio: Callable[[int], float], *, low: int, high: int, mode: int, observed: int) -> float:
    """The share of outcomes that are no likelier than the observed one, of which P(k + 1) / P(k) is `ratio(k)`.

    Walks from the mode until the weights vanish, which takes some hundred steps where an expected count is below 5.
    """
    weights = {mode: 1.0}
    weight, k = 1.0, mode
    while k < high and weight > 0:
        weight, k = weight * ratio(k), k + 1
        weights[k] = weight
    weight, k = 1.0, mode
    while k > low and weight > 0:
        weight, k = weight / ratio(k - 1), k - 1
        weights[k] = weight
    # Equal probabilities are equal only but for rounding.
    limit = weights.get(observed, 0.0) * (1 + 1e-7)
    return min(1.0, math.fsum(each for each in weights.values() if each <= limit) / math.fsum(weights.values()))


def _undecided(test: str, source: str, effect_name: EffectName, reason: str, effect: float | None = None) -> Verdict:
    return Verdict(test, source, None, effect_name, effect, reason=reason)
