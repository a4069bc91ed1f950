"""The command line: `python -m agentops evaluate`, for one answer or for a file of them."""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import IO

from agentops.client import AgentOps
from agentops.config import Bounds, JudgeSettings, judge_settings
from agentops.detect import Detector, LocalDetector
from agentops.judge import Cascade, Spending
from agentops.judge.environment import judge_of
from agentops.lines import LABELS, Unusable, items, reading, text_of, writing
from agentops.results import Evaluation
from agentops.uploading import Progress, Upload
from agentops.version import __version__

_PATIENCE_S = 900.0
"""Longer than the longest Retry-After that is heeded, 600 s."""
_MEANS = {
    "mean probability": "hallucination_probability",
    "mean factual support": "factual_support",
    "mean semantic drift": "semantic_drift",
    "mean uncertainty": "uncertainty",
}
_INTERRUPTED = 130
"""128 and the number of SIGINT, as shells have it."""


def main(words: Sequence[str] | None = None) -> int:
    """Runs the command; its exit status: 0, 1 where a line could not be read or an evaluation was not delivered, 2
    where nothing could be done, or 130 where somebody pressed Ctrl-C. What was written by then stays."""
    arguments = _parser().parse_args(words)
    try:
        status = _evaluate(arguments)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        # Who reads has enough. The interpreter would try to write the rest at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _evaluate(arguments: argparse.Namespace) -> int:
    judge = judge_of(_judge_settings(arguments))
    if judge is None and arguments.judge_url:
        return 2
    detector: Detector = LocalDetector()
    if judge is not None:
        detector = judge if arguments.judge_always else Cascade(detector, judge)
    bounds = Bounds()
    enabled = None if arguments.upload else False
    ops = AgentOps(auto_upload=arguments.upload, enabled=enabled, detector=detector, bounds=bounds)
    if arguments.upload and not (ops.api_key and ops.api_url):
        print("--upload needs AGENTOPS_API_KEY and AGENTOPS_API_URL.", file=sys.stderr)
        return 2
    if arguments.file and (arguments.response is not None or arguments.document or arguments.document_file):
        arguments.parser.error("give a file, or one answer; not both")
    if not arguments.file and arguments.response is None:
        arguments.parser.error("give a file, or --response and perhaps --prompt and --document")
    progress = Progress()
    upload = Upload(ops, bounds, progress, arguments.wait) if arguments.upload else None
    try:
        faults = _file(ops, arguments, progress, upload) if arguments.file else _one(ops, arguments)
    except Unusable as error:
        print(error, file=sys.stderr)
        return 2
    if judge is not None:
        print(spent(judge.spending), file=sys.stderr)
    if upload:
        faults += upload.finish()
    return 1 if faults else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m agentops", description="AgentOps: judges answers of LLMs.")
    parser.add_argument("--version", action="version", version=f"agentops-client {__version__}")
    command = parser.add_subparsers(required=True).add_parser("evaluate", help="judge one answer, or a file of them")
    command.add_argument(
        "file",
        nargs="?",
        help="JSON lines with `prompt`, `response` and perhaps `retrieved_docs`, `model_name`, `agent_name`,"
        " `session_id`; - reads standard input",
    )
    command.add_argument("--prompt", default="", help="what the model was asked")
    command.add_argument("--response", help="what it answered")
    command.add_argument("--document", action="append", default=[], help="evidence as text; may be repeated")
    command.add_argument("--document-file", action="append", default=[], type=Path, help="evidence in a text file")
    command.add_argument(
        "--output", help="writes the lines of the file here, each with its result; - is standard output"
    )
    command.add_argument("--upload", action="store_true", help="sends the evaluations to AGENTOPS_API_URL")
    command.add_argument(
        "--wait",
        type=float,
        metavar="SECONDS",
        default=_PATIENCE_S,
        help=f"with --upload: gives up when the server has taken nothing for so long ({_PATIENCE_S:.0f})",
    )
    judge = command.add_argument_group("judging by a language model, where the local detector is undecided")
    judge.add_argument("--judge-url", help="OpenAI-compatible, such as https://api.example.com/v1 (AGENTOPS_JUDGE_URL)")
    judge.add_argument("--judge-model", help="its model (AGENTOPS_JUDGE_MODEL); the key is AGENTOPS_JUDGE_API_KEY")
    judge.add_argument("--judge-always", action="store_true", help="asks about every answer")
    judge.add_argument("--judge-prices", metavar="IN/OUT", help="US dollars for a million tokens, such as 0.15/0.60")
    judge.add_argument(
        "--judge-budget", metavar="USD", help="asks no more once that could be exceeded, by estimate; needs prices"
    )
    judge.add_argument("--self-check", metavar="ANSWERS", help="compares answers without documents with so many others")
    command.set_defaults(parser=command)
    return parser


