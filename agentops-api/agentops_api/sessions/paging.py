"""The cursor of the list of conversations."""

from agentops_api.evaluations.paging import not_a_cursor, packed, unpacked
from agentops_api.sessions.models import Place


def cursor_of(place: Place) -> str:
    """The cursor that stands for the place."""
    return packed(place.at, place.session_id.encode())


def place_of(cursor: str) -> Place:
    """The place that the cursor stands for; raises Invalid for text that no page gave out."""
    at, session_id = unpacked(cursor)
    try:
        return Place(at, session_id.decode())
    except UnicodeDecodeError:
        raise not_a_cursor() from None
