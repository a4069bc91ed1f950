"""A small real HTTP server that takes batches as AgentOps API does, and misbehaves as it is told."""

import gzip
import json
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Behaviour = Callable[["_Handler", list[dict[str, Any]]], None]


@dataclass
class Request:
    """One request, as it came."""

    at: float
    headers: dict[str, str]
    items: list[dict[str, Any]]


@dataclass
class Receiver:
    """What came, and what is to be done with what comes next."""

    url: str = ""
    requests: list[Request] = field(default_factory=list[Request])
    """There before they are answered."""
    answered: int = 0
    """How many of them are done with."""
    stored: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """By id: what was answered as created."""
    script: deque[Behaviour] = field(default_factory=deque[Behaviour])
    """One behaviour a request, then the usual one."""
    usual: Behaviour = lambda handler, items: handler.accept(items)
    reading: Behaviour = lambda handler, items: handler.answer(503, {"detail": "not now"})
    """What is done with a GET or a DELETE."""
    changed: threading.Condition = field(default_factory=threading.Condition)
    ending: threading.Event = field(default_factory=threading.Event)
    """Set when the test is over: whoever waits may go."""

    def wait(self, fact: Callable[[], bool], within_s: float = 20) -> None:
        """Waits until it is true, as requests are done with."""
        with self.changed:
            assert self.changed.wait_for(fact, within_s)

    @property
    def sizes(self) -> list[int]:
        """How many events each request had."""
        return [len(request.items) for request in self.requests]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def receiver(self) -> Receiver:
        """Whose request it is."""
        assert isinstance(self.server, _Server)
        return self.server.receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        at = time.monotonic()
        text = gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body
        items: list[dict[str, Any]] = json.loads(text)["evaluations"]
        receiver = self.receiver
        with receiver.changed:
            receiver.requests.append(Request(at, dict(self.headers), items))
            behaviour = receiver.script.popleft() if receiver.script else receiver.usual
        try:
            behaviour(self, items)
        finally:
            with receiver.changed:
                receiver.answered += 1
                receiver.changed.notify_all()

    def do_GET(self) -> None:
        self.receiver.reading(self, [])

    def do_DELETE(self) -> None:
        self.receiver.reading(self, [])

    def accept(self, items: list[dict[str, Any]], refused: Mapping[int, str] | None = None) -> None:
        """Stores what is not refused and says so."""
        results = [self._judge(index, item, (refused or {}).get(index)) for index, item in enumerate(items)]
        counts = [sum(each["status"] == kind for each in results) for kind in ("created", "duplicate", "rejected")]
        names = ("created", "duplicates", "rejected")
        self.answer(207 if counts[2] else 201, dict(zip(names, counts, strict=True)) | {"results": results})

    def _judge(self, index: int, item: dict[str, Any], error: str | None) -> dict[str, Any]:
        id = item["id"]
        if error:
            return {"index": index, "id": None, "status": "rejected", "error": error}
        status = "duplicate" if id in self.receiver.stored else "created"
        self.receiver.stored.setdefault(id, item)
        return {"index": index, "id": id, "status": status, "error": None}

    def answer(self, status: int, content: object, headers: Mapping[str, str] | None = None) -> None:
        """A whole answer of JSON."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's own name
        """The tests look at `requests`."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    receiver: Receiver

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that are killed break off."""


@contextmanager
def receiving(port: int = 0) -> Generator[Receiver]:
    """A receiver that listens; gone when left."""
    server = _Server(("127.0.0.1", port), _Handler)
    server.receiver = Receiver(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server.receiver
    finally:
        server.receiver.ending.set()
        server.shutdown()
        thread.join()
        server.server_close()


def refuse(status: int, detail: str = "no", **headers: str) -> Behaviour:
    """Answers a problem document."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda handler, items: handler.answer(status, {"status": status, "detail": detail}, named)


def reject(wrong: Callable[[dict[str, Any]], bool], error: str) -> Behaviour:
    """Stores all but the wrong ones."""

    def behave(handler: _Handler, items: list[dict[str, Any]]) -> None:
        handler.accept(items, {index: error for index, item in enumerate(items) if wrong(item)})

    return behave


def refuse_batches_with(wrong: Callable[[dict[str, Any]], bool], status: int) -> Behaviour:
    """Refuses a whole batch for one event in it."""

    def behave(handler: _Handler, items: list[dict[str, Any]]) -> None:
        if any(map(wrong, items)):
            handler.answer(status, {"detail": "it cannot be read"})
        else:
            handler.accept(items)

    return behave


def hang_up(handler: _Handler, items: list[dict[str, Any]]) -> None:
    """Ends the connection instead of an answer."""
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def store_and_hang_up(handler: _Handler, items: list[dict[str, Any]]) -> None:
    """Stores everything, and the answer is lost."""
    for item in items:
        handler.receiver.stored.setdefault(item["id"], item)
    hang_up(handler, items)


def say_something_else(handler: _Handler, items: list[dict[str, Any]]) -> None:
    """What a log-in page of some proxy answers."""
    handler.answer(200, b"<html>Please sign in</html>", {"Content-Type": "text/html"})


def wait_for(event: threading.Event) -> Behaviour:
    """Answers when the event is set."""

    def behave(handler: _Handler, items: list[dict[str, Any]]) -> None:
        event.wait(30)
        handler.accept(items)

    return behave


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]
