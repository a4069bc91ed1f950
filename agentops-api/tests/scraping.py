"""What Prometheus would read: a scrape, understood by the official parser."""

from collections.abc import Callable, Iterable, Mapping
from typing import cast

from httpx2 import AsyncClient
from prometheus_client import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

OPENMETRICS = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"}
LOCAL = {"Host": "localhost:8000"}
"""A caller on the server's own machine, as it calls the server."""

openmetrics_families = cast(Callable[[str], Iterable[Metric]], openmetrics.text_string_to_metric_families)  # pyright: ignore[reportUnknownMemberType] - it has no types
"""The official parser of OpenMetrics."""


class Scrape:
    """The samples of one scrape."""

    def __init__(self, text: str) -> None:
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self.samples = [sample for family in self.families.values() for sample in family.samples]

    def value(self, name: str, **labels: str) -> float:
        """The sum of the samples of that name that have these labels."""
        return sum(each.value for each in self.samples if each.name == name and each.labels.items() >= labels.items())

    def labels(self, name: str) -> list[dict[str, str]]:
        """The labels of each sample of that name."""
        return [each.labels for each in self.samples if each.name == name]


async def scrape(client: AsyncClient, path: str = "/metrics", headers: Mapping[str, str] = LOCAL) -> Scrape:
    answer = await client.get(path, headers=dict(headers))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return Scrape(answer.text)
