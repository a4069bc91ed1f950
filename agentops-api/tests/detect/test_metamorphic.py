"""What must hold whatever the answer says: which way a change may move the probability."""

import random
import re

import pytest
from agentops_api.detect import Detection, LocalDetector

ROUNDS = 60
PROMPT = "What happened to the bridge at Marlow?"
BRIDGE = """The bridge at Marlow was opened in 1832. It was designed by William Clark and cost 22,000 pounds. Clark also
built a bridge in Budapest. The new deck was not finished before 1965. About 9,000 cars cross it every day."""
LORRY = """In 2016 a lorry of 37 tonnes damaged the bridge. Buckinghamshire closed it for 2 months. The driver was fined
500 pounds. Engineers in Reading tested 24 hangers and found no cracks."""
TOWN = "Marlow lies on the Thames. Its regatta takes place in June. Most visitors arrive by train from Maidenhead."
DOCUMENTS = [BRIDGE, LORRY, TOWN]
SUPPORTED = (
    "The bridge at Marlow was opened in 1832 and designed by William Clark.",
    "In 2016 a lorry of 37 tonnes damaged the bridge, and Buckinghamshire closed it for 2 months.",
    "Engineers in Reading tested 24 hangers and found no cracks.",
    "Clark also built a bridge in Budapest.",
    "About 9,000 cars cross it every day, and most visitors arrive by train from Maidenhead.",
)
OTHERS = (
    "The bridge was blown up by pirates.",
    "The driver was not fined.",
    "Reading closed the regatta for 24 months in 1965!",
    "Perhaps.",
    "Wholly unrelated sentences mention Tokyo, 42 elephants and cheese",
)
WORDS = re.split(" ", "the a bridge not Marlow Clark 1832 37 opened closed never before Reading 2016 two . , ! \n")


def probability(response: str, documents: list[str]) -> float:
    found = LocalDetector().detect(PROMPT, response, documents).probability
    assert found is not None
    return found


def cases(seed: int) -> list[tuple[str, list[str], random.Random]]:
    """Answers of a few sentences, natural and jumbled, with documents of the same kinds."""
    made: list[tuple[str, list[str], random.Random]] = []
    for each in range(ROUNDS):
        drawn = random.Random(seed * ROUNDS + each)
        jumble = " ".join(drawn.choices(WORDS, k=12)) + " Marlow."
        response = " ".join(drawn.choices([*SUPPORTED, *OTHERS, jumble], k=drawn.randint(1, 4)))
        documents = [*DOCUMENTS, " ".join(drawn.choices(WORDS, k=30)), drawn.choice(OTHERS)]
        drawn.shuffle(documents)
        made.append((f"{response} Marlow is a place.", documents[: drawn.randint(1, 5)], drawn))
    return made


def test_repeated_evidence_changes_nothing() -> None:
    for response, documents, drawn in cases(1):
        repeated = [*documents, *drawn.choices(documents, k=drawn.randint(1, 9))]
        assert probability(response, repeated) == probability(response, documents)


def test_more_evidence_never_raises_the_probability_and_less_never_lowers_it() -> None:
    for response, documents, drawn in cases(2):
        fewer = drawn.sample(documents, len(documents) - 1)
        if fewer:
            assert probability(response, fewer) >= probability(response, documents)


def test_the_order_of_documents_changes_nothing() -> None:
    for response, documents, drawn in cases(3):
        shuffled = drawn.sample(documents, len(documents))
        assert probability(response, shuffled) == probability(response, documents)


def test_white_space_changes_nothing() -> None:
    for response, documents, drawn in cases(4):
        spaces = drawn.choice(["\n", "  ", "\t \n\n", "\u00a0"])
        others = [re.sub(r"\s+", spaces, document) for document in documents]
        assert probability(re.sub(r"\s+", spaces, response), others) == probability(response, documents)


@pytest.mark.parametrize("is_before", [False, True])
def test_padding_with_copied_sentences_changes_nothing(*, is_before: bool) -> None:
    for response, documents, drawn in cases(5):
        copied = " ".join(drawn.sample(re.findall(r"[A-Z][^.!?]+\.(?=\s|$)", BRIDGE), 2))
        padded = f"{copied} {response}" if is_before else f"{response} {copied}"
        with_source = [*documents, BRIDGE]
        assert probability(padded, with_source) == pytest.approx(probability(response, with_source), abs=1e-9)


def test_an_unrelated_prompt_changes_nothing() -> None:
    detector = LocalDetector()
    for response, documents, _ in cases(6):
        found = detector.detect("Quid novi?", response, documents)
        assert found.probability == detector.detect("", response, documents).probability


NEW = {"1832": "1833", "2016": "2017", "37": "38", "24": "26", "9,000": "8,000", "2": "3"}
NEW_NAMES = {
    "Marlow": "Henley",
    "William": "Thomas",
    "Clark": "Brunel",
    "Buckinghamshire": "Berkshire",
    "Reading": "Oxford",
    "Budapest": "Vienna",
    "Maidenhead": "Slough",
}
OPPOSITES = {"opened": "closed", "closed": "opened", "most": "few", "also": "never", "damaged": "repaired"}


