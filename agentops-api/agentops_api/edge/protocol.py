"""uvicorn's HTTP/1.1 protocol with the bounds that it leaves to others: a request's head that never ends would fill the
memory before any handler hears of it, and a body that nobody wants would be read for as long as somebody sends it.

Knows no handler; who runs the application under another HTTP server needs that one's bounds, or a proxy's.
"""

from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_MAX = 128 * 1024
"""Twice what the middleware takes, whose refusal is the kinder one."""
_SLACK_BYTES = 64 * 1024
_FRAMING_FACTOR = 8
"""A body in chunks of one byte has six bytes of framing for each."""
_REFUSAL = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    body_bytes_max: ClassVar[int] = 0
    _request = 0
    _in_head = _in_body = False
    _bytes = 0

    def data_received(self, data: bytes) -> None:
        request, in_body = self._request, self._in_body
        super().data_received(data)
        if not (self._in_head or self._in_body) or self.transport.is_closing():
            return
        # The part in which the head or the body began belongs to what was before as well: it is not counted.
        self._bytes = self._bytes + len(data) if (request, in_body) == (self._request, self._in_body) else 0
        if self._in_head:
            if self._bytes > HEAD_BYTES_MAX:
                self.transport.write(_REFUSAL)
                self.transport.close()
            return
        # An answer may come before the body: whoever still sends is listened to for a while, because a connection that
        # is closed under them could take the answer away.
        answered = self.cycle.response_complete
        if self._bytes > self.body_bytes_max * (1 if answered else _FRAMING_FACTOR) + _SLACK_BYTES:
            self.transport.close()

    def on_message_begin(self) -> None:
        self._request += 1
        self._in_head, self._in_body = True, False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._in_head, self._in_body = False, True

    def on_message_complete(self) -> None:
        self._in_body = False
        super().on_message_complete()


def bounded_protocol(body_bytes_max: int) -> type[BoundedProtocol]:
    """The protocol for bodies of at most so many bytes. It is made a class because uvicorn makes its instances."""
    return type("BoundedProtocol", (BoundedProtocol,), {"body_bytes_max": body_bytes_max})
