"""A realistic history for `agentops seed-demo`: three agents, four models, days and nights, and one bad week-end.

The same seed gives the same history. Knows no HTTP and no SQL.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from agentops_api.evaluations.models import EvaluationIn

_SESSION_TURNS_MAX = 6


@dataclass(frozen=True, slots=True)
class _Agent:
    name: str
    mode: str
    hallucination_rate: float
    questions: tuple[tuple[str, str, str], ...]
    """Question, evidence, answer."""


@dataclass(frozen=True, slots=True)
class _Model:
    name: str
    share: float
    latency_median_s: float
    rate_factor: float


_AGENTS = (
    _Agent(
        "support_assistant",
        "retrieved-doc entailment",
        0.06,
        (
            (
                "How long do I have to return an unopened order?",
                "Unopened goods can be returned within 30 days of delivery, opened ones within 14.",
                "You can return an unopened order within 30 days of delivery.",
            ),
            (
                "Do you ship to Norway, and what does it cost?",
                "We ship to all EU countries, Norway and Switzerland. Shipping outside the EU costs 14 euros.",
                "Yes, we ship to Norway. Shipping costs 14 euros.",
            ),
            (
                "Can I change the address after the parcel left?",
                "An address can be changed until the parcel leaves. After that, the carrier may redirect it.",
                "We cannot change it once the parcel has left, but the carrier may be able to redirect it.",
            ),
        ),
    ),
    _Agent(
        "contract_reader",
        "retrieved-doc entailment",
        0.09,
        (
            (
                "When can either party terminate the agreement?",
                "Either party may terminate with 60 days written notice to the end of a calendar quarter.",
                "Either party may terminate to the end of a calendar quarter with 60 days written notice.",
            ),
            (
                "Who owns the work products?",
                "All work products pass to the customer on full payment. The supplier keeps its pre-existing tools.",
                "The customer owns them once everything is paid; the supplier keeps the tools it had before.",
            ),
        ),
    ),
    _Agent(
        "qa_assistant",
        "self-check",
        0.12,
        (
            ("What is the capital of France?", "", "Paris is the capital of France."),
            ("Which gas do plants take in?", "", "Plants take in carbon dioxide from the air."),
            ("How many bits are in a byte?", "", "A byte has eight bits."),
            ("Who proved that there are infinitely many primes?", "", "Euclid proved it, around 300 BC."),
        ),
    ),
)
_MODELS = (
    _Model("gpt-4o-mini", 0.45, 0.42, 1.0),
    _Model("claude-haiku-4", 0.25, 0.55, 0.8),
    _Model("llama-3.3-70b", 0.20, 0.95, 1.3),
    _Model("mistral-small-3", 0.10, 0.35, 1.6),
)
_WRONG = (
    "As far as I know this was changed in 2019, so it no longer applies.",
    "It might possibly be 90 days, but I am not sure.",
    "According to section 12.4 this is not allowed under any circumstances.",
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
    question, evidence, answer = dice.choice(agent.questions)
    age_days = (until - time).total_seconds() / 86_400
    # The incident: for two days, one model behind one agent answers from memory, and slowly.
    incident = 4 < age_days < 6 and agent.name == "support_assistant" and model.name == "gpt-4o-mini"
    rate = min(0.9, agent.hallucination_rate * model.rate_factor * (5 if incident else 1))
    hallucinated = dice.random() < rate
    probability = dice.betavariate(8, 3) if hallucinated else dice.betavariate(1.5, 9)
    latency_s = dice.lognormvariate(math.log(model.latency_median_s * (2.2 if incident else 1)), 0.45)
    return EvaluationIn(
        prompt=question,
        response=f"{answer} {dice.choice(_WRONG)}" if hallucinated else answer,
        retrieved_docs=[evidence] if evidence else None,
        semantic_drift=round(dice.betavariate(3, 6) if hallucinated else dice.betavariate(2, 12), 4),
        uncertainty=round(dice.betavariate(2, 6) if hallucinated else dice.betavariate(1, 15), 4),
        factual_support=round(dice.betavariate(2, 5) if hallucinated else dice.betavariate(12, 1.5), 4),
        hallucination_probability=round(probability, 4),
        hallucinated=hallucinated,
        latency_sec=round(latency_s, 4),
        throughput_qps=round(1 / latency_s, 4),
        mode=agent.mode,
        model_name=model.name,
        agent_name=agent.name,
        session_id=session_id,
        created_at=time,
        metadata={"release": "2026.10" if age_days > 10 else "2026.11", "region": dice.choice(["eu", "us"])},
    )
