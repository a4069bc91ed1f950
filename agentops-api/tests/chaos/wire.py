"""HTTP/1.1 by hand over one socket: cheap enough to make load beside the server, and able to break off anywhere."""

import asyncio
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

ANSWER_S_MAX = 30.0


class BrokenOff(Exception):
    """The connection ended before the whole answer was there, or could not be made."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Connection:
    """A connection to a port of this machine, made when it is first needed, kept while the server keeps it."""

    def __init__(self, port: int, headers: Mapping[str, str] | None = None) -> None:
        self._port = port
        self._headers = {"Host": f"127.0.0.1:{port}", **(headers or {})}
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def get(self, path: str) -> Answer:
        return await self.ask("GET", path)

    async def post(self, path: str, content: object, headers: Mapping[str, str] | None = None) -> Answer:
        return await self.ask("POST", path, json.dumps(content).encode(), headers)

    async def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request and its whole answer. Raises BrokenOff, after which the next request connects anew."""
        return await self.raw(self.head(method, path, body, headers) + (body or b""))

    def head(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> bytes:
        """The request up to its body."""
        lines = {**self._headers, **(headers or {})}
        if body is not None:
            lines = {"Content-Type": "application/json", "Content-Length": str(len(body)), **lines}
        fields = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return f"{method} {path} HTTP/1.1\r\n{fields}\r\n".encode()

    async def raw(self, request: bytes) -> Answer:
        """The answer to these very bytes. Raises BrokenOff."""
        try:
            async with asyncio.timeout(ANSWER_S_MAX):
                await self.send(request)
                return await self.answer()
        except (OSError, EOFError, ValueError) as error:
            await self.close()
            raise BrokenOff(repr(error)) from error

    async def send(self, part: bytes) -> None:
        """Sends some bytes, connecting first where there is no connection."""
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writer.write(part)
        await self._writer.drain()

    async def read(self, bytes_max: int) -> bytes:
        """What has come, at least a byte."""
        assert self._reader
        return await self._reader.read(bytes_max)

    async def answer(self) -> Answer:
        """Reads one answer; closes the connection when the server says so."""
        assert self._reader
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = (line.split(":", 1) for line in head[1:] if line)
        headers = {name.lower(): value.strip() for name, value in fields}
        body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection", "").lower() == "close":
            await self.close()
        return Answer(int(head[0].split()[1]), headers, body)

    async def break_off(self) -> None:
        """Ends the connection at once with a reset, whatever is under way."""
        if self._writer:
            self._writer.transport.abort()
        await self.close()

    async def close(self) -> None:
        if self._writer:
            self._writer.close()
            with suppress(OSError, asyncio.CancelledError):
                await self._writer.wait_closed()
        self._reader = self._writer = None
