"""Results as tables, for the terminal and for docs/detector.md alike."""

from benchmarks.detector.results import Judged, Results
from benchmarks.tables import Table


def tables(results: Results) -> list[Table]:
    """What the detector does, what simpler things do on the same answers, and the aims."""
    return [_detector(results), _baselines(results), _held(results), _aims(results)]


def _detector(results: Results) -> Table:
    columns = (
        *("set", "answers", "positive", "no verdict", "AUROC [95 %]", "AUPRC", "F1", "balanced", "ECE"),
        *("p50 ms", "p95 ms", "profiles"),
    )
    return Table(
        "The detector",
        columns,
        [
            (
                *(each.name, f"{each.rows:,}", f"{each.positive:.0%}", str(each.unverified)),
                f"{each.auroc:.3f} [{each.auroc_low:.3f}, {each.auroc_high:.3f}]",
                *(f"{value:.3f}" for value in (each.auprc, each.f1, each.balanced_accuracy, each.ece)),
                *(f"{each.p50_ms:.1f}", f"{each.p95_ms:.1f}"),
                ", ".join(f"{name} {count}" for name, count in each.profiles.items()),
            )
            for each in results.sets
        ],
    )


def _baselines(results: Results) -> Table:
    columns = (
        *("set", "detector AUROC", "length AUROC", "drift AUROC", "hedges AUROC", "legacy AUROC"),
        *("detector F1", "always F1", "legacy F1", "detector balanced", "legacy balanced"),
    )
    return Table(
        "Beside it, on the same answers",
        columns,
        [
            (
                each.name,
                *(f"{value:.3f}" for value in (each.auroc, each.length_auroc, each.drift_auroc, each.hedges_auroc)),
                *(f"{value:.3f}" for value in (each.legacy_auroc, each.f1, each.always_f1, each.legacy_f1)),
                *(f"{value:.3f}" for value in (each.balanced_accuracy, each.legacy_balanced_accuracy)),
            )
            for each in results.sets
        ],
    )


def _held(results: Results) -> Table:
    changes = list(dict.fromkeys((each.change, each.must) for each in results.held))
    rows: list[tuple[str, ...]] = []
    for change, must in changes:
        found = [each for each in results.held if each.change == change]
        cases = sum(each.cases for each in found)
        violations = sum(each.violations for each in found)
        raised = f"{sum(each.raised for each in found) / cases:.0%}" if cases else "-"
        rows.append((change, must, str(cases), str(violations), raised))
    return Table(
        "When a supported answer, or its documents, change",
        ("change", "must be", "cases", "violations", "raised"),
        rows,
    )


_FLOORS = {"mtrag": 0.79, "begin_wow": 0.91, "halueval_qa, lengths matched": 0.90}
_P95_MS_MAX = 15


def _aims(results: Results) -> Table:
    rows = [
        (f"{each.name}: AUROC", f">= {floor:.2f}", f"{each.auroc:.3f}", _yes(is_met=each.auroc >= floor))
        for each in results.sets
        if (floor := _FLOORS.get(each.name)) is not None
    ]
    slowest: Judged | None = max(results.sets, key=lambda each: each.p95_ms, default=None)
    if slowest:
        met = _yes(is_met=slowest.p95_ms <= _P95_MS_MAX)
        rows.append((f"slowest p95 ({slowest.name})", f"<= {_P95_MS_MAX} ms", f"{slowest.p95_ms:.1f} ms", met))
    return Table("Aims", ("what", "aim", "measured", "met"), rows)


def _yes(*, is_met: bool) -> str:
    return "yes" if is_met else "no"
