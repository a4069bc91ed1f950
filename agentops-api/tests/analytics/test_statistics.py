"""Statistics against numbers that SciPy 1.17.1 and statsmodels 0.15.0 computed (neither is needed here).

The comment above each table gives the call that made its last column.
"""

import math
from bisect import bisect_left
from collections import Counter
from itertools import pairwise

import pytest
from agentops_api.analytics.statistics import (
    Histogram,
    Kind,
    benjamini_hochberg,
    bins,
    compare_quantiles,
    mann_whitney,
    newcombe_difference,
    poisson_rates,
    quantiles,
    representative,
    two_proportions,
    two_sided,
    wilson,
)
from hypothesis import given
from hypothesis import strategies as st

_histograms = st.dictionaries(st.integers(-697, 900), st.integers(0, 50), max_size=40)
_scores = st.dictionaries(st.integers(0, 99), st.integers(0, 50), max_size=40)


def close(value: float | None, expected: float) -> bool:
    return value is not None and math.isclose(value, expected, rel_tol=1e-9, abs_tol=1e-12)


# From scipy.stats.binomtest(k, n).proportion_ci(0.95, "wilson"); 81 of 263 and 15 of 148 are Newcombe's own examples.
@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [
        (0, 10, 0.0, 0.27753279986288926),
        (1, 10, 0.017876213095072896, 0.4041500267952385),
        (5, 10, 0.236593090512564, 0.7634069094874361),
        (10, 10, 0.7224672001371109, 1.0),
        (81, 263, 0.2552885198782742, 0.36620957698280004),
        (15, 148, 0.06238639953073629, 0.16048724172330803),
        (3, 1_000_000, 1.0202712409681223e-06, 8.821149774312435e-06),
    ],
)
def test_the_interval_of_a_share_is_wilsons(successes: int, n: int, low: float, high: float) -> None:
    assert close(wilson(successes, n)[0], low)
    assert close(wilson(successes, n)[1], high)


def test_another_confidence_has_another_interval_and_nothing_says_nothing() -> None:
    # From scipy.stats.binomtest(12, 150).proportion_ci(0.99, "wilson")
    low, high = wilson(12, 150, confidence=0.99)
    assert close(low, 0.03918929532617957)
    assert close(high, 0.15639225939629142)
    assert wilson(0, 0) == (0.0, 1.0)


@given(st.integers(1, 10**9), st.data())
def test_an_interval_holds_its_share_and_stays_between_0_and_1(n: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, n))
    low, high = wilson(successes, n)
    assert 0 <= low <= successes / n <= high <= 1


# From statsmodels.stats.proportion.confint_proportions_2indep(b, n_b, a, n_a, method="newcomb", compare="diff");
# 56 of 70 and 48 of 80 are Newcombe's own example (his table: 0.0524 to 0.3339).
@pytest.mark.parametrize(
    ("a", "n_a", "b", "n_b", "low", "high"),
    [
        (48, 80, 56, 70, 0.05243147240236498, 0.33387265403690614),
        (56, 70, 48, 80, -0.33387265403690614, -0.05243147240236498),
        (3, 10, 9, 10, 0.1705227239345029, 0.809017973535488),
        (0, 20, 10, 10, 0.6790860371419145, 1.0),
        (12, 150, 30, 160, 0.031471097999680134, 0.18295644725957733),
    ],
)
def test_the_interval_of_a_difference_is_newcombes(a: int, n_a: int, b: int, n_b: int, low: float, high: float) -> None:
    assert close(newcombe_difference(a, n_a, b, n_b)[0], low)
    assert close(newcombe_difference(a, n_a, b, n_b)[1], high)


# From statsmodels.stats.proportion.proportions_ztest([b, a], [n_b, n_a])
@pytest.mark.parametrize(
    ("a", "n_a", "b", "n_b", "z", "p_value"),
    [
        (48, 80, 56, 70, 2.6501719512585336, 0.00804508136819656),
        (12, 150, 30, 160, 2.763776309376886, 0.0057136693938205346),
        (100, 10_000, 130, 10_000, 1.989614786521866, 0.04663338603916137),
        (5_000, 100_000, 4_000, 100_000, -10.78641336150956, 3.990611734848234e-27),
    ],
)
def test_shares_of_many_are_compared_by_z(a: int, n_a: int, b: int, n_b: int, z: float, p_value: float) -> None:
    verdict = two_proportions(a, n_a, b, n_b)
    assert verdict.test == "two-proportion z-test"
    assert close(two_sided(z), p_value)
    assert close(verdict.p_value, p_value)
    assert close(verdict.effect, b / n_b - a / n_a)
    assert verdict.effect_interval == newcombe_difference(a, n_a, b, n_b)
    assert verdict.reason is None


