"""The formula of agentops-client 0.2, and what a judge writes."""

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
