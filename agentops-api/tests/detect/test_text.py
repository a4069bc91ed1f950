"""How the detector cuts texts into sentences."""

import pytest
from agentops_api.detect.text import part, sentences


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("He was born on March 14. He died in May.", ["He was born on March 14.", "He died in May."]),
        ("It closed in June 12. Then 13 people left.", ["It closed in June 12.", "Then 13 people left."]),
        ("Do this: 1. Stop 2. Look 3) Listen", ["Do this:", "1. Stop", "2. Look", "3) Listen"]),
        ("7. Go on 8. Come back", ["7. Go on", "8. Come back"]),
        ("1. Go before June 12. Hurry up 2. Stay", ["1. Go before June 12.", "Hurry up", "2. Stay"]),
        ("Steps: 4. Stop 5. Look", ["Steps:", "4. Stop", "5. Look"]),
        ("Steps: 2023. Stop 2. Look", ["Steps:", "2023.", "Stop", "2. Look"]),
        ("11. Stop 2. Look", ["11. Stop", "2. Look"]),
        ("Steps: 11. Stop 2. Look", ["Steps:", "11. Stop", "2. Look"]),
        ("It closed in 2012. Then 13 people left.", ["It closed in 2012.", "Then 13 people left."]),
    ],
)
def test_a_number_behind_a_word_begins_an_item_only_where_it_goes_on_counting(text: str, parts: list[str]) -> None:
    for spaced in (text, text.replace(" ", "\n "), text.replace(" ", " " * 50)):
        assert [" ".join(spaced[each.start : each.end].split()) for each in sentences(spaced)] == parts


def test_the_number_of_an_item_says_nothing_and_a_number_alone_does() -> None:
    assert [each.stems for each in sentences("12. Stop")] == [("stop",)]
    assert [each.stems for each in sentences("12.")] == [("12",)]


def test_a_name_may_begin_with_a_small_letter() -> None:
    (found,) = sentences("The iPhone was sold on eBay for a dollar.")
    assert [token.text for token in found.tokens if token.is_name] == ["iPhone", "eBay"]


def test_only_the_first_part_of_a_claim_begins_with_the_number_of_an_item() -> None:
    claim = "1) The lab had staff (Smith, 12) and rooms in Berlin"
    behind = claim.index("12")
    assert part(claim, 0, behind, is_first=True).content[0] == "lab"
    assert part(claim, behind, len(claim), is_first=False).content[0] == "12"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("May 30, 1943\n\nFannie Lee moved", ["May 30, 1943", "Fannie Lee moved"]),
        ("May 30, 1943\r\n \t\r\nFannie Lee moved", ["May 30, 1943", "Fannie Lee moved"]),
        ("May 30, 1943\nFannie Lee moved", ["May 30, 1943 Fannie Lee moved"]),
        ("May\n\n30,\n\n1943", ["May 30, 1943"]),
        ("\n\nMay 30,\n\n\n1943 and later\n\n", ["May 30,", "1943 and later"]),
    ],
)
def test_an_empty_line_parts_paragraphs_unless_all_words_are_that_far_apart(text: str, parts: list[str]) -> None:
    assert [" ".join(text[each.start : each.end].split()) for each in sentences(text)] == parts
