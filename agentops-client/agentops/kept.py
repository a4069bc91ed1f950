"""What is kept of an observed function's answer: so much that neither its memory nor its time is felt."""

import io
import sys
from collections.abc import Iterable
from itertools import islice
from typing import Any, cast

from agentops.errors import InvalidArgument

TEXT_CHARS_MAX = 1_000_000
"""The server takes no more of a response."""
_CHUNKS_MAX = 100_000
_CHUNKS_BYTES_MAX = 64 * 2**20
_PARTS_MAX = 10_000
"""Of a value so many are looked at: text of that many is made in a millisecond."""

_LEAVES = {str, bytes, int, float, bool, type(None)}
_SEQUENCES = (list, tuple, set, frozenset)


class StreamedText:
    """The text of a stream: the first of it, where it is too long to be stored."""

    def __init__(self) -> None:
        self._text = io.StringIO()
        self._chars_left = TEXT_CHARS_MAX

    def add(self, chunk: object) -> None:
        """The stream has yielded this."""
        if isinstance(chunk, str) and self._chars_left:
            self._chars_left -= self._text.write(chunk[: self._chars_left])

    def value(self) -> str:
        """What was kept."""
        return self._text.getvalue()


class StreamedChunks:
    """The chunks of a stream, whatever they are, as they were: the first of them, where they are too many or large."""

    def __init__(self) -> None:
        self._chunks: list[Any] = []
        self._bytes_left = _CHUNKS_BYTES_MAX

    def add(self, chunk: object) -> None:
        """The stream has yielded this."""
        if self._bytes_left <= 0 or len(self._chunks) >= _CHUNKS_MAX:
            return
        self._bytes_left -= bytes_of(chunk, self._bytes_left)
        if self._bytes_left > 0:
            self._chunks.append(chunk)

    def value(self) -> list[Any]:
        """What was kept."""
        return self._chunks


def text_of(value: object) -> str:
    """`str(value)`. Raises InvalidArgument where that would take long, as far as can be seen."""
    if isinstance(value, str):
        return value
    if bytes_of(value, TEXT_CHARS_MAX) >= TEXT_CHARS_MAX:
        raise InvalidArgument(f"This {type(value).__name__} is too large to make text of: `response=` may do so.")
    return str(value)


def bytes_of(value: object, bytes_max: int) -> int:
    """About what a value and all in it take, which counts again where it stands again, as it does in `str(value)`.

    At least `bytes_max` where that is too much, or too many parts. It sees into dictionaries, lists, tuples, sets and
    attributes, not into what hides what it has.
    """
    found = 0
    parts_left = _PARTS_MAX
    # Attributes may lead back to where they are looked at.
    seen: set[int] = set()
    parts = [value]
    while parts and found < bytes_max:
        part = parts.pop()
        found += sys.getsizeof(part)
        if type(part) in _LEAVES:
            continue
        if isinstance(part, _SEQUENCES):
            inside = cast("Iterable[object]", part)
        elif isinstance(part, dict):
            inside = cast("dict[object, object]", part).values()
        elif id(part) not in seen:
            seen.add(id(part))
            attributes: object = getattr(part, "__dict__", None)
            inside = cast("dict[str, object]", attributes).values() if isinstance(attributes, dict) else ()
        else:
            inside = ()
        before = len(parts)
        parts += islice(inside, parts_left)
        parts_left -= len(parts) - before
        if parts_left <= 0:
            return bytes_max
    return found
