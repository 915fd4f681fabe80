from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from algorithms.performance import (
    Metric,
    ScoreCalibration,
    estimate_classification,
)
from tests.algorithms.performance.windows import (
    BINARY_METRICS,
    Classified,
    Estimates,
    classified,
    holds,
    realised,
)

CERTAIN = ScoreCalibration(
    lower=(0.0, 0.6), upper=(0.4, 1.0), positives=(0, 10**9), rows=(10**9, 10**9)
)
EXACT = ScoreCalibration(
    lower=(0.0, 1.0), upper=(0.0, 1.0), positives=(0, 10**9), rows=(10**9, 10**9)
)
windows = st.lists(st.tuples(st.integers(0, 10), st.integers(0, 1)), min_size=2, max_size=40)


def estimated(window: Classified, calibration: ScoreCalibration) -> Estimates:
    return estimate_classification(
        BINARY_METRICS, score=window.score, prediction=window.prediction, calibration=calibration
    )


def fitted(rng: np.random.Generator, n: int, power: float) -> ScoreCalibration:
    reference = classified(rng, n, power=power)
    return ScoreCalibration.fit(reference.score, reference.label)


@pytest.mark.parametrize("shift", [-1.5, 0.0, 1.5])
@pytest.mark.parametrize("power", [0.5, 1.0, 3.0])
def test_estimate_classification__shifted_window__is_near_the_realised(
    shift: float, power: float
) -> None:
    rng = np.random.default_rng(0)
    calibration, window = (
        fitted(rng, 100_000, power),
        classified(rng, 100_000, shift=shift, power=power),
    )
    truth, found = realised(window), estimated(window, calibration)
    for metric in BINARY_METRICS:
        assert found[metric].value == pytest.approx(truth[metric].value, rel=0.03)


def test_estimate_classification__shifted_window__unlike_the_reference() -> None:
    rng = np.random.default_rng(1)
    calibration, before, after = (
        fitted(rng, 20_000, 1),
        classified(rng, 20_000),
        classified(rng, 20_000, shift=-2),
    )
    assert realised(after)[Metric.RECALL].value == pytest.approx(0.14, abs=0.05)
    assert not holds(
        estimated(after, calibration)[Metric.RECALL], realised(before)[Metric.RECALL].value
    )
    assert holds(estimated(after, calibration)[Metric.RECALL], realised(after)[Metric.RECALL].value)


@pytest.mark.parametrize(
    ("rows", "n", "shift"), [(20_000, 500, 0.0), (2000, 5000, 0.0), (5000, 2000, 1.0)]
)
def test_estimate_classification__many_windows__intervals_hold_the_realised(
    rows: int, n: int, shift: float
) -> None:
    rng = np.random.default_rng(rows)
    held: dict[Metric, list[bool]] = {metric: [] for metric in BINARY_METRICS}
    for _ in range(250):
        calibration, window = fitted(rng, rows, 1.5), classified(rng, n, shift=shift, power=1.5)
        truth, found = realised(window), estimated(window, calibration)
        for metric in BINARY_METRICS:
            held[metric].append(holds(found[metric], truth[metric].value))
    for each in held.values():
        assert 0.88 <= np.mean(each) <= 0.99


def test_estimate_classification__labels_drawn_many_times__mean_and_spread_of_the_realised() -> (
    None
):
    rng = np.random.default_rng(3)
    window = classified(rng, 400)
    found = estimated(window, EXACT)
    labels = (rng.random((600, 400)) < window.score).astype(int)
    draws = [realised(Classified(window.score, window.prediction, label)) for label in labels]
    for metric in BINARY_METRICS:
        values = np.array([draw[metric].value for draw in draws], float)
        assert found[metric].value == pytest.approx(values.mean(), rel=0.01)
        assert found[metric].standard_error == pytest.approx(values.std(), rel=0.12)


