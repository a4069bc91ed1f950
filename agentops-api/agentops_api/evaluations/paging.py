"""The list's cursor: where the last page ended, as text that clients hand back unread."""

import base64
import binascii
from datetime import UTC, datetime, timedelta
from uuid import UUID

from agentops_api.errors import Invalid
from agentops_api.evaluations.models import Position

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def cursor_of(position: Position) -> str:
    """The cursor that stands for the position."""
    microseconds = (position.created_at - _EPOCH) // _MICROSECOND
    return base64.urlsafe_b64encode(microseconds.to_bytes(8, signed=True) + position.id.bytes).decode()


def position_of(cursor: str) -> Position:
    """The position that the cursor stands for; raises Invalid for text that no page gave out."""
    try:
        packed = base64.b64decode(cursor, altchars=b"-_", validate=True)
        at = _EPOCH + int.from_bytes(packed[:8], signed=True) * _MICROSECOND
        return Position(at, UUID(bytes=packed[8:]))
    except (binascii.Error, ValueError, OverflowError):
        message = "is not a cursor of this list; take `next_cursor` of the page before, or leave it out"
        raise Invalid(f"`cursor` {message}.", [{"field": "cursor", "message": message}]) from None
