"""Turns what a request says into records to store, item by item, so that a bad one never sinks the others."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias, cast
from uuid import UUID, uuid5

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import from_json

from agentops_api.errors import Invalid, Malformed
from agentops_api.evaluations.models import BATCH_ITEMS_MAX, EvaluationIn, Window, identify
from agentops_api.telemetry.store import Record

_Value: TypeAlias = "str | float | bool | UUID | datetime | list[_Value] | dict[str, _Value] | None"
_NUL, _REPLACEMENT = "\0", "\ufffd"


class BatchIn(BaseModel):
    """Up to 1,000 evaluations."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
        json_schema_extra={
            "example": {
                "evaluations": [
                    {"prompt": "What is 2 + 2?", "response": "4", "hallucinated": False, "latency_sec": 0.2},
                    {"prompt": "What is 3 + 3?", "response": "7", "hallucinated": True, "latency_sec": 0.3},
                ]
            }
        },
    )

    evaluations: list[EvaluationIn] = Field(min_length=1, max_length=BATCH_ITEMS_MAX)
    """Each is judged alone: one that is refused does not keep the others out."""


@dataclass(frozen=True, slots=True)
class Reception:
    """What every item of a request has in common."""

    project_id: UUID
    window: Window
    now: datetime
    has_nul: bool
    """The body contains U+0000, which PostgreSQL's text cannot hold: U+FFFD is stored in its place."""
    idempotency_key: str | None = None


def accept(item: EvaluationIn, reception: Reception, *, index: int = 0) -> Record:
    """The record of one item. Raises Invalid when its time lies outside the window."""
    if item.id is None and reception.idempotency_key is not None:
        # The key becomes the id, so that recognising it again costs no storage of its own.
        made = uuid5(reception.project_id, f"{index}/{reception.idempotency_key}")
        item = item.model_copy(update={"id": made})
    id, created_at = identify(item, window=reception.window, now=reception.now)
    client_made_id = item.id is not None
    row = item.__dict__ | {
        "project_id": reception.project_id,
        "id": id,
        "created_at": created_at,
        "client_made_id": client_made_id,
    }
    if reception.has_nul:
        row = {name: _without_nul(value) for name, value in row.items()}
    return Record(reception.project_id, id, created_at, client_made_id, orjson.dumps(row))


def read_batch(body: bytes) -> list[EvaluationIn | str]:
    """The items of a batch; in the place of a bad one, what is wrong with it.

    Raises Malformed or Invalid when there is no list of items to judge at all.
    """
    try:
        return list(BatchIn.model_validate_json(body).evaluations)
    except ValidationError:
        return [_judge(item) for item in _items(body)]


def _items(body: bytes) -> list[object]:
    try:
        read: object = from_json(body)
    except ValueError as error:
        raise Malformed(f"The body is not JSON: {error}.") from error
    items = cast("dict[str, object]", read).get("evaluations") if isinstance(read, dict) else None
    if not isinstance(items, list) or not 1 <= len(cast("list[object]", items)) <= BATCH_ITEMS_MAX:
        rule = f"must be a list of 1 to {BATCH_ITEMS_MAX} evaluations"
        raise Invalid(f"`evaluations` {rule}.", [{"field": "evaluations", "message": rule}])
    return cast("list[object]", items)


def _judge(item: object) -> EvaluationIn | str:
    try:
        return EvaluationIn.model_validate(item)
    except ValidationError as error:
        # The field's name is ours; what stands below it (a metadata key) is the sender's, and is not repeated.
        found = [(each["loc"][:1], each["msg"].removeprefix("Value error, ")) for each in error.errors()]
        return "; ".join(": ".join((*map(str, field), message)) for field, message in found)


def _without_nul(value: _Value) -> _Value:
    if isinstance(value, str):
        return value.replace(_NUL, _REPLACEMENT)
    if isinstance(value, list):
        return [_without_nul(each) for each in value]
    if isinstance(value, dict):
        return {name.replace(_NUL, _REPLACEMENT): _without_nul(each) for name, each in value.items()}
    return value
