"""The constants of `agentops/detect/scoring.py`, computed anew: `python -m benchmarks.detector.fit DIRECTORY`.

Means and scales: the mean over the sets, each counting alike. Platt pairs: of each profile over its sets, each set counting
alike. Leaves the sets as they are and changes no file: it prints, and a person decides.
"""

import math
import sys
from pathlib import Path
from statistics import fmean, pstdev

from agentops.detect.calibration import Platt, platt
from agentops.detect.evidence import Evidence
from agentops.detect.features import Measured, measure
from agentops.detect.scoring import PROFILES, STANDARD, ProfileName, answer_risk, infer, risk
from agentops.detect.text import sentences

from benchmarks.detector.sets import Row, read

_FITTED_ON = ("mtrag", "halueval_qa, lengths matched", "begin_wow", "summeval", "summedits", "wice")
_PROFILE_SETS = (
    "mtrag",
    "halueval_qa",
    "halueval_qa, right ones spelt out",
    "begin_wow",
    "summeval",
    "summedits",
    "wice",
)


def main(directory: Path) -> None:
    """Print means, scales and Platt pairs."""
    measured = {name: [measures(row) for row in rows] for name, rows in read(directory)}
    print("STANDARD")
    for feature in STANDARD:
        values = [[claim.grounding[feature] for claims in measured[name] for claim in claims] for name in _FITTED_ON]
        print(f'    "{feature}": ({fmean(map(fmean, values)):.2f}, {fmean(map(pstdev, values)):.2f}),')
    print("PROFILES")
    sets = dict(read(directory))
    for name in PROFILES:
        fitted = fit(name, {each: (sets[each], measured[each]) for each in _PROFILE_SETS})
        print(f"    {name}: Platt({fitted.slope:.2f}, {fitted.intercept:.2f})")


def measures(row: Row) -> list[Measured]:
    """What the detector measures of each claim of an answer."""
    evidence = Evidence(row.retrieved_docs)
    prompt = frozenset(token.stem for sentence in sentences(row.prompt) for token in sentence.tokens)
    return [found for claim in sentences(row.response) if (found := measure(claim, evidence, prompt))]


def chosen(row: Row) -> ProfileName:
    """The profile that the detector takes for it."""
    stems = [token.stem for sentence in sentences(row.prompt) for token in sentence.tokens]
    return infer(stems, Evidence(row.retrieved_docs).words).name


def fit(profile: ProfileName, sets: dict[str, tuple[list[Row], list[list[Measured]]]]) -> Platt:
    """Platt's pair for the rows for which the detector would choose that profile."""
    scores: list[float] = []
    labels: list[bool] = []
    weights: list[float] = []
    for rows, measured in sets.values():
        ours = [
            (answer_risk([risk(claim, PROFILES[profile]) for claim in claims]), bool(row.label))
            for row, claims in zip(rows, measured, strict=True)
            if claims and chosen(row) == profile
        ]
        if len(ours) < 0.5 * len(rows):  # noqa: PLR2004 - a set counts where most of it belongs
            continue
        scores += [score for score, _ in ours]
        labels += [label for _, label in ours]
        weights += [1000 / len(ours)] * len(ours)
    assert math.fsum(weights), f"no set is judged as {profile}"
    return platt(scores, labels, weights)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
