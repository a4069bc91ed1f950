"""What a client may do is counted exactly, in memory and in a real Redis."""

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from agentops_api.edge import redis_windows
from agentops_api.edge.limits import Limiter, Policy, allowance, headers
from agentops_api.edge.redis_windows import RedisWindow
from agentops_api.edge.windows import MemoryWindow
from agentops_api.errors import Misconfigured, TooManyRequests
from agentops_api.settings import Settings
from pydantic import SecretStr

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def settings(url: str | None = None) -> Settings:
    return Settings(
        _env_file=None,  # pyright: ignore[reportCallIssue] - pydantic-settings takes it, and does not say so
        rate_limit_per_minute=60,
        ingest_limit_per_minute=1_000,
        register_limit_per_hour=5,
        rate_limit_storage_url=SecretStr(url) if url else None,
    )


async def granted(limiter: Limiter, policy: Policy, client: str, attempts: int) -> int:
    count = 0
    for _ in range(attempts):
        try:
            await limiter.hit(policy, client)
        except TooManyRequests:
            continue
        count += 1
    return count


def test_a_burst_gets_the_limit_and_not_one_more() -> None:
    window = MemoryWindow(60, 60)
    assert sum(window.take("a", 1, 1_000.0 + i / 100).granted for i in range(200)) == 60


def test_clients_do_not_share_their_quota() -> None:
    window = MemoryWindow(1, 60)
    assert window.take("a", 1, 0).granted
    assert window.take("b", 1, 0).granted
    assert not window.take("a", 1, 1).granted


@pytest.mark.parametrize("hits_per_s", [1.0, 1.05, 3.0, 50.0])
def test_over_many_windows_the_limit_is_kept_within_two_percent(hits_per_s: float) -> None:
    window, now, count = MemoryWindow(60, 60), 0.0, 0
    times: list[float] = []
    while now < 1_200:
        if window.take("a", 1, now).granted:
            count += 1
            times.append(now)
        now += 1 / hits_per_s
    assert abs(count - 1_200) <= 24 + 60 * (hits_per_s > 1)
    # No minute, wherever it begins, sees more than the counter's own error above the limit.
    most = max(sum(begin <= at < begin + 60 for at in times) for begin in times)
    assert most <= 61


def test_a_batch_is_granted_whole_or_not_at_all() -> None:
    window = MemoryWindow(100, 60)
    assert window.take("a", 60, 0).remaining == 40
    refused = window.take("a", 41, 1)
    assert (refused.granted, refused.remaining) == (False, 40)
    assert window.take("a", 40, 1).remaining == 0
    assert not window.take("a", 101, 1_000).granted


@pytest.mark.parametrize("cost", [1, 7, 30, 60])
@pytest.mark.parametrize("first_at", [0.0, 59.0])
def test_after_the_time_told_the_same_request_is_granted(cost: int, first_at: float) -> None:
    window = MemoryWindow(60, 60)
    window.take("a", 1, 0)
    while window.take("a", 1, first_at).granted:
        pass
    for now in (first_at, 61.5, 90.0):
        refused = window.take("a", cost, now)
        if refused.granted:
            continue
        assert not window.take("a", cost, now + refused.reset_s - 1.1).granted or refused.reset_s <= 1.1
        assert window.take("a", cost, now + refused.reset_s + 0.001).granted
        return


def test_memory_is_bounded_and_quiet_clients_are_forgotten() -> None:
    window = MemoryWindow(10, 60, clients_max=1_000)
    for i in range(10_000):
        window.take(f"client {i}", 1, i / 1_000)
    assert len(window._clients) <= 1_000  # pyright: ignore[reportPrivateUsage] - its size is the promise
    window.take("late", 1, 1_000)
    assert len(window._clients) == 1  # pyright: ignore[reportPrivateUsage]


async def test_the_policies_have_the_limits_of_the_settings() -> None:
    async with Limiter(settings()) as limiter:
        assert await granted(limiter, "ordinary", "a", 100) == 60
        assert await granted(limiter, "people", "a", 700) == 600
        assert await granted(limiter, "ingest", "a", 1_100) == 1_000
        assert await granted(limiter, "register", "a", 10) == 5


async def test_a_refusal_says_when_to_come_back_and_leaves_its_headers() -> None:
    async with Limiter(settings()) as limiter:
        left = await limiter.hit("ingest", "a", cost=900)
        assert (left.limit, left.remaining, left.reset_s) == (1_000, 100, 60)
        assert allowance.get() == left
        with pytest.raises(TooManyRequests) as caught:
            await limiter.hit("ingest", "a", cost=101)
        assert 0 < caught.value.retry_after_s <= 120
        refused = allowance.get()
        assert refused is not None
        named = dict(headers(refused))
        assert named[b"ratelimit-policy"] == b'"ingest";q=1000;w=60'
        assert named[b"ratelimit"].startswith(b'"ingest";r=100;t=')
        with pytest.raises(TooManyRequests, match="send less"):
            await limiter.hit("ingest", "b", cost=1_001)


async def test_a_hit_in_memory_costs_little() -> None:
    async with Limiter(settings()) as limiter:
        for i in range(5_000):
            await limiter.hit("ingest", f"client {i}")
        best = 1.0
        for _ in range(20):
            started = time.perf_counter()
            for i in range(100):
                await limiter.hit("ingest", f"client {i}")
            best = min(best, (time.perf_counter() - started) / 100)
        assert best < 20e-6


@pytest.mark.parametrize("url", ["memcached://localhost", "localhost:6379", "redis://localhost:port"])
def test_a_storage_that_is_not_redis_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(Misconfigured, match="RATE_LIMIT_STORAGE_URL"):
        RedisWindow(url)


class RedisServer:
    """A Redis of this test alone."""

    def __init__(self, folder: Path, port: int) -> None:
        self.url = f"redis://127.0.0.1:{port}/0"
        self._command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
        self._command += ["--save", "", "--appendonly", "no"]
        self._port = port
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while not self._answers():
            assert time.monotonic() < deadline, "redis-server does not start"
            time.sleep(0.02)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False


@pytest.fixture
def redis_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    # Else each process counts for itself as soon as the machine stalls for half a second.
    patient = {"socket_timeout": 30, "socket_connect_timeout": 30}
    monkeypatch.setattr(redis_windows, "_REDIS_OPTIONS", patient)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    server = RedisServer(tmp_path, port)
    yield server
    server.stop()


async def test_several_processes_share_a_limit_through_redis(redis_server: RedisServer) -> None:
    one, two = settings(redis_server.url), settings(redis_server.url.replace("redis://", "valkey://"))
    async with Limiter(one) as first, Limiter(two) as second:
        counts = await asyncio.gather(granted(first, "ordinary", "a", 80), granted(second, "ordinary", "a", 80))
        assert sum(counts) == 60
        assert min(counts) > 0
        assert await granted(first, "ordinary", "b", 1) == 1
        left = await first.hit("ingest", "a", cost=900)
        assert left.remaining == 100
        assert 50 <= left.reset_s <= 60
        with pytest.raises(TooManyRequests) as caught:
            await second.hit("ingest", "a", cost=101)
        assert 50 <= caught.value.retry_after_s <= 120


async def test_without_redis_each_process_counts_alone_and_warns_once(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with Limiter(settings(redis_server.url)) as limiter:
        assert await granted(limiter, "ordinary", "a", 80) == 60
        redis_server.stop()
        started = time.monotonic()
        assert await granted(limiter, "ordinary", "a", 80) == 60
        assert time.monotonic() - started < 20
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1
    assert "Redis fails" in warnings[0].message
