"""AgentOps: tells whether LLM answers are supported by their evidence, and sends what it finds to AgentOps API."""

from pathlib import Path

from agentops.clash import refuse_mixture

# First of all: of a mixture of two packages nothing can be imported with confidence.
refuse_mixture(Path(__file__).parent)

from agentops.aio import AsyncAgentOps
from agentops.client import AgentOps
from agentops.config import Bounds
from agentops.detect import Claim, Detection, Detector, LocalDetector
from agentops.detect.legacy import uncertainty_score
from agentops.errors import (
    AgentOpsError,
    ApiError,
    ConnectionFailed,
    Forbidden,
    Invalid,
    InvalidArgument,
    NotConfigured,
    NotFound,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)
from agentops.functions import detect_hallucination
from agentops.judge import Cascade, Endpoint, LLMJudge, Prices
from agentops.outbox import Delivery
from agentops.results import Evaluation, Stats, StoredEvaluation, StoredLabel
from agentops.throughput import get_throughput_stats, reset_throughput_tracker
from agentops.trace import Trace, current_trace
from agentops.version import __version__

__all__ = [
    "AgentOps",
    "AgentOpsError",
    "ApiError",
    "AsyncAgentOps",
    "Bounds",
    "Cascade",
    "Claim",
    "ConnectionFailed",
    "Delivery",
    "Detection",
    "Detector",
    "Endpoint",
    "Evaluation",
    "Forbidden",
    "Invalid",
    "InvalidArgument",
    "LLMJudge",
    "LocalDetector",
    "NotConfigured",
    "NotFound",
    "Prices",
    "Stats",
    "StoredEvaluation",
    "StoredLabel",
    "TooManyRequests",
    "Trace",
    "Unauthenticated",
    "Unavailable",
    "__version__",
    "current_trace",
    "detect_hallucination",
    "get_throughput_stats",
    "reset_throughput_tracker",
    "uncertainty_score",
]
