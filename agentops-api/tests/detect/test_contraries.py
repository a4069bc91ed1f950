"""What a document says the contrary of, and what only looks so."""

import pytest
from agentops_api.detect import Claim, LocalDetector


def claim(response: str, *documents: str) -> Claim:
    (found,) = LocalDetector().detect("", response, documents).claims
    return found


def assert_contradicted(response: str, document: str, reason: str) -> None:
    found = claim(response, document)
    assert (found.label, reason in found.reasons) == ("contradicted", True), (found.probability, found.reasons)


def assert_not_contrary(response: str, *documents: str) -> None:
    found = claim(response, *documents)
    assert found.label != "contradicted", found.reasons
    assert not [each for each in found.reasons if "evidence" in each], found.reasons


@pytest.mark.parametrize(
    ("response", "document", "quote"),
    [
        ("The drug is safe.", "The drug is not safe.", "not safe"),
        ("The bread is sold.", "The bread isn't sold.", "isn't sold"),
        ("The drug was approved.", "The drug was never approved.", "never approved"),
        ("The bread is sold.", "The bread is no longer sold.", "no longer sold"),
        ("Evidence of poison was found.", "No evidence of poison was found.", "No evidence"),
        ("They found evidence of poison.", "They have not found any evidence of poison.", "not found"),
        ("All patients recovered.", "None of the patients recovered.", "None of the patients"),
        ("It is safe.", "It is not safe.", "not safe"),
    ],
)
def test_what_the_evidence_denies_is_contradicted(response: str, document: str, quote: str) -> None:
    assert_contradicted(response, document, f'the evidence says "{quote}"')


@pytest.mark.parametrize(
    ("response", "document"),
    [
        ("The bridge is not safe.", "The bridge isn't safe."),
        ("The bridge is safe.", "The bridge is not only safe but cheap."),
        ("The bridge is safe.", "The bridge is not always safe."),
        ("The bridge is safe.", "Is the bridge not safe?"),
        ("The bridge is safe.", "If the bridge is not safe, it closes."),
        ("The bridge is safe.", "The bridge is never not safe."),
        ("The bridge is safe.", "The bridge is safe, and the ferry is not safe."),
        ("The bridge is safe.", "The bridge is not cheap. It is safe."),
        ("The deck was finished in 1965.", "The deck was not finished before 1965."),
        ("The deck was finished in 1965.", "The deck was not finished until 1965."),
        ("It opened a business account.", "It opened a business and not a personal account."),
        ("Pay for the insurance.", "You don't have to pay for the insurance."),
        ("Avoid keeping names in the logs.", "Do not keep names in the logs."),
        ("Acme has 40 sites.", "No, Acme has 40 sites."),
        ("About 13 players were English.", "No fewer than 13 players were English."),
    ],
)
def test_what_a_negation_does_not_deny_is_not_contradicted(response: str, document: str) -> None:
    assert_not_contrary(response, document)


@pytest.mark.parametrize(
    ("response", "document", "ours", "theirs"),
    [
        ("Sales rose sharply.", "Sales fell sharply.", "rose", "fell"),
        ("They weakened the balance.", "They strengthened the balance.", "weakened", "strengthened"),
        ("The output is incorrect here.", "The output is correct here.", "incorrect", "correct"),
        ("He left before the war.", "He left after the war.", "before", "after"),
        ("All patients recovered.", "Some patients recovered.", "All", "Some"),
        ("Net sales grew in the first quarter.", "Net sales grew in the third quarter.", "first", "third"),
        ("More than 50 people came.", "Fewer than 50 people came.", "More than", "Fewer than"),
        ("At least 50 people came.", "At most 50 people came.", "At least", "At most"),
        ("Over 50 people came.", "Up to 50 people came.", "Over", "Up to"),
    ],
)
def test_the_opposite_in_the_same_place_is_a_contradiction(
    response: str, document: str, ours: str, theirs: str
) -> None:
    assert_contradicted(response, document, f'"{ours}" where the evidence has "{theirs}"')


