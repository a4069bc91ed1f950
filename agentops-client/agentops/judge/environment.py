"""The detector that the environment asks for."""

import math

from agentops.config import JudgeSettings
from agentops.detect import Detector, LocalDetector
from agentops.judge.cascade import Cascade
from agentops.judge.endpoint import Endpoint
from agentops.judge.llm import LLMJudge
from agentops.judge.spending import Prices
from agentops.notices import warn


def detector_of(settings: JudgeSettings) -> Detector:
    """The local detector, and behind it a judge where there is one to ask. What is wrong is warned of and not used."""
    judge = judge_of(settings)
    return Cascade(LocalDetector(), judge) if judge else LocalDetector()


def judge_of(settings: JudgeSettings) -> LLMJudge | None:
    """The judge, if the settings name one."""
    if not settings.url:
        return None
    try:
        endpoint = Endpoint(
            settings.url,
            settings.model or "",
            settings.api_key,
            prices=_prices(settings.prices),
            budget_usd=_number("AGENTOPS_JUDGE_BUDGET_USD", settings.budget_usd),
        )
        samples = _number("AGENTOPS_JUDGE_SELF_CHECK", settings.self_check) or 0
        if samples != int(samples):
            raise ValueError(f"AGENTOPS_JUDGE_SELF_CHECK is {settings.self_check!r}, which is not a whole number")
        return LLMJudge(endpoint, self_check_samples=int(samples), cache_dir=settings.cache_dir)
    except ValueError as error:
        warn("judge", f"The judge is not used: {error}.")
        return None


def _prices(said: str | None) -> Prices | None:
    """`0.15/0.60`: US dollars for a million tokens in, and out."""
    if said is None:
        return None
    first, _, second = said.partition("/")
    one, other = (_number("AGENTOPS_JUDGE_PRICES", each) for each in (first, second))
    assert one is not None
    assert other is not None
    return Prices(one, other)


def _number(name: str, said: str | None) -> float | None:
    if said is None:
        return None
    try:
        number = float(said)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise ValueError(f"{name} is {said!r}, which is not what docs/sdk.md says")
    return number