def _judge_settings(arguments: argparse.Namespace) -> JudgeSettings:
    """What the command line says of a judge, else the environment."""
    said = {
        "url": arguments.judge_url,
        "model": arguments.judge_model,
        "prices": arguments.judge_prices,
        "budget_usd": arguments.judge_budget,
        "self_check": arguments.self_check,
    }
    return replace(judge_settings(), **{name: value for name, value in said.items() if value is not None})


def spent(spending: Spending) -> str:
    """What the judge was asked, and what that cost, on one line."""
    tokens = spending.input_tokens + spending.output_tokens
    cost = f", {spending.usd:.4f} US dollars" if spending.usd else ""
    return f"judge: {spending.calls:,} calls, {spending.failures:,} failed, {tokens:,} tokens{cost}"


def _one(ops: AgentOps, arguments: argparse.Namespace) -> int:
    documents = [*arguments.document, *map(text_of, arguments.document_file)]
    response: str = arguments.response
    result = ops.evaluate(arguments.prompt, response, documents or None)
    print(_printable(result))
    return 0


def _printable(result: Evaluation) -> str:
    text = json.dumps(result, ensure_ascii=False, indent=2)
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        # The terminal has fewer characters, or an argument was no text.
        return json.dumps(result, indent=2)
    return text


def _file(ops: AgentOps, arguments: argparse.Namespace, progress: Progress, upload: Upload | None) -> int:
    totals = Totals()
    is_piped = arguments.output == "-"
    faults = 0
    with ExitStack() as opened:
        source = opened.enter_context(reading(arguments.file))
        output: IO[str] | None = sys.stdout if is_piped else None
        if arguments.output and not is_piped:
            output = opened.enter_context(writing(Path(arguments.output), source))
        for number, item in items(source):
            progress.lines = number
            progress.show()
            if isinstance(item, ValueError):
                faults += 1
                print(f"line {number}: {item}", file=sys.stderr)
                continue
            if upload:
                upload.wait_for_room()
            labels = {name: item.get(name) for name in LABELS}
            result = ops.evaluate(item["prompt"], item["response"], item.get("retrieved_docs"), **labels)
            totals.add(result)
            if output:
                output.write(json.dumps(item | {"result": result}) + "\n")
    progress.show(is_last=True)
    print(totals.table(faults), file=sys.stderr if is_piped else sys.stdout)
    return faults


class Totals:
    """What was found so far, in figures; the results themselves are not kept."""

    def __init__(self) -> None:
        self._counts = Counter[str]()
        self._sums: dict[str, float] = dict.fromkeys(_MEANS.values(), 0.0)

    def add(self, result: Evaluation) -> None:
        """Counts one more."""
        self._counts["evaluated"] += 1
        self._counts["judged"] += result.hallucinated is not None
        self._counts["hallucinated"] += result.hallucinated is True
        self._counts["degraded"] += result.status == "degraded"
        for name in _MEANS.values():
            if (value := result[name]) is not None:
                self._counts[name] += 1
                self._sums[name] += value

    def table(self, faults: int) -> str:
        """The figures, each on its line."""
        counts = self._counts
        bad, judged = counts["hallucinated"], counts["judged"]
        rows = [
            ("evaluated", f"{counts['evaluated']:,}"),
            ("with a verdict", f"{judged:,}"),
            ("degraded", f"{counts['degraded']:,}"),
            ("hallucinated", f"{bad:,} ({bad / judged:.1%})" if judged else "0"),
            *((title, self._mean(name)) for title, name in _MEANS.items()),
            ("lines not read", f"{faults:,}"),
        ]
        return "\n".join(f"{name:<22}{value:>14}" for name, value in rows)

    def _mean(self, name: str) -> str:
        count = self._counts[name]
        return f"{self._sums[name] / count:.3f}" if count else "-"


if __name__ == "__main__":
    sys.exit(main())
