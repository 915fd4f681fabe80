"""Metrics of weighted rows, against scikit-learn's with sample weights."""

import numpy as np
import pytest
from sklearn import metrics

from algorithms.performance import Metric, estimate_classification
from algorithms.performance.score_calibration import ScoreCalibration
from algorithms.performance.weighted_metrics import weighted_metrics
from tests.algorithms.performance.windows import classified


def test_metrics__labels_and_weights__are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(3)
    rows, weights = classified(rng, 500), rng.exponential(size=500)
    label, predicted = rows.label.astype(float), rows.prediction > 0
    found = weighted_metrics(rows.score, predicted, label, weights)
    given = {"y_true": rows.label, "y_pred": rows.prediction, "sample_weight": weights}
    expected = {
        Metric.ACCURACY: metrics.accuracy_score(**given),
        Metric.BALANCED_ACCURACY: metrics.balanced_accuracy_score(**given),
        Metric.PRECISION: metrics.precision_score(**given),
        Metric.RECALL: metrics.recall_score(**given),
        Metric.F1: metrics.f1_score(**given),
        Metric.ROC_AUC: metrics.roc_auc_score(rows.label, rows.score, sample_weight=weights),
        Metric.LOG_LOSS: metrics.log_loss(rows.label, rows.score, sample_weight=weights),
    }
    assert found == {name: pytest.approx(value) for name, value in expected.items()}


def test_metrics__chances_and_even_weights__are_those_of_the_estimate() -> None:
    rows = classified(np.random.default_rng(4), 500)
    calibration = ScoreCalibration.fit(rows.score, rows.label)
    chance = calibration.calibrate(rows.score)
    found = weighted_metrics(rows.score, rows.prediction > 0, chance, np.ones(500))
    estimates = estimate_classification(
        list(found), score=rows.score, prediction=rows.prediction, calibration=calibration
    )
    assert found == {name: pytest.approx(each.value) for name, each in estimates.items()}


def test_metrics__one_class__leave_those_undefined_that_need_both() -> None:
    score, ones = np.array([0.2, 0.8]), np.ones(2)
    found = weighted_metrics(score, score > 0.5, ones, ones)
    undefined = {name for name, value in found.items() if value is None}
    assert undefined == {Metric.ROC_AUC, Metric.BALANCED_ACCURACY}
    assert found[Metric.RECALL] == 0.5
