"""The product's errors, as the domain knows them. Refuses to know HTTP: `edge/problems.py` gives each its status."""


class AgentOpsError(Exception):
    """Base of every error a user may read. The message says what happened and what to do."""


class Malformed(AgentOpsError):
    """The request cannot be read at all (bad JSON, bad encoding)."""


class Invalid(AgentOpsError):
    """The request was read, but breaks a rule. `fields` names each broken place, without echoing its value."""

    def __init__(self, message: str, fields: list[dict[str, str]] | None = None) -> None:
        super().__init__(message)
        self.fields = fields or []


class TooLarge(AgentOpsError):
    """The request is larger than the server takes."""


class UnsupportedEncoding(AgentOpsError):
    """The body's Content-Encoding or Content-Type is not one the server reads."""


class Unauthenticated(AgentOpsError):
    """Nobody is known to be calling: no credential, or one that is not (or no longer) good."""


class Forbidden(AgentOpsError):
    """The caller is known and may see the thing, but may not do this with it."""


class NotFound(AgentOpsError):
    """There is no such thing, or none that this caller may see; the two are told apart by nobody."""


class Conflict(AgentOpsError):
    """The change contradicts what is stored."""


class BeyondEnd(AgentOpsError):
    """What was asked for begins behind the end of something that is `size` bytes long."""

    def __init__(self, message: str, *, size: int) -> None:
        super().__init__(message)
        self.size = size


class TooManyRequests(AgentOpsError):
    """The caller is over a limit."""

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Unavailable(AgentOpsError):
    """The server cannot do this now; nothing was acknowledged, and the same request may be sent again."""

    def __init__(self, message: str, *, retry_after_s: int = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Misconfigured(AgentOpsError):
    """A setting is missing or wrong; the server does not start with it."""
