"""`python -m agentops evaluate`, as it is typed."""

import gc
import io
import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from agentops import Bounds, Evaluation
from agentops.__main__ import main
from agentops.lines import writing
from agentops.uploading import Progress, Upload
from tests.clients import PACKAGE_DIR, client_of
from tests.judging import judging
from tests.receiver import Receiver, refuse

SKY = "The sky is blue by day because air scatters blue light."
LINES = [
    {"prompt": "What colour is the sky?", "response": "The sky is blue by day.", "retrieved_docs": [SKY]},
    {"prompt": "What colour is the sky?", "response": "Clowns invented it in Peru in 2011.", "retrieved_docs": [SKY]},
    {"prompt": "What colour is the sky?", "response": "Blue, perhaps.", "agent_name": "qa"},
]


def agentops(*words: object, place: Path, given: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """What the command did."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "agentops", *map(str, words)],
        cwd=place,
        env={"PATH": os.defpath, "PYTHONPATH": str(PACKAGE_DIR)} | environment,
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_one_answer_is_judged(tmp_path: Path) -> None:
    (tmp_path / "sky.txt").write_text(SKY)
    done = agentops(
        "evaluate", "--prompt", "What colour is the sky?", "--response", "The sky is blue by day.",
        "--document-file", "sky.txt", "--document", "Grass is green.", place=tmp_path,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    assert (result["hallucinated"], result["status"]) == (False, "verified")


def test_a_file_is_judged_line_by_line(tmp_path: Path) -> None:
    text = "\n".join([*map(json.dumps, LINES), "", "not JSON", "[1]", '{"prompt": "no response"}'])
    (tmp_path / "answers.jsonl").write_text(text)
    done = agentops("evaluate", "answers.jsonl", "--output", "results.jsonl", place=tmp_path)
    assert done.returncode == 1
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["line 5", "line 6", "line 7"]
    figures = {line[:22].strip(): line[22:].strip() for line in done.stdout.splitlines()}
    assert figures["evaluated"] == "3"
    assert figures["with a verdict"] == "2"
    assert figures["hallucinated"] == "1 (50.0%)"
    assert figures["lines not read"] == "3"
    written = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert [line["result"]["hallucinated"] for line in written] == [False, True, None]
    assert [line["prompt"] for line in written] == [line["prompt"] for line in LINES]


def test_a_line_that_cannot_be_read_does_not_end_the_run(tmp_path: Path) -> None:
    good = json.dumps(LINES[0]).encode()
    lines = [b"\xef\xbb\xbf" + good, b'{"prompt": "\xff"}', b"[" * 100_000, b"9" * 5_000, b"\xfe\xff\0{", b"\0", good]
    (tmp_path / "answers.jsonl").write_bytes(b"\n".join(lines))
    done = agentops("evaluate", "answers.jsonl", place=tmp_path, LC_ALL="C", PYTHONUTF8="0")
    assert done.returncode == 1
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == [f"line {number}" for number in range(2, 7)]
    figures = {line[:22].strip(): line[22:].strip() for line in done.stdout.splitlines()}
    assert (figures["evaluated"], figures["lines not read"]) == ("2", "5")


def test_a_file_that_cannot_be_used_is_named_on_one_line(tmp_path: Path) -> None:
    (tmp_path / "answers.jsonl").write_text(json.dumps(LINES[0]))
    (tmp_path / "latin").write_bytes(b"\xff")
    for words, message in (
        (["nowhere.jsonl"], "nowhere.jsonl: No such file or directory"),
        (["."], ".: Is a directory"),
        (["--response", "a", "--document-file", "nowhere"], "nowhere: No such file or directory"),
        (["--response", "a", "--document-file", "latin"], "latin: it is not UTF-8"),
        (["answers.jsonl", "--output", "no/where"], "no/where: No such file or directory"),
    ):
        done = agentops("evaluate", *words, place=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (2, "", f"{message}\n")


def test_the_file_that_is_read_is_never_written(tmp_path: Path) -> None:
    text = "\n".join([json.dumps(LINES[0]), "not JSON"])
    (tmp_path / "answers.jsonl").write_text(text)
    (tmp_path / "link.jsonl").symlink_to("answers.jsonl")
    for name in ("answers.jsonl", "./answers.jsonl", "link.jsonl"):
        done = agentops("evaluate", "answers.jsonl", "--output", name, place=tmp_path)
        assert (done.returncode, "it is the file that is read" in done.stderr) == (2, True)
        assert (tmp_path / "answers.jsonl").read_text() == text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answers.jsonl", "link.jsonl"]


def test_results_take_the_place_of_older_ones_only_when_they_are_all_there(tmp_path: Path) -> None:
    path, source = tmp_path / "results.jsonl", tmp_path / "answers.jsonl"
    path.write_text("older")
    path.chmod(0o600)
    source.write_text("{}")
    with source.open("rb") as opened:
        with suppress(KeyboardInterrupt), writing(path, opened) as file:
            file.write("half")
            raise KeyboardInterrupt
        assert (path.read_text(), (tmp_path / "results.jsonl.part").read_text()) == ("older", "half")
        with writing(path, opened) as file:
            file.write("whole")
        assert (path.read_text(), path.stat().st_mode & 0o777) == ("whole", 0o600)
        assert sorted(each.name for each in tmp_path.iterdir()) == ["answers.jsonl", "results.jsonl"]
        with writing(Path(os.devnull), opened) as file:
            file.write("nothing")
        assert not Path(os.devnull).is_file()


def test_an_answer_that_is_no_text_is_judged_too(tmp_path: Path) -> None:
    words = ["--response", b"caf\xff is open.", "--document", "A caf\xe9 is open."]
    done = subprocess.run(
        [sys.executable, "-m", "agentops", "evaluate", *words],
        env={"PATH": os.defpath, "PYTHONPATH": str(PACKAGE_DIR)},
        capture_output=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    assert json.loads(done.stdout)["claims"][0]["text"] == "caf\udcff is open."


SMALL = Bounds(queue_events_max=20, batch_events_max=10, linger_s=0.01, backoff_s=0.01, backoff_s_max=0.02)


def test_uploading_waits_for_room_as_the_server_asks(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    receiver.script.extend([refuse(429, "slow down", Retry_After="1")] * 2)
    with client_of(receiver, SMALL) as ops:
        upload = Upload(ops, SMALL, Progress(), 30)
        for number in range(100):
            upload.wait_for_room()
            ops.record(f"question {number}", "a")
        assert upload.finish() == 0
        assert (ops.delivery().delivered, ops.delivery().dropped) == (100, {})
    told = capsys.readouterr().err
    assert "wait for the server (429: slow down)" in told
    assert told.endswith("delivered 100 of 100\n")


def test_uploading_gives_up_when_the_server_takes_nothing_for_long(
    receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver.usual = refuse(503, "not now")
    with client_of(receiver, SMALL, raise_errors=False) as ops:
        upload = Upload(ops, SMALL, Progress(), 0.5)
        for number in range(25):
            upload.wait_for_room()
            ops.record(f"question {number}", "a")
        assert upload.finish() == 25
    told = capsys.readouterr().err
    # Where other tests of the process had logs written, theirs stand before it.
    assert "delivered 0 of 25\nnot delivered: 5 queue_full, 20 waiting; the last error: 503" in told


def test_standard_input_is_judged_and_sent(tmp_path: Path, receiver: Receiver) -> None:
    environment = {"AGENTOPS_API_KEY": "agops_x", "AGENTOPS_API_URL": receiver.url}
    given = "\n".join(map(json.dumps, LINES))
    done = agentops("evaluate", "-", "--upload", place=tmp_path, given=given, **environment)
    assert (done.returncode, done.stderr) == (0, "delivered 3 of 3\n")
    assert sorted(item["response"] for item in receiver.stored.values()) == sorted(line["response"] for line in LINES)
    receiver.usual = refuse(401)
    done = agentops("evaluate", "-", "--upload", place=tmp_path, given=given, **environment)
    assert done.returncode == 1
    assert "delivered 0 of 3" in done.stderr


def test_what_cannot_be_done_is_said(tmp_path: Path) -> None:
    assert agentops("evaluate", place=tmp_path).returncode == 2
    assert agentops("evaluate", "-", "--response", "a", place=tmp_path).returncode == 2
    done = agentops("evaluate", "-", "--upload", place=tmp_path)
    assert done.returncode == 2
    assert done.stderr.endswith("--upload needs AGENTOPS_API_KEY and AGENTOPS_API_URL.\n")
    assert agentops("--version", place=tmp_path).stdout.startswith("agentops-client ")


def test_a_judge_is_asked_and_what_it_cost_is_said(tmp_path: Path) -> None:
    given = "\n".join(map(json.dumps, LINES))
    with judging() as judge:
        words = ["--judge-url", judge.url, "--judge-model", "m", "--judge-prices", "1/10"]
        done = agentops("evaluate", "-", *words, place=tmp_path, given=given, AGENTOPS_JUDGE_API_KEY="sk-1")
        undecided = len(judge.requests)
        assert (done.returncode, done.stderr.splitlines()[-1]) == (
            0,
            f"judge: {undecided} calls, 0 failed, {undecided * 1_100:,} tokens"
            + (f", {undecided * 0.002:.4f} US dollars" if undecided else ""),
        )
        done = agentops("evaluate", "-", *words, "--judge-always", place=tmp_path, given=given)
        assert done.stderr == "judge: 2 calls, 0 failed, 2,200 tokens, 0.0040 US dollars\n"
        assert json.loads(json.dumps(judge.headers[-1])).get("Authorization") is None
        environment = {"AGENTOPS_JUDGE_URL": judge.url, "AGENTOPS_JUDGE_MODEL": "m", "AGENTOPS_JUDGE_SELF_CHECK": "2"}
        done = agentops("evaluate", "--prompt", "q", "--response", "Blue.", place=tmp_path, **environment)
        assert done.stderr.startswith("judge: ")
        assert json.loads(done.stdout)["notes"]
    done = agentops("evaluate", "-", "--judge-url", "nowhere", place=tmp_path, given=given)
    assert (done.returncode, "base_url must look like" in done.stderr) == (2, True)


def test_output_to_standard_output_has_the_table_beside_it(tmp_path: Path) -> None:
    given = "\n".join([*map(json.dumps, LINES), "not JSON"])
    done = agentops("evaluate", "-", "--output", "-", place=tmp_path, given=given)
    assert [json.loads(line)["result"]["hallucinated"] for line in done.stdout.splitlines()] == [False, True, None]
    assert (done.returncode, done.stderr.splitlines()[0].partition(":")[0]) == (1, "line 4")
    assert [line.split()[-1] for line in done.stderr.splitlines() if line.startswith("evaluated")] == ["3"]
    assert list(tmp_path.iterdir()) == []
    done = agentops("evaluate", "-", "--output", "./-", place=tmp_path, given=given)
    assert (done.stdout[:9], [path.name for path in tmp_path.iterdir()]) == ("evaluated", ["-"])


def test_numbers_that_are_not_json_are_refused(tmp_path: Path) -> None:
    bad = ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"]
    lines = [json.dumps(LINES[0])[:-1] + f', "metadata": {{"x": {number}}}}}' for number in [*bad, "1e9"]]
    done = agentops("evaluate", "-", "--output", "-", place=tmp_path, given="\n".join(lines))
    assert (done.returncode, [line.split(":")[0] for line in done.stderr.splitlines()[:6]]) == (
        1,
        [*(f"line {number}" for number in range(1, 6)), "evaluated                          1"],
    )
    [line] = done.stdout.splitlines()
    assert json.loads(line)["metadata"] == {"x": 1e9}


class Counted(io.StringIO):
    """Standard output that notes how many results there are whenever something is written."""

    most = 0

    def write(self, text: str, /) -> int:
        self.most = max(self.most, sum(isinstance(each, Evaluation) for each in gc.get_objects()))
        return super().write(text)


def test_results_are_not_kept_until_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "answers.jsonl").write_text("\n".join(json.dumps(line) for line in LINES * 10))
    gc.collect()
    out = Counted()
    monkeypatch.setattr(sys, "stdout", out)
    assert main(["evaluate", str(tmp_path / "answers.jsonl"), "--output", str(tmp_path / "judged.jsonl")]) == 0
    assert main(["evaluate", str(tmp_path / "answers.jsonl"), "--output", "-"]) == 0
    assert len(out.getvalue().splitlines()) == 9 + 30
    assert out.most <= 2


@pytest.mark.parametrize("output", ["judged.jsonl", "-"])
def test_who_interrupts_it_keeps_what_there_is(tmp_path: Path, output: str) -> None:
    # Whoever runs tests in the background may have them ignore the signal, which is inherited.
    program = (
        "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
        "runpy.run_module('agentops', run_name='__main__', alter_sys=True)"
    )
    words = [sys.executable, "-c", program, "evaluate", "-", "--output", output]
    with subprocess.Popen(
        words, cwd=tmp_path, env={"PATH": os.defpath, "PYTHONPATH": str(PACKAGE_DIR)},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdin
        assert process.stderr
        process.stdin.write(f"{json.dumps(LINES[0])}\nnot JSON\n")
        process.stdin.flush()
        # The second line is complained about once the first was judged; then it waits for a third.
        assert process.stderr.readline().startswith("line 2:")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, "")
    written = out if output == "-" else (tmp_path / "judged.jsonl.part").read_text()
    assert [json.loads(line)["result"]["hallucinated"] for line in written.splitlines()] == [False]


@pytest.mark.parametrize("count", [1, 20])
def test_who_reads_no_further_gets_no_traceback(tmp_path: Path, count: int) -> None:
    reading, writing_to = os.pipe()
    os.close(reading)
    with os.fdopen(writing_to, "w") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "agentops", "evaluate", "-", "--output", "-"],
            cwd=tmp_path, env={"PATH": os.defpath, "PYTHONPATH": str(PACKAGE_DIR)},
            input="\n".join(json.dumps(line) for line in LINES * count), stdout=closed, stderr=subprocess.PIPE,
            text=True, timeout=60, check=False,
        )  # fmt: skip
    assert (done.returncode, "BrokenPipe" in done.stderr) == (1, False)
