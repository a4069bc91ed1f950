"""Requests made from the OpenAPI document, good and bad ones, against a real server: nothing fails, nothing is
undocumented, and no answer differs from its schema."""

import copy
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Protocol, cast

import anyio
import httpx2
import psycopg
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi import checks
from tests.cast import PASSWORD, Postgres
from tests.chaos.processes import new_site, ready
from tests.security.surface import document

EXAMPLES, EXAMPLES_LONG = 20, 200
HEALTH = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
ACCOUNT = {"email": "owner@example.com", "password": PASSWORD}
TIME_OR_STATE = {
    *("created_at", "expires_at", "cursor", "offset", "spreadsheet", "password", "new_password", "email"),
    *("days", "start", "end", "interval", "time_zone", "metadata_value"),
    *("filter", "before", "rollup_days", "Last-Event-ID"),
    *("claims", "retrieved_docs", "sample_rate"),
}
"""Fields whose rules no schema can state: windows of time, cursors of this list, claims that lie within their answer,
passwords that are common, addresses that are none. An answer that refuses only these (or a NUL) is right for a request
that is good by its schema."""


Check = Callable[..., object]
negative_data_rejection = cast(Check, checks.negative_data_rejection)  # pyright: ignore[reportUnknownMemberType] - generic without arguments
response_schema_conformance = cast(Check, checks.response_schema_conformance)  # pyright: ignore[reportUnknownMemberType] - generic without arguments
positive_data_acceptance = cast(Check, checks.positive_data_acceptance)  # pyright: ignore[reportUnknownMemberType] - as above


class Answer(Protocol):
    """What is looked at of an answer."""

    status_code: int
    headers: dict[str, list[str]]

    def json(self) -> object: ...


class Case(Protocol):
    """What is used of a generated request; the library's own type is a generic one that says less."""

    method: str
    path: str

    def call(self, *, base_url: str, headers: dict[str, str]) -> Answer: ...

    def validate_response(
        self,
        response: Answer,
        *,
        excluded_checks: list[Check],
        headers: dict[str, str],
        transport_kwargs: dict[str, object],
    ) -> None: ...


METRICS_TOKEN = "9f8e7d6c5b4a39281706"

Decorator = Callable[[Callable[[Case, "Live"], None]], Callable[[Case, "Live"], None]]


def each_operation(*, known: bool) -> Decorator:
    """Calls a test with requests for every operation. `known`: the test brings a credential, so none is generated (a
    generated one that is bad would be replaced, and the request be good), and each limit is kept and broken once."""
    described = cast(dict[str, dict[str, dict[str, dict[str, object]]]], copy.deepcopy(document()))
    for methods in described["paths"].values():
        for operation in methods.values():
            if known:
                operation.pop("security", None)
    config = schemathesis.Config.from_dict({"phases": {"coverage": {"enabled": known}}})  # pyright: ignore[reportUnknownMemberType] - takes a plain dict
    schema = schemathesis.openapi.from_dict(described, config=config)
    return cast(Decorator, schema.parametrize())  # pyright: ignore[reportUnknownMemberType] - generic without arguments


@dataclass(frozen=True, slots=True)
class Live:
    """A running server, and a person that it knows."""

    url: str
    key: str = ""

    def headers(self, case: Case) -> dict[str, str]:
        """A credential that is good for this operation: a key for programs; for people a session of its own, because
        some requests end theirs."""
        if (case.method, case.path) == ("GET", "/metrics"):
            return {"Authorization": f"Bearer {METRICS_TOKEN}"}
        if case.path.startswith(("/evaluations", "/metrics")):
            return {"X-API-Key": self.key}
        return {"Authorization": f"Bearer {log_in(self)}"}


@pytest.fixture(scope="module")
def live(postgres: Postgres) -> Generator[Live]:
    admin_url = postgres.url("postgres", role="superuser")
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute("CREATE DATABASE schemathesis TEMPLATE agentops OWNER agentops_owner")
    login, owner = postgres.url("schemathesis"), postgres.url("schemathesis", role="owner")
    with new_site() as site:
        server = site.spawn(
            DATABASE_URL=login,
            MIGRATION_DATABASE_URL=owner,
            METRICS_TOKEN=METRICS_TOKEN,
            STREAM_SECONDS_MAX="0.01",
        )
        anyio.run(ready, server)
        known = Live(f"http://127.0.0.1:{server.port}")
        assert httpx2.post(f"{known.url}/auth/register", json=ACCOUNT).status_code == 201
        bearer = {"Authorization": f"Bearer {log_in(known)}"}
        made = httpx2.post(f"{known.url}/auth/api-keys", json={"name": "k"}, headers=bearer)
        yield Live(known.url, made.json()["key"])
        assert server.errors() == [], "nothing failed that only the log tells"
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute("DROP DATABASE schemathesis WITH (FORCE)")


def log_in(live: Live) -> str:
    """An access token of a new session."""
    answer = httpx2.post(f"{live.url}/auth/login", json=ACCOUNT)
    assert answer.status_code == 200, answer.text
    return answer.json()["access_token"]


def check(case: Case, live: Live, headers: dict[str, str]) -> None:
    """Sends the request, and holds the answer against every check that there is."""
    answer = case.call(base_url=live.url, headers=headers)
    case.validate_response(
        answer,
        excluded_checks=not_meant_here(answer),
        headers=headers,
        transport_kwargs={"base_url": live.url, "headers": headers},
    )


def not_meant_here(answer: Answer) -> list[Check]:
    """Checks that take a right answer for a wrong one."""
    if "text/event-stream; charset=utf-8" in answer.headers.get("content-type", []):
        return [response_schema_conformance]  # The schema is that of the text; the check holds it against each event.
    if answer.status_code in (207, 413, 414):
        return [negative_data_rejection]  # These refuse, which the check does not know: items, or the size.
    if answer.status_code in (400, 422):
        problem = cast(dict[str, object], answer.json())
        errors = cast(list[dict[str, str]], problem.get("errors", []))
        fields = {each["field"].rpartition(".")[2] for each in errors}
        if fields <= TIME_OR_STATE and (fields or "NUL" in str(problem["detail"])):
            return [positive_data_acceptance]
    return []


def bounded(examples: int) -> settings:
    """So many requests an operation, the same in every run: what fails here is to be found by whoever runs it next."""
    return settings(max_examples=examples, deadline=None, database=None, derandomize=True, suppress_health_check=HEALTH)


@each_operation(known=False)
@bounded(EXAMPLES)
def test_nobody_finds_a_fault(case: Case, live: Live) -> None:
    check(case, live, {})


@each_operation(known=True)
@bounded(EXAMPLES)
def test_a_known_caller_finds_no_fault(case: Case, live: Live) -> None:
    check(case, live, live.headers(case))


@pytest.mark.chaos
@each_operation(known=False)
@bounded(EXAMPLES_LONG)
def test_nobody_finds_a_fault_in_many_tries(case: Case, live: Live) -> None:
    check(case, live, {})


@pytest.mark.chaos
@each_operation(known=True)
@bounded(EXAMPLES_LONG)
def test_a_known_caller_finds_no_fault_in_many_tries(case: Case, live: Live) -> None:
    check(case, live, live.headers(case))
