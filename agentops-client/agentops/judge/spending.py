"""What an endpoint's answers cost, and when that is enough. Tokens are the endpoint's own count where it gives one."""

import threading
from dataclasses import dataclass
from typing import Any

_CHARS_A_TOKEN = 3
"""Of ordinary text it is about four (OpenAI's own rule of thumb): an estimate must not be too low."""
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars for a million tokens, as price lists say them."""

    input_usd: float
    output_usd: float

    def of(self, input_tokens: int, output_tokens: int) -> float:
        """US dollars for so many tokens."""
        return (input_tokens * self.input_usd + output_tokens * self.output_usd) / _MILLION


@dataclass(frozen=True, slots=True)
class Spending:
    """What was asked, and what that cost so far."""

    calls: int = 0
    """Requests that were sent; a repeated one counts again."""
    failures: int = 0
    """Calls without an answer, or that were refused."""
    cached: int = 0
    """Questions that were answered without a call."""
    input_tokens: int = 0
    output_tokens: int = 0
    estimated_calls: int = 0
    """Calls whose tokens are estimates from their texts' length: the endpoint did not say, or answered too late."""
    usd: float = 0.0
    """By the prices handed in; 0 without."""


class OverBudget(Exception):
    """The next call is estimated to cost more than is left."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a call is expected to cost at most."""

    input_tokens: int
    output_tokens: int


def estimated_tokens(chars: int) -> int:
    """At most about how many tokens so many characters are."""
    return chars // _CHARS_A_TOKEN + 1


class Ledger:
    """Counts what is spent. Threads share it: what is on its way is reserved, so they do not overspend together."""

    def __init__(self, prices: Prices | None, budget_usd: float | None) -> None:
        """Raises ValueError for a budget without prices, which could never be kept."""
        if budget_usd is not None and (prices is None or not budget_usd >= 0):
            raise ValueError("a budget is an amount of US dollars, and needs prices")
        self._prices = prices or Prices(0.0, 0.0)
        self._budget_usd = budget_usd
        self._lock = threading.Lock()
        self._reserved_usd = 0.0
        self._told: dict[str, Any] = {}

    @property
    def spending(self) -> Spending:
        """The figures at this moment."""
        with self._lock:
            return Spending(**self._told)

    def renew(self) -> None:
        """In a forked child: whoever held the lock, or waits for an answer, is not there."""
        self._lock = threading.Lock()
        self._reserved_usd = 0.0

    def reserve(self, estimate: Estimate) -> None:
        """Sets the money for one call aside. Raises OverBudget."""
        usd = self._usd(estimate)
        with self._lock:
            spent_usd = self._told.get("usd", 0.0) + self._reserved_usd
            if self._budget_usd is not None and spent_usd + usd > self._budget_usd:
                raise OverBudget
            self._reserved_usd += usd

    def settle(self, estimate: Estimate, usage: Estimate | None, *, is_estimated: bool, failed: bool) -> None:
        """The call is over. `usage` is what it used, None where nothing was."""
        used = usage or Estimate(0, 0)
        with self._lock:
            self._reserved_usd -= self._usd(estimate)
            self._add("calls", 1)
            self._add("failures", int(failed))
            self._add("estimated_calls", int(is_estimated))
            self._add("input_tokens", used.input_tokens)
            self._add("output_tokens", used.output_tokens)
            self._add("usd", self._usd(used))

    def cached(self) -> None:
        """A question that cost nothing."""
        with self._lock:
            self._add("cached", 1)

    def _add(self, name: str, value: float) -> None:
        self._told[name] = self._told.get(name, 0) + value

    def _usd(self, tokens: Estimate) -> float:
        return self._prices.of(tokens.input_tokens, tokens.output_tokens)
