"""Tests the rate of false alarms of a run without drift, over every method and feature."""

import numpy as np
import pytest

from algorithms.evaluation import evaluate
from algorithms.plan import EvaluationPlan
from tests.algorithms.windows import fit, mixed_window

RUNS, LEVEL = 60, 0.05
SIMULATION_ERROR = 3 * (LEVEL * (1 - LEVEL) / RUNS) ** 0.5


@pytest.mark.parametrize("rows", [100, 1000, 20_000])
def test_evaluate__twenty_features_without_drift__false_alarm_rate_holds(rows: int) -> None:
    rng = np.random.default_rng(rows)
    alarms = 0
    for _ in range(RUNS):
        baseline = fit(mixed_window(rng, rows))
        outcomes = evaluate(baseline, mixed_window(rng, rows), EvaluationPlan())
        alarms += any(outcome.is_drifted for outcome in outcomes)
    assert alarms / RUNS <= LEVEL + SIMULATION_ERROR
