"""Reading what the server keeps. Unlike recording, this waits for the answer and raises what goes wrong."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from datetime import datetime
from typing import Any, TypedDict, Unpack, cast
from uuid import UUID

import httpx2

from agentops import events, wire
from agentops.connection import AsyncConnection, Connection
from agentops.errors import (
    ConnectionFailed,
    FieldError,
    InvalidArgument,
    NotConfigured,
    TooManyRequests,
    Unavailable,
    kind_of,
)
from agentops.results import Stats, StoredEvaluation, StoredLabel
from agentops.threads import waiting
from agentops.wire import Server

_NO_CONTENT = 204
_UNANSWERED = {502, 504}
_A_STATISTIC = "total_evaluations"
_PAGE_ITEMS_MAX = 500
_ATTEMPTS_MAX = 4
_WAIT_S_MAX = 60.0
"""All waits for one request together: as long as the server's window of ordinary requests."""
_BACKOFF_S = 0.5


class Filters(TypedDict, total=False):
    """Which evaluations are meant. `start_date` is included, `end_date` is not; without an offset they are local."""

    hallucinated: bool
    agent_name: str
    model_name: str
    mode: str
    session_id: str
    start_date: datetime
    end_date: datetime
    min_hallucination_probability: float


class Evaluations:
    """The project's evaluations."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def list(self, *, limit: int | None = None, **filters: Unpack[Filters]) -> Iterator[StoredEvaluation]:
        """Evaluations, newest first, at most `limit`; pages are fetched as they are needed. Raises InvalidArgument."""
        query = _query(filters)
        left = _checked_limit(limit)
        with _connected(self._server) as http:
            while left is None or left > 0:
                found, cursor = _page(_ask(http, "GET", "/evaluations", query | _page_size(left), tells="data"))
                yield from found
                left = None if left is None else left - len(found)
                if cursor is None:
                    return
                query["cursor"] = cursor

    def get(self, id: UUID | str) -> StoredEvaluation:
        """One evaluation. Raises NotFound, and InvalidArgument where `id` is no id."""
        with _connected(self._server) as http:
            return StoredEvaluation(_ask(http, "GET", _path(id), tells="id"))

    def delete(self, id: UUID | str) -> None:
        """Deletes one for good. Raises NotFound, and InvalidArgument where `id` is no id."""
        with _connected(self._server) as http:
            _ask(http, "DELETE", _path(id))


class AsyncEvaluations:
    """The project's evaluations, without blocking the event loop."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def list(self, *, limit: int | None = None, **filters: Unpack[Filters]) -> AsyncIterator[StoredEvaluation]:
        """Evaluations, newest first, at most `limit`; pages are fetched as they are needed. Raises InvalidArgument."""
        query = _query(filters)
        left = _checked_limit(limit)
        async with _connected_async(self._server) as http:
            while left is None or left > 0:
                said = await _ask_async(http, "GET", "/evaluations", query | _page_size(left), tells="data")
                found, cursor = _page(said)
                for each in found:
                    yield each
                left = None if left is None else left - len(found)
                if cursor is None:
                    return
                query["cursor"] = cursor

    async def get(self, id: UUID | str) -> StoredEvaluation:
        """One evaluation. Raises NotFound, and InvalidArgument where `id` is no id."""
        async with _connected_async(self._server) as http:
            return StoredEvaluation(await _ask_async(http, "GET", _path(id), tells="id"))

    async def delete(self, id: UUID | str) -> None:
        """Deletes one for good. Raises NotFound, and InvalidArgument where `id` is no id."""
        async with _connected_async(self._server) as http:
            await _ask_async(http, "DELETE", _path(id))


def stats(server: Server, days: int, agent_name: str | None, model_name: str | None) -> Stats:
    """Statistics of the last days."""
    with _connected(server) as http:
        query = _stats_query(days, agent_name, model_name)
        return Stats(_ask(http, "GET", "/evaluations/stats", query, tells=_A_STATISTIC))


