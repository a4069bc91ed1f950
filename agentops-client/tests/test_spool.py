"""The spool: what is on disk outlives the process, and is sent once."""

import errno
import os
import random
import signal
import stat
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from agentops import AgentOps, Bounds
from agentops.spool import Spool, lines_of
from tests.clients import QUICK, client_of, ended, program
from tests.receiver import Receiver, free_port, hang_up, receiving, refuse

PATIENT = Bounds(linger_s=0.05, backoff_s=60, backoff_s_max=60)
CRASHES = """
import os, sys
from agentops import AgentOps
url, spool_dir, count = sys.argv[1:]
ops = AgentOps("agops_test", url, spool_dir=spool_dir)
for number in range(int(count)):
    ops.record(f"question {number}", "answer")
while ops.delivery().queued_bytes:
    pass
print("all on disk", flush=True)
sys.stdin.read()
"""
SENDS = """
import sys
from agentops import AgentOps
url, spool_dir = sys.argv[1:]
ops = AgentOps("agops_test", url, spool_dir=spool_dir)
print(ops.flush(20), ops.delivery().recovered, ops.delivery().queued)
"""


def segments(spool_dir: Path) -> list[Path]:
    return sorted(spool_dir.rglob("*.jsonl"))


def until_saved(ops: AgentOps) -> None:
    """Waits until nothing is in memory only: a busy disk takes its time."""
    until = time.monotonic() + 20
    while ops.delivery().queued_bytes:
        assert time.monotonic() < until
        time.sleep(0.01)


def until_ended(ops: AgentOps) -> None:
    """Waits until a closed client has given its directory back, which `close` waits for no longer than it was told."""
    thread = ops._sender._work.thread  # pyright: ignore[reportPrivateUsage]
    assert thread
    thread.join(20)
    assert not thread.is_alive()


def crash(url: str, spool_dir: Path, count: int, place: Path) -> None:
    """A program that is killed when everything is on disk."""
    process = program(CRASHES, place, url, str(spool_dir), str(count))
    assert process.stdout
    assert process.stdout.readline() == "all on disk\n"
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=10)
    assert process.returncode == -signal.SIGKILL


def test_all_that_the_spool_holds_is_queued_before_any_of_it_is_sent(tmp_path: Path, receiver: Receiver) -> None:
    port = free_port()
    crash(f"http://127.0.0.1:{port}", tmp_path / "spool", 1_000, tmp_path)
    with receiving(port) as away:
        away.usual = refuse(503)
        with client_of(away, PATIENT, spool_dir=tmp_path / "spool") as ops:
            assert ops.delivery().queued == 0
            ops.record("q", "a")
            until = time.monotonic() + 10
            while ops.delivery().recovered < 1_000 and time.monotonic() < until:
                pass
            assert (ops.delivery().recovered, ops.delivery().queued) == (1_000, 1_001)


