"""One Python process of load, for machines without wrk.

`python -m benchmarks.client PORT KEY PATH FILE CONNECTIONS SECONDS PAUSE_MS`

It speaks just enough HTTP/1.1 for the server's answers, because a full client would cost more than the server does.
Prints one JSON object: the latency of every request, refusals, broken connections.
"""

import asyncio
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from random import getrandbits
from uuid import UUID

import orjson
import uvloop
from agentops_api import ids

from benchmarks.payload import ID_MARK
from benchmarks.server import HOST

_MARK = ID_MARK.encode()


@dataclass(slots=True)
class Seen:
    """What the connections of this process saw."""

    latencies_us: list[int] = field(default_factory=list[int])
    refused: int = 0
    broken: int = 0


@dataclass(frozen=True, slots=True)
class Run:
    """What is sent, where to, until when, and what was seen."""

    port: int
    requests: list[bytes]
    deadline: float
    pause_s: float
    seen: Seen = field(default_factory=Seen)


def main() -> None:
    """Runs the load and prints what was seen."""
    port, key, path, file, connections, seconds, pause_ms = sys.argv[1:]
    lines = Path(file).read_bytes().splitlines()
    head = f"POST {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nX-API-Key: {key}\r\nContent-Type: application/json\r\n"
    requests = [f"{head}Content-Length: {len(line)}\r\n\r\n".encode() + line for line in lines]
    run = Run(int(port), requests, deadline=time.perf_counter() + float(seconds), pause_s=int(pause_ms) / 1e3)
    seen = uvloop.run(_load(run, int(connections)))
    sys.stdout.buffer.write(orjson.dumps(seen))


async def _load(run: Run, connections: int) -> Seen:
    first = range(0, len(run.requests), max(1, len(run.requests) // connections))
    await asyncio.gather(*(_connection(run, first[i % len(first)]) for i in range(connections)))
    return run.seen


async def _connection(run: Run, at: int) -> None:
    seen = run.seen
    try:
        reader, writer = await asyncio.open_connection(HOST, run.port)
        while (began := time.perf_counter()) < run.deadline:
            at = (at + 1) % len(run.requests)
            writer.write(_with_ids(run.requests[at]))
            status = await _answer(reader)
            seen.latencies_us.append(int((time.perf_counter() - began) * 1e6))
            seen.refused += not 200 <= status < 300
            if run.pause_s:
                await asyncio.sleep(run.pause_s)
        writer.close()
    except (OSError, EOFError):
        seen.broken += 1


async def _answer(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
    await reader.readexactly(int(length))
    return int(head[9:12])


def _with_ids(request: bytes) -> bytes:
    if _MARK not in request:
        return request
    parts = request.split(_MARK)
    first = ids.new().int
    made = [str(UUID(int=first ^ getrandbits(60))).encode() for _ in parts[1:]]
    return parts[0] + b"".join(id + part for id, part in zip(made, parts[1:], strict=True))


if __name__ == "__main__":
    main()
