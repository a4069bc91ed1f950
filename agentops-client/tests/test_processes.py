"""Forks, signals and the interpreter's exit, in programs of their own."""

import signal
import threading
import time
from pathlib import Path

import pytest
from tests.clients import ended, program
from tests.receiver import Receiver, free_port, refuse, wait_for

BEGIN = """
import os, signal, sys, threading, time
from agentops import AgentOps, Bounds
ops = AgentOps("agops_test", sys.argv[1])
"""
PATIENT = BEGIN.replace("[1])", "[1], bounds=Bounds(exit_s_max=60))")
"""Where the exit's two seconds are not what is looked at: a busy machine may stall for longer."""

EXIT_S_MAX = 5.0
"""Two seconds, and what a busy machine adds to them. A request alone would take ten."""


def prompts(receiver: Receiver) -> list[str]:
    """What came, in any order."""
    return sorted(item["prompt"] for item in receiver.stored.values())


def test_the_interpreters_exit_delivers(receiver: Receiver, tmp_path: Path) -> None:
    ended(program(PATIENT + "for n in range(500): ops.record(f'{n:03}', 'a')", tmp_path, receiver.url))
    assert prompts(receiver) == [f"{number:03}" for number in range(500)]


@pytest.mark.parametrize("what", ["nobody", "503", "silence"])
def test_the_interpreters_exit_takes_no_more_than_two_seconds(receiver: Receiver, tmp_path: Path, what: str) -> None:
    never = threading.Event()
    receiver.usual = refuse(503) if what == "503" else wait_for(never)
    url = f"http://127.0.0.1:{free_port()}" if what == "nobody" else receiver.url
    text = "ops.record('q', 'a')\nprint('ending', flush=True)"
    process = program(BEGIN + text, tmp_path, url)
    assert process.stdout
    assert process.stdout.readline() == "ending\n"
    began = time.monotonic()
    _, err = process.communicate(timeout=20)
    never.set()
    assert time.monotonic() - began < EXIT_S_MAX
    assert process.returncode == 0
    assert "1 evaluations were not delivered in time and are lost." in err


def test_an_exit_by_an_exception_delivers_too(receiver: Receiver, tmp_path: Path) -> None:
    process = program(PATIENT + "ops.record('q', 'a')\nraise SystemExit(3)", tmp_path, receiver.url)
    process.communicate(timeout=20)
    assert process.returncode == 3
    assert prompts(receiver) == ["q"]


def test_a_program_that_exits_on_sigterm_delivers(receiver: Receiver, tmp_path: Path) -> None:
    text = """
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
for n in range(50): ops.record(f'{n:02}', 'a')
print('ready', flush=True)
signal.pause()
"""
    process = program(PATIENT + text, tmp_path, receiver.url)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    ended(process)
    assert len(prompts(receiver)) == 50


def test_the_package_handles_no_signals(receiver: Receiver, tmp_path: Path) -> None:
    text = """
before = {each: signal.getsignal(each) for each in signal.valid_signals()}
ops.record('q', 'a')
ops.flush()
assert before == {each: signal.getsignal(each) for each in signal.valid_signals()}
"""
    ended(program(BEGIN + text, tmp_path, receiver.url))


def test_recording_in_a_signal_handler_does_not_deadlock(receiver: Receiver, tmp_path: Path) -> None:
    text = """
handled = []
def handler(*_):
    ops.record('handler', 'a')
    handled.append(1)
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
while len(handled) < 300:
    ops.record('main', 'a')
signal.setitimer(signal.ITIMER_REAL, 0)
assert ops.flush(60)
told = ops.delivery()
assert told.captured == told.delivered + sum(told.dropped.values()), told
print(len(handled))
"""
    assert int(ended(program(BEGIN + text, tmp_path, receiver.url))) >= 300


