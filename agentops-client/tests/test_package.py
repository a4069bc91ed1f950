"""What is published: names, types, dependencies, the wheel, and the clash with another vendor's package."""

import ast
import inspect
import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import agentops
import pytest
from tests.clients import PACKAGE_DIR

NAMES = {
    "AgentOps", "AgentOpsError", "ApiError", "AsyncAgentOps", "Bounds", "Cascade", "Claim", "ConnectionFailed",
    "Delivery", "Detection", "Detector", "Endpoint", "Evaluation", "Forbidden", "Invalid", "InvalidArgument",
    "LLMJudge", "LocalDetector", "NotConfigured", "NotFound", "Prices", "Stats", "StoredEvaluation", "StoredLabel",
    "TooManyRequests", "Trace", "Unauthenticated", "Unavailable", "__version__", "current_trace",
    "detect_hallucination", "get_throughput_stats", "reset_throughput_tracker", "uncertainty_score",
}  # fmt: skip
SOURCES = sorted((PACKAGE_DIR / "agentops").rglob("*.py"))


def test_the_exported_names_are_these() -> None:
    assert set(agentops.__all__) == NAMES
    assert len(agentops.__all__) == len(NAMES)
    undocumented = [name for name in NAMES if name != "__version__" and not inspect.getdoc(getattr(agentops, name))]
    assert not undocumented


def test_everything_public_is_documented() -> None:
    for kind in (agentops.AgentOps, agentops.AsyncAgentOps, agentops.Trace):
        for name, member in inspect.getmembers(kind):
            if not name.startswith("_") and callable(member):
                assert inspect.getdoc(member), f"{kind.__name__}.{name}"


def test_the_async_client_has_what_the_other_has() -> None:
    def names(kind: type) -> set[str]:
        return {name for name in dir(kind) if not name.startswith("_")}

    assert names(agentops.AgentOps) == names(agentops.AsyncAgentOps)


def test_there_is_one_dependency_and_nothing_of_the_server() -> None:
    metadata = tomllib.loads((PACKAGE_DIR / "pyproject.toml").read_text())
    assert metadata["project"]["dependencies"] == ["httpx2"]
    imported: set[str] = set()
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.Import):
                imported |= {name.name.partition(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.partition(".")[0])
    # httpcore2 comes with httpx2; pytest is there where `agentops.testing` is used.
    assert imported - sys.stdlib_module_names - {"agentops"} == {"httpcore2", "httpx2", "pytest"}
    using_pytest = [source.name for source in SOURCES if "import pytest" in source.read_text()]
    assert using_pytest == ["testing.py"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place)],
        cwd=PACKAGE_DIR, check=True, capture_output=True,
    )  # fmt: skip
    [made] = place.glob("*.whl")
    return made


def test_the_wheel_has_everything(wheel: Path) -> None:
    shipped = set(zipfile.ZipFile(wheel).namelist())
    wanted = {str(source.relative_to(PACKAGE_DIR)) for source in SOURCES}
    assert wanted <= shipped
    assert "agentops/py.typed" in shipped
    metadata = zipfile.ZipFile(wheel).read(f"agentops_client-{agentops.__version__}.dist-info/METADATA").decode()
    wanted_lines = {"Name: agentops-client", "License-Expression: MIT", "Requires-Dist: httpx2"}
    assert wanted_lines <= set(metadata.splitlines())
    assert "# agentops-client" in metadata


@pytest.mark.parametrize("other_is_installed", [True, False])
def test_the_other_vendors_package_is_named_when_both_are_mixed(
    wheel: Path, tmp_path: Path, *, other_is_installed: bool
) -> None:
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(site)
    # Another distribution `agentops`: in the same directory, or in one of its own behind it.
    behind = site if other_is_installed else tmp_path / "behind"
    (behind / "agentops-0.4.0.dist-info").mkdir(parents=True)
    (behind / "agentops-0.4.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: agentops\nVersion: 0.4.0\n")
    (behind / "agentops/client").mkdir(parents=True)
    (behind / "agentops/client/__init__.py").write_text("")
    done = subprocess.run(
        [sys.executable, "-c", "from agentops import AgentOps; print(AgentOps.version())"],
        env={"PATH": os.defpath, "PYTHONPATH": f"{site}{os.pathsep}{behind}"},
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if other_is_installed:
        assert "ImportError: The distributions agentops-client and agentops 0.4.0" in done.stderr
        assert "pip uninstall agentops agentops-client" in done.stderr
    else:
        assert done.stdout == f"{agentops.__version__}\n"
