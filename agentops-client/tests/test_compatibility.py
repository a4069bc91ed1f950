"""The calls of the published SDK 0.2.2, as its documentation writes them."""

import json
import threading
from collections.abc import Generator

import agentops
import pytest
from agentops import (
    AgentOps,
    detect_hallucination,
    get_throughput_stats,
    reset_throughput_tracker,
    uncertainty_score,
)
from tests.receiver import Receiver

EIGHT = {
    "semantic_drift", "uncertainty", "factual_support", "mode", "hallucination_probability", "hallucinated",
    "latency_sec", "throughput_qps",
}  # fmt: skip
PROMPT = "Who discovered penicillin?"
RESPONSE = "Penicillin was discovered by Alexander Fleming in 1928."
DOCUMENTS = ["Penicillin was discovered by Alexander Fleming in 1928 at St Mary's Hospital."]


@pytest.fixture(autouse=True)
def _counts_from_nothing() -> Generator[None]:
    reset_throughput_tracker()
    yield
    reset_throughput_tracker()


def test_a_client_takes_its_four_arguments_by_position_and_by_name() -> None:
    ops = AgentOps("agops_x", "https://agentops.example.com/", False, False)
    assert (ops.api_key, ops.api_url, ops.track_throughput) == ("agops_x", "https://agentops.example.com", False)
    assert AgentOps(api_key=None, api_url=None, track_throughput=True, auto_upload=True).api_key is None
    assert AgentOps.version() == agentops.__version__


def test_evaluate_answers_the_eight_fields() -> None:
    result = AgentOps().evaluate(PROMPT, RESPONSE, DOCUMENTS)
    assert set(result) >= EIGHT
    assert isinstance(result, dict)
    assert result["mode"] == "retrieved-doc entailment"
    assert result["hallucinated"] is False
    for name in ("semantic_drift", "uncertainty", "factual_support", "hallucination_probability"):
        assert 0 <= result[name] <= 1
    assert result["latency_sec"] > 0
    assert result["throughput_qps"] > 0
    assert json.loads(json.dumps(result)) == json.loads(json.dumps({**result}))


SINCE_0_3 = {"status", "claims", "scoring", "detector"}


def test_evaluate_takes_its_seven_arguments_by_position(receiver: Receiver) -> None:
    ops = AgentOps("agops_x", receiver.url)
    ops.evaluate(PROMPT, RESPONSE, DOCUMENTS, "gpt-4o-mini", "qa", "session 1", True)
    ops.evaluate(prompt=PROMPT, response=RESPONSE, retrieved_docs=None, model_name="m", upload=False)
    assert ops.close(30)
    [item] = receiver.stored.values()
    assert {**item, "id": None} == {
        "id": None, "prompt": PROMPT, "response": RESPONSE, "retrieved_docs": DOCUMENTS, "model_name": "gpt-4o-mini",
        "agent_name": "qa", "session_id": "session 1",
    } | {name: item[name] for name in EIGHT | SINCE_0_3}  # fmt: skip


def test_without_documents_there_is_no_verdict_where_0_2_made_one_up() -> None:
    result = AgentOps().evaluate(PROMPT, RESPONSE)
    assert set(result) >= EIGHT
    assert (result["hallucinated"], result["hallucination_probability"], result["factual_support"]) == (None,) * 3
    assert result["status"] == "unverified"


@pytest.mark.parametrize(("auto_upload", "upload", "sent"), [(True, None, 1), (True, False, 0), (False, True, 1)])
def test_upload_goes_before_auto_upload(
    receiver: Receiver, *, auto_upload: bool, upload: bool | None, sent: int
) -> None:
    ops = AgentOps("agops_x", receiver.url, auto_upload=auto_upload)
    ops.evaluate(PROMPT, RESPONSE, upload=upload)
    assert ops.close(30)
    assert len(receiver.stored) == sent


def test_throughput_is_counted_over_all_clients() -> None:
    first, second = AgentOps(), AgentOps()
    results = [ops.evaluate(PROMPT, RESPONSE, latency_sec=0.5) for ops in (first, second, first)]
    assert [result["throughput_qps"] for result in results] == [2, 2, 2]
    assert first.metrics() == second.metrics() == get_throughput_stats()
    assert get_throughput_stats() == {"total_evaluations": 3, "total_time_sec": 1.5, "throughput_qps": 2.0}
    first.reset_metrics()
    assert get_throughput_stats() == {"total_evaluations": 0, "total_time_sec": 0.0, "throughput_qps": 0.0}


def test_without_tracking_throughput_is_one_divided_by_latency() -> None:
    result = AgentOps(track_throughput=False).evaluate(PROMPT, RESPONSE, latency_sec=0.25)
    assert result["throughput_qps"] == 4
    assert get_throughput_stats()["total_evaluations"] == 0


def test_a_session_starts_from_nothing_and_ends_with_its_figures() -> None:
    ops = AgentOps()
    ops.evaluate(PROMPT, RESPONSE)
    ops.start_session()
    ops.evaluate(PROMPT, RESPONSE, latency_sec=2.0)
    assert ops.end_session() == {"total_evaluations": 1, "total_time_sec": 2.0, "throughput_qps": 0.5}
    with AgentOps() as inner:
        inner.evaluate(PROMPT, RESPONSE)
        assert inner.metrics()["total_evaluations"] == 1


def test_the_plain_functions() -> None:
    result = detect_hallucination(PROMPT, RESPONSE, DOCUMENTS, True)
    assert set(result) >= EIGHT
    assert detect_hallucination(PROMPT, RESPONSE, track_throughput=False)["hallucinated"] is None
    assert get_throughput_stats()["total_evaluations"] == 1
    assert uncertainty_score("Maybe it's probably sunny, I'm not sure.") == pytest.approx(0.6)
    assert uncertainty_score("It is sunny.") == 0


def test_threads_count_together() -> None:
    ops = AgentOps()

    def work() -> None:
        for _ in range(50):
            ops.evaluate(PROMPT, RESPONSE, latency_sec=0.01)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ops.metrics() == {"total_evaluations": 200, "total_time_sec": 2.0, "throughput_qps": 100.0}
