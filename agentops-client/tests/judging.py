"""A small real HTTP server that judges as an endpoint of OpenAI's kind would, and misbehaves as it is told.

Its judge is honest and literal: a claim is supported if it stands in the evidence word for word.
"""

import json
import socket
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from agentops.judge.endpoint import Endpoint, Patience

Behaviour = Callable[["Handler"], None]
QUICK = Patience(timeout_s=0.3, total_s=0.8, attempts_max=2, backoff_s=0.02)
"""For an endpoint that will not answer anyway."""
PATIENT = Patience(timeout_s=10, total_s=20, attempts_max=2, backoff_s=0.02)
"""For one that will, on a busy machine too."""
USAGE = {"prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100}


@dataclass
class Judging:
    """What was asked, and what is done with it."""

    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """The bodies, in their order."""
    headers: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    paths: list[str] = field(default_factory=list[str])
    behave: Behaviour = lambda handler: handler.complete(handler.verdicts)
    ending: threading.Event = field(default_factory=threading.Event)
    """Set when the test is over: whoever waits may go."""

    @property
    def endpoint(self) -> Endpoint:
        """A client of it."""
        return Endpoint(self.url, "judge-1", "sk-test", patience=PATIENT)


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    request_body: dict[str, Any]
    number: int
    """How many requests there were before."""

    @property
    def judging(self) -> Judging:
        """Whose request it is."""
        assert isinstance(self.server, _Server)
        return self.server.judging

    def do_POST(self) -> None:
        self.request_body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        judging = self.judging
        self.number = len(judging.requests)
        judging.requests.append(self.request_body)
        judging.headers.append(dict(self.headers))
        judging.paths.append(self.path)
        judging.behave(self)

    @property
    def verdicts(self) -> list[dict[str, Any]]:
        """What the honest judge says."""
        data = data_of(self.request_body)
        return [_judged(claim, [each["text"] for each in data["evidence"]]) for claim in data["claims"]]

    def complete(self, verdicts: object) -> None:
        """Answers with these verdicts."""
        self.say(json.dumps({"verdicts": verdicts}))

    def say(self, content: object, finish_reason: str = "stop", **message: object) -> None:
        """Answers with this text."""
        said = {"role": "assistant", "content": content} | message
        choice = {"index": 0, "message": said, "finish_reason": finish_reason}
        self.answer(200, {"object": "chat.completion", "choices": [choice], "usage": USAGE})

    def answer(self, status: int, content: object, **headers: str) -> None:
        """A whole answer: JSON, or bytes as they are."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.head(status, {"Content-Type": "application/json", "Content-Length": str(len(body))}, **headers)
        self.wfile.write(body)

    def head(self, status: int, usual: Mapping[str, str], **headers: str) -> None:
        """The beginning of an answer."""
        self.send_response(status)
        for name, value in {**usual, **{name.replace("_", "-"): value for name, value in headers.items()}}.items():
            self.send_header(name, value)
        self.end_headers()

    def hang_up(self) -> None:
        """Ends the connection."""
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's own name
        """The tests look at `requests`."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    judging: Judging

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever is asked badly may find that nobody listens any more."""


def data_of(request: Mapping[str, Any]) -> dict[str, Any]:
    """The data between the marks of a question."""
    user: str = request["messages"][1]["content"]
    lines = user.splitlines()
    assert lines[0].startswith("<data-")
    assert lines[-1] == lines[0].replace("<", "</", 1)
    return json.loads("\n".join(lines[1:-1]))


def _judged(claim: Mapping[str, Any], evidence: list[str]) -> dict[str, Any]:
    found = next((text for text in evidence if claim["text"].rstrip(".") in text), None)
    return {
        "claim": claim["claim"],
        "verdict": "supported" if found else "unsupported",
        "probability": 0.1 if found else 0.9,
        "quote": found or "",
        "reason": "It says so." if found else "It does not say so.",
    }


@contextmanager
def judging() -> Generator[Judging]:
    """A server of its own."""
    with _Server(("127.0.0.1", 0), Handler) as server:
        server.judging = Judging(f"http://127.0.0.1:{server.server_address[1]}/v1")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield server.judging
        finally:
            server.judging.ending.set()
            server.shutdown()
            thread.join()
