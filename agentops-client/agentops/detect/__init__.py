"""Tells which sentences of an answer its documents do not support, and why. Standard library only."""

from agentops.detect.calibration import Recalibration, refit
from agentops.detect.local import LocalDetector
from agentops.detect.results import Claim, Detection, Detector, Label, Quote, Status
from agentops.detect.scoring import ProfileName

__all__ = [
    "Claim",
    "Detection",
    "Detector",
    "Label",
    "LocalDetector",
    "ProfileName",
    "Quote",
    "Recalibration",
    "Status",
    "refit",
]