async def stats_async(server: Server, days: int, agent_name: str | None, model_name: str | None) -> Stats:
    """Statistics of the last days."""
    async with _connected_async(server) as http:
        query = _stats_query(days, agent_name, model_name)
        return Stats(await _ask_async(http, "GET", "/evaluations/stats", query, tells=_A_STATISTIC))


def label(server: Server, id: UUID | str, *, hallucinated: bool, note: str | None) -> StoredLabel:
    """Says whether an answer is hallucinated."""
    with _connected(server) as http:
        said = _label(hallucinated, note)
        return StoredLabel(_ask(http, "POST", _label_path(id), body=said, repeats=True, tells="evaluation_id"))


async def label_async(server: Server, id: UUID | str, *, hallucinated: bool, note: str | None) -> StoredLabel:
    """Says whether an answer is hallucinated."""
    async with _connected_async(server) as http:
        said = _label(hallucinated, note)
        answer = await _ask_async(http, "POST", _label_path(id), body=said, repeats=True, tells="evaluation_id")
        return StoredLabel(answer)


class _Patience:
    """How long to wait before the same request is made again; at some point the error is raised instead."""

    def __init__(self, *, repeats: bool) -> None:
        self._repeats = repeats
        self._attempts = 0
        self._waited_s = 0.0

    def after(self, error: ConnectionFailed | TooManyRequests | Unavailable) -> float:
        """The wait in seconds. Raises the error when there is no use in waiting."""
        self._attempts += 1
        if not self._repeats and _may_be_done(error):
            raise error
        asked_s = 0.0 if isinstance(error, ConnectionFailed) else error.retry_after_s or 0.0
        wait_s = asked_s + random.uniform(0, _BACKOFF_S * 2 ** (self._attempts - 1))  # noqa: S311 - nothing secret
        self._waited_s += wait_s
        if self._attempts >= _ATTEMPTS_MAX or self._waited_s > _WAIT_S_MAX:
            raise error
        return wait_s


def _may_be_done(error: ConnectionFailed | TooManyRequests | Unavailable) -> bool:
    """Nobody knows whether the request was done, neither do proxies that got no answer."""
    return isinstance(error, ConnectionFailed) or error.status in _UNANSWERED


def _ask(
    http: Connection,
    method: str,
    path: str,
    query: Mapping[str, str] | None = None,
    *,
    body: Mapping[str, object] | None = None,
    repeats: bool = False,
    tells: str | None = None,
) -> dict[str, Any]:
    """What the server says, in which `tells` is a field; nothing where that is None.

    `repeats`: doing it twice is as good as once, as with every GET.
    """
    patience = _Patience(repeats=repeats or method == "GET")
    request = _request(http, method, path, query, body)
    while True:
        try:
            try:
                answer = http.ask(request)
            except wire.UNREACHABLE as error:
                raise _unreachable(error) from error
            return _read(answer, tells)
        except (ConnectionFailed, TooManyRequests, Unavailable) as error:
            time.sleep(patience.after(error))


async def _ask_async(
    http: AsyncConnection,
    method: str,
    path: str,
    query: Mapping[str, str] | None = None,
    *,
    body: Mapping[str, object] | None = None,
    repeats: bool = False,
    tells: str | None = None,
) -> dict[str, Any]:
    patience = _Patience(repeats=repeats or method == "GET")
    request = _request(http, method, path, query, body)
    while True:
        try:
            try:
                answer = await http.ask(request)
            except wire.UNREACHABLE as error:
                raise _unreachable(error) from error
            return _read(answer, tells)
        except (ConnectionFailed, TooManyRequests, Unavailable) as error:
            await asyncio.sleep(patience.after(error))


def _request(
    http: Connection | AsyncConnection,
    method: str,
    path: str,
    query: Mapping[str, str] | None,
    body: Mapping[str, object] | None,
) -> httpx2.Request:
    try:
        return http.build_request(method, path, params=query, json=body)
    except UnicodeEncodeError as error:
        raise InvalidArgument(f"There is text that cannot be sent: {error}") from error


def _connected(server: Server) -> Connection:
    # One for each call: nothing is shared with a forked child, and nothing has to be closed by the caller.
    try:
        return Connection(base_url=_base(server), **server.options())
    except wire.UNREACHABLE as error:
        raise _unreachable(error) from error


