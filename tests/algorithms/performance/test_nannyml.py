"""NannyML 0.13.1 estimates the same; it is not installed, so its functions' answers on public sets are written down."""

from collections.abc import Callable

import pytest

from algorithms.performance import Metric, ScoreCalibration, estimate_classification
from tests.algorithms.performance.public_sets import Split, bananas, flights

THEIRS = {
    flights: {
        "accuracy": 0.896666,
        "precision": 0.815635,
        "recall": 0.719725,
        "f1": 0.764684,
        "roc_auc": 0.896773,
    },
    bananas: {
        "accuracy": 0.620580,
        "precision": 0.569339,
        "recall": 0.611345,
        "f1": 0.589595,
        "roc_auc": 0.644494,
    },
}
FOUR_DIGITS = 1e-4


@pytest.mark.parametrize("public_set", [flights, bananas])
def test_estimate_classification__public_set__as_nannyml(public_set: Callable[[], Split]) -> None:
    reference, window = public_set()
    found = estimate_classification(
        [Metric(name) for name in THEIRS[public_set]],
        score=window.score,
        prediction=window.prediction,
        calibration=ScoreCalibration.fit(reference.score, reference.label),
    )
    values = {metric.value: each.value for metric, each in found.items()}
    assert values == pytest.approx(THEIRS[public_set], abs=FOUR_DIGITS)
