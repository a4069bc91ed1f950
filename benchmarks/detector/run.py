"""Judges the evaluation sets with the defaults: `python -m benchmarks.detector.run DIRECTORY`.

The directory holds the sets as `NAME.jsonl.gz` (see sets.py). Prints tables, and with `--keep` also keeps the figures
and writes them into docs/detector.md. One thread judges a set; the time of an answer is the processor time of
`LocalDetector.detect`, and of some passes the least, so that what else runs on the machine counts little.
"""

import os
import platform
import random
import re
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from agentops.detect import Detection, LocalDetector, legacy
from agentops.detect.calibration import ece
from rich.console import Console

from benchmarks.detector.figures import auprc, auroc, balanced_accuracy, f1, interval, quantile
from benchmarks.detector.metamorphic import hold
from benchmarks.detector.results import Judged, Results, keep, newest
from benchmarks.detector.sets import WHOLE, Row, read
from benchmarks.detector.tables import tables

_DOCUMENT = Path(__file__).parents[2] / "docs" / "detector.md"
_MARKED = re.compile(r"(?<=<!-- figures -->\n).*(?=<!-- /figures -->)", re.DOTALL)
_console = Console(width=200)
_PASSES = 3
"""Each in a process of its own: what a detector has read before takes it less time."""


def main(
    directory: Annotated[Path, typer.Argument(help="Where the sets are.")],
    is_kept: Annotated[  # noqa: FBT002 - how Typer wants an option
        bool, typer.Option("--keep", "--write", help="Keep the figures, and write them into docs/detector.md.")
    ] = False,
    rows_max: Annotated[int, typer.Option(help="Of each set, so many rows at most, drawn with the seed.")] = 10_000,
    name: Annotated[str, typer.Option(help="Names the file of results.")] = "local",
    cases_max: Annotated[int, typer.Option(help="Answers of each set that are changed, at most.")] = 150,
    processes: Annotated[int, typer.Option(help="Judge sets side by side.")] = 1,
    seed: Annotated[int, typer.Option(help="Draws the intervals.")] = 7,
) -> None:
    """Measure the detector and what it must be better than."""
    drawn = random.Random(seed)
    sets = [(each, rows if len(rows) <= rows_max else drawn.sample(rows, rows_max)) for each, rows in read(directory)]
    with ProcessPoolExecutor(processes, max_tasks_per_child=1) as pool:
        # In turn, so that a slow minute does not fall on all passes of a set.
        passes = [[pool.submit(timed, rows) for _, rows in sets] for _ in range(_PASSES)]
        taken = [[each.result() for each in begun] for begun in passes]
        figured = [
            pool.submit(judged, each, rows, [min(times) for times in zip(*those, strict=True)], seed)
            for (each, rows), *those in zip(sets, *taken, strict=True)
        ]
        changed = [
            pool.submit(hold, each, rows, seed=seed, cases_max=min(cases_max, rows_max // 5))
            for each, rows in sets
            if each in WHOLE
        ]
    results = Results(
        name=name,
        at=datetime.now(UTC).replace(microsecond=0),
        seed=seed,
        detector=LocalDetector().detect("", "").detector.partition(" ")[0],
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        load_average=round(os.getloadavg()[0], 2),
        sets=[each.result() for each in figured],
        held=[held for each in changed for held in each.result()],
    )
    if not results.sets:
        raise typer.BadParameter("There is no set in that directory.")
    for table in tables(results):
        _console.print(table.rich())
    if is_kept:
        keep(results)
        document = _DOCUMENT.read_text()
        _DOCUMENT.write_text(_MARKED.sub(lambda _: figures(results), document))


def timed(rows: list[Row]) -> list[float]:
    """How long each answer takes, in milliseconds of processor time."""
    detector = LocalDetector()
    times: list[float] = []
    for row in rows:
        began = time.process_time()
        detector.detect(row.prompt, row.response, row.retrieved_docs)
        times.append((time.process_time() - began) * 1000)
    return times


def judged(name: str, rows: list[Row], times: list[float], seed: int) -> Judged:
    """The figures of one set, given each answer's time. Answers without a verdict are left out, and counted."""
    detector = LocalDetector()
    found: list[tuple[Row, Detection, float]] = []
    for row in rows:
        detection = detector.detect(row.prompt, row.response, row.retrieved_docs)
        if detection.probability is not None:
            found.append((row, detection, detection.probability))
    old = [_legacy(row, detection) for row, detection, _ in found]
    labels = [row.label for row, _, _ in found]
    probabilities = [probability for _, _, probability in found]
    verdicts = [bool(detection.hallucinated) for _, detection, _ in found]
    old_verdicts = [legacy.hallucinated(each) for each in old]
    low, high = interval(probabilities, labels, [row.group for row, _, _ in found], seed=seed)
    return Judged(
        name=name,
        rows=len(rows),
        positive=sum(labels) / len(labels),
        unverified=len(rows) - len(found),
        profiles=dict(Counter(detection.detector.partition(" ")[2] for _, detection, _ in found)),
        auroc=auroc(probabilities, labels),
        auroc_low=low,
        auroc_high=high,
        auprc=auprc(probabilities, labels),
        f1=f1(verdicts, labels),
        balanced_accuracy=balanced_accuracy(verdicts, labels),
        ece=ece(probabilities, [label == 1 for label in labels]),
        p50_ms=quantile(times, 0.5),
        p95_ms=quantile(times, 0.95),
        length_auroc=auroc([len(row.response) for row, _, _ in found], labels),
        always_f1=f1([True] * len(labels), labels),
        legacy_auroc=auroc(old, labels),
        legacy_f1=f1(old_verdicts, labels),
        legacy_balanced_accuracy=balanced_accuracy(old_verdicts, labels),
        drift_auroc=auroc([each.semantic_drift for _, each, _ in found], labels),
        hedges_auroc=auroc([legacy.uncertainty_score(row.response) for row, _, _ in found], labels),
    )


def _legacy(row: Row, detection: Detection) -> float:
    """What the formula of 0.2 makes of it, with the factual support of the detector."""
    hedging = legacy.uncertainty_score(row.response)
    return legacy.probability(detection.factual_support or 0.0, detection.semantic_drift, hedging)


def figures(results: Results) -> str:
    """The tables as Markdown, below the heading that docs/detector.md has for them."""
    head = (
        f"Measured {results.at:%Y-%m-%d} with Python {results.python} on {results.system}, one thread, load average"
        f" {results.load_average}; intervals with seed {results.seed}. Times are processor"
        f" time, for each answer the least of {_PASSES} passes in new processes.\n"
    )
    parts = [table.markdown().replace("## ", "### ", 1) for table in tables(results)]
    return "\n\n".join([head.rstrip(), *parts]) + "\n"


def document_is_current() -> bool:
    """Whether docs/detector.md has the figures that were kept last."""
    results = newest()
    return results is not None and figures(results) in _DOCUMENT.read_text()


if __name__ == "__main__":
    typer.run(main)