# From scipy.stats.fisher_exact([[a, n_a - a], [b, n_b - b]]).pvalue
@pytest.mark.parametrize(
    ("a", "n_a", "b", "n_b", "p_value"),
    [
        (500, 10_000, 15, 30, 2.8273220463384696e-12),
        (0, 20, 5, 20, 0.04712404712404713),
        (3, 10, 9, 10, 0.019766611097880443),
        (0, 5, 0, 5, 1.0),
        (5, 5, 5, 5, 1.0),
        (1, 100_000, 6, 100_000, 0.12499343746786692),
        (2, 8, 0, 7, 0.4666666666666667),
        (10, 10, 1, 10, 0.00011907597046915932),
    ],
)
def test_shares_of_few_are_compared_exactly(a: int, n_a: int, b: int, n_b: int, p_value: float) -> None:
    for verdict in (two_proportions(a, n_a, b, n_b), two_proportions(b, n_b, a, n_a)):
        assert verdict.test == "Fisher's exact test"
        assert close(verdict.p_value, p_value)


def test_an_exact_test_beside_ten_million_ends() -> None:
    verdict = two_proportions(500_000, 10_000_000, 40, 50)
    assert verdict.test == "Fisher's exact test"
    assert verdict.p_value is not None
    assert verdict.p_value < 1e-6


def test_a_share_of_nothing_cannot_be_compared() -> None:
    for verdict in (two_proportions(0, 0, 3, 10), two_proportions(3, 10, 0, 0)):
        assert verdict.reason == "One side has nothing to count."
        assert (verdict.p_value, verdict.effect) == (None, None)


# From scipy.stats.mannwhitneyu(b, a, method="asymptotic", use_continuity=True) of each bucket repeated as often as it
# counts; the effect is its statistic / (n_a * n_b).
@pytest.mark.parametrize(
    ("a", "b", "p_value", "effect"),
    [
        ({1: 5, 2: 10, 3: 5}, {2: 5, 3: 10, 4: 5}, 0.00036050653124542815, 0.8125),
        ({0: 8}, {0: 9}, 1.0, 0.5),
        ({5: 8}, {7: 8}, 0.00013758605716602886, 1.0),
        (dict.fromkeys(range(0, 20, 2), 1), dict.fromkeys(range(1, 21, 2), 1), 0.7337299956962472, 0.55),
        (
            {10: 100, 11: 200, 12: 300, 50: 3},
            {10: 90, 11: 190, 12: 320, 60: 8},
            0.1480673334338215,
            0.5218534520380553,
        ),
        (
            {i: i * 37 % 11 + 1 for i in range(40)},
            {i: i * 17 % 13 + 1 for i in range(3, 43)},
            0.012339772051068863,
            0.5637140637140637,
        ),
    ],
)
def test_histograms_are_compared_by_mann_and_whitneys_u(
    a: Histogram, b: Histogram, p_value: float, effect: float
) -> None:
    verdict, mirrored = mann_whitney(a, b), mann_whitney(b, a)
    assert close(verdict.p_value, p_value)
    assert close(verdict.effect, effect)
    assert close(mirrored.p_value, p_value)
    assert close(mirrored.effect, 1 - effect)


def test_histograms_of_few_cannot_be_compared() -> None:
    assert mann_whitney({}, {1: 9}).reason == mann_whitney({1: 9}, {2: 0}).reason == "One side has no values."
    few = mann_whitney({1: 7}, {2: 1_000})
    assert few.reason == "One side has fewer than 8 values."
    assert (few.p_value, few.effect) == (None, 1.0)


# Of 40 values on each side, 10 of 80 lie above the pooled quantile: 1 against 9. From scipy.stats.chi2_contingency(
# [[1, 39], [9, 31]], correction=False) and fisher_exact([[0, 20], [4, 16]]).
@pytest.mark.parametrize(
    ("a", "b", "q", "p_value", "effect"),
    [
        ({1: 39, 5: 1}, {1: 31, 5: 9}, 0.875, 0.00684086, 0.2),
        ({1: 20}, {1: 16, 5: 4}, 0.9, 2 * 4_845 / 91_390, 0.2),
        ({1: 50, 2: 50}, {1: 50, 2: 50}, 0.5, 1.0, 0.0),
        ({3: 10}, {3: 10}, 0.95, 1.0, 0.0),
    ],
)
def test_quantiles_are_compared_by_the_shares_above_the_pooled_one(
    a: Histogram, b: Histogram, q: float, p_value: float, effect: float
) -> None:
    verdict, mirrored = compare_quantiles(a, b, q), compare_quantiles(b, a, q)
    assert verdict.p_value == pytest.approx(p_value, rel=1e-5)
    assert mirrored.p_value == pytest.approx(p_value, rel=1e-5)
    assert verdict.effect == pytest.approx(effect)
    assert "Westenberg" in verdict.source
    assert verdict.effect_interval is None, "a share's is no quantile's"


