"""Results are dictionaries with typed attributes: there is one value, however it is read or set."""

import json
import pickle
from datetime import UTC, datetime
from uuid import UUID

from agentops import AgentOps, StoredEvaluation

ID = UUID("019ab3f5-22b0-7e4d-8f16-7a9b1c3d5e07")


def test_an_attribute_that_is_set_is_the_item() -> None:
    result = AgentOps().evaluate("What colour is the sky?", "Blue.", ["The sky is blue."])
    result.hallucinated = True
    assert (result.hallucinated, result["hallucinated"]) == (True, True)
    result["hallucinated"] = None
    assert result.hallucinated is None
    assert json.loads(json.dumps(result))["hallucinated"] is None
    assert pickle.loads(pickle.dumps(result)) == result  # noqa: S301 - our own
    assert vars(result) == {}


def test_an_item_that_is_set_stays_what_json_can_hold() -> None:
    at = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
    stored = StoredEvaluation()
    stored.id, stored.created_at, stored.mode = ID, at, "human"
    assert json.loads(json.dumps(stored)) == {
        "id": str(ID),
        "created_at": "2026-11-02T09:30:00+00:00",
        "mode": "human",
    }
    assert (stored.id, stored.created_at) == (ID, at)
