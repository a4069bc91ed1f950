"""Against AgentOps API itself: what is recorded can be read back, and only by whose it is."""

import logging
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from agentops import (
    AgentOps,
    AsyncAgentOps,
    ConnectionFailed,
    Invalid,
    NotConfigured,
    NotFound,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)
from tests.clients import QUICK, client_of
from tests.receiver import Receiver, free_port, refuse

from benchmarks.server import HOST, Server, Tenant, make_tenant

PROMPT = "When was penicillin discovered?"
DOCUMENTS = ["Alexander Fleming discovered penicillin in 1928 at St Mary's Hospital."]
JUDGED = ("status", "claims", "scoring", "detector")
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def url(server: Server) -> str:
    return f"http://{HOST}:{server.port}"


@pytest.fixture
def ops(url: str, tenant: Tenant) -> AgentOps:
    return AgentOps(tenant.key, url, bounds=QUICK)


def test_evaluate_ends_in_the_servers_statistics(ops: AgentOps) -> None:
    good = ops.evaluate(PROMPT, "Alexander Fleming discovered penicillin in 1928.", DOCUMENTS, model_name="gpt-4o-mini")
    bad = ops.evaluate(PROMPT, "It was invented in Peru by a company of circus clowns in 2011.", DOCUMENTS)
    unknown = ops.evaluate(PROMPT, "In 1928.")
    assert (good.hallucinated, bad.hallucinated, unknown.hallucinated) == (False, True, None)
    assert ops.flush()
    stored = {str(each.id): each for each in ops.evaluations.list()}
    for result in (good, bad, unknown):
        assert result.id
        kept = stored[result.id]
        assert kept.hallucination_probability == result.hallucination_probability
        assert [kept[name] for name in JUDGED] == [result[name] for name in JUDGED]
        assert (kept.hallucinated, kept.latency_sec, kept.mode) == (
            result.hallucinated,
            result.latency_sec,
            result.mode,
        )
    assert stored[str(good.id)].retrieved_docs == DOCUMENTS
    stats = ops.stats(days=7)
    assert (stats.total_evaluations, stats.total_hallucinations, stats.hallucination_rate) == (3, 1, 0.5)
    assert ops.stats(days=7, model_name="gpt-4o-mini")["total_evaluations"] == 1


def test_the_longest_answer_keeps_the_claims_that_made_its_verdict(ops: AgentOps) -> None:
    sentences = [f"Alexander Fleming discovered penicillin in {1928 + n % 2}." for n in range(1_200)]
    result = ops.evaluate(PROMPT, " ".join(sentences), DOCUMENTS)
    assert ops.flush()
    assert ops.delivery().dropped == {}
    assert result.id
    kept = ops.evaluations.get(result.id).claims
    assert kept == result.claims
    assert kept
    assert len(kept) == 500
    assert {claim["label"] for claim in kept} == {"contradicted"}


async def test_a_stored_answer_is_labelled(ops: AgentOps, url: str, tenant: Tenant) -> None:
    result = ops.evaluate(PROMPT, "In 1928.", DOCUMENTS)
    assert ops.flush()
    assert result.id
    label = ops.label(result.id, hallucinated=True, note="1929")
    assert (str(label.evaluation_id), label.hallucinated, label.note) == (result.id, True, "1929")
    aio = AsyncAgentOps(tenant.key, url, bounds=QUICK)
    assert (await aio.label(UUID(result.id), hallucinated=False)).hallucinated is False
    for id in (uuid4(), str(uuid4())):
        with pytest.raises(NotFound, match="no such evaluation"):
            ops.label(id, hallucinated=True)
        with pytest.raises(NotFound):
            await aio.label(id, hallucinated=True)


def test_every_field_arrives(ops: AgentOps) -> None:
    id, at = uuid4(), datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
    fields = {
        "semantic_drift": 0.1,
        "uncertainty": 0.2,
        "factual_support": 0.3,
        "hallucination_probability": 0.4,
        "hallucinated": True,
        "latency_sec": 0.5,
        "throughput_qps": 6.0,
        "mode": "self-check",
        "model_name": "m",
        "agent_name": "a",
        "session_id": "s",
        "retrieved_docs": ["one", "two"],
        "metadata": {"text": "é\ud83d\ude00", "number": 1, "real": 0.5, "yes": True, "none": None},
    }
    assert ops.record("p", "r", id=id, created_at=at, **fields) == id  # pyright: ignore[reportArgumentType]
    assert ops.flush()
    stored = ops.evaluations.get(id)
    assert {name: stored[name] for name in fields} == fields | {
        "metadata": {"text": "é\U0001f600", "number": 1, "real": 0.5, "yes": True, "none": None}
    }
    assert (stored.id, stored.created_at) == (id, at)