@pytest.mark.parametrize("exchanged", [NEW, NEW_NAMES], ids=["a number", "a name"])
def test_a_new_number_or_name_raises_the_probability(exchanged: dict[str, str]) -> None:
    for answer in SUPPORTED:
        for word, other in exchanged.items():
            changed = re.sub(rf"\b{word}\b", other, answer, count=1)
            if changed != answer:
                assert probability(changed, DOCUMENTS) > probability(answer, DOCUMENTS) + 0.01


@pytest.mark.parametrize(
    ("word", "other"), [("1832", "1965"), ("37", "24"), ("Clark", "Reading"), ("Reading", "Marlow")]
)
def test_a_number_or_name_from_elsewhere_in_the_documents_raises_it(word: str, other: str) -> None:
    for answer in SUPPORTED:
        if word in answer:
            assert probability(answer.replace(word, other), DOCUMENTS) > probability(answer, DOCUMENTS)


@pytest.mark.parametrize("number", ["1832", "9,000", "37", "11"])
def test_another_number_for_an_item_of_a_list_never_lowers_it(number: str) -> None:
    for begin in ("Its dull features include:", "", "Marlow:"):
        for answer in SUPPORTED:
            listed = f"{begin}\n\n1. {answer}\n\n2. {SUPPORTED[0]}"
            assert probability(listed.replace("1.", f"{number}.", 1), DOCUMENTS) >= probability(listed, DOCUMENTS)


def test_not_raises_the_probability() -> None:
    for answer in SUPPORTED:
        for verb in ("was", "damaged", "tested", "built", "cross", "arrive"):
            changed = answer.replace(f" {verb} ", f" {verb} not ", 1)
            if changed != answer:
                assert probability(changed, DOCUMENTS) > probability(answer, DOCUMENTS) + 0.01


def test_one_more_negation_never_lowers_it() -> None:
    for response, documents, drawn in cases(8):
        words = response.split(" ")
        was = probability(response, documents)
        for negation in ("not", "never", "no", "hardly", "n't"):
            at = drawn.randrange(1, len(words))
            negated = " ".join([*words[:at], negation, *words[at:]])
            if words[at - 1][-1].isalpha() and words[at] != "only":
                assert probability(negated, documents) >= was


def test_a_verb_that_is_negated_in_one_word_raises_it() -> None:
    document = "The lorry was heavy. The bridge is closed and it can carry cars, and it is not in Reading."
    for answer, changed in (
        ("The bridge is closed.", "The bridge isn't closed."),
        ("The bridge can carry cars.", "The bridge can't carry cars."),
        ("The lorry was heavy.", "The lorry wasn’t heavy."),
    ):
        assert probability(changed, [document]) > probability(answer, [document]) + 0.01


def test_a_negation_that_the_evidence_has_answers_for_no_other_one() -> None:
    document = "Cyclists may not cross the old bridge, but they may take the tunnel."
    changed = "Cyclists may not cross the old bridge, but they may not take the tunnel."
    (claim,) = LocalDetector().detect(PROMPT, changed, [document]).claims
    assert '"take" is negated here and not in the evidence' in claim.reasons
    assert probability(changed, [document]) > probability(document, [document]) + 0.01


def test_not_and_a_new_number_never_lower_it() -> None:
    for response, documents, drawn in cases(7):
        words = response.split(" ")
        at = drawn.randrange(len(words))
        negated = " ".join([*words[:at], "not", *words[at:]])
        if words[max(0, at - 1)][-1:].isalpha() and words[at] != "only":
            assert probability(negated, documents) >= probability(response, documents)
        changed = re.sub(r"\b1832\b", "1777", response, count=1)
        assert probability(changed, documents) >= probability(response, documents)


def test_opposites_raise_the_probability() -> None:
    raised = [
        probability(changed, DOCUMENTS) > probability(answer, DOCUMENTS)
        for answer in SUPPORTED
        for word, other in OPPOSITES.items()
        if (changed := re.sub(rf"\b{word}\b", other, answer)) != answer
    ]
    assert all(raised)


def test_names_in_each_others_place_raise_the_probability() -> None:
    documents = ["Contoso acquired Fabrikam in 2019. Fabrikam makes looms."]
    assert probability("Fabrikam acquired Contoso in 2019.", documents) > probability(
        "Contoso acquired Fabrikam in 2019.", documents
    )


def test_the_verdict_tells_supported_answers_from_wrong_ones() -> None:
    def verdict(answer: str) -> Detection:
        return LocalDetector().detect(PROMPT, answer, DOCUMENTS)

    assert not any(verdict(answer).hallucinated for answer in SUPPORTED[:4])
    assert verdict("The bridge was blown up by pirates from Tortuga in 1777.").hallucinated
