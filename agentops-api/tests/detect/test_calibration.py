"""Probabilities that can be believed, against values worked out elsewhere."""

import random
from collections.abc import Sequence

import pytest
from agentops_api.detect.calibration import Isotonic, Platt, ece, isotonic, logit, platt, refit, reliability, sigmoid

from benchmarks.detector.figures import auprc, auroc, balanced_accuracy, f1, interval


def test_sigmoid_and_logit_undo_each_other_and_never_overflow() -> None:
    assert sigmoid(0) == 0.5
    assert sigmoid(-1000) == 0
    assert sigmoid(1000) == 1
    assert sigmoid(logit(0.3)) == pytest.approx(0.3)
    assert logit(0) == pytest.approx(-13.8155, abs=1e-4)


def test_platt_finds_the_line_that_made_the_labels() -> None:
    drawn = random.Random(1)
    scores = [drawn.uniform(-4, 4) for _ in range(4000)]
    labels = [drawn.random() < sigmoid(1.5 * score - 1) for score in scores]
    fitted = platt(scores, labels)
    assert fitted.slope == pytest.approx(1.5, abs=0.15)
    assert fitted.intercept == pytest.approx(-1, abs=0.15)


def test_platt_is_where_its_loss_is_level() -> None:
    scores, labels = [-2.0, -1.0, -0.5, 0.5, 1.0, 3.0], [False, False, True, False, True, True]
    fitted = platt(scores, labels)
    targets = [4 / 5 if label else 1 / 5 for label in labels]
    errors = [fitted(score) - target for score, target in zip(scores, targets, strict=True)]
    assert sum(errors) == pytest.approx(0, abs=1e-6)
    assert sum(error * score for error, score in zip(errors, scores, strict=True)) == pytest.approx(0, abs=1e-6)


def test_a_score_that_points_the_wrong_way_tells_nothing() -> None:
    fitted = platt([1.0, 2.0, 3.0, 4.0], [True, True, False, False])
    assert fitted == Platt(0.0, 0.0)


def test_isotonic_pools_what_goes_down() -> None:
    fitted = isotonic([1.0, 2.0, 3.0, 4.0], [False, True, False, True])
    assert fitted.scores == (1.0, 2.0, 3.0, 4.0)
    assert fitted.probabilities == pytest.approx((1 / 3, 0.5, 0.5, 2 / 3))
    assert [fitted(score) for score in (0, 2.5, 3.25, 9)] == pytest.approx([1 / 3, 0.5, 13 / 24, 2 / 3])


def least_squares(scores: Sequence[float], labels: Sequence[bool]) -> dict[float, float]:
    """The rising fit by the formula of maxima and minima (Robertson, Wright and Dykstra 1988, theorem 1.4.4)."""
    groups = [
        [label for score, label in zip(scores, labels, strict=True) if score == each] for each in sorted(set(scores))
    ]

    def mean(first: int, last: int) -> float:
        pooled = [label for group in groups[first : last + 1] for label in group]
        return sum(pooled) / len(pooled)

    fits = [
        max(min(mean(first, last) for last in range(at, len(groups))) for first in range(at + 1))
        for at in range(len(groups))
    ]
    return dict(zip(sorted(set(scores)), fits, strict=True))


def test_isotonic_gives_every_score_its_least_squares_value() -> None:
    drawn = random.Random(5)
    for _ in range(50):
        scores = [drawn.randint(0, 20) / 20 for _ in range(60)]
        labels = [drawn.random() < score for score in scores]
        fitted = isotonic(scores, labels)
        found = [fitted(score) for score in sorted(set(scores))]
        assert found == sorted(found)
        assert list(fitted.scores) == sorted(set(fitted.scores) & set(scores))
        for score, expected in least_squares(scores, labels).items():
            # Where all agree it leaves a doubt, which is no part of the formula.
            assert fitted(score) == pytest.approx(expected) if 0 < expected < 1 else 0 < fitted(score) < 1


def test_isotonic_fits_scores_that_lie_together() -> None:
    scores = [0.10] * 245 + [0.86] * 44 + [0.977] * 194 + [0.994] * 77
    labels = [*(at < 10 for at in range(245)), *[True] * 44, *(at < 90 for at in range(194)), *[True] * 77]
    fitted = isotonic(scores, labels)
    found = [fitted(score) for score in scores]
    assert ece(found, labels) < 0.002
    squares = [(p - label) ** 2 for p, label in zip(found, labels, strict=True)]
    # The least there is: (10 * 235 / 245 + 134 * 104 / 238) / 560
    assert sum(squares) / len(squares) == pytest.approx(0.1217, abs=1e-4)


