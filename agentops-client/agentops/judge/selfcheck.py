"""Without documents: does the model say the same when it is asked again? What it makes up differs each time.

After SelfCheckGPT with an LLM as judge (Manakul, Liusie, Gales: "SelfCheckGPT: Zero-Resource Black-Box Hallucination
Detection for Generative Large Language Models", EMNLP 2023, arXiv:2303.08896, section 5.5): a claim's score is the
share of sampled answers that do not support it. A model that is consistently wrong is not found out by this.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from agentops.detect import Claim, Detection
from agentops.detect.text import sentences
from agentops.judge.answer import Distrusted, Unreadable, Verdict, believed
from agentops.judge.endpoint import Failed
from agentops.judge.merge import NOT_CHECKABLE, Judged, degraded, merged
from agentops.threads import in_threads

SAMPLES_MIN = 2
_CLAIMS_MAX = 40
_EVEN = 0.5


class Judge(Protocol):
    """What a self-check needs of a judge."""

    @property
    def name(self) -> str: ...
    @property
    def samples(self) -> int: ...
    @property
    def concurrency_max(self) -> int: ...
    def sample(self, prompt: str, number: int, *, chars: int, until: float) -> str: ...
    def verdicts(
        self, prompt: str, claims: Sequence[str], evidence: Sequence[str], *, until: float
    ) -> list[Verdict | Distrusted]: ...


def self_checked(judge: Judge, prompt: str, response: str, found: Detection, *, until: float) -> Detection:
    """The answer's claims, each with the share of the model's other answers that do not support it.

    Where fewer than two, or fewer than half, of the other answers could be had and judged, there is no verdict, and the
    result is degraded.
    """
    claims = [
        Claim(each.start, each.end, response[each.start : each.end], NOT_CHECKABLE, None, None, ())
        for each in sentences(response)[:_CLAIMS_MAX]
    ]
    if not claims or not prompt.strip():
        return found
    texts = [claim.text for claim in claims]

    def compare(number: int) -> list[str] | Failed | Unreadable:
        try:
            said = judge.sample(prompt, number, chars=len(response), until=until)
            shown = [said[each.start : each.end] for each in sentences(said)]
            verdicts = judge.verdicts(prompt, texts, shown, until=until)
        except (Failed, Unreadable) as error:
            return error
        return [_opinion(verdict, text, said) for verdict, text in zip(verdicts, texts, strict=True)]

    answers = in_threads(compare, range(judge.samples), judge.concurrency_max)
    compared = [answer for answer in answers if isinstance(answer, list)]
    needed = max(SAMPLES_MIN, (judge.samples + 1) // 2)
    if len(compared) < needed:
        whys = {str(answer) for answer in answers if not isinstance(answer, list)}
        return degraded(
            found, f"The self-check got {len(compared)} of {judge.samples} other answers: {'; '.join(whys)}."
        )
    judged = [_judged([answer[at] for answer in compared], needed) for at in range(len(claims))]
    note = f"Compared with {len(compared)} other answers of the model, not with evidence: the same is not the truth."
    unchecked = replace(found, claims=tuple(claims), notes=(), mode="self-check")
    result = merged(unchecked, judged, scoring="self-check", detector=judge.name, notes=[note])
    return result if result.probability is not None else degraded(found, *result.notes)


def _opinion(verdict: Verdict | Distrusted, claim: str, said: str) -> str:
    """What one other answer has to say of a claim; nothing where the judge's verdict does not count."""
    counted = believed(verdict, claim, [said])
    return "" if isinstance(counted, str) else counted[0].verdict


def _judged(opinions: Sequence[str], needed: int) -> Judged | str:
    """The share of opinions that do not support the claim."""
    known = [opinion for opinion in opinions if opinion not in ("", "not_checkable")]
    if opinions.count("not_checkable") > len(opinions) / 2:
        return Judged(NOT_CHECKABLE, None, None, ())
    if len(known) < needed:
        return "too few of the judge's verdicts count"
    against = [opinion for opinion in known if opinion != "supported"]
    probability = len(against) / len(known)
    if probability < _EVEN:
        return Judged("supported", probability, None, ())
    contradicted = known.count("contradicted")
    label = "contradicted" if contradicted > len(known) / 2 else "unsupported"
    return Judged(label, probability, None, (f"{len(against)} of {len(known)} other answers do not say this",))
