"""`agentops compare`: the server's verdict over two sets of evaluations, as a gate in continuous integration.

Asks a server over HTTP, and knows nothing of settings and database. Its options are the parameters of
`GET /api/v1/analytics/compare`; the server says what is wrong with them.
"""

import sys
from collections.abc import Mapping
from typing import Annotated, NoReturn, get_args

import httpx2
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agentops_api.analytics.answers import Comparison, Side
from agentops_api.analytics.figures import Change
from agentops_api.analytics.queries import SideName
from agentops_api.edge.problem import Problem

_PATH = "/api/v1/analytics/compare"
_ANSWER_S_MAX = 30.0
_NOT_ASKED = {"url", "key", "allow_empty", "allow_overlap", "as_json"}
"""Parameters of the command that the server does not get."""
_SIDES: tuple[SideName, ...] = get_args(SideName)
_ADVICE = {
    "tolerated": "really worse, but by no more than the tolerance",
    "too few": "not enough evaluations to say, which is no proof that nothing is worse",
}
"""What is to be known of a verdict that lets a build pass."""
_out, _err = Console(), Console(stderr=True)


def compare(
    context: typer.Context,
    *,
    url: Annotated[str, typer.Option(envvar="AGENTOPS_API_URL", help="The server.")] = "http://localhost:8000",
    key: Annotated[str, typer.Option(envvar="AGENTOPS_API_KEY", help="An API key with the scope read.")] = "",
    base_start: Annotated[str | None, typer.Option(help="Where the base's period begins (ISO 8601).")] = None,
    base_end: Annotated[str | None, typer.Option(help="Where it ends, not included.")] = None,
    base_agent_name: Annotated[str | None, typer.Option(help="The base's agent.")] = None,
    base_model_name: Annotated[str | None, typer.Option(help="The base's model.")] = None,
    base_mode: Annotated[str | None, typer.Option(help="The base's mode.")] = None,
    candidate_start: Annotated[str | None, typer.Option(help="Where the candidate's period begins.")] = None,
    candidate_end: Annotated[str | None, typer.Option(help="Where it ends, not included.")] = None,
    candidate_agent_name: Annotated[str | None, typer.Option(help="The candidate's agent.")] = None,
    candidate_model_name: Annotated[str | None, typer.Option(help="The candidate's model.")] = None,
    candidate_mode: Annotated[str | None, typer.Option(help="The candidate's mode.")] = None,
    days: Annotated[
        int | None, typer.Option(help="The last so many days, for both. 7 where no period is given.")
    ] = None,
    start: Annotated[str | None, typer.Option(help="Where the period of both begins.")] = None,
    end: Annotated[str | None, typer.Option(help="Where it ends, not included.")] = None,
    time_zone: Annotated[str | None, typer.Option(help="IANA zone of times without an offset.")] = None,
    agent_name: Annotated[str | None, typer.Option(help="The agent of both.")] = None,
    model_name: Annotated[str | None, typer.Option(help="The model of both.")] = None,
    mode: Annotated[str | None, typer.Option(help="The mode of both.")] = None,
    session_id: Annotated[str | None, typer.Option(help="The conversation of both.")] = None,
    metadata_key: Annotated[str | None, typer.Option(help="A metadata key that both have.")] = None,
    metadata_value: Annotated[str | None, typer.Option(help="Its value, as text.")] = None,
    tolerance: Annotated[float | None, typer.Option(help="Worse by this fraction (0.1: a tenth) is allowed.")] = None,
    allow_empty: Annotated[bool, typer.Option("--allow-empty", help="Let a side without evaluations pass.")] = False,
    allow_overlap: Annotated[
        bool, typer.Option("--allow-overlap", help="Judge sides that can have evaluations in common.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the server's answer.")] = False,
) -> None:
    """Compare two periods, agents or models: exit code 1 for a real regression, 2 where it cannot be judged, else 0.

    It cannot be judged where a side has no evaluations at all, as by a name that is misspelt, or where evaluations can
    be on both sides, which would hide a regression."""
    asked = {name: value for name, value in context.params.items() if name not in _NOT_ASKED and value is not None}
    if not any(name.startswith(("base_", "candidate_")) for name in asked):
        _fail("Say in what the two sets differ, as in --base-model-name A --candidate-model-name B.")
    answer = _ask(url, key.strip(), asked)
    try:
        found = Comparison.model_validate_json(answer.content)
    except ValidationError:
        _fail("The server answers something else than a comparison: is this the address of an AgentOps API?")
    if as_json:
        sys.stdout.write(answer.text + "\n")
    empty: list[SideName] = [name for name in _SIDES if not _side(found, name).figures.count]
    if empty and not allow_empty:
        told = " and ".join(f"the {name} ({_filters(_side(found, name), asked)})" for name in empty)
        _fail(f"There are no evaluations for {told}. Check the names and the period, or pass --allow-empty.")
    if found.overlap and not allow_overlap:
        _fail("Evaluations can be on both sides. Name what tells them apart for each side, or pass --allow-overlap.")
    if not as_json:
        _show(found)
    raise typer.Exit(1 if found.regressions else 0)


