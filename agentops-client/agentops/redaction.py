"""Between an evaluation and the application's redaction hook, which gets copies: what it edits in place is not the
application's own."""

from collections.abc import Mapping
from typing import Any, cast

from agentops.config import Redact


def redacted_by(redact: Redact, fields: Mapping[str, Any]) -> dict[str, Any] | None:
    """What may leave of the fields; None: nothing may. Raises what the hook raises, and where it answers no fields."""
    # They quote the texts: what the hook takes out there would leave here.
    claims = fields.get("claims")
    given = {name: _copied(value) for name, value in fields.items() if value is not None and name != "claims"}
    # As text has it, whatever the annotations of somebody else's function promise.
    redacted = cast("object", redact(given))
    if redacted is None:
        return None
    if not isinstance(redacted, Mapping):
        raise TypeError(f"redact must return the fields or None, not {type(redacted).__name__}")
    left = dict(cast("Mapping[str, Any]", redacted))
    return left | {"claims": claims} if claims and _texts(left) == _texts(fields) else left


def _copied(value: object) -> object:
    """The value, whose lists and mappings are new ones at every depth."""
    if isinstance(value, str):
        # Most are, and to ask whether it is a mapping takes longer.
        return value
    if isinstance(value, Mapping):
        return {name: _copied(each) for name, each in cast("Mapping[object, object]", value).items()}
    if isinstance(value, list):
        return [_copied(each) for each in cast("list[object]", value)]
    return value


def _texts(fields: Mapping[str, Any]) -> tuple[object, ...]:
    """What claims quote."""
    documents = fields.get("retrieved_docs")
    return (
        fields.get("prompt"),
        fields.get("response"),
        tuple(cast("list[object]", documents)) if isinstance(documents, list | tuple) else documents,
    )
