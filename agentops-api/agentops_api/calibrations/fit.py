"""A correction of probabilities from labels, and an honest measure of what it is worth."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean

from agentops_api.calibrations.models import FOLDS, LABELS_MIN, OF_EACH_KIND_MIN, Reliability, ReliabilityBin
from agentops_api.detect import Recalibration, refit
from agentops_api.detect.calibration import Isotonic, Platt, ece, isotonic, logit, platt, reliability
from agentops_api.errors import Conflict


@dataclass(frozen=True, slots=True)
class Fitted:
    """A correction, with its worth."""

    recalibration: Recalibration
    before: Reliability
    after: Reliability


def check_enough(labels: Sequence[bool]) -> None:
    """Raises Conflict, which says how many labels are missing."""
    if (missing := LABELS_MIN - len(labels)) > 0:
        raise Conflict(
            f"A calibration needs {LABELS_MIN} labels of answers with documents; there are {len(labels)},"
            f" so {missing} are missing."
        )
    for kind, name in ((True, "hallucinated"), (False, "not hallucinated")):
        if (missing := OF_EACH_KIND_MIN - sum(label is kind for label in labels)) > 0:
            raise Conflict(
                f"A calibration needs {OF_EACH_KIND_MIN} answers that are labelled {name}; {missing} are missing."
            )


def fit(probabilities: Sequence[float], labels: Sequence[bool]) -> Fitted:
    """The correction made from all labels; `after` is measured on each fifth by one made from the others. Raises
    Conflict where there are too few."""
    check_enough(labels)
    made = refit(probabilities, labels)
    method = _isotonic if isinstance(made.method, Isotonic) else _platt
    after = [0.0] * len(labels)
    fold_of = _folds(labels)
    for fold in range(FOLDS):
        rest = [at for at in range(len(labels)) if fold_of[at] != fold]
        correct = method([probabilities[at] for at in rest], [labels[at] for at in rest])
        for at in range(len(labels)):
            if fold_of[at] == fold:
                after[at] = correct(probabilities[at])
    return Fitted(made, measured(probabilities, labels), measured(after, labels))


def measured(probabilities: Sequence[float], labels: Sequence[bool]) -> Reliability:
    """How far these probabilities can be believed."""
    return Reliability(
        ece=ece(probabilities, labels),
        brier=fmean((p - label) ** 2 for p, label in zip(probabilities, labels, strict=True)),
        bins=[ReliabilityBin(**asdict(each)) for each in reliability(probabilities, labels)],
    )


def _folds(labels: Sequence[bool]) -> list[int]:
    """A fold for each label, so that every fold has its share of both kinds. The same labels give the same folds."""
    counts = {True: 0, False: 0}
    folds: list[int] = []
    for label in labels:
        folds.append(counts[label] % FOLDS)
        counts[label] += 1
    return folds


def _platt(probabilities: Sequence[float], labels: Sequence[bool]) -> Callable[[float], float]:
    curve: Platt = platt([logit(each) for each in probabilities], labels)
    return lambda probability: curve(logit(probability))


def _isotonic(probabilities: Sequence[float], labels: Sequence[bool]) -> Callable[[float], float]:
    return isotonic(probabilities, labels)
