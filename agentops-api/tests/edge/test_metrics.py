"""What Prometheus is told of the server is true, names nobody, and is told to nobody else."""

import asyncio
from ipaddress import ip_network
from uuid import uuid4

import psycopg
import pytest
from agentops_api import metrics
from agentops_api.app import create_app
from agentops_api.edge.runtime import Runtime
from agentops_api.settings import Settings
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from tests.cast import Somebody, TestDatabase
from tests.scraping import LOCAL, OPENMETRICS, openmetrics_families, scrape

pytestmark = pytest.mark.anyio

TOKEN = "b0f1c2d3e4f5a6b7c8d9"
EVALUATION = {"prompt": "Why?", "response": "Because.", "agent_name": "secret-agent", "model_name": "secret-model"}


async def status_of(app: FastAPI, peer: str, **headers: str) -> int:
    transport = ASGITransport(app=app, client=(peer, 4_321))
    sent = {name.encode(): value.encode("latin-1") for name, value in (LOCAL | headers).items()}
    async with AsyncClient(transport=transport, base_url="http://testserver") as client:
        return (await client.get("/metrics", headers=sent)).status_code


async def test_without_a_token_only_this_machine_may_read_them(app: FastAPI, owner: Somebody) -> None:
    for peer in ("127.0.0.1", "127.8.9.1", "::1"):
        assert await status_of(app, peer) == 200, peer
        assert await status_of(app, peer, Host="127.0.0.1:8000") == 200, peer
        assert await status_of(app, peer, Host="[::1]:8000") == 200, peer
    for peer in ("10.0.0.1", "203.0.113.7", "2001:db8::1", "::ffff:203.0.113.7", "0.0.0.0", ""):
        assert await status_of(app, peer) == 401, peer
    assert await status_of(app, "203.0.113.7", Authorization=f"Bearer {owner.key}") == 401
    assert await status_of(app, "203.0.113.7", Authorization="Bearer ") == 401


async def test_a_proxy_on_this_machine_opens_nothing_to_those_behind_it(settings: Settings, app: FastAPI) -> None:
    for name in ("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Forwarded", "Via"):
        assert await status_of(app, "127.0.0.1", **{name: "127.0.0.1"}) == 401, name
    assert await status_of(app, "127.0.0.1", Host="api.example.com") == 401, "nor a page that has its name lead here"
    behind = create_app(settings.model_copy(update={"trusted_proxies": (ip_network("127.0.0.0/8"),)}))
    async with behind.router.lifespan_context(behind):
        for forwarded in ({}, {"X-Forwarded-For": "203.0.113.7"}, {"X-Forwarded-For": "127.0.0.1"}):
            assert await status_of(behind, "127.0.0.1", **forwarded) == 401
        assert await status_of(behind, "::1") == 200, "another way, past the proxy"


async def test_with_a_token_whoever_shows_it_may_and_nobody_else(settings: Settings, owner: Somebody) -> None:
    guarded = create_app(settings.model_copy(update={"metrics_token": SecretStr(TOKEN)}))
    async with guarded.router.lifespan_context(guarded):
        for authorization in (f"Bearer {TOKEN}", f"bearer  {TOKEN}"):
            assert await status_of(guarded, "203.0.113.7", Authorization=authorization) == 200
        wrong = (TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "", "ü" * 20, owner.key, owner.token)
        for authorization in (TOKEN, f"Basic {TOKEN}", *(f"Bearer {each}" for each in wrong)):
            for peer in ("203.0.113.7", "127.0.0.1"):
                assert await status_of(guarded, peer, Authorization=authorization) == 401, authorization
        assert await status_of(guarded, "127.0.0.1") == 401


async def test_guessing_the_token_is_limited(settings: Settings) -> None:
    update = {"metrics_token": SecretStr(TOKEN), "rate_limit_per_minute": 5}
    guarded = create_app(settings.model_copy(update=update))
    async with guarded.router.lifespan_context(guarded):
        tried = [await status_of(guarded, "203.0.113.7", Authorization=f"Bearer {n}") for n in range(7)]
        assert tried == [401] * 5 + [429] * 2
        assert await status_of(guarded, "203.0.113.7", Authorization=f"Bearer {TOKEN}") == 200