def test_text_that_utf8_cannot_hold_spoils_nothing(ops: AgentOps) -> None:
    ids = [ops.record(f"half a pair: \ud800 {number}", "and NUL: \0") for number in range(3)]
    assert ops.flush()
    assert ops.delivery().dropped == {}
    assert {each.prompt[:15] for each in ops.evaluations.list()} == {"half a pair: \ufffd "}
    assert len({each.id for each in ops.evaluations.list()} & set(ids)) == 3


def test_what_the_server_rejects_is_counted_and_the_rest_is_kept(
    ops: AgentOps, caplog: pytest.LogCaptureFixture
) -> None:
    ops.record("too long a name", "r", model_name="x" * 201)
    ops.record("too old", "r", created_at=datetime(2001, 1, 1, tzinfo=UTC))
    ops.record("good", "r")
    assert ops.flush()
    assert (ops.delivery().delivered, ops.delivery().dropped) == (1, {"rejected": 2})
    assert [each.prompt for each in ops.evaluations.list()] == ["good"]
    assert caplog.records[-1].levelno == logging.WARNING


def test_lists_page_by_themselves(ops: AgentOps) -> None:
    ids = [ops.record(f"{number}", "r", hallucinated=number % 3 == 0, agent_name="qa") for number in range(1_234)]
    assert ops.flush(30)
    listed = [each.id for each in ops.evaluations.list()]
    # Within a millisecond ids have no order.
    assert sorted(listed) == sorted(id for id in ids if id)
    assert [id.int >> 80 for id in listed] == sorted((id.int >> 80 for id in listed), reverse=True)
    assert [each.id for each in ops.evaluations.list(limit=700)] == listed[:700]
    assert len(list(ops.evaluations.list(hallucinated=True, agent_name="qa"))) == 412
    assert list(ops.evaluations.list(end_date=datetime.now(UTC) - timedelta(days=1))) == []
    assert list(ops.evaluations.list(limit=0)) == []


def test_a_stranger_sees_and_deletes_nothing(ops: AgentOps, server: Server, url: str) -> None:
    id = ops.record("mine", "r")
    assert id
    assert ops.flush()
    stranger = AgentOps(make_tenant(server, f"{uuid4()}@example.com").key, url)
    assert list(stranger.evaluations.list()) == []
    assert stranger.stats().total_evaluations == 0
    for refused in (stranger.evaluations.get, stranger.evaluations.delete):
        with pytest.raises(NotFound) as told:
            refused(id)
        assert (told.value.status, told.value.type) == (404, "/problems/not-found")
        assert told.value.request_id
    ops.evaluations.delete(id)
    with pytest.raises(NotFound):
        ops.evaluations.get(id)


def test_errors_have_types_and_say_what_to_do(ops: AgentOps, url: str) -> None:
    with pytest.raises(Invalid) as told:
        ops.stats(days=0)
    assert told.value.errors[0].field == "days"
    with pytest.raises(Unauthenticated, match=r"."):
        AgentOps("agops_wrong", url).stats()
    with pytest.raises(NotConfigured, match="AGENTOPS_API_KEY"):
        AgentOps().stats()
    with pytest.raises(ValueError, match="UUID"):
        ops.evaluations.get("../auth/me")


def test_a_bad_key_costs_its_evaluations_and_nothing_else(url: str, caplog: pytest.LogCaptureFixture) -> None:
    ops = AgentOps("agops_wrong", url, bounds=QUICK)
    ops.evaluate(PROMPT, "In 1928.", DOCUMENTS)
    assert ops.flush()
    assert ops.delivery().dropped == {"http_401": 1}
    assert "401" in caplog.text


def test_a_server_that_is_away_is_asked_again_and_then_told(receiver: Receiver) -> None:
    with client_of(receiver) as ops, pytest.raises(Unavailable):
        ops.stats()
    with pytest.raises(ConnectionFailed):
        AgentOps("agops_x", f"http://127.0.0.1:{free_port()}").stats()
    receiver.reading = refuse(429, Retry_After="3600")
    with client_of(receiver) as ops, pytest.raises(TooManyRequests):
        list(ops.evaluations.list())


async def test_the_async_client_does_the_same(url: str, tenant: Tenant) -> None:
    async with AsyncAgentOps(tenant.key, url, bounds=QUICK) as ops:
        result = await ops.evaluate(
            PROMPT, "Alexander Fleming discovered penicillin in 1928.", DOCUMENTS, agent_name="qa"
        )
        assert result.hallucinated is False
        for number in range(700):
            assert ops.record(f"{number}", "r")
        assert await ops.flush(30)
        assert len([each async for each in ops.evaluations.list()]) == 701
        assert (await ops.evaluations.get(str(result.id))).agent_name == "qa"
        assert (await ops.stats(days=1, agent_name="qa")).total_evaluations == 1
        await ops.evaluations.delete(UUID(result.id))
        with pytest.raises(NotFound):
            await ops.evaluations.get(str(result.id))
    assert ops.delivery().queued == 0
