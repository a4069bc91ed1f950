"""What the detector says of an answer, and that no text is too strange for it."""

import itertools
import random
import time

import pytest
from agentops_api.detect import Detection, LocalDetector
from agentops_api.detect.scoring import between

STRANGE = (
    "",
    " \n\t",
    "?!... --- ;;;",
    "\x00 zero\x00byte 2019\x00",
    "\ud800 lone \udfff surrogates",
    "😀👍🏽 family 👨‍👩‍👧‍👦 🇫🇷",
    "مرحبا بالعالم. هذا نص عربي ٢٠١٩.",
    "世界人口は80億人です。東京は日本の首都。",
    "ประเทศไทยมีประชากร 70 ล้านคน",
    "e\u0301tude cafe\u0301 ﬁne Straße İstanbul",
    "```python\ndef f(x: int) -> str:\n    return f'{x!r}' # 42\n```",
    "| a | b |\n|---|---|\n| 1 | 2.5% |\n",
    "# Title\n* item **bold** [link](https://example.org/a?b=c&d=1.2.3#frag)\n1. one\n2) two",
    '{"name": "Café", "hours": {"Monday": "17:0-22:30"}, "OutdoorSeating": null, "stars": 4.5}',
    "1" * 500 + "." + "9" * 500 + "e999999999 1e400 -0 00 ½ ² ٣ 1,2,3,4 million million dozen hundred thousand",
    "²2 9² 1²3 Ⅷ 五 १२३ million",
    "a." * 300,
    "A.B.C. " * 100 + "e.g. i.e. Mr. . .",
    "'" * 1000 + "’" * 1000,
    "\u202e\u200b\u200d\ufeff\u2028\u2029\x85",
)


def detect(response: str, *documents: str, prompt: str = "") -> Detection:
    return LocalDetector().detect(prompt, response, documents)


def assert_consistent(found: Detection, response: str, documents: tuple[str, ...]) -> None:
    end = 0
    for claim in found.claims:
        assert claim.text == response[claim.start : claim.end]
        assert end <= claim.start < claim.end
        end = claim.end
        if claim.evidence:
            quote = claim.evidence
            assert quote.text == documents[quote.document][quote.start : quote.end] != ""
        assert (claim.probability is None) == (claim.label == "not_checkable")
        assert claim.probability is None or 0 <= claim.probability <= 1
    assert (found.probability is None) == (found.hallucinated is None) == (found.status == "unverified")
    assert found.factual_support is None or 0 <= found.factual_support <= 1
    assert 0 <= found.semantic_drift <= 1


@pytest.mark.parametrize("text", STRANGE)
def test_strange_texts_are_judged_as_well_as_they_can_be(text: str) -> None:
    for documents in ((), (text,), ("A plain document of 2019.", text)):
        for response in (text, f"A plain answer. {text}"):
            assert_consistent(detect(response, *documents, prompt=text), response, documents)


def test_offsets_are_those_of_the_text_for_any_jumble() -> None:
    drawn = random.Random(5)
    for _ in range(60):
        response, *documents = [
            "".join(drawn.choices(drawn.choice(STRANGE) or " ", k=80)) + drawn.choice(STRANGE) for _ in range(4)
        ]
        assert_consistent(detect(response, *documents), response, tuple(documents))


@pytest.mark.parametrize("text", ["not a million " * 71_000, "1." * 500_000, "Aa" * 500_000], ids=["words", "1.", "Aa"])
def test_a_megabyte_takes_bounded_time(text: str) -> None:
    began = time.process_time()
    found = LocalDetector().detect(text, text, [text])
    # Square time would be minutes.
    assert time.process_time() - began < 15
    assert found.notes


def test_a_long_answer_over_long_documents_takes_bounded_time() -> None:
    drawn = random.Random(6)
    words = [f"word{each}" for each in range(300)]
    text = " ".join(" ".join(drawn.choices(words, k=12)).capitalize() + "." for _ in range(1_200))
    began = time.process_time()
    assert not LocalDetector().detect("", text[:20_000], [text]).hallucinated
    assert time.process_time() - began < 15


def test_200_documents_are_read() -> None:
    documents = [f"Report {each} counts {each + 1000} visitors in town {each}." for each in range(200)]
    found = detect("Report 150 counts 1150 visitors in town 150.", *documents)
    assert not found.hallucinated
    assert found.claims[0].evidence is not None
    assert found.claims[0].evidence.document == 150


def test_without_documents_there_is_no_verdict() -> None:
    for documents in ((), ("",), ("...", "\n")):
        found = detect("Paris is the capital of France.", *documents)
        assert (found.status, found.probability, found.hallucinated, found.mode) == (
            "unverified",
            None,
            None,
            "unverified",
        )


@pytest.mark.parametrize(
    "response", ["Yes, it is.", "Sure!", "Perhaps.", "Unable to answer based on given passages.", "I hope this helps!"]
)
def test_an_answer_that_claims_nothing_is_not_checkable(response: str) -> None:
    found = detect(response, "Paris is the capital of France.")
    assert [claim.label for claim in found.claims] == ["not_checkable"]
    assert found.probability is None


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        ("Acme was founded in Berlin in 2019.", 'missing number "2019"'),
        ("Acme was founded in Munich in 1998.", 'missing name "Munich"'),
        ("Acme was founded in Berlin in 40.", 'number "40" stands elsewhere in the documents'),
        ("Acme was not founded in Berlin in 1998.", '"founded" is negated here and not in the evidence'),
        ("Acme sells gravel.", 'not in the documents: "gravel"'),
        ("The drug is safe.", '"safe" where the evidence has "unsafe"'),
        ("Sales fell sharply last spring.", '"fell" where the evidence has "rose"'),
    ],
)
def test_reasons_say_what_a_person_would(response: str, reason: str) -> None:
    found = detect(
        response,
        "Acme was founded in Berlin in 1998. Sales rose sharply last spring. Acme sells bolts. The drug is unsafe.",
        "The office has a garden. There are 40 parking spaces.",
    )
    assert any(each.startswith(reason) for each in found.claims[0].reasons), found.claims[0].reasons


