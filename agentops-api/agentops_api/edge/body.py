"""Request bodies: read within bounds, decompressed within bounds, parsed without surprises.

A body is refused as early as its fault shows: by its declared length, while it streams, while it inflates, by its
depth, and at last by its model. Refuses to know who sent it and what it means.
"""

import re
import zlib
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from starlette.requests import ClientDisconnect

from agentops_api.edge.problems import field_errors, json_position
from agentops_api.errors import Invalid, Malformed, TooLarge, UnsupportedEncoding

T = TypeVar("T")
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Headers = Iterable[tuple[bytes, bytes]]
"""As ASGI gives them: lower-case names, raw values."""

JSON_DEPTH_MAX = 64
_NOT_BRACKETS = bytes(set(range(256)) - set(b"{}[]"))
_BOM = b"\xef\xbb\xbf"
# A string that never ends matches up to the end: to try again at each of its quotes would cost the square of the size.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_ROUNDS = 8
_PART_BYTES = 2**20
_WINDOW_BITS = {b"gzip": 16 + zlib.MAX_WBITS, b"x-gzip": 16 + zlib.MAX_WBITS, b"deflate": zlib.MAX_WBITS}


async def read_body(receive: Receive, headers: Headers, *, bytes_max: int) -> bytes:
    """The whole body, decompressed; of JSON not nested deeper than 64.

    Raises TooLarge (having read no more than one chunk beyond `bytes_max`), UnsupportedEncoding, Malformed, Invalid;
    and starlette's ClientDisconnect when the caller leaves.
    """
    encoding = b""
    for name, value in headers:
        if name == b"content-length":
            if not value.isdigit():
                raise Malformed("The Content-Length header is not a number.")
            # Longer numbers are refused unread: Python itself refuses to parse 5,000 digits.
            if len(value) > 18 or int(value) > bytes_max:
                raise _too_large(bytes_max)
        elif name == b"content-encoding":
            # Two headers mean two encodings, as a list in one header does.
            encoding = encoding + b"," + value if encoding else value
    encoding = encoding.strip().lower()
    if encoding and encoding != b"identity" and encoding not in _WINDOW_BITS:
        raise UnsupportedEncoding("Send the body as it is, or with one Content-Encoding: gzip or deflate.")

    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    body: bytes = message.get("body", b"")
    if len(body) > bytes_max:
        raise _too_large(bytes_max)
    if message.get("more_body", False):
        body = await _read_rest(receive, body, bytes_max)
    if encoding in _WINDOW_BITS:
        body = inflate(body, window_bits=_WINDOW_BITS[encoding], bytes_max=bytes_max)
    check_depth(body)
    return body


async def _read_rest(receive: Receive, start: bytes, bytes_max: int) -> bytes:
    parts, size, more = [start], len(start), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part = message.get("body", b"")
        size += len(part)
        if size > bytes_max:
            raise _too_large(bytes_max)
        parts.append(part)
        more = message.get("more_body", False)
    return b"".join(parts)


def inflate(body: bytes, *, window_bits: int, bytes_max: int) -> bytes:
    """The decompressed body. Stops one byte after `bytes_max`, whatever it would grow to."""
    inflater = zlib.decompressobj(window_bits)
    parts: list[bytes] = []
    size, rest = 0, body
    try:
        # In parts, because zlib joins what it makes in one call, and a bomb would cost its size twice.
        while rest and not inflater.eof:
            parts.append(inflater.decompress(rest, min(_PART_BYTES, bytes_max + 1 - size)))
            size, rest = size + len(parts[-1]), inflater.unconsumed_tail
            if size > bytes_max:
                raise _too_large(bytes_max)
    except zlib.error as error:
        raise Malformed("The body is not what its Content-Encoding says.") from error
    if not inflater.eof:
        raise Malformed("The compressed body ends too early.")
    if inflater.unused_data:
        raise Malformed("Bytes follow the end of the compressed body.")
    return b"".join(parts)


def check_depth(body: bytes, *, depth_max: int = JSON_DEPTH_MAX) -> None:
    """Raises Invalid when brackets nest deeper than `depth_max`. Takes 1 ms for 1 MB of ordinary JSON."""
    # Deeper than depth_max takes more than depth_max opening brackets, which most bodies do not have.
    if body.count(b"[") + body.count(b"{") <= depth_max:
        return
    # Brackets within strings count here too: what cancels out is certainly shallow, and a few rounds cancel all of
    # an ordinary body. The rest is looked at exactly.
    brackets = body.translate(None, _NOT_BRACKETS)
    for _ in range(_ROUNDS):
        brackets = brackets.replace(b"{}", b"").replace(b"[]", b"")
    if len(brackets) <= depth_max:
        return
    depth = 0
    for bracket in _STRING.sub(b"", body).translate(None, _NOT_BRACKETS):
        if bracket in b"{[":
            depth += 1
            if depth > depth_max:
                raise Invalid(f"The JSON nests deeper than {depth_max} levels.")
        else:
            depth -= 1


def parse(adapter: TypeAdapter[T], body: bytes) -> T:
    """The body as the adapter's type. Raises Malformed for what is not JSON, Invalid for what breaks the model."""
    if body.startswith(_BOM):
        raise Malformed("The body begins with a byte order mark; send plain UTF-8.")
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False, include_context=False)
    if found[0]["type"] == "json_invalid":
        raise Malformed(f"The body is not valid JSON{json_position(found[0]['msg'])}.")
    raise Invalid("The request breaks a rule; see errors.", field_errors(found))


def has_nul(body: bytes) -> bool:
    """Whether a string in the JSON may hold NUL, which PostgreSQL cannot store. Never misses one."""
    return b"\\u0000" in body or b"\x00" in body


def replace_nul(text: str) -> str:
    """The text with U+FFFD in the place of every NUL."""
    return text.replace("\x00", "\ufffd")


def _too_large(bytes_max: int) -> TooLarge:
    return TooLarge(f"The body is larger than the {bytes_max} bytes that the server takes; send less at once.")
