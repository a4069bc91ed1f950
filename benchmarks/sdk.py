"""What the SDK costs its host: `python -m benchmarks.sdk`. Sends to a server on this machine that answers, and to none.

Prints, for `record` and for other calls, how long the application waits and how much CPU time that is, and what a full
queue holds in memory. The call that does nothing shows what the machine's other work adds to every wait.
"""

import gc
import http.server
import json
import multiprocessing
import socketserver
import time
import tracemalloc
import zlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Annotated

import typer
from agentops import AgentOps, Bounds
from rich.console import Console

from benchmarks.kept import keep
from benchmarks.tables import Table

_DOCUMENT = "Alexander Fleming discovered penicillin in 1928 at St Mary's Hospital in London. " * 10
_PROMPT = "When and where was penicillin discovered?"
_RESPONSE = "It was discovered by Alexander Fleming in 1928, at St Mary's Hospital in London."
_console = Console(width=160)


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
    columns = ("call", "server", "p50 us", "p99 us", "p99.9 us", "max ms", "CPU p50 us", "CPU p99 us")
    rows: list[tuple[str, ...]] = []
    with _serving() as url:
        for name, address in (("answers", url), ("away", "http://127.0.0.1:9")):
            for what, call in _calls(address):
                timings = list(_timed(call, calls, rate))
                waits, cpu = (sorted(each) for each in zip(*timings, strict=True))
                cuts = [waits[int(calls * share)] * 1e6 for share in (0.5, 0.99, 0.999)]
                cpu_cuts = [cpu[int(calls * share)] * 1e6 for share in (0.5, 0.99)]
                figures = [
                    *(f"{cut:.1f}" for cut in cuts),
                    f"{waits[-1] * 1e3:.2f}",
                    *(f"{cut:.1f}" for cut in cpu_cuts),
                ]
                rows.append((what, name, *figures))
    table = Table("What the SDK costs its host", columns, rows)
    ordinary, large = _full_queue_mib("x" * 2_000), _full_queue_mib("x" * 100_000)
    notes = (
        f"{rate:,} calls a second, {calls:,} of each; `nothing` is what the machine's other work adds to any wait.",
        f"A full queue of ordinary events (10,000) holds {ordinary:.1f} MiB, one of large ones {large:.1f}.",
    )
    _console.print(table.rich(), *notes, sep="\n")
    keep("sdk", f"python -m benchmarks.sdk --rate {rate}", table, *notes)


def _calls(url: str) -> Generator[tuple[str, Callable[[], object]]]:
    ops = AgentOps("agops_bench", url)
    yield "nothing", lambda: None
    yield "record", lambda: ops.record(_PROMPT, _RESPONSE, retrieved_docs=[_DOCUMENT], hallucinated=False)
    large = "x" * 500_000
    yield "record, 1 MB", lambda: ops.record(large, large)
    observed = ops.observe(_answer)
    yield "observe", lambda: observed(_PROMPT, [_DOCUMENT])
    ops.close(0)


def _answer(question: str, documents: list[str]) -> str:
    return f"{question} {documents[0][:80]}"


def _timed(call: Callable[[], object], calls: int, rate: int) -> Generator[tuple[float, float]]:
    """The seconds that each call took, and those of CPU time of its thread.

    The rate is steady: in a burst the queue would be full most of the time.
    """
    began = time.perf_counter()
    for number in range(calls):
        while (start := time.perf_counter()) < began + number / rate:
            time.sleep(0)
        cpu = time.thread_time()
        call()
        yield time.perf_counter() - start, time.thread_time() - cpu


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
    """The address of a server in a process of its own: in this one it would compete with the calls for the GIL."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(there,), daemon=True)
    process.start()
    yield f"http://127.0.0.1:{here.recv()}"
    process.terminate()
    process.join()


def _serve(told: Connection) -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Accepts) as server:
        server.daemon_threads = True
        told.send(server.server_address[1])
        server.serve_forever()


if __name__ == "__main__":
    typer.run(main)
