"""One evaluation on its way to the server: what it may hold, what it weighs, and its text as JSON."""

import json
import math
import os
import random
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, SupportsFloat, TypedDict, cast
from uuid import UUID

from agentops.detect import Status

Scalar = str | int | float | bool | None


class Labels(TypedDict, total=False):
    """Where an answer comes from."""

    model_name: str | None
    agent_name: str | None
    session_id: str | None
    metadata: Mapping[str, Scalar] | None


class Scores(TypedDict, total=False):
    """What is known of an answer. Scores lie in [0, 1]."""

    semantic_drift: float | None
    uncertainty: float | None
    factual_support: float | None
    hallucination_probability: float | None
    hallucinated: bool | None
    latency_sec: float | None
    throughput_qps: float | None
    mode: str | None
    status: Status | None
    claims: Sequence[Mapping[str, Any]] | None
    scoring: str | None
    detector: str | None


class Fields(Labels, Scores, total=False):
    """Everything that `record` takes beside the prompt and the response."""

    retrieved_docs: Sequence[str] | None
    created_at: datetime | None
    """Without an offset it is local time."""
    id: UUID | str | None


_NAMES = Fields.__annotations__.keys() | {"prompt", "response"}
_TEXTS = ("prompt", "response", "model_name", "agent_name", "session_id", "mode", "status", "scoring", "detector")
_UNIT_SCORES = ("semantic_drift", "uncertainty", "factual_support", "hallucination_probability")
_LATENCY_S_MAX = 86_400
"""The server takes no more."""
_OVERHEAD_BYTES = 1_000
"""Of the Python objects around the texts, generously."""
_CLAIM_BYTES = 700
"""Of those around the texts of a claim."""


@dataclass(frozen=True, slots=True)
class Event:
    """A queued evaluation. It refers to the caller's strings, which cannot change; it is encoded when it is sent."""

    fields: dict[str, Any]
    bytes: int
    """What it keeps in memory."""
    unscored: bool = False
    """It is to be scored before it is sent."""


def event_of(fields: dict[str, Any], *, unscored: bool = False) -> Event:
    """The event; long texts cost no more than short ones. Raises ValueError where the server would refuse it."""
    made = {name: value for name, value in fields.items() if value is not None}
    for unknown in made.keys() - _NAMES:
        raise ValueError(f"an evaluation has no field {unknown!r}")
    for needed in ("prompt", "response"):
        if needed not in made:
            raise ValueError(f"an evaluation needs a {needed}")
    made["id"] = str(UUID(str(made["id"]))) if "id" in made else str(new_id())
    for name in _TEXTS:
        if name in made and not isinstance(made[name], str):
            raise ValueError(f"{name} must be text, not {type(made[name]).__name__}")
    _make_numbers_plain(made)
    if "created_at" in made:
        made["created_at"] = _time(made["created_at"])
    if "retrieved_docs" in made:
        made["retrieved_docs"] = _documents(made["retrieved_docs"])
    if "claims" in made:
        made["claims"] = _claims(made["claims"])
    if "metadata" in made:
        made["metadata"] = _metadata(made["metadata"])
    return Event(made, _weight(made), unscored)


# Not `os.urandom` each time: it lets other threads run, and one that is busy gives the GIL back after 5 ms only. Ids
# are no secrets, and 74 bits from a seed of 256 do not collide.
_dice = random.Random(os.urandom(32))  # noqa: S311


def _throw_anew() -> None:
    """In a forked child: it must not make its parent's ids."""
    _dice.seed(os.urandom(32))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_throw_anew)


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562, section 5.7): the server takes the evaluation's time from it."""
    stamped = time.time_ns() // 1_000_000 << 80 | _dice.getrandbits(80)
    return UUID(int=stamped & ~(0xF << 76 | 0b11 << 62) | 0x7 << 76 | 0b10 << 62)