def test_the_doubt_that_few_leave_does_not_pass_the_rate_of_many() -> None:
    for mirrored in (False, True):
        labels = [False] * 3 + [True] + [False] * 99
        scores = [*range(len(labels))]
        if mirrored:
            scores, labels = [-score for score in scores], [not label for label in labels]
        fitted = isotonic(scores, labels)
        found = [fitted(score) for score in sorted(scores)]
        assert found == sorted(found)
        assert fitted(scores[-1]) == pytest.approx(0.99 if mirrored else 0.01)


@pytest.mark.parametrize(("labels", "kind"), [(20, Platt), (499, Platt), (500, Isotonic)])
def test_a_refit_is_platts_and_isotonic_from_500_labels_on(labels: int, kind: type) -> None:
    assert isinstance(refit([at / labels for at in range(labels)], [at % 3 == 0 for at in range(labels)]).method, kind)


@pytest.mark.parametrize("labels", [[True, False] * 9 + [True], [True] * 30, []])
def test_too_few_labels_or_only_one_kind_are_refused(labels: list[bool]) -> None:
    with pytest.raises(ValueError, match="both kinds"):
        refit([0.5] * len(labels), labels)


def test_a_refit_never_reorders_answers_and_lowers_the_error() -> None:
    drawn = random.Random(2)
    probabilities = [drawn.random() for _ in range(800)]
    labels = [drawn.random() < probability**3 for probability in probabilities]
    for count in (300, 800):
        fitted = refit(probabilities[:count], labels[:count])
        changed = [fitted(probability) for probability in sorted(probabilities)]
        assert changed == sorted(changed)
        assert ece([fitted(each) for each in probabilities], labels) < 0.6 * ece(probabilities, labels)


def test_reliability_and_ece_have_their_textbook_values() -> None:
    probabilities, labels = [0.1, 0.12, 0.8, 1.0], [False, True, True, True]
    bins = reliability(probabilities, labels)
    assert [(part.count, round(part.probability, 3), part.rate) for part in bins] == [
        (2, 0.11, 0.5),
        (1, 0.8, 1.0),
        (1, 1.0, 1.0),
    ]
    # Two bins of one or two: (2 * |0.11 - 0.5| + 1 * |0.8 - 1| + 1 * 0) / 4
    assert ece(probabilities, labels) == pytest.approx(0.245)
    assert ece([], []) == 0


def test_the_benchmarks_figures_agree_with_counting() -> None:
    drawn = random.Random(3)
    for _ in range(30):
        scores = [drawn.randint(0, 6) / 6 for _ in range(25)]
        labels = [0, 1, *(drawn.randint(0, 1) for _ in range(23))]
        pairs = [
            (p, n)
            for p, one in zip(scores, labels, strict=True)
            if one
            for n, zero in zip(scores, labels, strict=True)
            if not zero
        ]
        assert auroc(scores, labels) == pytest.approx(sum((p > n) + (p == n) / 2 for p, n in pairs) / len(pairs))
        # Average precision: precision at each threshold, times how much recall it adds.
        precision_by_recall, recall_before, area = 0.0, 0.0, 0.0
        for cut in sorted(set(scores), reverse=True):
            taken = [label for score, label in zip(scores, labels, strict=True) if score >= cut]
            precision_by_recall, recall = sum(taken) / len(taken), sum(taken) / sum(labels)
            area += precision_by_recall * (recall - recall_before)
            recall_before = recall
        assert auprc(scores, labels) == pytest.approx(area)


def test_f1_and_balanced_accuracy_have_their_textbook_values() -> None:
    verdicts, labels = [True, True, False, False, True], [1, 0, 0, 1, 1]
    assert f1(verdicts, labels) == pytest.approx(2 / 3)
    assert balanced_accuracy(verdicts, labels) == pytest.approx((2 / 3 + 1 / 2) / 2)


def test_an_interval_by_groups_is_wider_than_one_by_rows() -> None:
    drawn = random.Random(4)
    scores: list[float] = []
    labels: list[int] = []
    groups: list[str] = []
    for group in range(20):
        label, shift = group % 2, drawn.gauss(0, 1)
        for _ in range(10):
            scores.append(label + shift + drawn.gauss(0, 0.1))
            labels.append(label)
            groups.append(str(group))
    by_group = interval(scores, labels, groups, seed=1)
    by_row = interval(scores, labels, [str(at) for at in range(200)], seed=1)
    assert by_group[0] < auroc(scores, labels) < by_group[1]
    assert by_group[1] - by_group[0] > 1.5 * (by_row[1] - by_row[0])
