"""Runs, detections, outcomes, backtests and reports."""

from detections.models.backtests import Backtest
from detections.models.choices import METHODS, REFERENCES, SEVERITIES, VERDICTS
from detections.models.detections import Detection
from detections.models.outcomes import (
    ConsumerOffset,
    DetectorState,
    OutcomeBatch,
    OutcomeStream,
    PendingOutcome,
)
from detections.models.reports import Report
from detections.models.runs import DetectionRun, RunPart

__all__ = [
    "METHODS",
    "REFERENCES",
    "SEVERITIES",
    "VERDICTS",
    "Backtest",
    "ConsumerOffset",
    "Detection",
    "DetectionRun",
    "DetectorState",
    "OutcomeBatch",
    "OutcomeStream",
    "PendingOutcome",
    "Report",
    "RunPart",
]