def test_a_tail_can_be_slower_though_nothing_else_is() -> None:
    usual = dict.fromkeys(range(20), 100)
    tail = usual | {19: 20, 60: 80}
    slower, same, ranks = (
        compare_quantiles(usual, tail, 0.99),
        compare_quantiles(usual, tail, 0.5),
        mann_whitney(usual, tail),
    )
    assert slower.p_value is not None
    assert same.p_value is not None
    assert ranks.p_value is not None
    assert slower.p_value < 0.05 < min(same.p_value, ranks.p_value)


def test_quantiles_of_few_cannot_be_compared() -> None:
    assert compare_quantiles({}, {1: 9}, 0.5).reason == "One side has no values."
    assert compare_quantiles({1: 7}, {2: 1_000}, 0.5).reason == "One side has fewer than 8 values."


@given(_histograms, _histograms)
def test_the_effect_is_how_often_a_value_of_b_exceeds_one_of_a(a: dict[int, int], b: dict[int, int]) -> None:
    verdict = mann_whitney(a, b)
    pairs = sum(a.values()) * sum(b.values())
    if not pairs:
        assert verdict.effect is None
        return
    wins = sum(m * n * ((high > low) + (high == low) / 2) for low, m in a.items() for high, n in b.items())
    assert close(verdict.effect, wins / pairs)


# z = (b - n p) / sqrt(n p (1 - p)) is the score test: statsmodels.stats.rates.test_poisson_2indep(b, seconds_b, a,
# seconds_a, method="score"). The first is Graham, Mayeux and Stern's of 2003, which statsmodels' own tests use.
@pytest.mark.parametrize(
    ("a", "seconds_a", "b", "seconds_b", "z", "p_value", "ratio"),
    [
        (60, 51_477.5, 30, 54_308.7, -3.4174018390002137, 0.0006322188820470985, 0.4739341947054524),
        (100, 3_600, 130, 3_600, 1.978141420187361, 0.04791275500844763, 1.3),
        (1_000, 604_800, 1_100, 604_800, 2.182178902359924, 0.029096331741252188, 1.1),
        (41, 28_010, 15, 19_017, -2.081776483417986, 0.03736289074578123, 0.5388631737713496),
    ],
)
def test_rates_of_many_are_compared_by_z(
    a: int, seconds_a: float, b: int, seconds_b: float, z: float, p_value: float, ratio: float
) -> None:
    verdict = poisson_rates(a, seconds_a, b, seconds_b)
    assert close(two_sided(z), p_value)
    assert close(verdict.p_value, p_value)
    assert close(verdict.effect, ratio)


# From scipy.stats.binomtest(b, a + b, seconds_b / (seconds_a + seconds_b)).pvalue
@pytest.mark.parametrize(
    ("a", "seconds_a", "b", "seconds_b", "p_value"),
    [
        (0, 3_600, 4, 3_600, 0.125),
        (1, 1_000, 3, 10, 3.853531181376093e-06),
        (0, 10, 1, 10, 1.0),
        (9, 3_600, 0, 3_600, 0.00390625),
        (3, 1, 100_000, 99_999, 0.08030599563791425),
    ],
)
def test_rates_of_few_are_compared_exactly(a: int, seconds_a: float, b: int, seconds_b: float, p_value: float) -> None:
    for verdict in (poisson_rates(a, seconds_a, b, seconds_b), poisson_rates(b, seconds_b, a, seconds_a)):
        # The largest count leaves fewer digits: its share of the time is not exact, and is raised to it.
        assert verdict.p_value is not None
        assert math.isclose(verdict.p_value, p_value, rel_tol=1e-7)
    assert poisson_rates(a, seconds_a, b, seconds_b).effect == (None if a == 0 else b / seconds_b / (a / seconds_a))


def test_no_events_at_all_cannot_be_compared() -> None:
    assert poisson_rates(0, 10, 0, 10).reason == "Nothing was counted on either side."


@pytest.mark.parametrize(("seconds_a", "seconds_b"), [(10, 0), (0, 10), (10, -3_600), (0, 0)])
def test_a_time_that_has_not_begun_cannot_be_compared(seconds_a: float, seconds_b: float) -> None:
    verdict = poisson_rates(3, seconds_a, 1, seconds_b)
    assert (verdict.p_value, verdict.effect, verdict.reason) == (None, None, "The time of one side has not begun.")


