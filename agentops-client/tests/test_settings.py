"""Settings that cannot be used are warned of, once, and not used."""

import logging
import time
from dataclasses import replace
from pathlib import Path

import pytest
from agentops import AgentOps, ConnectionFailed, NotConfigured, notices
from agentops.config import configure
from agentops.judge.cache import Cache
from agentops.query import stats
from agentops.wire import Later, Poster, Server
from tests.clients import KEY, client_of
from tests.judging import judging
from tests.receiver import Receiver

IMPOSSIBLE = [
    "http://ex..ample.com",
    f"http://{'a' * 64}.example.com",
    f"http://{'.'.join(['a' * 60] * 5)}",
    "http://\N{SNOWMAN}.invalid",
    "http://ex ample.com",
    "http://256.1.1.1",
    "http://localhost:1/\x01",
    "http://localhost:99999",
    "http://localhost:0",
    "http://localhost/?key=1",
    "http://localhost/#top",
    "http://localhost?",
    " http://localhost",
    "localhost:8000",
    "http://",
]


def server_of(url: str) -> Server:
    """A server that `configure` would not let through."""
    config = configure(
        api_key=KEY,
        api_url="http://localhost",
        enabled=True,
        sample_rate=None,
        spool_dir=None,
        redact=None,
        raise_errors=None,
        bounds=None,
    )
    return Server(replace(config, api_url=url))


@pytest.mark.parametrize("url", IMPOSSIBLE)
def test_an_impossible_address_is_one_warning(url: str, caplog: pytest.LogCaptureFixture) -> None:
    notices.warn("local", "", every_s=0)
    caplog.clear()
    ops = AgentOps(KEY, url)
    assert [each.message[:31] for each in caplog.records] == ["api_url must look like https://"]
    assert ops.api_url is None
    assert ops.record("q", "a") is None
    with pytest.raises(NotConfigured):
        ops.stats()


@pytest.mark.parametrize(
    "url",
    [
        "https://agentops.example.com",
        "HTTPS://Agentops.Example.com:8443/behind/a/proxy/",
        "http://b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example",
        "http://a_b.example.",
        "http://127.0.0.1:8000",
        "http://[::1]:8000",
        "http://[fe80::1%25eth0]",
    ],
)
def test_a_possible_address_is_taken(url: str, caplog: pytest.LogCaptureFixture) -> None:
    assert AgentOps(KEY, url).api_url == url.rstrip("/")
    assert caplog.records == []


@pytest.mark.parametrize("url", ["http://ex..ample.com", "http://\N{SNOWMAN}.invalid", "http://localhost:1/\x01"])
def test_an_address_that_fails_at_the_connection_is_a_typed_error(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentops.query._BACKOFF_S", 0)
    poster = Poster(server_of(url))
    assert isinstance(poster.post([b"{}"]), Later)
    poster.close()
    with pytest.raises(ConnectionFailed, match="could not be reached"):
        stats(server_of(url), 7, None, None)


@pytest.mark.parametrize("proxy", ["http://ex..ample.com", "http://\N{SNOWMAN}.invalid", "gopher://localhost"])
def test_a_proxy_that_cannot_be_is_a_typed_error(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setattr("agentops.query._BACKOFF_S", 0)
    with client_of(receiver) as ops:
        monkeypatch.setenv("HTTP_PROXY", proxy)
        for name in ("NO_PROXY", "no_proxy", "http_proxy"):
            monkeypatch.delenv(name, raising=False)
        ops.record("q", "a")
        with pytest.raises(ConnectionFailed):
            ops.stats()
        assert not ops.flush(0.2)
        assert (ops.delivery().queued, ops.delivery().dropped) == (1, {})
        until = time.monotonic() + 20
        while not ops.delivery().last_error:
            assert time.monotonic() < until
            time.sleep(0.01)


def test_text_that_cannot_be_sent_is_said_so(receiver: Receiver) -> None:
    with client_of(receiver) as ops, pytest.raises(ValueError, match="cannot be sent"):
        ops.label("019ab3f5-22b0-7e4d-8f16-7a9b1c3d5e07", hallucinated=True, note="half \ud83d")


@pytest.mark.parametrize("directory", ["~nosuchuser/x", "~"])
def test_a_home_that_nobody_has_is_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, directory: str
) -> None:
    # So is a process without HOME whose user has no entry.
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("os.getuid", lambda: 2**31 - 7)
    with judging() as judge:
        monkeypatch.setenv("AGENTOPS_SPOOL_DIR", directory)
        monkeypatch.setenv("AGENTOPS_JUDGE_CACHE_DIR", directory)
        monkeypatch.setenv("AGENTOPS_JUDGE_URL", judge.url)
        monkeypatch.setenv("AGENTOPS_JUDGE_MODEL", "m")
        for _ in range(2):
            ops = AgentOps(enabled=False)
            assert ops.evaluate("q", "a").status == "unverified"
    assert sorted(each.message.partition(":")[0] for each in caplog.records) == [
        "cache_dir is not used",
        "spool_dir is not used",
    ]
    assert {each.levelno for each in caplog.records} == {logging.WARNING}
    cache = Cache(10, Path(directory))
    cache.put("k", "text")
    assert cache.get("k") == "text"