@contextlib.asynccontextmanager
async def _connected_async(server: Server) -> AsyncGenerator[AsyncConnection]:
    base = _base(server)
    try:
        if not server.is_trusted:
            await waiting.do(server.trust)
        http = AsyncConnection(base_url=base, **server.options())
    except wire.UNREACHABLE as error:
        raise _unreachable(error) from error
    async with http:
        yield http


def _base(server: Server) -> str:
    config = server.config
    if not config.api_key or not config.api_url:
        raise NotConfigured("Set AGENTOPS_API_KEY and AGENTOPS_API_URL, or give api_key and api_url.")
    return config.api_url


def _unreachable(error: Exception) -> ConnectionFailed:
    return ConnectionFailed(f"The server could not be reached: {type(error).__name__}: {error}")


def _read(answer: httpx2.Response, tells: str | None) -> dict[str, Any]:
    said = wire.problem(answer)
    if answer.is_success:
        is_ours = tells in said if tells else answer.status_code == _NO_CONTENT
        if not is_ours:
            raise _not_ours()
        return said
    errors: object = said.get("errors")
    found = cast("list[object]", errors) if isinstance(errors, list) else []
    fields = [cast("Mapping[str, object]", each) for each in found if isinstance(each, Mapping)]
    raise kind_of(answer.status_code)(
        answer.status_code,
        str(said.get("detail") or f"{answer.status_code} {answer.reason_phrase}"),
        type=str(said.get("type", "about:blank")),
        request_id=answer.headers.get("X-Request-ID"),
        errors=[FieldError(str(each.get("field")), str(each.get("message"))) for each in fields],
        retry_after_s=wire.retry_after_s(answer.headers),
    )


def _not_ours() -> ConnectionFailed:
    return ConnectionFailed("Something answered that is not AgentOps API.")


def _page(said: Mapping[str, Any]) -> tuple[list[StoredEvaluation], str | None]:
    """A page's evaluations, and the cursor of the next, if there is one. Raises ConnectionFailed where it is none."""
    found: object = said["data"]
    has_more: object = said.get("has_more")
    cursor: object = said.get("next_cursor") if has_more else None
    items = cast("list[object]", found) if isinstance(found, list) else [None]
    evaluations = [StoredEvaluation(cast("dict[str, Any]", each)) for each in items if isinstance(each, dict)]
    if len(evaluations) < len(items) or not isinstance(has_more, bool) or has_more is not isinstance(cursor, str):
        raise _not_ours()
    return evaluations, cursor if isinstance(cursor, str) else None


def _path(id: UUID | str) -> str:
    return f"/evaluations/{_checked_id(id)}"


def _label_path(id: UUID | str) -> str:
    return f"/api/v1/evaluations/{_checked_id(id)}/label"


def _checked_id(id: UUID | str) -> UUID:
    try:
        return UUID(str(id))
    except ValueError as error:
        raise InvalidArgument(f"{str(id)[:100]!r} is no evaluation's id: it must be a UUID.") from error


def _checked_limit(limit: int | None) -> int | None:
    if limit is not None and limit < 0:
        raise InvalidArgument("limit must not be negative; None means all.")
    return limit


def _label(hallucinated: bool, note: str | None) -> dict[str, object]:  # noqa: FBT001 - it is a value, not a choice
    return {"hallucinated": hallucinated, "note": note}


def _page_size(left: int | None) -> dict[str, str]:
    return {"limit": str(_PAGE_ITEMS_MAX if left is None else min(left, _PAGE_ITEMS_MAX))}


def _stats_query(days: int, agent_name: str | None, model_name: str | None) -> dict[str, str]:
    return _query({"days": days, "agent_name": agent_name, "model_name": model_name})


def _query(values: Mapping[str, object]) -> dict[str, str]:
    try:
        return {name: _text(value) for name, value in values.items() if value is not None}
    except ValueError as error:
        raise InvalidArgument(str(error)) from error


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return events.time_of(value) if isinstance(value, datetime) else str(value)