@pytest.mark.parametrize(
    ("response", "document"),
    [
        ("Some patients recovered.", "All patients recovered."),
        ("Sales rose in the north.", "Sales rose in the north and fell in the south."),
        ("Sales increase in spring.", "Sales rise in spring, and costs decline."),
        ("He left the club to join Reading.", "He left the club to join Reading, who leave Reading."),
        ("More than 50 people came.", "More than 50 people came, and no more than 60."),
        ("More than 50 people came.", "At least 50 people came."),
    ],
)
def test_an_opposite_in_another_place_is_none(response: str, document: str) -> None:
    assert_not_contrary(response, document)


def test_an_opposite_that_the_evidence_negates_agrees_with_the_claim() -> None:
    assert_not_contrary("The bridge is unsafe.", "The bridge is not safe.")
    assert_not_contrary("The bridge is safe.", "The bridge is not unsafe.")


@pytest.mark.parametrize(
    ("response", "document", "ours", "theirs"),
    [
        ("It is 5 km away.", "It is 5 miles away.", "5 km", "5 miles"),
        ("It costs $5.", "It costs €5.", "$5", "€5"),
        ("It costs $5 million.", "It costs 5 million euros.", "$5", "5 million euros"),
        ("It took six weeks.", "It took 6 months.", "six weeks", "6 months"),
        ("It fell by 5%.", "It fell by $5.", "5%", "$5"),
        ("It is 5 degrees.", "It is -5 degrees.", "5 degrees", "-5 degrees"),
        ("It is -5 degrees.", "It is 5 degrees.", "-5 degrees", "5 degrees"),
    ],
)
def test_an_equal_number_of_something_else_is_a_contradiction(
    response: str, document: str, ours: str, theirs: str
) -> None:
    assert_contradicted(response, document, f'"{ours}" where the evidence has "{theirs}"')


@pytest.mark.parametrize(
    ("response", "document"),
    [
        ("It costs 5 dollars.", "It costs $5."),
        ("It costs 5 euros.", "It costs 5 €."),
        ("It is 5 kilometres away.", "It is 5 km away."),
        ("It fell by 5 percent.", "It fell by 5%."),
        ("It is 5 km away.", "It is 5 km away, or 5 miles by boat."),
        ("It costs $480 per month.", "It costs $480/month."),
        ("It took 6 weeks.", "It took 6."),
        ("It took 6.", "It took 6 weeks."),
        ("It has 5 doors.", "It has 5 miles of road."),
    ],
)
def test_the_same_unit_in_another_form_or_none_is_no_contradiction(response: str, document: str) -> None:
    assert_not_contrary(response, document)


@pytest.mark.parametrize(
    ("response", "contrary", "support"),
    [
        ("The drug is safe.", "The drug is not safe.", "The drug is safe."),
        ("Sales rose sharply.", "Sales fell sharply.", "Sales rose sharply."),
        ("It is 5 km away.", "It is 5 miles away.", "It is 5 km away."),
        ("It costs $5.", "It costs €5.", "It costs $5."),
    ],
)
def test_a_document_that_says_so_outweighs_one_that_says_the_contrary(
    response: str, contrary: str, support: str
) -> None:
    both, alone = claim(response, contrary, support), claim(response, support)
    assert both.label == "supported"
    assert both.reasons == alone.reasons == ()
    assert claim(response, support, contrary).probability == both.probability == alone.probability


@pytest.mark.parametrize(
    ("response", "document"),
    [
        ("The drug is safe.", "The drug is not safe."),
        ("The bread is sold.", "The bread is no longer sold."),
        ("Sales rose sharply.", "Sales fell sharply."),
        ("It costs $5.", "It costs €5."),
    ],
)
def test_what_the_evidence_says_is_less_doubtful_than_its_contrary(response: str, document: str) -> None:
    contrary, copied = claim(response, document).probability, claim(document, document).probability
    assert contrary is not None
    assert copied is not None
    assert copied < contrary
