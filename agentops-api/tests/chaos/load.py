"""A client that remembers: every id that was acknowledged is in its file before it counts."""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID

from tests.chaos.processes import until
from tests.chaos.wire import Answer, BrokenOff, Connection

_FINISH_S_MAX = 60.0


class Load:
    """Senders, each posting evaluations with ids of its own, again and again with the same until acknowledged.

    Leaving the context lets every sender have its last request acknowledged. With `resend` False each request is sent
    once and leaving ends the senders where they are.
    """

    def __init__(
        self,
        ports: int | Sequence[int],
        key: str,
        file: Path,
        *,
        senders: int = 8,
        batch: int = 1,
        resend: bool = True,
        seed: int = 1,
        chars: int = 40,
        pause_s: float = 0.05,
    ) -> None:
        """`batch`: evaluations per request. `chars`: of each response's text. `pause_s`: before it is sent again, short
        because the tests measure for how long nobody could be served."""
        self._ports = [ports] if isinstance(ports, int) else list(ports)
        self._headers = {"X-API-Key": key}
        self._batch, self._resend, self._chars, self._pause_s = batch, resend, chars, pause_s
        self._random = random.Random(seed)
        self._file = file.open("a+")
        self._path = file
        self._stopping = False
        self._senders = senders
        self._tasks: list[asyncio.Task[None]] = []
        self._last_ack = self._last_refusal = 0.0
        self.statuses: Counter[int] = Counter()
        """How often each status was answered; 0 is a connection that broke off."""
        self.unfriendly: list[Answer] = []
        """Refusals that do not say when to come again."""
        self.gap_s = 0.0
        """The longest time in which nobody was acknowledged."""
        self.slowest_s = 0.0
        """The longest time that one request took, whatever became of it."""
        self.latencies: list[tuple[int, float]] = []
        """Each request's status and seconds."""

    @property
    def acked(self) -> set[str]:
        """The ids in the file."""
        return set(self._path.read_text().split())

    @property
    def count(self) -> int:
        """How many requests were acknowledged."""
        return self.statuses[201]

    def refused_since(self, moment: float) -> bool:
        """Whether a request was refused, or its connection broke, since then (of the monotonic clock)."""
        return self._last_refusal > moment

    async def more(self, requests: int, within_s: float = 30) -> None:
        """Waits until so many more requests were acknowledged."""
        wanted = self.count + requests
        await until(lambda: self.count >= wanted, within_s)

    async def __aenter__(self) -> Self:
        self._last_ack = time.monotonic()
        self._tasks = [asyncio.create_task(self._send(self._ports[n % len(self._ports)])) for n in range(self._senders)]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping = True
        if error is not None or not self._resend:
            for task in self._tasks:
                task.cancel()
        done, late = await asyncio.wait(self._tasks, timeout=_FINISH_S_MAX)
        for task in late:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._file.close()
        if error is None:
            assert not late, "a request was never acknowledged"
            for task in done:
                if not task.cancelled():
                    task.result()

    async def _send(self, port: int) -> None:
        async with Connection(port, self._headers) as connection:
            while not self._stopping:
                ids = [str(UUID(int=self._random.getrandbits(128), version=4)) for _ in range(self._batch)]
                body = self._body(ids)
                while not await self._ask(connection, ids, body):
                    await asyncio.sleep(self._pause_s)
                    if not self._resend:
                        break

    async def _ask(self, connection: Connection, ids: list[str], body: bytes) -> bool:
        path = "/evaluations/" if self._batch == 1 else "/evaluations/batch"
        started = time.monotonic()
        try:
            answer = await connection.ask("POST", path, body)
        except BrokenOff:
            answer = Answer(0, {}, b"")
        now = time.monotonic()
        self.latencies.append((answer.status, now - started))
        self.slowest_s = max(self.slowest_s, now - started)
        if answer.status == 201:
            self._file.write("".join(f"{id}\n" for id in ids))
            self._file.flush()
            self.gap_s = max(self.gap_s, now - self._last_ack)
            self._last_ack = now
        else:
            self._last_refusal = now
            if answer.status and not (answer.status == 503 and "retry-after" in answer.headers):
                self.unfriendly.append(answer)
        self.statuses[answer.status] += 1
        return answer.status == 201

    def _body(self, ids: list[str]) -> bytes:
        items = [self._item(id) for id in ids]
        return json.dumps(items[0] if self._batch == 1 else {"evaluations": items}).encode()

    def _item(self, id: str) -> dict[str, object]:
        chance = self._random
        return {
            "id": id,
            "prompt": "What is the capital of France?",
            "response": chance.randbytes(self._chars // 2).hex(),
            "semantic_drift": chance.random(),
            "hallucination_probability": chance.random(),
            "hallucinated": chance.random() < 0.1,
            "latency_sec": chance.expovariate(1.0) + 1e-3,
            "agent_name": f"agent-{chance.randrange(3)}",
            "model_name": f"model-{chance.randrange(2)}",
        }
