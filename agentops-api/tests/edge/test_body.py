"""Bodies are refused as early and as cheaply as their faults allow."""

import gzip
import json
import resource
import time
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress

import pytest
from agentops_api.edge.body import check_depth, has_nul, parse, read_body, replace_nul
from agentops_api.errors import AgentOpsError, Invalid, Malformed, TooLarge, UnsupportedEncoding
from pydantic import BaseModel, TypeAdapter
from starlette.requests import ClientDisconnect
from starlette.types import Message

pytestmark = pytest.mark.anyio

BYTES_MAX = 1_000_000


class Note(BaseModel):
    """Something to parse."""

    text: str
    score: float = 0.0


NOTE = TypeAdapter(Note)


class Sender:
    """Sends the parts when asked, and knows how much was taken."""

    def __init__(self, parts: Iterable[bytes], *, leaves: bool = False) -> None:
        self._parts = list(parts)
        self._leaves = leaves
        self.taken = 0

    async def receive(self) -> Message:
        if not self._parts:
            return {"type": "http.disconnect"}
        part = self._parts.pop(0)
        self.taken += len(part)
        return {"type": "http.request", "body": part, "more_body": bool(self._parts) or self._leaves}


async def read(*parts: bytes, encoding: bytes | None = None, length: bytes | None = None) -> bytes:
    headers = [(b"content-type", b"application/json")]
    if encoding is not None:
        headers.append((b"content-encoding", encoding))
    if length is not None:
        headers.append((b"content-length", length))
    return await read_body(Sender(parts).receive, headers, bytes_max=BYTES_MAX)


async def test_a_body_is_read_whole_from_its_parts() -> None:
    assert await read(b"") == b""
    assert await read(b"[1]") == b"[1]"
    assert await read(b"[1", b"", b",2]") == b"[1,2]"
    assert await read(b"x" * BYTES_MAX) == b"x" * BYTES_MAX


@pytest.mark.parametrize("length", [b"1000001", b"9" * 18, b"9" * 5_000])
async def test_a_declared_length_beyond_the_limit_is_refused_unread(length: bytes) -> None:
    sender = Sender([b"x"])
    with pytest.raises(TooLarge):
        await read_body(sender.receive, [(b"content-length", length)], bytes_max=BYTES_MAX)
    assert sender.taken == 0


async def test_a_stream_beyond_the_limit_is_refused_within_one_chunk() -> None:
    sender = Sender([b"x" * 65_536] * 100)
    with pytest.raises(TooLarge):
        await read_body(sender.receive, [], bytes_max=BYTES_MAX)
    assert sender.taken <= BYTES_MAX + 65_536


@pytest.mark.parametrize("length", [b"-1", b"+1", b"1e3", b"", "٣".encode()])
async def test_a_length_that_is_no_number_is_malformed(length: bytes) -> None:
    with pytest.raises(Malformed):
        await read(b"x", length=length)


async def test_a_caller_who_leaves_is_no_error_of_ours() -> None:
    for sender in (Sender([]), Sender([b"[1"], leaves=True)):
        with pytest.raises(ClientDisconnect):
            await read_body(sender.receive, [], bytes_max=BYTES_MAX)


async def test_gzip_and_deflate_are_inflated() -> None:
    text = json.dumps([{"text": "a" * 1_000}] * 100).encode()
    assert await read(gzip.compress(text), encoding=b"gzip") == text
    assert await read(gzip.compress(text), encoding=b" GZIP ") == text
    assert await read(zlib.compress(text), encoding=b"deflate") == text
    assert await read(text, encoding=b"identity") == text
    exactly = b"x" * BYTES_MAX
    assert await read(gzip.compress(exactly), encoding=b"gzip") == exactly


@pytest.mark.parametrize("encoding", [b"gzip, gzip", b"gzip,deflate", b"br", b"zstd", b"compress", b"\xff", b","])
async def test_other_and_nested_encodings_are_unsupported(encoding: bytes) -> None:
    with pytest.raises(UnsupportedEncoding):
        await read(gzip.compress(b"[1]"), encoding=encoding)


async def test_two_encoding_headers_are_a_nested_encoding() -> None:
    twice = [(b"content-encoding", b"gzip"), (b"content-encoding", b"gzip")]
    with pytest.raises(UnsupportedEncoding):
        await read_body(Sender([b""]).receive, twice, bytes_max=BYTES_MAX)


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate"])
async def test_a_damaged_compressed_body_is_malformed(encoding: bytes) -> None:
    text = b'{"text": "hello"}' * 100
    whole = gzip.compress(text) if encoding == b"gzip" else zlib.compress(text)
    flipped = bytes([*whole[:20], whole[20] ^ 0xFF, *whole[21:]])
    for damaged in (whole[:-1], whole[:-9], whole[:5], b"", b"plain", whole + b"x", whole + whole, flipped):
        with pytest.raises(Malformed):
            await read(damaged, encoding=encoding)


