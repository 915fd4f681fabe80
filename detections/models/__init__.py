"""Runs, detections, profiles, outcomes, error rates, backtests, label audits and reports."""

from detections.models.backtests import Backtest
from detections.models.choices import METHODS, REFERENCES, SEVERITIES, VERDICTS
from detections.models.detections import Detection
from detections.models.error_rates import ErrorBin, SignalChange
from detections.models.label_audits import GivenLabel, LabelAudit
from detections.models.outcomes import (
    ConsumerOffset,
    DetectorState,
    OutcomeBatch,
    OutcomeStream,
    PendingOutcome,
)
from detections.models.profiles import BaselineFrame, RunProfile
from detections.models.reports import Report
from detections.models.runs import DetectionRun, RunPart

__all__ = [
    "METHODS",
    "REFERENCES",
    "SEVERITIES",
    "VERDICTS",
    "Backtest",
    "BaselineFrame",
    "ConsumerOffset",
    "Detection",
    "DetectionRun",
    "DetectorState",
    "ErrorBin",
    "GivenLabel",
    "LabelAudit",
    "OutcomeBatch",
    "OutcomeStream",
    "PendingOutcome",
    "Report",
    "RunPart",
    "RunProfile",
    "SignalChange",
]
