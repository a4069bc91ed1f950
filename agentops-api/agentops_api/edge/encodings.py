"""What the header Accept-Encoding allows (RFC 9110, section 12.5.3)."""

from collections.abc import Sequence

_ALIASES = {"x-gzip": "gzip"}


def quality(accepted: str, coding: str) -> float:
    """How much the client likes the coding, from 0 (never) to 1. What it does not speak of it does not take."""
    found = _weights(accepted)
    return found.get(coding, found.get("*", 0.0))


def preferred(accepted: str, codings: Sequence[str]) -> str:
    """Which coding to send: the one that the client likes best, of several the first; `identity` if it likes none.

    `identity` itself comes before the others only where the client says so: it speaks of it to rule it out, as a rule.
    """
    weights = {coding: quality(accepted, coding) for coding in codings}
    best = max(codings, key=lambda coding: weights[coding], default="identity")
    return best if weights.get(best, 0.0) > _weights(accepted).get("identity", 0.0) else "identity"


def _weights(accepted: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for part in accepted.lower().split(","):
        coding, *parameters = (word.strip() for word in part.split(";"))
        if coding:
            found[_ALIASES.get(coding, coding)] = _weight(parameters)
    return found


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return min(max(float(value), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0
