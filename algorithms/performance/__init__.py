"""Measures a model's performance on labels, estimates it before they come, and compares it with a limit."""

from .comparison import PerformanceJudgement, judge_performance
from .estimates import (
    HIGHER_IS_BETTER,
    REGRESSION_METRICS,
    SCORE_METRICS,
    Metric,
    MetricEstimate,
)
from .estimation import LOSSES, estimate_classification, estimate_regression
from .estimators import Estimators, measure_dispersion
from .limits import PerformanceLimit
from .loss_model import LossModel
from .performance_metrics import measure_performance
from .reading import read_binary, read_classes, read_numbers, read_scores
from .reference_sample import (
    Columns,
    LabelledLosses,
    LabelledScores,
    ReferenceSample,
    join_columns,
)
from .score_calibration import ScoreCalibration
from .support import Support, examine, find_usual_shifts

__all__ = [
    "HIGHER_IS_BETTER",
    "LOSSES",
    "REGRESSION_METRICS",
    "SCORE_METRICS",
    "Columns",
    "Estimators",
    "LabelledLosses",
    "LabelledScores",
    "LossModel",
    "Metric",
    "MetricEstimate",
    "PerformanceJudgement",
    "PerformanceLimit",
    "ReferenceSample",
    "ScoreCalibration",
    "Support",
    "estimate_classification",
    "estimate_regression",
    "examine",
    "find_usual_shifts",
    "join_columns",
    "judge_performance",
    "measure_dispersion",
    "measure_performance",
    "read_binary",
    "read_classes",
    "read_numbers",
    "read_scores",
]
