"""The repository keeps its own promises: locks, size limits, CI, and a Dockerfile whose steps work."""

import ast
import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import yaml
from agentops_api.settings import Settings
from pydantic import TypeAdapter

from scripts.follow_dockerfile import follow, instructions

ROOT = Path(__file__).resolve().parents[2]
SERVER = ROOT / "agentops-api"
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
_NOT_OURS = {".venv", "venv", "node_modules", "__pycache__", "build", "dist", "dashboard_dist"}
_GENERATED = {"schema.sql", "schema.d.ts"}
_OBJECT = TypeAdapter(dict[str, object])
_SERVICES = TypeAdapter(dict[str, dict[str, object]])


def sources(*suffixes: str) -> Iterator[Path]:
    """Every file of ours with one of the suffixes; a migration is never edited, so it may be long."""
    for folder in ("agentops-api", "agentops-client", "benchmarks", "scripts"):
        for path in sorted((ROOT / folder).rglob("*")):
            parts = set(path.relative_to(ROOT).parts)
            if path.suffix in suffixes and not parts & (_NOT_OURS | {"migrations"}) and path.name not in _GENERATED:
                yield path


def test_a_lock_file_names_no_host_and_hashes_everything() -> None:
    locks = sorted(SERVER.glob("requirements*.txt"))
    assert [lock.name for lock in locks] == [
        "requirements-build.txt",
        "requirements-dashboard.txt",
        "requirements-dev.txt",
        "requirements.txt",
    ]
    for lock in locks:
        text = lock.read_text()
        assert "://" not in text, lock
        for pin in re.findall(r"^[a-z0-9].*(?:\n .*)*", text, flags=re.MULTILINE):
            assert re.search(r"^\S+==.* --hash=sha256:", pin, flags=re.DOTALL), pin


def test_the_development_lock_repeats_the_versions_that_run() -> None:
    def pins(name: str) -> set[str]:
        return set(re.findall(r"^[a-z0-9][^\s]*==[^\s]+", (SERVER / name).read_text(), flags=re.MULTILINE))

    assert pins("requirements.txt") <= pins("requirements-dev.txt")
    assert pins("requirements-build.txt") <= pins("requirements-dev.txt")
    assert pins("requirements-dashboard.txt") <= pins("requirements-dev.txt")


def test_the_lock_of_the_dashboard_names_no_host_and_hashes_everything() -> None:
    text = (SERVER / "dashboard" / "package-lock.json").read_text()
    assert "://" not in text
    packages = TypeAdapter(dict[str, dict[str, object]]).validate_python(json.loads(text)["packages"])
    assert {name for name, each in packages.items() if "integrity" not in each} == {""}


def test_every_file_is_short_enough_to_be_read() -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for path in sources(".py", ".sql", ".ts", ".tsx")
        if (count := len(path.read_text().splitlines())) > FILE_LINES_MAX
    }
    assert not long


def test_every_function_fits_a_screen() -> None:
    long: dict[str, int] = {}
    for path in sources(".py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
                count = node.end_lineno - node.lineno + 1
                if count > FUNCTION_LINES_MAX:
                    long[f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"] = count
    assert not long


def test_the_workflow_and_the_ci_entry_call_make_test() -> None:
    workflow = (ROOT / ".github/workflows/ci.yml").read_text()
    assert TypeAdapter(dict[str | bool, object]).validate_python(yaml.safe_load(workflow))["jobs"]
    assert "run: make test" in workflow
    assert (ROOT / ".ci/run").read_text().rstrip().endswith("\nmake test")


def test_the_compose_file_only_sets_what_the_server_reads() -> None:
    compose = _OBJECT.validate_python(yaml.safe_load((SERVER / "docker-compose.yml").read_text()))
    services = _SERVICES.validate_python(compose["services"])
    assert services["db"]["image"] == "postgres:18"
    assert all("healthcheck" in services[name] for name in ("api", "db"))
    settings = {name.upper() for name in Settings.model_fields}
    known = settings | {f"{name}_FILE" for name in settings}
    for name, service in services.items():
        environment = _OBJECT.validate_python(service.get("environment", {}))
        unknown = {key for key in environment if not key.startswith(("POSTGRES_", "PG"))} - known
        assert not unknown, name


def test_the_docker_build_sees_no_more_than_it_copies() -> None:
    allowed = {line[1:] for line in (SERVER / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {
        word.removeprefix("./")
        for name, rest in instructions((SERVER / "Dockerfile").read_text())
        if name == "COPY" and "--from=" not in rest
        for word in rest.split()[:-1]
    }
    assert allowed == copied


def test_the_image_runs_as_nobody_special_and_checks_its_health() -> None:
    steps = list(instructions((SERVER / "Dockerfile").read_text()))
    names = [name for name, _ in steps]
    assert names.index("USER") < names.index("CMD")
    assert ("USER", "agentops") in steps
    health = next(rest for name, rest in steps if name == "HEALTHCHECK")
    python, flag, program = TypeAdapter(list[str]).validate_json(health.partition(" CMD ")[2])
    assert (python, flag) == ("python", "-c")
    assert "/health/live" in program
    compile(program, "HEALTHCHECK", "exec")


def test_the_steps_of_the_dockerfile_make_a_server(tmp_path: Path) -> None:
    stage = follow(SERVER, tmp_path)
    version = re.search(r'^version = "(.+)"$', (SERVER / "pyproject.toml").read_text(), flags=re.MULTILINE)
    assert version
    assert version[1] in stage.run("agentops version")
    where = "import agentops_api, json; print(json.dumps(list(agentops_api.__path__)))"
    [package] = TypeAdapter(list[str]).validate_json(stage.run(f"python -c '{where}'"))
    assert Path(package).is_relative_to(tmp_path)
    shipped = {str(path.relative_to(package)) for path in Path(package).rglob("*") if path.is_file()}
    ours = {
        str(path.relative_to(SERVER / "agentops_api"))
        for path in (SERVER / "agentops_api").rglob("*")
        if path.is_file() and path.suffix in {".py", ".sql", ".mako", ".html", ".txt"}
    }
    assert ours <= shipped
    assert {"dashboard_dist/index.html", "dashboard_dist/index.html.br", "dashboard_dist/icon.svg"} <= shipped
    assert not any("node_modules" in path for path in shipped)


def test_a_python_that_cannot_be_used_is_named_with_what_to_do(tmp_path: Path) -> None:
    old = tmp_path / "python-old"
    old.write_text("#!/bin/sh\ncase $2 in *exit*) exit 1 ;; *) echo 3.9 ;; esac\n")
    bare = tmp_path / "python-bare"
    bare.write_text("#!/bin/sh\ncase $2 in *ensurepip*) exit 1 ;; *exit*) ;; *) echo 3.12 ;; esac\n")
    for fake in (old, bare):
        fake.chmod(0o755)
    done = subprocess.run(
        ["sh", ROOT / "scripts/make-venv", tmp_path / "venv"],
        env=os.environ | {"PYTHON": f"{old} {bare} {tmp_path / 'python-missing'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "python-old is Python 3.9: 3.11 or newer is needed" in done.stderr
    assert "apt install python3.12-venv" in done.stderr
    assert not (tmp_path / "venv").exists()
