"""Answers whose verdict nobody doubts."""

from collections.abc import Mapping

from httpx2 import AsyncClient

Json = dict[str, object]
DOCUMENT = "Unopened goods can be returned within 30 days of delivery. The buyer pays for the return."
RIGHT: Json = {
    "prompt": "How long do I have to return unopened goods?",
    "response": "Unopened goods can be returned within 30 days of delivery.",
    "retrieved_docs": [DOCUMENT],
}
WRONG: Json = RIGHT | {
    "response": "Unopened goods can be returned within 90 days. A courier from Berlin collects them."
}
UNCHECKABLE: Json = RIGHT | {"response": "Yes."}
WITHOUT_DOCUMENTS: Json = {name: value for name, value in RIGHT.items() if name != "retrieved_docs"}
SCORED: Json = RIGHT | {"hallucinated": True, "hallucination_probability": 0.75, "mode": "human"}


async def send(sdk: AsyncClient, *items: Mapping[str, object]) -> list[str]:
    """The ids of the stored items."""
    answer = await sdk.post("/evaluations/batch", json={"evaluations": list(items)})
    assert answer.status_code == 201, answer.text
    return [each["id"] for each in answer.json()["results"]]
