"""A spool whose disk, directory or threads fail: nothing is lost without being counted, and nothing counted twice."""

import errno
import fcntl
import os
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from agentops import spool as spool_module
from agentops.spool import Spool
from tests.clients import QUICK, client_of, program
from tests.receiver import Receiver, free_port, receiving, refuse
from tests.test_spool import segments, until_ended, until_saved


def test_a_segment_that_cannot_be_read_once_is_read_again(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    usual = Path.read_bytes
    failures = iter([OSError(errno.EMFILE, "Too many open files")])

    def read_bytes(path: Path) -> bytes:
        for failure in failures:
            raise failure
        return usual(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    with client_of(receiver, spool_dir=tmp_path) as ops:
        for number in range(250):
            ops.record(f"{number}", "a")
        assert ops.flush(30)
        told = ops.delivery()
        assert (told.delivered, told.dropped, told.queued, told.spooled_bytes) == (250, {}, 0, 0)
    assert "cannot be read now" in caplog.text
    assert segments(tmp_path) == []


def test_a_segment_that_cannot_be_read_holds_up_no_other_and_is_left_to_the_next_process(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = Path.read_bytes
    bad: list[Path] = []

    def read_bytes(path: Path) -> bytes:
        if path in bad or not bad:
            bad.append(path)
            raise OSError(errno.EIO, "the disk is broken")
        return usual(path)

    with client_of(receiver, spool_dir=tmp_path) as ops, monkeypatch.context() as broken:
        broken.setattr(Path, "read_bytes", read_bytes)
        ops.record("first", "a")
        assert not ops.flush(0.2)
        assert bad
        ops.record("second", "a")
        receiver.wait(lambda: len(receiver.stored) == 1)
        assert not ops.flush(0.2), "one is on disk"
        assert not ops.close(0.2)
        until_ended(ops)
        told = ops.delivery()
        assert (told.delivered, told.dropped, told.queued) == (1, {}, 1)
    with client_of(receiver, spool_dir=tmp_path) as ops:
        assert ops.flush(30)
        assert ops.delivery().recovered == ops.delivery().delivered == 1
    assert sorted(item["prompt"] for item in receiver.stored.values()) == ["first", "second"]


def test_segments_that_somebody_deletes_are_counted_as_lost(
    receiver: Receiver, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.usual = refuse(503)
    with client_of(receiver, spool_dir=tmp_path) as ops:
        for _ in range(3):
            for number in range(100):
                ops.record(f"{number}", "a")
            until_saved(ops)
        receiver.wait(lambda: receiver.answered > 0)
        for segment in segments(tmp_path)[1:]:
            segment.unlink()
        receiver.usual = lambda handler, items: handler.accept(items)
        assert ops.flush(30)
        told = ops.delivery()
        assert told.dropped == {"lost": 300 - told.delivered}
        assert told.delivered >= 1
        assert (told.queued, told.spooled_bytes) == (0, 0)
    assert "are lost" in caplog.text


def test_a_forked_child_neither_keeps_its_parents_lock_nor_gives_it_back(tmp_path: Path) -> None:
    text = """
import os, signal, sys
from agentops import AgentOps
url, spool_dir = sys.argv[1:]
ops = AgentOps("agops_test", url, spool_dir=spool_dir)
ops.record("parent", "a")
while ops.delivery().queued_bytes:
    pass
child = os.fork()
if child == 0:
    # A worker that outlives its parent, and records nothing.
    signal.pause()
print(child, flush=True)
sys.stdin.read()
os._exit(0)
"""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    words = (url, str(tmp_path / "spool"))
    with program(text, tmp_path, *words, stdin=subprocess.PIPE, PYTHONWARNINGS="ignore") as parent:
        assert parent.stdin
        assert parent.stdout
        child = int(parent.stdout.readline())
        try:
            with receiving(port) as receiver:
                with client_of(receiver, spool_dir=tmp_path / "spool") as ops:
                    assert ops.flush(30)
                    assert ops.delivery().recovered == 0
                parent.stdin.close()
                assert parent.wait(30) == 0
                with client_of(receiver, spool_dir=tmp_path / "spool") as ops:
                    assert ops.flush(30)
                    assert ops.delivery().recovered == 1
        finally:
            os.kill(child, signal.SIGKILL)


def left(place: Path, line: bytes = b'{"a":1}') -> Path:
    """The directory of a process that ended and left one event."""
    spool = Spool(place, QUICK)
    spool.append([line])
    spool.rotate()
    spool.disown()
    return spool.ready[0].path.parent


def test_where_nothing_can_be_locked_nothing_piles_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(_file: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    files = len(list(Path("/dev/fd").iterdir()))
    spool = Spool(tmp_path / "account", QUICK)
    for _ in range(3):
        with pytest.raises(OSError, match="No locks"):
            spool.append([b"{}"])
    assert len(list(Path("/dev/fd").iterdir())) == files
    assert list((tmp_path / "account").iterdir()) == []


def test_a_directory_that_cannot_be_taken_over_holds_up_no_other(tmp_path: Path) -> None:
    directories = [left(tmp_path) for _ in range(3)]
    for at in (0, 1):
        (directories[at] / "stray").write_text("not ours")
    recovered: list[int] = []
    with pytest.raises(OSError, match=str(directories[0])):
        Spool(tmp_path, QUICK).recover(recovered.append)
    assert sum(recovered) == 3


def test_a_segment_that_cannot_be_taken_over_holds_up_no_other(tmp_path: Path) -> None:
    directory = left(tmp_path)
    bad = directory / "0.jsonl"
    bad.mkdir()
    recovered: list[int] = []
    with pytest.raises(IsADirectoryError):
        Spool(tmp_path, QUICK).recover(recovered.append)
    assert sum(recovered) == 1
    bad.rmdir()
    bad.write_bytes(b"{}\n{}\n")
    Spool(tmp_path, QUICK).recover(recovered.append)
    assert sum(recovered) == 3, "a later process finds it"


def test_a_directory_that_is_given_back_while_it_is_looked_at_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaving = Spool(tmp_path, QUICK)
    leaving.recover(lambda count: None)
    left(tmp_path)
    looking = Spool(tmp_path, QUICK)
    looking.append([b"{}"])
    usual = fcntl.flock

    def flock(file: int, operation: int) -> None:
        leaving.leave()
        usual(file, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    recovered: list[int] = []
    looking.recover(recovered.append)
    assert recovered == [1]


def test_an_idle_process_looks_for_what_others_left(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "_LOOK_S", 0.1)
    with client_of(receiver, spool_dir=tmp_path) as ops:
        assert ops.flush(30)
        [account] = tmp_path.iterdir()
        left(account, b'{"id":"1","prompt":"q"}')
        receiver.wait(lambda: len(receiver.stored) == 1)
        assert ops.flush(30)
        assert ops.delivery().recovered == 1


def test_what_was_written_in_part_and_cannot_be_cut_off_is_sent_once(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = os.write

    def write(file: int, text: memoryview) -> int:
        usual(file, text)
        raise OSError(errno.ENOSPC, "No space left on device")

    def ftruncate(_file: int, _size: int) -> None:
        raise OSError(errno.EIO, "the disk is broken")

    with client_of(receiver, replace(QUICK, linger_s=60), spool_dir=tmp_path) as ops:
        ops.record("before", "a")
        until_saved(ops)
        with monkeypatch.context() as broken:
            broken.setattr(os, "write", write)
            broken.setattr(os, "ftruncate", ftruncate)
            ops.record("in part", "a")
            receiver.wait(lambda: len(receiver.stored) == 2)
        assert ops.flush(30)
        told = ops.delivery()
        assert (told.captured, told.delivered, told.duplicates, told.queued) == (2, 2, 0, 0)
