"""What the SDK costs its host: `python -m benchmarks.sdk`. Sends to a server on this machine that answers, and to none.

Prints, for `record` and for other calls, how long the application waits, and what a full queue holds in memory.
"""

import gc
import http.server
import json
import socketserver
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Annotated

import typer
from agentops import AgentOps, Bounds
from rich.console import Console
from rich.table import Table

_DOCUMENT = "Alexander Fleming discovered penicillin in 1928 at St Mary's Hospital in London. " * 10
_PROMPT = "When and where was penicillin discovered?"
_RESPONSE = "It was discovered by Alexander Fleming in 1928, at St Mary's Hospital in London."
_console = Console()


class _Accepts(http.server.BaseHTTPRequestHandler):
    """Answers each batch as the server does, and keeps nothing."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        items = json.loads(zlib.decompress(body, wbits=31))["evaluations"]
        results = [{"index": index, "id": item["id"], "status": "created"} for index, item in enumerate(items)]
        answer = json.dumps({"created": len(items), "duplicates": 0, "rejected": 0, "results": results}).encode()
        self.send_response(201)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's own name
        """Nothing is told of requests."""


def main(
    calls: Annotated[int, typer.Option(min=1_000, help="How often each call is made.")] = 20_000,
    rate: Annotated[int, typer.Option(min=100, help="Calls a second, for those that are paced.")] = 2_000,
) -> None:
    """Measure what a call costs the application."""
    table = Table("call", "server", "p50 us", "p99 us", "p99.9 us", "max ms")
    with _serving() as url:
        for name, address in (("answers", url), ("away", "http://127.0.0.1:9")):
            for what, call in _calls(address):
                timings = sorted(_timed(call, calls, rate))
                cuts = [timings[int(len(timings) * share)] * 1e6 for share in (0.5, 0.99, 0.999)]
                table.add_row(what, name, *(f"{cut:.1f}" for cut in cuts), f"{timings[-1] * 1e3:.2f}")
    _console.print(table)
    _console.print(f"A full queue of ordinary events (10,000) holds {_full_queue_mib('x' * 2_000):.1f} MiB;")
    _console.print(f"one of large events (64 MB) holds {_full_queue_mib('x' * 100_000):.1f} MiB.")


def _calls(url: str) -> Generator[tuple[str, Callable[[], object]]]:
    ops = AgentOps("agops_bench", url)
    yield "record", lambda: ops.record(_PROMPT, _RESPONSE, retrieved_docs=[_DOCUMENT], hallucinated=False)
    large = "x" * 500_000
    yield "record, 1 MB", lambda: ops.record(large, large)
    observed = ops.observe(_answer)
    yield "observe", lambda: observed(_PROMPT, [_DOCUMENT])
    ops.close(0)


def _answer(question: str, documents: list[str]) -> str:
    return f"{question} {documents[0][:80]}"


def _timed(call: Callable[[], object], calls: int, rate: int) -> Generator[float]:
    """The seconds that each call took, made at a steady rate: in a burst the queue would be full most of the time."""
    began = time.perf_counter()
    for number in range(calls):
        while (start := time.perf_counter()) < began + number / rate:
            time.sleep(0)
        call()
        yield time.perf_counter() - start


def _full_queue_mib(text: str) -> float:
    """What a queue holds that nobody empties, in memory that Python allocated."""
    ops = AgentOps("agops_bench", "http://127.0.0.1:9", bounds=Bounds(linger_s=3_600, batch_events_max=20_000))
    gc.collect()
    tracemalloc.start()
    number = 0
    while not ops.delivery().dropped:
        number += 1
        ops.record(f"{number} {text}", "answer", latency_sec=0.5)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    ops.close(0)
    return held / 2**20


@contextmanager
def _serving() -> Generator[str]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Accepts) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


if __name__ == "__main__":
    typer.run(main)