def test_what_a_killed_process_recorded_is_sent_by_the_next(tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    crash(url, tmp_path / "spool", 1_000, tmp_path)
    with receiving(port) as receiver:
        printed = ended(program(SENDS, tmp_path, url, str(tmp_path / "spool")))
        assert printed == "True 1000 0\n"
        assert sorted(item["prompt"] for item in receiver.stored.values()) == sorted(
            f"question {number}" for number in range(1_000)
        )
    assert segments(tmp_path / "spool") == []


def test_several_killed_processes_leave_nothing_behind(tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    for _ in range(3):
        crash(url, tmp_path / "spool", 50, tmp_path)
    with receiving(port) as receiver:
        assert ended(program(SENDS, tmp_path, url, str(tmp_path / "spool"))) == "True 150 0\n"
        assert len(receiver.stored) == 150


def test_a_process_that_lives_keeps_its_own(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(random, "uniform", lambda low, high: high)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    receiver.script.append(refuse(503))
    with client_of(receiver, PATIENT, spool_dir=tmp_path) as living:
        assert living.record("mine", "yes")
        receiver.wait(lambda: receiver.answered == 1)
        with client_of(receiver, QUICK, spool_dir=tmp_path) as other:
            assert other.flush()
            assert other.delivery().recovered == 0
        assert len(receiver.requests) == 1
        assert living.flush()
    assert len(receiver.stored) == 1


def test_two_keys_never_mix(receiver: Receiver, tmp_path: Path) -> None:
    with receiving(free_port()) as gone:
        pass
    with client_of(gone, spool_dir=tmp_path) as ops:
        ops.record("for another server", "yes")
        until_saved(ops)
        assert not ops.close(0.3)
    assert len(segments(tmp_path)) == 1
    with client_of(receiver, spool_dir=tmp_path) as ops:
        assert ops.flush()
        assert ops.delivery().recovered == 0
    assert len(segments(tmp_path)) == 1


def test_close_leaves_on_disk_what_was_not_delivered(receiver: Receiver, tmp_path: Path) -> None:
    receiver.usual = hang_up
    with client_of(receiver, replace(QUICK, save_s_max=60), spool_dir=tmp_path) as ops:
        for number in range(250):
            ops.record(f"{number}", "a")
        assert not ops.close(0.5)
        until_ended(ops)
        told = ops.delivery()
        assert (told.dropped, told.queued, told.queued_bytes) == ({}, 250, 0)
        assert told.spooled_bytes > 0
    receiver.usual = lambda handler, items: handler.accept(items)
    with client_of(receiver, spool_dir=tmp_path) as ops:
        assert ops.flush()
        assert ops.delivery().recovered == ops.delivery().delivered == 250
        assert ops.delivery().spooled_bytes == 0
    assert len(receiver.stored) == 250
    assert segments(tmp_path) == []


@pytest.mark.parametrize(("slow", "timeout_s"), [("fsync", 0.5), ("write", 0.1), ("mkdir", 0)])
def test_a_slow_disk_is_waited_for(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slow: str, timeout_s: float
) -> None:
    usual = getattr(os, slow)

    def sluggish(*arguments: Any) -> Any:
        time.sleep(1)
        return usual(*arguments)

    receiver.usual = hang_up
    with client_of(receiver, replace(QUICK, save_s_max=60), spool_dir=tmp_path) as ops:
        monkeypatch.setattr(os, slow, sluggish)
        for number in range(250):
            ops.record(f"{number}", "a")
        assert not ops.close(timeout_s)
        monkeypatch.undo()
        told = ops.delivery()
        assert (told.dropped, told.queued, told.queued_bytes) == ({}, 250, 0)
    assert sum(len(lines_of(segment)) for segment in segments(tmp_path)) == 250


def test_what_comes_while_the_spool_is_opened_is_saved(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = os.mkdir

    def sluggish(*arguments: Any) -> None:
        time.sleep(1)
        usual(*arguments)

    receiver.usual = hang_up
    with client_of(receiver, replace(QUICK, save_s_max=60), spool_dir=tmp_path) as ops:
        monkeypatch.setattr(os, "mkdir", sluggish)
        assert not ops.flush(0.2)
        for number in range(250):
            ops.record(f"{number}", "a")
        assert not ops.close(0)
        monkeypatch.undo()
        assert ops.delivery().dropped == {}
    assert sum(len(lines_of(segment)) for segment in segments(tmp_path)) == 250


def test_a_disk_that_fails_is_not_waited_for(receiver: Receiver, tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("in the way")
    receiver.usual = hang_up
    with client_of(receiver, replace(QUICK, save_s_max=600), spool_dir=tmp_path / "a file") as ops:
        ops.record("q", "a")
        assert not ops.close(0.1)
        assert ops.delivery().dropped == {"shutdown": 1}


def test_what_is_saved_and_cannot_be_synchronized_is_sent_once(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(_file: int) -> None:
        raise OSError(errno.EIO, "the disk is broken")

    monkeypatch.setattr(os, "fsync", fails)
    with client_of(receiver, spool_dir=tmp_path) as ops:
        for _ in range(250):
            ops.record("q", "a")
        assert ops.flush()
        told = ops.delivery()
        assert (told.delivered, told.duplicates, told.queued) == (250, 0, 0)
    assert "may not outlive the machine" in caplog.text


def test_nothing_stays_on_disk_when_all_is_delivered(receiver: Receiver, tmp_path: Path) -> None:
    with client_of(receiver, spool_dir=tmp_path) as ops:
        for _ in range(250):
            ops.record("q", "a")
        assert ops.flush()
        assert ops.delivery().spooled_bytes == 0
        assert segments(tmp_path) == []
        assert ops.close()
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_others_may_not_read_it(receiver: Receiver, tmp_path: Path) -> None:
    receiver.usual = refuse(503)
    old = os.umask(0)
    try:
        with client_of(receiver, PATIENT, spool_dir=tmp_path / "made") as ops:
            ops.record("a secret", "yes")
            receiver.wait(lambda: receiver.answered == 1)
            [account] = (tmp_path / "made").iterdir()
            assert stat.S_IMODE(account.stat().st_mode) == 0o700
            assert [stat.S_IMODE(path.stat().st_mode) for path in segments(tmp_path)] == [0o600]
    finally:
        os.umask(old)


def test_the_disk_holds_more_than_memory_and_has_a_bound_of_its_own(receiver: Receiver, tmp_path: Path) -> None:
    receiver.usual = refuse(503)
    bounds = Bounds(linger_s=0.01, backoff_s=0.05, backoff_s_max=0.05, queue_events_max=300, spool_bytes_max=40_000)
    with client_of(receiver, bounds, spool_dir=tmp_path) as ops:
        while ops.delivery().queued <= 310 or not ops.delivery().dropped:
            ops.record("x" * 200, "y")
        told = ops.delivery()
        assert set(told.dropped) == {"queue_full"}
        assert 0 < told.spooled_bytes <= 40_000
        receiver.usual = lambda handler, items: handler.accept(items)
        assert ops.flush(20)
        assert ops.delivery().delivered == ops.delivery().captured - sum(ops.delivery().dropped.values())


@pytest.mark.parametrize("place", ["a file", "/proc/nobody/may"])
def test_without_a_disk_events_go_through_memory(
    receiver: Receiver, tmp_path: Path, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "a file").write_text("in the way")
    with client_of(receiver, spool_dir=tmp_path / place) as ops:
        for _ in range(250):
            ops.record("q", "a")
        assert ops.flush()
        assert ops.delivery().delivered == 250
        assert ops.delivery().queued_bytes == 0
    assert "evaluations stay in memory" in caplog.text


def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    spool = Spool(tmp_path, QUICK)
    spool.append([b'{"whole":1}', b'{"whole":2}'])
    spool.rotate()
    [segment] = spool.ready
    with segment.path.open("ab") as file:
        file.write(b'{"cut o')
    assert segment.read() == [b'{"whole":1}', b'{"whole":2}']


def test_a_forked_child_writes_to_a_directory_of_its_own(tmp_path: Path) -> None:
    text = """
import os, sys
from agentops import AgentOps
url, spool_dir = sys.argv[1:]
ops = AgentOps("agops_test", url, spool_dir=spool_dir)
ops.record("parent", "1")
while ops.delivery().queued_bytes:
    pass
child = os.fork()
if child == 0:
    ops.record("child", "2")
    while ops.delivery().queued_bytes:
        pass
    ops.close(0.2)
    os._exit(0)
os.waitpid(child, 0)
ops.record("parent", "3")
while ops.delivery().queued_bytes:
    pass
ops.close(0.2)
"""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    program(text, tmp_path, url, str(tmp_path / "spool")).communicate(timeout=30)
    with receiving(port) as receiver:
        assert ended(program(SENDS, tmp_path, url, str(tmp_path / "spool"))) == "True 3 0\n"
        assert sorted(item["response"] for item in receiver.stored.values()) == ["1", "2", "3"]
