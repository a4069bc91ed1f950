"""What reading from the server can raise. Recording and evaluating raise nothing into the application."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


class AgentOpsError(Exception):
    """Whatever this package raises on purpose."""


class NotConfigured(AgentOpsError):
    """There is no API key or no address to ask with."""


class InvalidArgument(AgentOpsError, ValueError):
    """What was asked for cannot be asked; nothing was sent."""


class ConnectionFailed(AgentOpsError):
    """The server could not be reached, or broke off."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field of a request."""

    field: str
    message: str


class ApiError(AgentOpsError):
    """The server refused. `str()` is its own sentence; `request_id` finds the cause in its log."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        type: str = "about:blank",  # noqa: A002 - the problem document's own name
        request_id: str | None = None,
        errors: Sequence[FieldError] = (),
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.type = type
        self.request_id = request_id
        self.errors = tuple(errors)
        self.retry_after_s = retry_after_s


class Unauthenticated(ApiError):
    """The key is not, or no longer, good."""


class Forbidden(ApiError):
    """The key lacks the scope."""


class NotFound(ApiError):
    """There is no such thing, or it is not yours."""


class Invalid(ApiError):
    """The request breaks a rule; `errors` says which."""


class TooManyRequests(ApiError):
    """Over a limit; `retry_after_s` says how long to wait."""


class Unavailable(ApiError):
    """The server cannot answer now."""


_KINDS: Mapping[int, type[ApiError]] = {
    400: Invalid,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    422: Invalid,
    429: TooManyRequests,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}


def kind_of(status: int) -> type[ApiError]:
    """The error that stands for a status."""
    return _KINDS.get(status, ApiError)
