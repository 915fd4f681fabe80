"""A model's performance over a window: measured on labels, estimated before they come, and compared with a limit."""

from algorithms.performance.comparison import PerformanceJudgement, judge_performance
from algorithms.performance.estimates import (
    HIGHER_IS_BETTER,
    REGRESSION_METRICS,
    SCORE_METRICS,
    Metric,
    MetricEstimate,
)
from algorithms.performance.estimation import LOSSES, estimate_classification, estimate_regression
from algorithms.performance.limits import PerformanceLimit
from algorithms.performance.loss_model import LossModel
from algorithms.performance.performance_metrics import measure_performance
from algorithms.performance.score_calibration import ScoreCalibration

__all__ = [
    "HIGHER_IS_BETTER",
    "LOSSES",
    "REGRESSION_METRICS",
    "SCORE_METRICS",
    "LossModel",
    "Metric",
    "MetricEstimate",
    "PerformanceJudgement",
    "PerformanceLimit",
    "ScoreCalibration",
    "estimate_classification",
    "estimate_regression",
    "judge_performance",
    "measure_performance",
]
