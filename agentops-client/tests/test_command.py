"""`python -m agentops evaluate`, as it is typed."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.clients import PACKAGE_DIR
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
