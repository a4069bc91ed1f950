"""A realistic history for `agentops seed-demo`: three agents, four models, days and nights, and one bad week-end.

Scores and claims are the detector's own. The same seed gives the same history. Knows no HTTP and no SQL.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from agentops_api.demo_answers import CONTRACTS, GENERAL, SUPPORT, Question
from agentops_api.detect import Detection, LocalDetector
from agentops_api.detect.wire import sent
from agentops_api.evaluations.models import EvaluationIn

_SESSION_TURNS_MAX = 6


@dataclass(frozen=True, slots=True)
class _Agent:
    name: str
    wrong_rate: float
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class _Model:
    name: str
    share: float
    latency_median_s: float
    rate_factor: float


_AGENTS = (
    _Agent("support_assistant", 0.06, SUPPORT),
    _Agent("contract_reader", 0.09, CONTRACTS),
    # It retrieves nothing, so there is nothing to compare its answers with: no verdict.
    _Agent("qa_assistant", 0.12, GENERAL),
)
_MODELS = (
    _Model("gpt-4o-mini", 0.45, 0.42, 1.0),
    _Model("claude-haiku-4", 0.25, 0.55, 0.8),
    _Model("llama-3.3-70b", 0.20, 0.95, 1.3),
    _Model("mistral-small-3", 0.10, 0.35, 1.6),
)


def history(*, rows: int, days: int, until: datetime, seed: int = 7) -> Iterator[EvaluationIn]:
    """`rows` evaluations over the `days` before `until`, oldest first."""
    dice = random.Random(seed)  # noqa: S311 - a demonstration, not a secret
    session_id, agent, turns = "", _AGENTS[0], 0
    for time in _times(dice, rows, days, until):
        if turns == 0:
            agent = dice.choices(_AGENTS, weights=(5, 2, 3))[0]
            session_id, turns = f"session-{dice.getrandbits(40):010x}", dice.randint(1, _SESSION_TURNS_MAX)
        turns -= 1
        yield _evaluation(dice, agent, session_id, time, until)


def _times(dice: random.Random, rows: int, days: int, until: datetime) -> list[datetime]:
    """Busy by day, quiet by night, half as much at week-ends; a little more every week."""
    span_s = days * 86_400
    times: list[datetime] = []
    while len(times) < rows:
        time = until - timedelta(seconds=dice.random() * span_s)
        daily = 0.55 - 0.45 * math.cos((time.hour + time.minute / 60 - 3) / 24 * 2 * math.pi)
        weekly = 0.5 if time.weekday() >= 5 else 1.0
        growth = 1 - 0.4 * ((until - time).total_seconds() / span_s)
        if dice.random() < daily * weekly * growth:
            times.append(time)
    return sorted(times)


def _evaluation(dice: random.Random, agent: _Agent, session_id: str, time: datetime, until: datetime) -> EvaluationIn:
    model = dice.choices(_MODELS, weights=[model.share for model in _MODELS])[0]
    question = dice.choice(agent.questions)
    age_days = (until - time).total_seconds() / 86_400
    # The incident: for two days, one model behind one agent answers from memory, and slowly.
    incident = 4 < age_days < 6 and agent.name == "support_assistant" and model.name == "gpt-4o-mini"
    wrong_rate = min(0.9, agent.wrong_rate * model.rate_factor * (5 if incident else 1))
    answer = dice.choice(question.wrong if dice.random() < wrong_rate else question.right)
    found = _detected(question.prompt, answer, question.documents)
    latency_s = dice.lognormvariate(math.log(model.latency_median_s * (2.2 if incident else 1)), 0.45)
    return EvaluationIn(
        prompt=question.prompt,
        response=answer,
        retrieved_docs=list(question.documents) or None,
        semantic_drift=found.semantic_drift,
        uncertainty=found.uncertainty,
        factual_support=found.factual_support,
        hallucination_probability=found.probability,
        hallucinated=found.hallucinated,
        latency_sec=round(latency_s, 4),
        throughput_qps=round(1 / latency_s, 4),
        mode=found.mode,
        model_name=model.name,
        agent_name=agent.name,
        session_id=session_id,
        created_at=time,
        metadata={"release": "2026.10" if age_days > 10 else "2026.11", "region": dice.choice(["eu", "us"])},
        claims=sent(found.claims),
        status=found.status,
        scoring=found.scoring,
        detector=found.detector,
    )


@cache
def _detected(prompt: str, answer: str, documents: tuple[str, ...]) -> Detection:
    """What the detector itself says. There are some dozens of different answers, so a long history costs little."""
    return LocalDetector().detect(prompt, answer, documents)