async def test_a_bomb_is_refused_quickly_and_in_little_memory() -> None:
    compressor = zlib.compressobj(9, wbits=31)
    bomb = b"".join(compressor.compress(b"0" * 1_000_000) for _ in range(200)) + compressor.flush()
    assert len(bomb) < 200_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    with pytest.raises(TooLarge):
        await read_body(Sender([bomb]).receive, [(b"content-encoding", b"gzip")], bytes_max=10 * 2**20)
    refused = time.process_time()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before <= 20 * 1024
    assert len(gzip.decompress(bomb)) == 200_000_000
    assert refused - started < (time.process_time() - refused) / 4, "a twentieth of it was looked at"


def nested(depth: int, opening: bytes = b"[", closing: bytes = b"]", core: bytes = b"") -> bytes:
    return opening * depth + core + closing * depth


def test_depth_64_is_read_and_65_refused() -> None:
    check_depth(nested(64))
    check_depth(nested(64, b'{"a":', b"}", b"1"))
    check_depth(b"[" + b",".join([nested(63)] * 100) + b"]")
    for deep in (
        nested(65),
        nested(65, b'{"a":', b"}", b"1"),
        nested(33, b'[{"a":', b"}]", b"1"),
        b"[" + b",".join([b'"["', *[b"{}"] * 1_000, nested(64)]) + b"]",
        b"[" * 65,
    ):
        with pytest.raises(Invalid):
            check_depth(deep)


def test_brackets_within_strings_are_not_depth() -> None:
    for text in ("[" * 1_000, "]" * 1_000, '"[' * 1_000, "\\[" * 1_000, '\\"{' * 1_000, "}{][" * 1_000):
        check_depth(json.dumps({"text": text}).encode())
        with pytest.raises(Invalid):
            check_depth(json.dumps([text, json.loads(nested(64))]).encode())


@pytest.mark.parametrize(
    ("body", "s_max"),
    [
        (b"[" * 100_000, 0.2),
        (nested(100_000), 0.2),
        (b'{"a":' * 100_000, 0.2),
        (json.dumps([{"text": "x" * 900, "metadata": {"a": 1}}] * 1_000).encode(), 0.05),
        # Each would take minutes with a scan that begins again at each quote. Bounds are several times what is usual.
        (b"[" * 65 + b'"' + b'\\"' * 500_000, 1),
        (b"[" * 60 + b'"\\' * 500_000, 1),
    ],
    ids=["open", "closed", "objects", "flat", "escaped quotes", "odd quotes"],
)
def test_hostile_and_flat_bodies_are_judged_in_little_time(body: bytes, s_max: float) -> None:
    times: list[float] = []
    # The best of three, of the thread's own time: other processes have the processor, too.
    for _ in range(3):
        started = time.thread_time()
        with suppress(Invalid):
            check_depth(body)
        times.append(time.thread_time() - started)
    assert min(times) < s_max


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nothing",
        b'{"text": "a"} trailing',
        b'{"text": "a"}}',
        b'{"text": "a", /* comment */ "score": 1}',
        b'\xef\xbb\xbf{"text": "a"}',
        b'{"text": "\xff\xfe"}',
        b'{"text": "\\ud800"}',
        b'{"text": "\xed\xa0\x80"}',
        b'{"text": "line\nbreak"}',
        b"{'text': 'a'}",
        nested(100_000),
    ],
)
def test_what_is_not_json_is_malformed_and_not_repeated(body: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        parse(NOTE, body)
    assert "comment" not in str(caught.value)
    assert "trailing" not in str(caught.value)


def refused_without_echo(check: Callable[[], object], secret: str) -> Invalid:
    with pytest.raises(AgentOpsError) as caught:
        check()
    assert isinstance(caught.value, Invalid)
    assert secret not in str(caught.value) + str(caught.value.fields)
    return caught.value


def test_what_breaks_the_model_is_invalid_and_not_repeated() -> None:
    error = refused_without_echo(lambda: parse(NOTE, b'{"text": 123456789, "score": "hunter22"}'), "hunter22")
    assert [field["field"] for field in error.fields] == ["text", "score"]
    assert "123456789" not in str(error.fields)
    refused_without_echo(lambda: parse(NOTE, b'"hunter22"'), "hunter22")


def test_nul_is_found_in_each_of_its_forms() -> None:
    assert has_nul(b'{"a": "\\u0000"}')
    assert has_nul(b'{"a": "\x00"}')
    assert not has_nul(b'{"a": "\\u0001 0"}')
    assert replace_nul("a\0b\0") == "a\ufffdb\ufffd"
    assert replace_nul("ab") == "ab"
