"""Sends rows to a server under their own ids, so that doing it twice, or anew after a failure, stores nothing twice."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypedDict, cast

import httpx2
import orjson

from agentops_api.exports.formats import Row, line
from agentops_api.remote import Unreachable, refuse

_BATCH_ROWS_MAX = 500
_BATCH_BYTES_MAX = 2**18
_ATTEMPTS_MAX = 8
_WAIT_S_MAX = 60.0
_SPLITTABLE = (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.TOO_MANY_REQUESTS)


@dataclass(slots=True)
class Outcome:
    """What became of the rows."""

    stored: int = 0
    there_before: int = 0
    refused: Counter[str] = field(default_factory=Counter[str])
    """How many, by reason."""

    @property
    def rows(self) -> int:
        """Those that were sent."""
        return self.stored + self.there_before + self.refused.total()


class _Result(TypedDict):
    status: str
    error: str | None


class _Answer(TypedDict):
    results: list[_Result]


def upload(client: httpx2.Client, rows: Iterable[Row], outcome: Outcome, *, advance: Callable[[int], None]) -> None:
    """Sends the rows in batches, and counts in `outcome` what the server says of each.

    Waits where the server says so. Raises Refused or Unreachable; `outcome` then has what was answered before.
    """
    for batch in _batches(rows):
        _send(client, batch, outcome)
        advance(len(batch))


def _batches(rows: Iterable[Row]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for row in rows:
        text = line(row)
        if batch and (len(batch) == _BATCH_ROWS_MAX or size + len(text) > _BATCH_BYTES_MAX):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    if batch:
        yield batch


def _send(client: httpx2.Client, batch: list[bytes], outcome: Outcome) -> None:
    answer = _post(client, b'{"evaluations":[' + b",".join(batch) + b"]}")
    if answer.status_code in _SPLITTABLE and len(batch) > 1:
        middle = len(batch) // 2
        _send(client, batch[:middle], outcome)
        _send(client, batch[middle:], outcome)
    elif answer.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        outcome.refused["larger than the server's BODY_BYTES_MAX"] += 1
    elif answer.is_success:
        for result in cast(_Answer, orjson.loads(answer.content))["results"]:
            if result["status"] == "created":
                outcome.stored += 1
            elif result["status"] == "duplicate":
                outcome.there_before += 1
            else:
                outcome.refused[result["error"] or "no reason given"] += 1
    else:
        refuse(answer)


def _post(client: httpx2.Client, body: bytes) -> httpx2.Response:
    """The answer, once there is one that waiting does not change."""
    for attempt in range(_ATTEMPTS_MAX):
        wait_s = min(2.0**attempt / 2, _WAIT_S_MAX)
        try:
            answer = client.post("/evaluations/batch", content=body, headers={"Content-Type": "application/json"})
        except httpx2.TransportError as error:
            if attempt == _ATTEMPTS_MAX - 1:
                raise Unreachable(f"The server does not answer: {error or type(error).__name__}.") from error
        else:
            if answer.status_code not in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
                return answer
            if attempt == _ATTEMPTS_MAX - 1:
                return answer
            wait_s = min(float(answer.headers.get("Retry-After", wait_s)), _WAIT_S_MAX)
        time.sleep(wait_s)
    raise AssertionError("the last attempt returns or raises")
