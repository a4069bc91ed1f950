"""Cursors: where the last page ended, as text that clients hand back unread."""

import base64
import binascii
from datetime import UTC, datetime, timedelta
from uuid import UUID

from agentops_api.errors import Invalid
from agentops_api.evaluations.models import Position

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def cursor_of(position: Position) -> str:
    """The cursor that stands for the position in a list of evaluations."""
    return packed(position.created_at, position.id.bytes)


def position_of(cursor: str) -> Position:
    """The position that the cursor stands for; raises Invalid for text that no page gave out."""
    at, id = unpacked(cursor)
    try:
        return Position(at, UUID(bytes=id))
    except ValueError:
        raise not_a_cursor() from None


def packed(at: datetime, key: bytes) -> str:
    """The cursor of a list that is ordered by time, and then by a key."""
    microseconds = (at - _EPOCH) // _MICROSECOND
    return base64.urlsafe_b64encode(microseconds.to_bytes(8, signed=True) + key).decode()


def unpacked(cursor: str) -> tuple[datetime, bytes]:
    """What was packed; raises Invalid for text that no page gave out."""
    try:
        text = base64.b64decode(cursor, altchars=b"-_", validate=True)
        return _EPOCH + int.from_bytes(text[:8], signed=True) * _MICROSECOND, text[8:]
    except (binascii.Error, ValueError, OverflowError):
        raise not_a_cursor() from None


def not_a_cursor() -> Invalid:
    """What to raise for text that no page gave out."""
    message = "is not a cursor of this list; take `next_cursor` of the page before, or leave it out"
    return Invalid(f"`cursor` {message}.", [{"field": "cursor", "message": message}])