def test_estimate_classification__labels_are_certain__sklearns_values() -> None:
    rng = np.random.default_rng(4)
    score = np.where(rng.random(200) < 0.3, rng.uniform(0.6, 1, 200), rng.uniform(0, 0.4, 200))
    label, prediction = (score > 0.5).astype(int), (rng.random(200) < score).astype(int)
    found = estimated(Classified(score, prediction, label), CERTAIN)
    assert found[Metric.ACCURACY].value == pytest.approx(oracle.accuracy_score(label, prediction))
    assert found[Metric.BALANCED_ACCURACY].value == pytest.approx(
        oracle.balanced_accuracy_score(label, prediction)
    )
    assert found[Metric.F1].value == pytest.approx(oracle.f1_score(label, prediction))
    assert found[Metric.LOG_LOSS].value == pytest.approx(oracle.log_loss(label, score))
    assert found[Metric.ROC_AUC].value == pytest.approx(oracle.roc_auc_score(label, score))


def test_estimate_classification__ties_of_scores__area_over_all_pairs() -> None:
    score = np.random.default_rng(5).integers(0, 6, 80) / 5
    calibration = ScoreCalibration.fit(
        [0, 0.2, 0.4, 0.6, 0.8, 1] * 5, [0, 0, 0, 0, 1, 1] + [0, 1] * 12
    )
    chance = calibration.calibrate(score)
    weights = chance[:, None] * (1 - chance[None, :]) * (1 - np.eye(80))
    wins = (score[:, None] > score[None, :]) + (score[:, None] == score[None, :]) / 2
    found = estimate_classification(
        [Metric.ROC_AUC], score=score, prediction=score > 0.5, calibration=calibration
    )
    assert found[Metric.ROC_AUC].value == pytest.approx(np.sum(weights * wins) / np.sum(weights))


@given(windows, st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_estimate_classification__rows_in_another_order__same(
    window: list[tuple[int, int]], random: Random
) -> None:
    calibration, found = fitted(np.random.default_rng(6), 1000, 1), []
    for _ in range(2):
        score, prediction = (np.array(column) for column in zip(*window, strict=True))
        found.append(estimated(Classified(score / 10, prediction, prediction), calibration))
        random.shuffle(window)
    for before, after in zip(found[0].values(), found[1].values(), strict=True):
        assert before.value == pytest.approx(after.value)
        assert before.standard_error == pytest.approx(after.standard_error)


def test_estimate_classification__small_calibration__wider_interval() -> None:
    rng = np.random.default_rng(7)
    window = classified(rng, 5000)
    small, large = (
        estimated(window, fitted(rng, rows, 1))[Metric.ACCURACY] for rows in (500, 100_000)
    )
    assert (small.standard_error or 0) > 2 * (large.standard_error or 1)


def test_estimate_classification__undefined__says_why() -> None:
    found = estimated(Classified(np.array([0.1, 0.2]), np.array([0, 0]), np.array([0, 0])), CERTAIN)
    undefined = {
        metric: estimate.reason for metric, estimate in found.items() if estimate.value is None
    }
    assert undefined.keys() == set(BINARY_METRICS) - {Metric.ACCURACY, Metric.LOG_LOSS}
    assert undefined[Metric.ROC_AUC] == "Labels of only one class are expected."
    empty = np.array([], int)
    assert {
        each.reason for each in estimated(Classified(empty, empty, empty), CERTAIN).values()
    } == {"There are no rows."}


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"score": [0.1, np.nan], "prediction": [0, 1]}, "finite"),
        ({"score": [0.1, 1.2], "prediction": [0, 1]}, "from 0 to 1"),
        ({"score": [0.1, 0.2], "prediction": [0, 1, 1]}, "score 2, prediction 3"),
        ({"score": [0.1, 0.2], "prediction": [0, None]}, "prediction must be known"),
        ({"score": [0.1, 0.2], "prediction": ["a", "b"]}, "two classes"),
        ({"score": [0.1, 0.2], "prediction": [0, 1], "level": 0}, "between 0 and 1"),
        (
            {"score": [0.1], "prediction": [0], "metrics": [Metric.MAE, Metric.F1]},
            "Without labels mae cannot",
        ),
    ],
)
def test_estimate_classification__unusable_input__says_why(
    columns: dict[str, Any], said: str
) -> None:
    usual: dict[str, Any] = {"metrics": [Metric.F1], "calibration": CERTAIN}
    with pytest.raises(ValueError, match=said):
        estimate_classification(**usual | columns)
