"""The problem document, also for who reads one: it needs no HTTP framework."""

from pydantic import BaseModel, ConfigDict


class FieldError(BaseModel):
    """One broken place of a request."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    field: str
    """Where, with dots between the levels: `prompt`, `metadata.team`, `evaluations.3.latency_ms`."""
    message: str
    """What is wrong there. Never repeats the value."""


class Problem(BaseModel):
    """What went wrong, as RFC 9457 describes it."""

    model_config = ConfigDict(
        use_attribute_docstrings=True,
        json_schema_extra={
            "example": {
                "type": "/problems/not-found",
                "title": "Not Found",
                "status": 404,
                "detail": "There is no such evaluation.",
                "request_id": "0198c3a27e4b7d0c9a1f2b3c4d5e6f70",
            }
        },
    )

    type: str
    """The kind of problem; stable, for programs."""
    title: str
    """The kind of problem, for people."""
    status: int
    """The HTTP status, repeated."""
    detail: str
    """What happened here and what to do."""
    request_id: str
    """The id under which the server's log speaks of this request; also in the `X-Request-ID` header."""
    errors: list[FieldError] | None = None
    """The broken places of the request, at most 50."""
