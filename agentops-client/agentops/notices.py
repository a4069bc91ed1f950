"""What the package tells its host: through the logger `agentops`, and never the same thing all the time."""

import contextlib
import logging
import math
import time

_log = logging.getLogger("agentops")
_KINDS_MAX = 1_000
_said: dict[str, float] = {}
MINUTE_S = 60.0
ONCE = math.inf


def warn(kind: str, message: str, *, every_s: float = MINUTE_S, error: BaseException | None = None) -> None:
    """Logs a warning, unless one of this kind was logged within the last `every_s` seconds."""
    now = time.monotonic()
    if now - _said.get(kind, -math.inf) < every_s:
        return
    if len(_said) >= _KINDS_MAX:
        _said.clear()
    _said[kind] = now
    # A handler is the application's: what it raises is no reason to fail, here or in a thread of ours.
    with contextlib.suppress(Exception):
        _log.warning(message, exc_info=error)
