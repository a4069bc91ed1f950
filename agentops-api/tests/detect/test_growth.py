"""That time grows evenly with the text, whatever the text is."""

import gc
import random
import time
from collections.abc import Callable

import pytest
from agentops_api.detect import LocalDetector, local

_CHARS = 2_000
_GROWTH = 4
_RATIO_MAX = 8.0
"""Four times the text takes four times as long, and sixteen times if its time is quadratic."""
_TRIES = 3
_TIME_S_MIN = 0.05
"""Below that, a ratio is mostly noise."""

_REPEATED = (
    *".!?,;:'\"’”()[]{}*_-–•#%$0aA1 \n。東…|\u200b",
    *("A. ", "Mr. ", "12. ", "I. ", "e.g. ", "1. ", "\n1. ", "\n- A", "* ", "1,", "1.", "A.B.", '."', "!?", "? "),
    *(" and", " not", " n't", "a'", "’s", "()", "x: y; ", "Aaa bbb, ", "a\n\n", "\n \n", " \u00a0", "aB", "1:"),
    *("million ", "1 million ", "twenty five ", "1k", "$5 ", "-5 ", "5 pm ", "2019-03-05 ", "half ", "5 kg ", "5% "),
    *("no more than ", "March 5, 2019 ", "Abc Def of "),
)


def _repeated(text: str) -> Callable[[int], str]:
    return lambda chars: (text * (chars // len(text) + 1))[:chars]


def _jumbled(letters: str) -> Callable[[int], str]:
    return lambda chars: "".join(random.Random(3).choices(letters, k=chars))


TEXTS: dict[str, Callable[[int], str]] = {
    **{repr(each): _repeated(each) for each in _REPEATED},
    "stops before a word": lambda chars: "." * chars + "a",
    "quotes behind a stop": lambda chars: "." + '"' * chars + "a",
    "a number that is none": lambda chars: "1," * (chars // 2) + "1abcdefghijk",
    "marks before items": lambda chars: "*" * (chars // 2) + " 12. I. " * (chars // 16),
    "a table of contents": lambda chars: "\n".join(f"Chapter {each} {'.' * 60} {each}" for each in range(chars // 70)),
    "words": lambda chars: " ".join(f"w{random.Random(each).randrange(900)}" for each in range(chars // 5)),
    "numbers": _jumbled("0123456789 "),
}


def _time_s(texts: Callable[[], tuple[str, list[str]]]) -> float:
    """Without the garbage collector, whose passes count what other tests left behind."""
    times: list[float] = []
    answer, documents = texts()
    gc.disable()
    try:
        for _ in range(2):
            began = time.process_time()
            LocalDetector().detect(answer, answer, documents)
            times.append(time.process_time() - began)
    finally:
        gc.enable()
    return min(times)


def _assert_even(texts: Callable[[int], tuple[str, list[str]]], chars: int = _CHARS) -> None:
    """A machine that becomes slower between the two is asked again; what is quadratic is so each time."""
    ratios: list[float] = []
    for _ in range(_TRIES):
        more = _time_s(lambda: texts(_GROWTH * chars))
        if more < _TIME_S_MIN or more < _RATIO_MAX * (less := _time_s(lambda: texts(chars))):
            return
        ratios.append(more / less)
    pytest.fail(f"{_GROWTH} times the text took {ratios} times as long")


@pytest.mark.parametrize("name", TEXTS)
def test_four_times_the_text_takes_no_sixteen_times_as_long(name: str) -> None:
    make = TEXTS[name]
    _assert_even(lambda chars: (make(chars), [make(chars)]))
    _assert_even(lambda chars: ("Paris has 5 towers.", [make(chars)]), 4 * _CHARS)


def test_many_documents_take_even_time() -> None:
    _assert_even(lambda count: ("It has a word7.", [f"word{each}" for each in range(count)]), 1_000)


@pytest.mark.parametrize("letter", ["a", "1", "東", "."])
def test_one_word_of_a_megabyte_is_read(letter: str) -> None:
    began = time.process_time()
    found = LocalDetector().detect("", letter * 1_000_000, [letter * 1_000_000])
    assert time.process_time() - began < 30
    assert found.notes


def test_what_resembles_everything_is_compared_up_to_a_bound_and_a_note_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(local, "EFFORT_MAX", 100_000)
    drawn = random.Random(4)
    words = ["Up", "Down", "Rise", "Fall", "Not", "One", "More"]
    text = ". ".join(" ".join(drawn.choices(words, k=6)) for _ in range(400)) + "."
    began = time.process_time()
    found = LocalDetector().detect("", text, [text])
    assert time.process_time() - began < 10
    assert 0 < len(found.claims) < 400
    assert found.notes[-1].startswith(f"Only the first {len(found.claims):,} sentences of the answer were checked")
    assert found.status == "verified"