async def test_every_metric_is_told_in_both_formats_and_the_official_parsers_agree(
    anonymous: AsyncClient, owner: Somebody
) -> None:
    await owner.sdk.post("/evaluations/", json=EVALUATION)
    plain = await anonymous.get("/metrics", headers=LOCAL)
    open_ = await anonymous.get("/metrics", headers=LOCAL | OPENMETRICS)
    assert open_.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    found = {family.name: family.type for family in text_string_to_metric_families(plain.text)}
    assert found == {family.name: family.type for family in openmetrics_families(open_.text)}
    ours = {name.removesuffix("_total"): kind for name, kind in found.items() if not name.startswith("process_")}
    # The test's database is not an embedded one.
    told = {each.name.removesuffix("_total"): each.kind for each in metrics.SERVER if "_disk_" not in each.name}
    assert ours == told
    assert "process_resident_memory_bytes" in found


async def test_no_tenant_user_or_model_is_named(anonymous: AsyncClient, owner: Somebody, stranger: Somebody) -> None:
    made = (await owner.sdk.post("/evaluations/", json=EVALUATION)).json()
    await owner.sdk.get(f"/evaluations/{made['id']}")
    await stranger.person.get("/nothing/secret-path?secret=query")
    await anonymous.request("SECRET-METHOD", "/evaluations")
    text = (await anonymous.get("/metrics", headers=LOCAL)).text
    for somebody in (owner, stranger):
        for secret in (somebody.email, str(somebody.user_id), str(somebody.project_id), somebody.key[:14]):
            assert secret not in text
    assert made["id"] not in text
    assert "secret" not in text.lower()


async def test_answers_are_counted_by_route_and_status(anonymous: AsyncClient, owner: Somebody) -> None:
    before = await scrape(anonymous)
    for _ in range(3):
        await owner.sdk.post("/evaluations/", json=EVALUATION)
    await owner.sdk.post("/evaluations", json={})
    await owner.sdk.get(f"/evaluations/{uuid4()}")
    await anonymous.get(f"/evaluations/{uuid4()}")
    await anonymous.get("/nowhere")
    await anonymous.request("BREW", "/nowhere")
    await anonymous.get("/evaluations", headers={"Origin": "http://localhost:3000"})
    after = await scrape(anonymous)

    def counted(**labels: str) -> float:
        name = "agentops_http_requests_total"
        return after.value(name, **labels) - before.value(name, **labels)

    assert counted(method="POST", route="/evaluations", status="201") == 3
    assert counted(method="POST", route="/evaluations", status="422") == 1
    assert counted(method="GET", route="/evaluations/{id}", status="404") == 1
    assert counted(method="GET", route="/evaluations/{id}", status="401") == 1
    assert counted(method="GET", route="none", status="404") == 1
    assert counted(method="other", route="none", status="404") == 1
    assert counted(method="GET", route="/evaluations", status="401") == 1
    assert counted(route="/metrics", status="200") == 1, "the scrape before"
    seconds = "agentops_http_request_duration_seconds"
    assert after.value(f"{seconds}_count") == after.value("agentops_http_requests_total")
    assert after.value(f"{seconds}_bucket", le="+Inf") == after.value(f"{seconds}_count")
    assert 0 < after.value(f"{seconds}_sum", route="/evaluations") < 10


async def test_evaluations_are_counted_by_what_their_sender_was_told(
    anonymous: AsyncClient, owner: Somebody, server: Runtime
) -> None:
    id = str(uuid4())
    await owner.sdk.post("/evaluations/", json=EVALUATION)
    for _ in range(2):
        await owner.sdk.post("/evaluations/", json=EVALUATION | {"id": id})
    await owner.sdk.post("/metrics", json={"prompt": "no response"})
    await owner.sdk.post("/evaluations", content=b"{", headers={"Content-Type": "application/json"})
    items = [EVALUATION, EVALUATION, EVALUATION | {"id": id}, EVALUATION | {"latency_sec": -1}]
    await owner.sdk.post("/evaluations/batch", json={"evaluations": items})
    server.writer.queue_rows_max = 1
    assert (await owner.sdk.post("/evaluations/batch", json={"evaluations": items})).status_code == 503
    found = await scrape(anonymous)
    outcomes = {
        each.labels["outcome"]: each.value for each in found.samples if each.name == "agentops_ingest_evaluations_total"
    }
    assert outcomes == {"created": 4, "duplicate": 2, "rejected": 4, "unavailable": 3}
    assert found.value("agentops_ingest_commit_duration_seconds_count") == 4
    assert found.value("agentops_ingest_queue_rows") == 0
    assert found.value("agentops_ingest_queue_rows_max") == 1
    assert found.value("agentops_rollup_slots_unmerged") >= 1


