"""Tells which sentences of an answer its documents do not support, and why. Standard library only."""

from .calibration import Recalibration, refit
from .local import LocalDetector
from .results import Claim, Detection, Detector, Label, Quote, Status
from .scoring import ProfileName

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
