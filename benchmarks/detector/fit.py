"""The constants of `agentops_api/detect/scoring.py`, computed anew: `python -m benchmarks.detector.fit DIRECTORY`.

Means and scales: the mean over the sets, each counting alike. A profile's pair is Platt's over its sets, each of which
counts alike. Nobody knows how often an unknown project's answers are wrong, so that the wrong ones of a set count half
way between their own share and a half; those of summaries a half, for what is measured on SummEdits tells too little to
lean to either side. SummEval and WiCE are there to measure only. Changes no file: it prints, and a person decides.
"""

import math
import sys
from pathlib import Path
from statistics import fmean, pstdev

from agentops.detect.calibration import Platt, platt
from agentops.detect.evidence import Evidence
from agentops.detect.features import Measured, Prompt, measure, sought
from agentops.detect.relevance import Relevance
from agentops.detect.scoring import COVERAGE, PROFILES, WORDING, ProfileName, answer, risk
from agentops.detect.text import sentences

from benchmarks.detector.sets import Row, read

_STANDARD_SETS = ("mtrag", "halueval_qa, lengths matched", "begin_wow", "summedits")
_SET_WEIGHT = 1000.0
_PROFILE_SETS = ("mtrag", "halueval_qa", "begin_wow", "summedits")


def main(directory: Path) -> None:
    """Print means, scales and Platt pairs."""
    sets = {name: rows for name, rows in read(directory) if name in {*_STANDARD_SETS, *_PROFILE_SETS}}
    measured = {name: [measures(row) for row in rows] for name, rows in sets.items()}
    for feature in (*COVERAGE, *WORDING):
        values = [
            [claim.grounding[feature] for _, claims in measured[name] for claim in claims] for name in _STANDARD_SETS
        ]
        print(f'    "{feature}": ({fmean(map(fmean, values)):.2f}, {fmean(map(pstdev, values)):.2f}),')
    for name in PROFILES:
        fitted = fit(name, {each: (sets[each], measured[each]) for each in _PROFILE_SETS})
        print(f"    {name}: Platt({fitted.slope:.3f}, {fitted.intercept:.3f})")


def measures(row: Row) -> tuple[ProfileName, list[Measured]]:
    """The profile that is nearest to an answer's worst claim, and what the detector measures of each claim."""
    asked, answered = sentences(row.prompt), sentences(row.response)
    wordings = sought(answered)
    evidence = Evidence(row.retrieved_docs, wordings)
    prompt, relevance = Prompt(asked, wordings), Relevance(evidence, asked, None)
    claims = [
        (found, relevance.profile(claim))
        for claim in answered
        if (found := measure(claim, row.response, evidence, prompt))
    ]
    worst = answer([(risk(found, profile), profile) for found, profile in claims])[1] if claims else None
    return (worst or relevance.without_claims).name, [found for found, _ in claims]


def fit(profile: ProfileName, sets: dict[str, tuple[list[Row], list[tuple[ProfileName, list[Measured]]]]]) -> Platt:
    """Platt's pair for the rows for which the detector would choose that profile."""
    scores: list[float] = []
    labels: list[bool] = []
    weights: list[float] = []
    for rows, measured in sets.values():
        ours = [
            (answer([(risk(claim, PROFILES[profile]), PROFILES[profile]) for claim in claims])[0], bool(row.label))
            for row, (chosen, claims) in zip(rows, measured, strict=True)
            if claims and chosen == profile
        ]
        # A set counts where most of it belongs.
        if len(ours) < 0.5 * len(rows):
            continue
        scores += [score for score, _ in ours]
        labels += [label for _, label in ours]
        positive = sum(label for _, label in ours)
        share = 0.5 if profile == "summary" else (0.5 + positive / len(ours)) / 2
        each = _SET_WEIGHT * share / positive, _SET_WEIGHT * (1 - share) / (len(ours) - positive)
        weights += [each[0] if label else each[1] for _, label in ours]
    assert math.fsum(weights), f"no set is judged as {profile}"
    return platt(scores, labels, weights)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
