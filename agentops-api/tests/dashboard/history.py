"""What the agents of the dashboard's tests did in the week before: enough of everything to see each screen filled."""

import random
from datetime import UTC, datetime, timedelta

_RANDOM = random.Random(6)
_ANSWER = "The capital of France is Paris. It has nine million inhabitants."
_DOCUMENT = "Paris is the capital of France. The city has two million inhabitants."
CHECKED: dict[str, object] = {
    "prompt": "What is the capital of France?",
    "response": _ANSWER,
    "retrieved_docs": [_DOCUMENT],
    "claims": [
        {
            "text": _ANSWER[:31], "start": 0, "end": 31, "label": "supported", "probability": 0.03,
            "evidence": {"document": 0, "start": 0, "end": 31, "text": _DOCUMENT[:31]}, "reasons": [],
        },
        {
            "text": _ANSWER[32:], "start": 32, "end": len(_ANSWER), "label": "contradicted", "probability": 0.97,
            "evidence": {"document": 0, "start": 32, "end": len(_DOCUMENT), "text": _DOCUMENT[32:]},
            "reasons": ["nine is not two"],
        },
    ],
    "hallucinated": True,
    "hallucination_probability": 0.97,
    "agent_name": "reader",
    "model_name": "model-a",
    "session_id": "conversation-1",
    "latency_sec": 0.8,
    "metadata": {"customer": "acme", "turn": 1},
}  # fmt: skip
"""One whose sentences were checked."""


def _made(number: int, of: int, now: datetime) -> dict[str, object]:
    hallucinated = _RANDOM.random() < 0.2
    return {
        "prompt": f"Question {number}: what does clause {number} say?",
        "response": f"Clause {number} says that nothing is due before the {number % 28 + 1}th.",
        "hallucinated": hallucinated,
        "hallucination_probability": round(_RANDOM.uniform(0.6, 1) if hallucinated else _RANDOM.uniform(0, 0.4), 3),
        "semantic_drift": round(_RANDOM.random() / 2, 3),
        "uncertainty": round(_RANDOM.random() / 3, 3),
        "factual_support": round(1 - _RANDOM.random() / 3, 3),
        "latency_sec": round(_RANDOM.lognormvariate(-0.7, 0.5), 3),
        "throughput_qps": round(_RANDOM.uniform(1, 4), 2),
        "agent_name": ("reader", "helper")[number % 2],
        "model_name": ("model-a", "model-b")[number % 3 > 0],
        "session_id": f"conversation-{number // 5}",
        "created_at": (now - timedelta(days=13) * (of - number) / of).isoformat(),
    }


def _history(rows: int) -> list[dict[str, object]]:
    now = datetime.now(UTC) - timedelta(minutes=2)
    made = [_made(number, rows, now) for number in range(rows)]
    return [*made, CHECKED | {"created_at": now.isoformat()}]


HISTORY = _history(400)
