"""Who this client is and how far it may go: what the application says, else the environment, else defaults."""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from agentops.notices import warn

Redact = Callable[[dict[str, Any]], dict[str, Any] | None]
"""Takes the fields of an evaluation before they are queued, answers what may leave; None: nothing may."""

_YES = {"1", "true", "yes", "on"}
_NO = {"0", "false", "no", "off"}
_HOST_CHARS_MAX = 253
_PORT_MAX = 65_535


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is held, how it is sent, and how long anything may take."""

    queue_events_max: int = 10_000
    queue_bytes_max: int = 64 * 2**20
    batch_events_max: int = 100
    batch_bytes_max: int = 2**20
    linger_s: float = 1.0
    """An event waits at most this long for others to share its request."""
    timeout_s: float = 10.0
    """For one request, from the connection to the last byte of the answer, and a second more per 10 kB sent."""
    backoff_s: float = 0.5
    """The first wait after a failure is below this, the next below twice as much, and so on."""
    backoff_s_max: float = 60.0
    retry_after_s_max: float = 600.0
    """A server that asks for more patience does not get it."""
    exit_s_max: float = 2.0
    """How long the interpreter's exit may be held up."""
    save_s_max: float = 2.0
    """How much longer an end may take while a slow disk takes what only memory holds into the spool."""
    spool_bytes_max: int = 256 * 2**20


@dataclass(frozen=True, slots=True)
class JudgeSettings:
    """Which language model judges, as text: `judge.environment` reads it."""

    url: str | None = None
    model: str | None = None
    api_key: str | None = field(default=None, repr=False)
    prices: str | None = None
    budget_usd: str | None = None
    self_check: str | None = None
    cache_dir: str | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """Everything a client was told."""

    api_key: str | None
    api_url: str | None
    enabled: bool
    sample_rate: float
    spool_dir: Path | None
    redact: Redact | None
    raise_errors: bool | None
    """None: only under pytest."""
    bounds: Bounds = field(default_factory=Bounds)

    @property
    def can_send(self) -> bool:
        """There is somebody to send to, and nobody switched it off."""
        return self.enabled and bool(self.api_key and self.api_url)


def configure(
    *,
    api_key: str | None,
    api_url: str | None,
    enabled: bool | None,
    sample_rate: float | None,
    spool_dir: str | os.PathLike[str] | None,
    redact: Redact | None,
    raise_errors: bool | None,
    bounds: Bounds | None,
) -> Config:
    """The configuration; what is wrong with it is warned of and not used."""
    spool = spool_dir or _text("AGENTOPS_SPOOL_DIR")
    return Config(
        api_key=_key(api_key or _text("AGENTOPS_API_KEY")),
        api_url=_url(api_url or _text("AGENTOPS_API_URL")),
        enabled=_switch("AGENTOPS_ENABLED", default=True) if enabled is None else enabled,
        sample_rate=_rate(_text("AGENTOPS_SAMPLE_RATE") if sample_rate is None else sample_rate),
        spool_dir=directory_of("spool_dir", spool),
        redact=redact,
        raise_errors=raise_errors,
        bounds=bounds or Bounds(),
    )


def judge_settings() -> JudgeSettings:
    """What the environment says of a judge."""
    return JudgeSettings(
        url=_text("AGENTOPS_JUDGE_URL"),
        model=_text("AGENTOPS_JUDGE_MODEL"),
        api_key=_text("AGENTOPS_JUDGE_API_KEY"),
        prices=_text("AGENTOPS_JUDGE_PRICES"),
        budget_usd=_text("AGENTOPS_JUDGE_BUDGET_USD"),
        self_check=_text("AGENTOPS_JUDGE_SELF_CHECK"),
        cache_dir=_text("AGENTOPS_JUDGE_CACHE_DIR"),
    )


def directory_of(name: str, said: str | os.PathLike[str] | None) -> Path | None:
    """The directory, `~` being the user's home; one that cannot be found out is warned of and not used."""
    if not said:
        return None
    try:
        return Path(said).expanduser()
    except RuntimeError as error:
        warn(name, f"{name} is not used: {error}")
        return None


def _text(name: str) -> str | None:
    return os.environ.get(name, "").strip() or None


def _key(key: str | None) -> str | None:
    if key is not None and not (key.isascii() and key.isprintable()):
        warn("api_key", "The API key has characters that no key has: it is not used.")
        return None
    return key


def _url(url: str | None) -> str | None:
    if url is None:
        return None
    if not _can_be_asked(url):
        warn("api_url", "api_url must look like https://agentops.example.com: it is not used.")
        return None
    return url.rstrip("/")


def _can_be_asked(url: str) -> bool:
    """It is an address that paths can be put behind, of a host that may exist."""
    try:
        parts = httpx2.URL(url)
        host = parts.raw_host.decode("ascii")
        # A connection does this, and raises it where the host has an empty label or one of more than 63 characters.
        host.encode("idna")
    except (httpx2.InvalidURL, ValueError):
        return False
    is_name = ":" not in host
    return (
        parts.scheme in ("http", "https")
        and 0 < len(host) <= _HOST_CHARS_MAX
        and not (is_name and "%" in host)
        and (parts.port is None or 0 < parts.port <= _PORT_MAX)
        and not ("?" in url or "#" in url)
    )


def _switch(name: str, *, default: bool) -> bool:
    said = (_text(name) or "").lower()
    if said in _YES | _NO:
        return said in _YES
    if said:
        warn(name, f"{name} must be true or false: {default} is used.")
    return default


def _rate(said: str | float | None) -> float:
    if said is None:
        return 1.0
    try:
        rate = float(said)
    except ValueError:
        rate = math.nan
    if 0 <= rate <= 1:
        return rate
    warn("sample_rate", "The sample rate must lie in [0, 1]: 1 is used.")
    return 1.0
