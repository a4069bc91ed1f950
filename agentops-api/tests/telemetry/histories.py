"""Histories of evaluations, for tests of what is kept beside them."""

from datetime import timedelta
from uuid import UUID, uuid4

from agentops_api import clock
from agentops_api.evaluations.accept import Reception, accept
from agentops_api.evaluations.models import EvaluationIn, Window
from agentops_api.telemetry.postgres import PostgresStore
from agentops_api.telemetry.store import Record
from hypothesis import strategies as st

_scores = st.none() | st.floats(0, 1)
_items = st.builds(
    EvaluationIn,
    prompt=st.just("p"),
    response=st.just("r"),
    semantic_drift=_scores,
    uncertainty=_scores,
    factual_support=_scores,
    hallucination_probability=_scores,
    hallucinated=st.none() | st.booleans(),
    latency_sec=st.none() | st.floats(1e-300, 86_400, exclude_min=True),
    throughput_qps=st.none() | st.floats(0, 1e6),
    mode=st.sampled_from([None, "self-check", "judge"]),
    model_name=st.sampled_from([None, "m1", "m2"]),
    agent_name=st.sampled_from([None, "a", "b"]),
)
histories = st.lists(
    st.tuples(_items, st.integers(0, 50), st.sampled_from(["keep", "keep", "delete", "repeat", "score"])),
    min_size=1,
    max_size=30,
)


async def insert(store: PostgresStore, project_id: UUID, items: list[tuple[EvaluationIn, int]]) -> list[Record]:
    now = clock.now()
    reception = Reception(project_id, Window(timedelta(days=30), timedelta(hours=1)), now, has_nul=False)
    records = [
        accept(item.model_copy(update={"created_at": now - timedelta(minutes=7 * age), "id": uuid4()}), reception)
        for item, age in items
    ]
    await store.insert(records)
    return records
