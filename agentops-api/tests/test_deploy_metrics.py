"""The dashboard and the documentation speak of metrics that there are, and of all of them."""

import re
from pathlib import Path

import orjson
import yaml
from agentops_api.app import create_app
from agentops_api.metrics import PROJECT, SERVER, Definition
from agentops_api.settings import Settings
from pydantic import TypeAdapter

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD = orjson.loads((ROOT / "deploy/grafana.json").read_bytes())
DEFINED = {each.name: each for each in (*SERVER, *PROJECT)}
OF_THE_PROCESS = {"process_resident_memory_bytes", "process_cpu_seconds_total"}
"""The official client's own."""
_GIVEN = {"job", "instance", "le", "worker"}
"""Labels that Prometheus, histograms and several workers add."""
_METRIC = re.compile(r"\b((?:agentops|process)_[a-z_]+)(?:\{([^}]*)\})?")
_GROUPING = re.compile(r"\bby \(([^)]*)\)")
_WORDS = {"sum", "rate", "by", "max", "min", "topk", "histogram_quantile"}


def expressions() -> list[str]:
    """Every query of every panel."""
    return [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", [])]


def defined(name: str) -> Definition | None:
    """The metric that a series of that name belongs to; None for the process's own."""
    if name in OF_THE_PROCESS:
        return None
    found = DEFINED.get(name) or DEFINED.get(re.sub(r"_(bucket|sum|count)$", "", name))
    assert found is not None, f"there is no {name}"
    assert (found.kind == "histogram") == (found.name != name), name
    return found


def test_the_dashboard_asks_only_for_metrics_and_labels_that_there_are() -> None:
    assert len(expressions()) > 20
    for expression in expressions():
        used = [(defined(name), selector) for name, selector in _METRIC.findall(expression)]
        assert used, expression
        labels = _GIVEN.union(*(each.labels for each, _ in used if each))
        selected = {name for _, selector in used for name in re.findall(r"(\w+)\s*=", selector)}
        grouped = {name for names in _GROUPING.findall(expression) for name in re.split(r",\s*", names)}
        assert selected | grouped <= labels, expression


def test_the_dashboards_queries_are_well_formed() -> None:
    for expression in expressions():
        for opened, closed in ("()", "[]", "{}"):
            assert expression.count(opened) == expression.count(closed), expression
        bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]', "", expression)
        words = set(re.findall(r"[a-z_]{2,}", bare))
        metrics = {name for name, _ in _METRIC.findall(expression)}
        grouped = {name for names in _GROUPING.findall(expression) for name in re.split(r",\s*", names)}
        assert words <= _WORDS | metrics | grouped, words
        counters = [each for each in metrics if (of := defined(each)) is None or of.kind != "gauge"]
        for counter in counters:
            if not counter.endswith("_bytes"):
                assert re.search(rf"rate\({counter}\{{[^}}]*\}}\[", expression), (
                    f"{counter} counts up: ask for its rate"
                )


def test_the_dashboard_shows_every_metric_of_the_server() -> None:
    shown = {name for expression in expressions() for name, _ in _METRIC.findall(expression)}
    shown = {of.name for name in shown if (of := defined(name))}
    assert set(DEFINED) - shown == {"agentops_build_info"}


def test_panels_have_a_place_of_their_own_and_say_what_they_show() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not taken & cells, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
        assert panel["type"] == "row" or panel["description"], panel["title"]


def test_prometheus_is_told_addresses_that_there_are() -> None:
    config = TypeAdapter(dict[str, list[dict[str, object]]]).validate_python(
        yaml.safe_load((ROOT / "deploy/prometheus.yml").read_text())
    )
    paths = [str(job["metrics_path"]) for job in config["scrape_configs"]]
    routes = create_app(Settings(_env_file=None)).openapi()["paths"]  # pyright: ignore[reportCallIssue] - pydantic-settings' own argument
    for path in paths:
        assert re.sub(r"/[0-9a-f-]{36}/", "/{id}/", path) in routes
    assert len(paths) == 2


def test_every_metric_is_documented_with_its_labels_and_none_that_is_not() -> None:
    page = (ROOT / "docs/metrics.md").read_text()
    rows = re.findall(r"^\| `((?:agentops)_[a-z_]+)` \| (\w+) \| ([^|]*) \|", page, flags=re.MULTILINE)
    documented = {name: (kind, re.findall(r"`(\w+)`", labels)) for name, kind, labels in rows}
    assert documented == {name: (each.kind, list(each.labels)) for name, each in DEFINED.items()}