def _ask(url: str, key: str, asked: dict[str, str | int | float]) -> httpx2.Response:
    if not (key and key.isascii() and key.isprintable()):
        _fail("An API key is needed: --key, or AGENTOPS_API_KEY.")
    try:
        answer = httpx2.get(url.rstrip("/") + _PATH, params=asked, headers={"X-API-Key": key}, timeout=_ANSWER_S_MAX)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        _fail(f"The server cannot be asked: {error or type(error).__name__}")
    if answer.status_code != 200:
        _fail(f"The server refuses ({answer.status_code}): {_reason(answer)}")
    return answer


def _reason(answer: httpx2.Response) -> str:
    try:
        problem = Problem.model_validate_json(answer.content)
    except ValidationError:
        return "it does not say why; is this the address of an AgentOps API?"
    return "; ".join(f"{each.field}: {each.message}" for each in problem.errors or ()) or problem.detail


def _show(found: Comparison) -> None:
    for name in _SIDES:
        _out.print(f"{name:10} {_named(_side(found, name))}", markup=False, highlight=False, soft_wrap=True)
    # 80 columns, which a build's log has, are just enough without lines between them.
    table = Table("metric", "base", "candidate", "p", "", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in table.columns[1:4]:
        column.justify = "right"
    for change in found.changes:
        table.add_row(
            change.metric,
            _number(change.base),
            _number(change.candidate),
            "-" if change.p_value is None else f"{change.p_value:.2g}",
            _said(change, found),
        )
    _out.print(table)
    for change in found.changes:
        if change.difference is not None and change.difference_low is not None and change.difference_high is not None:
            between = f"{change.difference_low:+.4g} to {change.difference_high:+.4g}"
            _out.print(f"{change.metric} differs by {change.difference:+.4g} (95 %: {between})", highlight=False)
    colour = "red" if found.regressions else "yellow" if found.verdict in _ADVICE else "green"
    more = ", ".join(found.regressions) or _ADVICE.get(found.verdict, "")
    _out.print(f"[{colour}]{found.verdict}[/] {escape(more)}".rstrip(), soft_wrap=True, highlight=False)


def _side(found: Comparison, name: SideName) -> Side:
    return found.base if name == "base" else found.candidate


def _named(side: Side) -> str:
    names = [name for name in (side.agent_name, side.model_name, side.mode) if name]
    return ", ".join([*names, _period(side), f"{side.figures.count:,} evaluations"])


def _filters(side: Side, asked: Mapping[str, object]) -> str:
    """What an evaluation must be to belong to this side."""
    own = {"agent_name": side.agent_name, "model_name": side.model_name, "mode": side.mode}
    both = {name: asked.get(name) for name in ("session_id", "metadata_key", "metadata_value")}
    named = [f"{name} {value!r}" for name, value in (own | both).items() if value is not None]
    return ", ".join([*named, _period(side)])


def _period(side: Side) -> str:
    return f"{side.window.start:%Y-%m-%d %H:%M} to {side.window.end:%Y-%m-%d %H:%M} UTC"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _said(change: Change, found: Comparison) -> str:
    if change.p_value is None:
        return "too few"
    if not change.significant:
        return "no real change"
    if change.metric in found.regressions:
        return "[red]worse[/]"
    return {"worse": "[yellow]worse, tolerated[/]", "better": "[green]better[/]", "neutral": "different"}[
        change.direction
    ]


def _fail(sentence: str) -> NoReturn:
    _err.print(f"[red]agentops:[/] {escape(sentence)}", soft_wrap=True, highlight=False)
    raise typer.Exit(2)
