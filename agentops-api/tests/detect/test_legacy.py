"""The formula of agentops-client 0.2, and what a judge writes."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from agentops_api.detect import LocalDetector, legacy


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0.0),
        ("1", 1.0),
        ("0.2", 0.2),
        (".75", 0.75),
        ("20%", 0.2),
        ("20 percent", 0.2),
        ("2/10", 0.2),
        ("2 out of 10", 0.2),
        ("On a scale of 0 to 1, I rate it 0.2", 0.2),
        ("On a scale from 0 to 1 I would say 0.9.", 0.9),
        ("Support: 0.85.", 0.85),
        ("I cannot tell.", None),
        ("7", None),
        ("3/0", None),
        ("", None),
        ("Score: 0.7 (confidence 90%)", 0.7),
        ("Confidence: 0.9. Rating: 0.3", 0.3),
        ("0.7 (90% confident)", 0.7),
        ("I'm 95% sure. 0.4", 0.4),
        ("My rating of the answer is 0.6, given 1 source.", 0.6),
        ("I rate the claim about 1969 as 0.9.", 0.9),
        ("First score: 0.2. Final score: 0.8", 0.8),
        ("0.7 is my rating.", 0.7),
        ("Rating:\n**0.8**", 0.8),
        ("The factual support is 0.8 where 1 is best.", 0.8),
        ("0,2", 0.2),
        ("Score: 0,85", 0.85),
        ("0,125", 0.125),
        ("1,000", None),
        ("-0.2", None),
        ("Score: -0.2 of 1", None),
        ("\u22120.2", None),
        ("Score - 0.7", 0.7),
        ("- 0.7", 0.7),
        ("0.6-0.8", None),
        ("Score (0-1): 0.8", 0.8),
        ("In [0,1] I say 0.3", 0.3),
        ("0.2 (0 = unsupported, 1 = supported)", 0.2),
        ("Score: 7/10", 0.7),
        ("Score: 85", None),
        ("1.0", 1.0),
    ],
)
def test_a_rating_is_read_as_it_was_meant(text: str, value: float | None) -> None:
    assert legacy.rating(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0.5), ("20%", 0.5), ("2/10", 1.0), ("On a scale of 0 to 1, I rate it 0.2", 1.0), ("0.25", 0.25), ("", 0.5)],
)
def test_the_old_parser_misreads_as_it_always_did(text: str, value: float) -> None:
    assert legacy.rating(text, legacy_parse=True) == value


@pytest.mark.parametrize(
    ("support", "drift", "uncertainty", "expected"),
    [(1, 0, 0, 0.0), (0, 1, 1, 1.0), (0, 0, 0, 0.4), (1, 1, 0, 0.4), (1, 0, 1, 0.2), (0.3333, 0.3333, 0.2, 0.44)],
)
def test_the_formula_has_its_old_weights_and_rounds_to_three_places(
    support: float, drift: float, uncertainty: float, expected: float
) -> None:
    assert legacy.probability(support, drift, uncertainty) == expected


def test_the_verdict_needs_more_than_0_45() -> None:
    assert not legacy.hallucinated(0.45)
    assert legacy.hallucinated(0.451)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It is so.", 0.0),
        ("Maybe.", 0.2),
        ("MAYBE, maybe", 0.2),
        ("mighty", 0.2),
        ("unsure, not sure", 0.4),
        ("maybe probably unsure not sure might perhaps possibly", 1.0),
    ],
)
def test_each_cue_counts_once_wherever_it_stands(text: str, expected: float) -> None:
    assert legacy.uncertainty_score(text) == pytest.approx(expected)


def test_legacy_scoring_applies_the_formula_to_what_was_found() -> None:
    found = LocalDetector(scoring="legacy").detect("Who?", "Perhaps Ada did.", ["Ada did."])
    assert found.factual_support is not None
    assert found.scoring == "legacy"
    assert found.probability == legacy.probability(found.factual_support, found.semantic_drift, found.uncertainty)
    assert found.hallucinated == legacy.hallucinated(found.probability or 0.0)


DOCUMENTS = ["Ada wrote the first program."]


@pytest.mark.parametrize(
    ("said", "support", "old_support"),
    [("0", 0.0, 0.5), ("20%", 0.2, 0.5), ("2/10", 0.2, 1.0), ("0.9", 0.9, 0.9)],
)
def test_the_judge_of_0_2_can_be_continued(said: str, support: float, old_support: float) -> None:
    def judge(prompt: str, response: str, documents: Sequence[str]) -> str:
        assert (prompt, response) == ("Who?", "Perhaps Ada did.")
        return said

    for expected, legacy_parse in ((support, False), (old_support, True)):
        detector = LocalDetector(scoring="legacy", legacy_judge=judge, legacy_parse=legacy_parse)
        for documents, mode in ((DOCUMENTS, "retrieved-doc entailment"), ([], "legacy judge")):
            found = detector.detect("Who?", "Perhaps Ada did.", documents)
            assert (found.status, found.factual_support, found.mode) == ("verified", expected, mode)
            probability = legacy.probability(expected, found.semantic_drift, found.uncertainty)
            assert (found.probability, found.hallucinated) == (probability, legacy.hallucinated(probability))


def test_a_rating_that_cannot_be_read_is_degraded_and_leaves_the_local_support() -> None:
    def judge(prompt: str, response: str, documents: Sequence[str]) -> str:
        return "-0.2"

    local = LocalDetector(scoring="legacy").detect("Who?", "Ada did.", DOCUMENTS)
    found = LocalDetector(scoring="legacy", legacy_judge=judge).detect("Who?", "Ada did.", DOCUMENTS)
    assert found == replace(local, status="degraded", notes=("The judge's rating could not be read.",))
    alone = LocalDetector(scoring="legacy", legacy_judge=judge).detect("Who?", "Ada did.")
    assert (alone.status, alone.probability, alone.hallucinated, alone.mode) == ("degraded", None, None, "unverified")


def test_the_old_parser_needs_the_old_formula() -> None:
    assert LocalDetector(scoring="legacy", legacy_parse=True).detect("Who?", "Ada did.", DOCUMENTS) == LocalDetector(
        scoring="legacy"
    ).detect("Who?", "Ada did.", DOCUMENTS)
    with pytest.raises(ValueError, match="legacy_parse"):
        LocalDetector(legacy_parse=True)


def test_an_option_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    unknown: Any = "unknown"
    with pytest.raises(ValueError, match="profile is 'unknown', and may be auto, long_answer, short_answer, summary"):
        LocalDetector(profile=unknown)
    with pytest.raises(ValueError, match="scoring is 'unknown', and may be grounding, legacy"):
        LocalDetector(scoring=unknown)
