"""`agentops export` and `agentops import`: files from a server and to one, over HTTP, as anybody's own program."""

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, get_args

import httpx2
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from agentops_api.errors import Misconfigured
from agentops_api.exports.formats import Format, Row
from agentops_api.exports.read import read
from agentops_api.exports.upload import Outcome, upload
from agentops_api.remote import URL_DEFAULT, Key, Refused, Unreachable, Url, connect, refuse

_err = Console(stderr=True)
_FORMATS = get_args(Format)
_Text = str | None


def export(
    key: Key,
    output: Annotated[Path, typer.Option("--output", "-o", help="The file; `.gz` at its end has it compressed.")],
    url: Url = URL_DEFAULT,
    form: Annotated[
        _Text, typer.Option("--format", help=f"{', '.join(_FORMATS)}. Default: by the file's name.")
    ] = None,
    hallucinated: Annotated[bool | None, typer.Option(help="Only answers with this verdict.")] = None,
    agent_name: Annotated[_Text, typer.Option(help="Only answers to this agent.")] = None,
    model_name: Annotated[_Text, typer.Option(help="Only answers of this model.")] = None,
    mode: Annotated[_Text, typer.Option(help="Only answers checked in this way.")] = None,
    session_id: Annotated[_Text, typer.Option(help="Only answers of this conversation.")] = None,
    start_date: Annotated[_Text, typer.Option(help="Only answers from this time on (ISO 8601).")] = None,
    end_date: Annotated[_Text, typer.Option(help="Only answers before this time (ISO 8601).")] = None,
    min_hallucination_probability: Annotated[float | None, typer.Option(help="Only answers at least so risky.")] = None,
) -> None:
    """Download a project's evaluations, and check that the file is whole."""
    asked = {
        "format": form or _format_of(output),
        "hallucinated": hallucinated,
        "agent_name": agent_name,
        "model_name": model_name,
        "mode": mode,
        "session_id": session_id,
        "start_date": start_date,
        "end_date": end_date,
        "min_hallucination_probability": min_hallucination_probability,
    }
    # Only a whole file gets the name that was asked for.
    part = output.with_name(f"{output.name}.part")
    with _progress() as progress:
        with connect(url, key) as client:
            _download(client, {name: value for name, value in asked.items() if value is not None}, part, progress)
        rows = _checked(read(part), progress)
    part.replace(output)
    sys.stdout.write(f"{output}: {rows} rows\n")


def import_(
    file: Annotated[Path, typer.Argument(help="A file that `agentops export` or the API wrote.")],
    key: Key,
    url: Url = URL_DEFAULT,
    skip_rows: Annotated[int, typer.Option(min=0, help="Begin behind so many rows, to continue.")] = 0,
    unverified: Annotated[bool, typer.Option("--unverified", help="Take a file that does not say its end.")] = False,
) -> None:
    """Send an export's evaluations to a server, under their own ids and times. Twice is as good as once."""
    with _progress() as progress:
        rows = _checked(read(file, unverified=unverified), progress)
        sending = progress.add_task("sending", total=max(0, rows - skip_rows))
        outcome = Outcome()
        try:
            with connect(url, key) as client:
                left = itertools.islice(read(file, unverified=unverified), skip_rows, None)
                upload(client, left, outcome, advance=lambda count: progress.advance(sending, count))
        except (Refused, Unreachable) as error:
            done = skip_rows + outcome.rows
            raise type(error)(f"{error} {done} rows are done; --skip-rows {done} continues there.") from error
    sys.stdout.write(
        f"{outcome.stored} stored, {outcome.there_before} there before, {outcome.refused.total()} refused\n"
    )
    for reason, count in outcome.refused.most_common():
        _err.print(f"{count} refused: {reason}", markup=False, highlight=False, soft_wrap=True)
    if outcome.refused:
        raise typer.Exit(1)


def _download(client: httpx2.Client, asked: dict[str, object], path: Path, progress: Progress) -> None:
    compressed = path.name.endswith(".gz.part")
    task = progress.add_task("downloading", total=None)
    params = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in asked.items()}
    with client.stream("GET", "/api/v1/exports/evaluations", params=params) as answer, path.open("wb") as file:
        if answer.status_code != 200:
            refuse(answer)
        for part in answer.iter_raw() if compressed else answer.iter_bytes():
            file.write(part)
            progress.advance(task, len(part))


def _checked(rows: Iterator[Row], progress: Progress) -> int:
    """How many rows there are. Raises Broken when the file is not whole."""
    checking = progress.add_task("checking", total=None)
    for _ in rows:
        progress.advance(checking)
    return int(progress.tasks[checking].completed)


def _format_of(output: Path) -> str:
    name = output.name.removesuffix(".gz").rpartition(".")[2]
    if name not in _FORMATS:
        raise Misconfigured(f"{output} is named for no format: say --format {'|'.join(_FORMATS)}.")
    return name


def _progress() -> Progress:
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    return Progress(*columns, console=_err)
