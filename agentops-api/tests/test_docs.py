"""The documentation is complete, and its links lead somewhere."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from agentops_api.app import create_app
from agentops_api.cli import app as command_line
from agentops_api.scoring.detectors import Detectors
from agentops_api.settings import Settings
from agentops_api.work import jobs_database, worker_of

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = set(Settings.model_fields)
CONFIGURATION = (ROOT / "docs/configuration.md").read_text()
_FENCED = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(<?([^)\s>]+)>?\)")
_HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)


def pages() -> list[Path]:
    """Every Markdown file of the repository, as git knows them or would."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("this is not a git work tree")
    return sorted(path for name in listed.stdout.splitlines() if (path := ROOT / name).exists())


def commands(group: typer.Typer, words: str = "agentops") -> Iterator[str]:
    """Every command as it is typed: `agentops user create`."""
    for command in group.registered_commands:
        assert command.callback is not None
        yield f"{words} {command.name or command.callback.__name__}"
    for inner in group.registered_groups:
        assert inner.typer_instance is not None
        yield from commands(inner.typer_instance, f"{words} {inner.name}")


def settings(env_file: Path | None) -> Settings:
    """What that file and the environment say."""
    return Settings(_env_file=env_file)  # pyright: ignore[reportCallIssue] - pydantic-settings' own argument


def test_every_setting_is_documented_and_none_that_is_not() -> None:
    documented = re.findall(r"^\| `([A-Z_]+)`", CONFIGURATION, flags=re.MULTILINE)
    assert sorted(documented) == sorted(name.upper() for name in SETTINGS)


def test_the_example_file_has_every_setting_commented_out() -> None:
    lines = (ROOT / "agentops-api/.env.example").read_text().splitlines()
    assert not [line for line in lines if line and not line.startswith("#")]
    assert sorted(re.findall(r"^#([A-Z_]+)=", "\n".join(lines), flags=re.MULTILINE)) == sorted(
        name.upper() for name in SETTINGS
    )


def test_the_example_file_states_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SETTINGS:
        monkeypatch.delenv(name.upper(), raising=False)
    uncommented = tmp_path / "uncommented"
    example = (ROOT / "agentops-api/.env.example").read_text()
    uncommented.write_text(re.sub(r"^#([A-Z_]+=)", r"\1", example, flags=re.MULTILINE))
    assert settings(uncommented) == settings(None)


def test_every_command_is_documented_and_none_that_is_not() -> None:
    documented = re.findall(r"^\| `(agentops [a-z -]+?)(?: [A-Z_]+)?` \|", CONFIGURATION, flags=re.MULTILINE)
    assert sorted(documented) == sorted(commands(command_line))


def test_every_route_is_documented_and_none_that_is_not() -> None:
    document = create_app(settings(None)).openapi()
    routes = {f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item}
    table = (ROOT / "docs/api-design.md").read_text()
    assert set(re.findall(r"^\| `([A-Z]+ /[^`]*)`", table, flags=re.MULTILINE)) == routes


def test_every_kind_of_job_is_documented() -> None:
    chosen = settings(None)
    worker = worker_of(jobs_database("postgresql://", chosen), chosen, Detectors(processes_max=1))
    assert len(worker.kinds) >= 8
    page = (ROOT / "docs/jobs.md").read_text()
    assert not [kind for kind in worker.kinds if f"`{kind}`" not in page]


def test_every_relative_link_leads_somewhere() -> None:
    broken: list[str] = []
    for page in pages():
        for target in _LINK.findall(_FENCED.sub("", page.read_text())):
            path, _, anchor = target.partition("#")
            if re.match(r"[a-z]+:", path):
                continue
            file = (page.parent / path).resolve() if path else page
            if not file.exists() or (anchor and anchor not in anchors(file)):
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert not broken


def anchors(page: Path) -> set[str]:
    """What the headings of a page are called in links, as GitHub calls them."""
    headings = _HEADING.findall(_FENCED.sub("", page.read_text()))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
