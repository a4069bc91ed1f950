"""The examples of docs/sdk.md and of the package's README work as they stand, and the page leaves nothing out."""

import ast
import re
from collections.abc import Callable
from typing import Any

import pytest
from agentops import AgentOps
from agentops.testing import capture
from tests.clients import PACKAGE_DIR

from benchmarks.server import HOST, Server, Tenant

PAGE = (PACKAGE_DIR.parent / "docs/sdk.md").read_text()
JUDGE_PAGE = (PACKAGE_DIR.parent / "docs/judge.md").read_text()
README = (PACKAGE_DIR / "README.md").read_text()
SOURCES = {path.name: path.read_text() for path in (PACKAGE_DIR / "agentops").glob("*.py")}


def examples(text: str) -> list[str]:
    """Its blocks of Python."""
    return re.findall(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def test_the_pages_examples_work_in_their_order(
    server: Server, tenant: Tenant, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AGENTOPS_API_KEY", tenant.key)
    monkeypatch.setenv("AGENTOPS_API_URL", f"http://{HOST}:{server.port}")
    names: dict[str, Any] = {}
    for example in examples(PAGE):
        exec(compile(example, "docs/sdk.md", "exec"), names)  # noqa: S102 - our own page
    verdict, rate, listed = capsys.readouterr().out.split("\n", 2)
    assert verdict.startswith("False 0.")
    assert float(rate) == 0.25
    assert "2 + 2?" in listed
    ops: AgentOps = names["ops"]
    assert (ops.delivery().delivered, ops.delivery().dropped) == (4, {})
    its_test: Callable[..., None] = names["test_my_agent_cites_its_documents"]
    with capture() as captured:
        its_test(captured)
    careful: AgentOps = names["careful"]
    with capture() as captured:
        careful.record("4111 1111 1111 1111", "a")
    assert [each.prompt for each in captured] == ["[card]"]


def test_the_readmes_example_is_python_of_this_package(server: Server, tenant: Tenant) -> None:
    [example] = examples(README)
    example = example.replace("agops_…", tenant.key).replace(
        "https://agentops.example.com", f"http://{HOST}:{server.port}"
    )
    names: dict[str, Any] = {}
    exec(compile(example, "README.md", "exec"), names)  # noqa: S102 - our own page
    assert names["result"].hallucinated is False


def test_every_setting_is_on_the_page() -> None:
    documented = re.findall(r"^\| `(AGENTOPS_[A-Z_]+)`", PAGE, flags=re.MULTILINE)
    assert set(documented) == set(re.findall(r"\"(AGENTOPS_[A-Z_]+)\"", SOURCES["config.py"]))


def test_every_reason_for_a_drop_is_on_the_page() -> None:
    reasons: set[str] = set()
    for text in SOURCES.values():
        reasons |= set(re.findall(r"(?:drop\(|abandon\(|dropped=)\"([a-z_]+)\"", text))
    reasons |= set(re.findall(r"return \"([a-z_]+)\"", SOURCES["outbox.py"]))
    assert len(reasons) >= 10
    assert not {reason for reason in reasons if f"`{reason}`" not in PAGE}


def test_every_public_method_is_on_the_page() -> None:
    [kind] = [
        node
        for node in ast.walk(ast.parse(SOURCES["client.py"]))
        if isinstance(node, ast.ClassDef) and node.name == "AgentOps"
    ]
    for node in kind.body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            assert re.search(rf"\b{node.name}\b", PAGE), node.name


def test_what_the_page_on_judges_imports_and_makes_is_there() -> None:
    names: dict[str, Any] = {}
    first, models, drift = examples(JUDGE_PAGE)
    exec(compile(first, "docs/judge.md", "exec"), names)  # noqa: S102 - our own page
    assert names["judge"].spending.calls == 0
    for example in (models, drift):
        # The rest needs models.
        [imports] = [line for line in example.splitlines() if line.startswith("from ")]
        exec(compile(imports, "docs/judge.md", "exec"), names)  # noqa: S102 - our own page
        compile(example, "docs/judge.md", "exec")
