"""Detectors that ask a language model: over any endpoint that speaks OpenAI's chat completions."""

from agentops.judge.cascade import Cascade
from agentops.judge.endpoint import Endpoint, Patience
from agentops.judge.llm import LLMJudge
from agentops.judge.spending import Prices, Spending

__all__ = ["Cascade", "Endpoint", "LLMJudge", "Patience", "Prices", "Spending"]