async def test_what_waits_for_its_commit_is_seen_waiting(
    anonymous: AsyncClient, owner: Somebody, database: TestDatabase
) -> None:
    async with await psycopg.AsyncConnection.connect(database.superuser_url) as other:
        await other.execute("LOCK TABLE evaluation_rollups IN ACCESS EXCLUSIVE MODE")
        sending = asyncio.create_task(owner.sdk.post("/evaluations/", json=EVALUATION))
        while not (found := await scrape(anonymous)).value("agentops_ingest_queue_rows"):
            pass
        assert found.value("agentops_ingest_queue_bytes") > 0
        await other.rollback()
        assert (await sending).status_code == 201
    assert (await scrape(anonymous)).value("agentops_ingest_queue_rows") == 0


async def test_refused_callers_are_counted_by_policy(settings: Settings) -> None:
    limited = create_app(settings.model_copy(update={"rate_limit_per_minute": 2}))
    transport = ASGITransport(app=limited)
    async with (
        limited.router.lifespan_context(limited),
        AsyncClient(transport=transport, base_url="http://testserver") as client,
    ):
        for _ in range(5):
            await client.get("/evaluations")
        found = await scrape(client)
    assert found.value("agentops_rate_limited_total", policy="ordinary") == 3
    assert found.value("agentops_rate_limited_total") == 3


async def test_the_database_and_its_pools_are_measured(anonymous: AsyncClient, server: Runtime) -> None:
    found = await scrape(anonymous)
    assert found.value("agentops_database_up") == 1
    assert 0 < found.value("agentops_database_response_seconds") < 2
    assert found.value("agentops_database_bytes") > 100_000
    assert found.value("agentops_pool_connections_max", pool="main") == server.settings.database_pool_size
    assert found.value("agentops_pool_connections", pool="main") >= 1
    assert found.value("agentops_pool_checkouts_total", pool="main") >= 1
    assert [each["pool"] for each in found.labels("agentops_pool_waiting")] == [*server.pools]


async def test_a_database_that_is_away_does_not_hide_what_the_process_counted(
    anonymous: AsyncClient, owner: Somebody, server: Runtime
) -> None:
    await owner.sdk.post("/evaluations/", json=EVALUATION)
    await server.db.__aexit__(None, None, None)
    async with asyncio.timeout(20):
        found = await scrape(anonymous)
    assert found.value("agentops_database_up") == 0
    assert "agentops_database_bytes" not in found.families
    assert found.value("agentops_ingest_evaluations_total", outcome="created") == 1


async def test_a_locked_table_delays_no_scrape_for_long(anonymous: AsyncClient, database: TestDatabase) -> None:
    async with await psycopg.AsyncConnection.connect(database.superuser_url) as other:
        await other.execute("LOCK TABLE evaluations IN ACCESS EXCLUSIVE MODE")
        await other.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        async with asyncio.timeout(20):
            found = await scrape(anonymous)
    assert found.value("agentops_database_up") == 1, "it answers, but for the sizes"
    assert "agentops_database_bytes" not in found.families


def test_a_histogram_counts_values_up_to_the_end_of_their_bucket() -> None:
    histogram = metrics.Histogram((0.1, 1.0))
    for value in (0.05, 0.1, 0.10001, 1.0, 7.0):
        histogram.observe(value)
    histogram.add(0.5, 10)
    assert histogram.buckets() == [("0.1", 2), ("1.0", 14), ("+Inf", 15)]
    assert histogram.sum == pytest.approx(8.25001)


def test_metrics_are_named_as_prometheus_wants_them() -> None:
    for each in (*metrics.SERVER, *metrics.PROJECT):
        assert each.name.startswith("agentops_")
        assert each.help.endswith(".")
        assert each.name.endswith("_total") == (each.kind == "counter"), each.name
    defined = {each.name for each in vars(metrics).values() if isinstance(each, metrics.Definition)}
    assert defined == {each.name for each in (*metrics.SERVER, *metrics.PROJECT)}
