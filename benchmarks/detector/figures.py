"""The figures of a classifier, in plain Python. Scores: higher means rather a hallucination."""

import math
import random
from collections.abc import Sequence


def auroc(scores: Sequence[float], labels: Sequence[int]) -> float:
    """The chance that a hallucination scores above another answer, ties half (Mann and Whitney 1947)."""
    positives = sum(labels)
    negatives = len(labels) - positives
    if not positives or not negatives:
        return math.nan
    order = sorted(range(len(scores)), key=lambda at: scores[at])
    ranks = 0.0
    at = 0
    while at < len(order):
        end = at
        while end < len(order) and scores[order[end]] == scores[order[at]]:
            end += 1
        ranks += (at + 1 + end) / 2 * sum(labels[order[same]] for same in range(at, end))
        at = end
    return (ranks - positives * (positives + 1) / 2) / (positives * negatives)


def auprc(scores: Sequence[float], labels: Sequence[int]) -> float:
    """Average precision; equal scores are taken together."""
    positives = sum(labels)
    hits = seen = 0
    total = 0.0
    by_score: dict[float, list[int]] = {}
    for score, label in zip(scores, labels, strict=True):
        by_score.setdefault(score, []).append(label)
    for score in sorted(by_score, reverse=True):
        hits += sum(by_score[score])
        seen += len(by_score[score])
        total += sum(by_score[score]) * hits / seen
    return total / positives if positives else math.nan


def f1(verdicts: Sequence[bool], labels: Sequence[int]) -> float:
    """Of the verdict `hallucinated`."""
    hits = sum(verdict and label for verdict, label in zip(verdicts, labels, strict=True))
    total = sum(verdicts) + sum(labels)
    return 2 * hits / total if total else math.nan


def balanced_accuracy(verdicts: Sequence[bool], labels: Sequence[int]) -> float:
    """The mean of how often each kind is recognised."""
    rates = [
        sum(verdict == bool(kind) for verdict, label in zip(verdicts, labels, strict=True) if label == kind)
        / max(1, sum(label == kind for label in labels))
        for kind in (0, 1)
    ]
    return sum(rates) / 2


def interval(
    scores: Sequence[float], labels: Sequence[int], groups: Sequence[str], *, seed: int, rounds: int = 400
) -> tuple[float, float]:
    """The 95 % interval of the AUROC, by drawing whole groups with replacement."""
    members: dict[str, list[int]] = {}
    for at, group in enumerate(groups):
        members.setdefault(group, []).append(at)
    names = sorted(members)
    drawn = random.Random(seed)
    found: list[float] = []
    for _ in range(rounds):
        sample = [at for name in drawn.choices(names, k=len(names)) for at in members[name]]
        value = auroc([scores[at] for at in sample], [labels[at] for at in sample])
        if not math.isnan(value):
            found.append(value)
    return quantile(found, 0.025), quantile(found, 0.975)


def quantile(values: Sequence[float], share: float) -> float:
    """The nearest-rank quantile."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else math.nan