def test_many_comparisons_are_adjusted_as_benjamini_and_hochberg_say() -> None:
    # From scipy.stats.false_discovery_control(...)
    adjusted = benjamini_hochberg([0.01, 0.04, 0.03, 0.005, 0.55, 0.04, 0.0001])
    expected = [7 / 300, 14 / 300, 14 / 300, 0.0175, 0.55, 14 / 300, 0.0007]
    assert all(map(close, adjusted, expected))
    assert benjamini_hochberg([]) == []


def test_tails_of_the_normal_distribution_keep_their_digits() -> None:
    # From scipy.stats.norm.sf(z)
    for z, sf in [(0, 0.5), (1, 0.15865525393145707), (10, 7.61985302416047e-24)]:
        assert math.isclose(two_sided(z), 2 * sf, rel_tol=1e-12)
        assert two_sided(-z) == two_sided(z)


def quantile(histogram: Histogram, q: float, *, kind: Kind) -> float | None:
    return quantiles(histogram, (q,), kind=kind)[0]


def test_nothing_has_no_quantile() -> None:
    assert quantiles({}, kind="log") == (None, None, None, None)
    assert quantile({3: 0}, 0.5, kind="linear") is None


@pytest.mark.parametrize(
    ("histogram", "q", "score"),
    [
        ({0: 1}, 0.99, 0.005),
        ({10: 1, 20: 1}, 0.5, 0.105),
        ({10: 1, 20: 1}, 0.51, 0.205),
        ({0: 7, 1: 93}, 0.07, 0.005),  # 0.07 * 100 > 7 in floating point.
        ({0: 19, 1: 1}, 0.95, 0.005),
        ({0: 18, 1: 2}, 0.95, 0.015),
        ({0: 0, 5: 3, 7: 0, 99: 1}, 0.75, 0.055),
        ({0: 0, 5: 3, 7: 0, 99: 1}, 1.0, 0.995),
    ],
)
def test_a_quantile_is_the_value_of_nearest_rank(histogram: Histogram, q: float, score: float) -> None:
    assert close(quantile(histogram, q, kind="linear"), score)


@given(st.lists(st.floats(1e-6, 86_400), min_size=1, max_size=60), st.integers(1, 1_000_000))
def test_a_latencys_quantile_is_within_one_percent(values: list[float], millionths: int) -> None:
    histogram = Counter(math.ceil(math.log(value) / math.log(1.02)) for value in values)
    exact = sorted(values)[-(-millionths * len(values) // 1_000_000) - 1]
    estimate = quantile(histogram, millionths / 1_000_000, kind="log")
    assert estimate is not None
    assert abs(estimate - exact) <= (0.01 * exact if exact > 1.02e-6 else 1.02e-6)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.integers(1, 1_000_000))
def test_a_scores_quantile_is_within_half_a_hundredth(values: list[float], millionths: int) -> None:
    histogram = Counter(min(round(value * 1e9) // 10**7, 99) for value in values)
    exact = sorted(values)[-(-millionths * len(values) // 1_000_000) - 1]
    estimate = quantile(histogram, millionths / 1_000_000, kind="linear")
    assert estimate is not None
    assert abs(estimate - exact) <= 0.005 + 1e-9


@given(_histograms, st.lists(st.floats(1e-6, 1), max_size=5))
def test_many_quantiles_are_each_the_one(histogram: dict[int, int], qs: list[float]) -> None:
    assert quantiles(histogram, qs, kind="log") == tuple(quantile(histogram, q, kind="log") for q in qs)


@given(_histograms | _scores, st.integers(2, 60))
def test_bars_of_latencies_hold_everything_where_it_belongs(histogram: dict[int, int], bins_max: int) -> None:
    _check_bins(histogram, kind="log", bins_max=bins_max)


@given(_scores, st.integers(2, 120))
def test_bars_of_scores_hold_everything_where_it_belongs(histogram: dict[int, int], bins_max: int) -> None:
    _check_bins(histogram, kind="linear", bins_max=bins_max)
    if bars := bins(histogram, kind="linear", bins_max=bins_max):
        assert (bars[0].low, bars[-1].high) == (0, 1)
        assert all(math.isclose(bar.high - bar.low, 1 / len(bars)) for bar in bars)


def _check_bins(histogram: dict[int, int], *, kind: Kind, bins_max: int) -> None:
    bars = bins(histogram, kind=kind, bins_max=bins_max)
    assert len(bars) <= bins_max
    assert all(left.high == right.low for left, right in pairwise(bars))
    held = [0] * len(bars)
    for bucket, n in histogram.items():
        if n:
            # Its representative lies strictly within the bucket, so within one bar.
            held[bisect_left([bar.high for bar in bars], representative(bucket, kind=kind))] += n
    assert held == [bar.count for bar in bars]
    assert not bars or kind == "linear" or (bars[0].count and bars[-1].count)
