"""Optional models of one's own, from a local directory: `pip install agentops-client[nli]` or `[minilm]`.

Importing this imports none of their libraries; making a detector does, and says what is missing.
"""

from agentops.models.detector import ModelDetector, hhem, lettucedetect, minicheck, nli
from agentops.models.drift import EndpointEmbeddings, MeasuredDrift
from agentops.models.minilm import MiniLM
from agentops.models.runtime import ModelUnavailable

__all__ = [
    "EndpointEmbeddings",
    "MeasuredDrift",
    "MiniLM",
    "ModelDetector",
    "ModelUnavailable",
    "hhem",
    "lettucedetect",
    "minicheck",
    "nli",
]