def test_forked_children_send_their_own_and_only_that(receiver: Receiver, tmp_path: Path) -> None:
    text = """
ops.record('parent before', 'a')
children = []
for n in range(4):
    child = os.fork()
    if child == 0:
        assert ops.delivery().captured == 0
        ops.record(f'child {n}', 'a')
        sys.exit(0)
    children.append(child)
assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
ops.record('parent after', 'a')
assert ops.flush()
print(ops.delivery().delivered, ops.delivery().duplicates)
"""
    printed = ended(program(PATIENT + text, tmp_path, receiver.url, PYTHONWARNINGS="ignore::DeprecationWarning"))
    assert printed == "2 0\n"
    assert prompts(receiver) == [*(f"child {number}" for number in range(4)), "parent after", "parent before"]


def test_forks_in_the_middle_of_everything_do_not_deadlock(receiver: Receiver, tmp_path: Path) -> None:
    text = """
import logging
# Four busy threads may fill the queue, which is a warning.
logging.getLogger("agentops").setLevel(logging.ERROR)
stop = threading.Event()
def busy():
    while not stop.is_set():
        ops.record('busy', 'a')
        ops.delivery()
        time.sleep(0.0001)
threads = [threading.Thread(target=busy) for _ in range(4)]
for thread in threads: thread.start()
for n in range(40):
    child = os.fork()
    if child == 0:
        ops.record(f'child {n:02}', 'a')
        ops.evaluate('q', 'a', ['a'], upload=False)
        os._exit(0 if ops.flush(20) else 1)
    assert os.waitpid(child, 0)[1] == 0
stop.set()
for thread in threads: thread.join()
ops.flush(30)
"""
    ended(program(BEGIN + text, tmp_path, receiver.url), within_s=90)
    assert [each for each in prompts(receiver) if each != "busy"] == [f"child {number:02}" for number in range(40)]


def test_the_thread_imports_nothing(receiver: Receiver, tmp_path: Path) -> None:
    """A child that is forked in the middle of an import can never do that import."""
    text = """
before = set(sys.modules)
ops.observe(lambda question, documents: 'blue')('What colour is the sky?', ['The sky is blue.'])
assert ops.flush(20)
print(sorted(set(sys.modules) - before))
"""
    assert ended(program(BEGIN + text, tmp_path, receiver.url)) == "[]\n"


def test_workers_of_multiprocessing_deliver(receiver: Receiver, tmp_path: Path) -> None:
    text = """
import multiprocessing
def work(n):
    ops.record(f'worker {n}', 'a')
context = multiprocessing.get_context('fork')
workers = [context.Process(target=work, args=(n,)) for n in range(3)]
for worker in workers: worker.start()
for worker in workers: worker.join()
assert [worker.exitcode for worker in workers] == [0, 0, 0]
"""
    ended(program(PATIENT + text, tmp_path, receiver.url))
    assert prompts(receiver) == ["worker 0", "worker 1", "worker 2"]


def test_recording_at_exit_is_no_error(receiver: Receiver, tmp_path: Path) -> None:
    text = """
import atexit
atexit.register(lambda: ops.record('last', 'a'))
"""
    ended(program(BEGIN + text, tmp_path, receiver.url))


def test_several_clients_share_the_two_seconds(receiver: Receiver, tmp_path: Path) -> None:
    receiver.usual = refuse(503)
    text = """
clients = [AgentOps('agops_test', sys.argv[1]) for _ in range(5)]
for client in clients: client.record('q', 'a')
print('ending', flush=True)
"""
    process = program(BEGIN + text, tmp_path, receiver.url)
    assert process.stdout
    process.stdout.readline()
    began = time.monotonic()
    process.communicate(timeout=20)
    assert time.monotonic() - began < EXIT_S_MAX


def test_a_forked_child_makes_ids_of_its_own(tmp_path: Path) -> None:
    text = """
import os
from agentops.events import new_id
reading, writing = os.pipe()
if os.fork() == 0:
    os.write(writing, str(new_id()).encode())
    os._exit(0)
os.wait()
print(os.read(reading, 99).decode()[14:] == str(new_id())[14:])
"""
    assert ended(program(text, tmp_path)) == "False\n"