def encode(fields: Mapping[str, Any]) -> bytes:
    """The JSON of one event, on one line. Half a surrogate pair, which UTF-8 cannot hold, becomes U+FFFD.

    Numbers of other libraries, which a detector may find, become plain ones.
    """
    text = json.dumps(fields, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def documents_of(given: object) -> list[str]:
    """The documents as a list of their own; a lone text is one document."""
    return _documents(given) if given is not None else []


def _documents(given: object) -> list[str]:
    found = [given] if isinstance(given, str) else list(cast("Sequence[object]", given))
    if not all(isinstance(each, str) for each in found):
        raise ValueError("retrieved_docs must be texts")
    return cast("list[str]", found)


def latency_of(given: object) -> float:
    """The latency in seconds, as Python's own number. Raises ValueError where the server would refuse it."""
    latency_s = _number("latency_sec", given)
    if latency_s <= 0:
        raise ValueError("latency_sec must be more than 0")
    if latency_s > _LATENCY_S_MAX:
        raise ValueError(f"latency_sec must be at most {_LATENCY_S_MAX:,}, a day")
    return latency_s


def _make_numbers_plain(made: dict[str, Any]) -> None:
    """Raises ValueError where a number is none, or is out of its bounds."""
    for name in (*_UNIT_SCORES, "throughput_qps"):
        if name in made:
            made[name] = _number(name, made[name])
    for name in _UNIT_SCORES:
        if name in made and not 0 <= made[name] <= 1:
            raise ValueError(f"{name} must lie in [0, 1]")
    if "latency_sec" in made:
        made["latency_sec"] = latency_of(made["latency_sec"])
    if "throughput_qps" in made and made["throughput_qps"] < 0:
        raise ValueError("throughput_qps must not be negative")
    if "hallucinated" in made:
        made["hallucinated"] = _plain(made["hallucinated"])
        if not isinstance(made["hallucinated"], bool):
            raise ValueError("hallucinated must be True, False or None")


def _number(name: str, value: object) -> float:
    plain = _plain(value)
    # Not `math.isfinite`, which an integer can be too large for.
    if isinstance(plain, bool) or not isinstance(plain, int | float) or not abs(plain) <= sys.float_info.max:
        raise ValueError(f"{name} must be a finite number")
    return plain


def _plain(value: object) -> object:
    """Python's own number or boolean for one of NumPy, PyTorch or `decimal`, say; anything else as it is.

    Scalars of all array libraries have `item`, which tells booleans from numbers. Raises ValueError for an array.
    """
    if isinstance(value, str | int | float | None):
        return value
    item = getattr(value, "item", None)
    try:
        plain: object = item() if callable(item) else value
        if isinstance(plain, str | int | float | None) or not hasattr(plain, "__float__"):
            return plain
        return float(cast("SupportsFloat", plain))
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{type(value).__name__} is no number: {error}") from error


def time_of(value: datetime) -> str:
    """The moment as ISO 8601 has it; without an offset it is local time, as Python means it. Raises ValueError."""
    if value.utcoffset() is not None:
        return value.isoformat()
    try:
        return value.astimezone().isoformat()
    except (OverflowError, OSError) as error:
        raise ValueError(f"{value} is out of the range of local times: {error}") from error


def _time(value: object) -> str:
    if not isinstance(value, datetime):
        raise ValueError("created_at must be a datetime")
    return time_of(value)


def _metadata(value: object) -> dict[str, Scalar]:
    if not isinstance(value, Mapping):
        raise ValueError("metadata must be a mapping")
    made = dict(cast("Mapping[str, Scalar]", value))
    for name, given in made.items():
        made[name] = each = cast("Scalar", _plain(given))
        # Only what comes from the caller's own hands can be wrong here, whatever its annotations promise.
        if not isinstance(cast("object", name), str) or not isinstance(cast("object", each), str | int | float | None):
            raise ValueError("metadata must be flat: texts, numbers, booleans or None, by name")
        if isinstance(each, float) and not math.isfinite(each):
            raise ValueError(f"metadata {name!r} must be finite")
    return made


def _claims(value: object) -> list[Mapping[str, Any]]:
    claims = list(cast("Sequence[Mapping[str, Any]]", value))
    if not all(isinstance(each, Mapping) for each in cast("list[object]", claims)):
        raise ValueError("claims must be mappings, as `evaluate` returns them")
    return claims


def _weight(made: Mapping[str, Any]) -> int:
    texts = [value for value in made.values() if isinstance(value, str)]
    texts += made.get("retrieved_docs", ())
    for name, value in made.get("metadata", {}).items():
        texts += (name, value) if isinstance(value, str) else (name,)
    claims: Sequence[Mapping[str, Any]] = made.get("claims", ())
    for claim in claims:
        evidence: Mapping[str, Any] = claim.get("evidence") or {}
        texts += (claim.get("text", ""), evidence.get("text", ""), *claim.get("reasons", ()))
    return _OVERHEAD_BYTES + _CLAIM_BYTES * len(claims) + sum(map(sys.getsizeof, texts))