@pytest.mark.parametrize(
    ("claim", "document"),
    [
        ("It cost 2.6 million dollars.", "It cost $2,600,000."),
        ("It cost $2.6M.", "It cost 2.6 million dollars."),
        ("Twenty-five people came.", "25 people came."),
        ("Some 1,000 people came.", "1000 people came."),
        ("About 4.5 percent came.", "4.47% came."),
        ("They came in the 1990s.", "They came in 1994."),
        ("It opens at 5 PM.", "It opens at 17:00."),
        ("The FBI came.", "The Federal Bureau of Investigation came."),
        ("The French singer came.", "The singer from France came."),
        ("Canadian voters came.", "Voters of Canada came."),
        ("It has outdoor seating.", "{'OutdoorSeating': True}"),
        ("It opened in March 2019.", "It opened on 2019-03-05."),
        ("It opened on 2019-03-05.", "It opened on March 5, 2019."),
        ("It opened on 2019-03-05.", "It opened on 5 March 2019."),
        ("It lost 50% of them.", "It lost half of them."),
    ],
)
def test_the_same_number_or_name_in_other_words_is_not_missing(claim: str, document: str) -> None:
    reasons = detect(claim, document).claims[0].reasons
    assert not [each for each in reasons if "missing" in each]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("It opens at 5 am.", "It opens at 5 pm."),
        ("It opens at 5pm.", "It opens at 5am."),
    ],
)
def test_the_other_half_of_the_day_is_a_contradiction(one: str, other: str) -> None:
    for claim, document in ((one, other), (other, one)):
        assert [each.label for each in detect(claim, document).claims] == ["contradicted"]


def test_a_minus_that_the_evidence_has_not_is_no_support() -> None:
    assert detect("It is -5 degrees outside.", "It is 5 degrees outside.").hallucinated
    assert not detect("It is -5 degrees outside.", "It is \u22125 degrees outside.").hallucinated


def test_what_the_prompt_says_is_not_the_answers_invention() -> None:
    document = "She was born in Oslo."
    alone = detect("Ada Kvist was born in Oslo.", document)
    asked = detect("Ada Kvist was born in Oslo.", document, prompt="Where was Ada Kvist born?")
    assert alone.probability is not None
    assert asked.probability is not None
    assert asked.probability < alone.probability


@pytest.mark.parametrize(
    ("prompt", "response", "words", "profile"),
    [
        ("Summarize the article.", "It is gravel.", 20, "summary"),
        ("TL;DR", "It is gravel.", 20, "short_answer"),
        ("Who?", "It is word1 and word2.", 20, "short_answer"),
        ("Who?", "It is word1 and word2.", 400, "long_answer"),
        ("Is it word1 or word2?", "It is gravel.", 400, "long_answer"),
        ("Who?", "It is gravel.", 400, "short_answer"),
        ("Who?", "It is word1.", 400, "short_answer"),
    ],
)
def test_the_profile_follows_from_prompt_and_evidence(prompt: str, response: str, words: int, profile: str) -> None:
    document = " ".join(f"word{each}." for each in range(words))
    assert detect(response, document, prompt=prompt).detector.endswith(profile)


def test_a_document_that_has_nothing_to_do_with_the_answer_changes_nothing() -> None:
    response, document = (
        "The depot closes at nine on weekdays and sells fresh bread.",
        "The depot closes at nine on weekdays.",
    )
    boats = " ".join(f"Boat {each} of Lisbon left harbour {each} with {each} tons of fish." for each in range(40))
    alone, together = detect(response, document), detect(response, document, boats)
    assert alone.hallucinated
    assert (together.probability, together.detector) == (alone.probability, alone.detector)


def test_a_probability_falls_by_degrees_as_evidence_grows() -> None:
    found = [between(words).platt(0.5) for words in range(80, 180)]
    assert all(0 <= one - other < 0.05 for one, other in itertools.pairwise(found))
    assert found[0] > 0.7 > 0.2 > found[-1]


ACME = (
    "Acme Robotics was founded in 1998 in Berlin by Maria Keller. The company makes welding arms for car plants.",
    "Acme Robotics employs 4,200 people at nine sites. The chief executive is Jonas Brandt.",
)


@pytest.mark.parametrize(
    "response",
    [
        "Acme Robotics was founded in 1998 in Berlin and employs 4,200 people.",
        "Founded in Berlin in 1998, Acme Robotics employs 4,200 people at nine sites.",
        "The company makes welding arms for car plants, and its chief executive is Jonas Brandt.",
    ],
)
def test_a_sentence_that_draws_on_two_documents_is_supported(response: str) -> None:
    found = detect(response, *ACME)
    assert [claim.label for claim in found.claims] == ["supported"]
    assert found.claims[0].reasons == ()


@pytest.mark.parametrize(
    "response",
    [
        "Acme Robotics was founded in 4,200 in Berlin and employs 1998 people.",
        "Founded by Jonas Brandt in 1998, Acme Robotics employs 4,200 people at nine sites.",
    ],
)
def test_two_documents_do_not_support_what_neither_says(response: str) -> None:
    found = detect(response, *ACME)
    assert [claim.label for claim in found.claims] != ["supported"]
    assert found.claims[0].reasons
