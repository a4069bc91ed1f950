"""What a judge answered, as far as it can be believed. Everything else is a reason why not; nothing is guessed."""

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from agentops.detect import Quote
from agentops.detect.legacy import rating
from agentops.detect.text import sentences
from agentops.judge.question import VERDICTS, Question

_EVEN = 0.5
_REASON_CHARS_MAX = 300
_QUOTE_CHARS_MAX = 2_000
_AROUND_QUOTES = " \t\r\n\"'“”‘’«»"


class Unreadable(Exception):
    """The answer as a whole does not count. The message says why, in the middle of a sentence."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the judge says of one claim, in its own words."""

    verdict: str
    probability: float | None
    """That the claim is not supported, in [0, 1]; None where it said nothing of the kind."""
    quote: str
    reason: str


@dataclass(frozen=True, slots=True)
class Distrusted:
    """Why one verdict does not count."""

    why: str


def content_of(answer: dict[str, Any]) -> str:
    """The text of a chat completion. Raises Unreadable, for a refusal too."""
    choices = answer.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise Unreadable("the endpoint's answer has no choices")
    choice = cast("dict[str, Any]", choices[0])
    message = choice.get("message")
    if not isinstance(message, dict):
        raise Unreadable("the endpoint's answer has no message")
    said = cast("dict[str, Any]", message)
    if said.get("refusal"):
        raise Unreadable("the judge refused")
    if choice.get("finish_reason") == "content_filter":
        raise Unreadable("the endpoint filtered the judge's answer")
    content = said.get("content")
    if isinstance(content, list):
        # Some servers answer in parts, as requests may be written.
        parts = [
            cast("dict[str, Any]", part).get("text") for part in cast("list[Any]", content) if isinstance(part, dict)
        ]
        content = "".join(part for part in parts if isinstance(part, str))
    if not isinstance(content, str) or not content.strip():
        raise Unreadable("the judge called a tool" if said.get("tool_calls") else "the judge said nothing")
    if choice.get("finish_reason") == "length":
        raise Unreadable("the judge's answer was cut off")
    return content


def verdicts_of(content: str, question: Question) -> list[Verdict | Distrusted]:
    """One for each claim that was asked about, in that order. Raises Unreadable where the whole does not count."""
    by_number = _by_number(_listed(content))
    _check_known(by_number, question)
    missing = Distrusted("the judge left it out")
    return [by_number.get(number, missing) for number in question.numbers]


def quoted(quote: str, documents: Sequence[str]) -> Quote | None:
    """Where the documents have these words, whatever white space is between them; None where they have not."""
    words = quote[:_QUOTE_CHARS_MAX].strip(_AROUND_QUOTES).split()
    if not words:
        return None
    pattern = re.compile(r"\s+".join(map(re.escape, words)))
    for number, document in enumerate(documents):
        if found := pattern.search(document):
            return Quote(number, found.start(), found.end(), found[0])
    return None


def shares_a_word(quote: str, claim: str) -> bool:
    """Whether they have a word in common that says something: a quote of anything else proves nothing."""
    one, other = (
        {token.stem for sentence in sentences(text) for token in sentence.tokens if token.weight}
        for text in (quote, claim)
    )
    return bool(one & other)


def _listed(content: str) -> list[Any]:
    """The list of verdicts: of the whole text, of a fenced block, or of the first object in it that has one."""
    for text in _candidates(content):
        try:
            found: object = json.loads(text, object_pairs_hook=_unique)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict):
            found = cast("dict[str, Any]", found).get("verdicts")
        if isinstance(found, list):
            return cast("list[Any]", found)
    raise Unreadable("the judge's answer is not the JSON that was asked for")


def _candidates(content: str) -> Iterator[str]:
    """What of a text may be the JSON that was asked for, the likeliest first."""
    # Models that think aloud do so first, and may draft there what they then do not say.
    text = content.rpartition("</think>")[2].strip()
    yield text
    yield from (block for block in reversed(re.findall(r"```(?:json)?\s*\n(.*?)```", text, flags=re.DOTALL)))
    decoder = json.JSONDecoder(object_pairs_hook=_unique)
    for start in re.finditer(r"\{\s*\"verdicts\"|\[\s*\{", text):
        try:
            _, end = decoder.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            continue
        yield text[start.start() : end]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object; with the same key twice nobody can say which was meant."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key occurs twice")
    return made


def _by_number(listed: Sequence[Any]) -> dict[int, Verdict | Distrusted]:
    """The verdicts by their claims' numbers; of two for one claim neither counts."""
    found: dict[int, Verdict | Distrusted] = {}
    for each in listed:
        if not isinstance(each, dict):
            continue
        item = cast("dict[str, Any]", each)
        number = item.get("claim")
        if isinstance(number, str) and number.strip().isdecimal():
            number = int(number)
        if not isinstance(number, int) or isinstance(number, bool):
            continue
        found[number] = Distrusted("the judge gave two verdicts") if number in found else _verdict(item)
    return found


def _verdict(item: dict[str, Any]) -> Verdict | Distrusted:
    label = item.get("verdict")
    plain = label.strip().lower().replace(" ", "_").replace("-", "_") if isinstance(label, str) else ""
    if plain not in VERDICTS:
        return Distrusted("the judge gave no verdict that it was offered")
    quote, reason = item.get("quote"), item.get("reason")
    return Verdict(
        verdict=plain,
        probability=_probability(item.get("probability")),
        quote=quote if isinstance(quote, str) else "",
        reason=" ".join(reason.split())[:_REASON_CHARS_MAX] if isinstance(reason, str) else "",
    )


def _probability(value: object) -> float | None:
    """A number from 0 to 1, also where it is written as text: `"20%"` is 0.2."""
    if isinstance(value, str):
        return None if "-" in value else rating(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and 0 <= value <= 1 else None


def _check_known(found: dict[int, Verdict | Distrusted], question: Question) -> None:
    """Raises Unreadable unless the two verdicts are right that were known beforehand."""
    true, false = found.get(question.true_claim), found.get(question.false_claim)
    is_true = isinstance(true, Verdict) and true.verdict == "supported" and question.mark in true.quote
    is_false = isinstance(false, Verdict) and false.verdict in ("unsupported", "contradicted")
    if not (is_true and is_false):
        raise Unreadable("the judge failed the two control claims whose verdicts are known")


def believed(verdict: Verdict | Distrusted, claim: str, documents: Sequence[str]) -> tuple[Verdict, Quote | None] | str:
    """The verdict with the place of its quote, or why it does not count."""
    if isinstance(verdict, Distrusted):
        return verdict.why
    quote = quoted(verdict.quote, documents)
    if verdict.verdict == "not_checkable":
        return verdict, None
    if verdict.probability is None:
        return "the judge gave no probability"
    if (verdict.probability < _EVEN) != (verdict.verdict == "supported"):
        return "the judge's verdict and its probability say opposite things"
    if verdict.verdict in ("supported", "contradicted"):
        if not verdict.quote.strip():
            return "the judge quoted nothing"
        if quote is None:
            return "the judge's quote is not in the documents"
        if not shares_a_word(quote.text, claim):
            return "the judge's quote has no word of the claim"
    return verdict, quote
