"""Compiles every kernel beforehand: at install time by `python -m algorithms.warm`, and when a worker starts.

numba keeps what it compiled beside the sources, so a process that comes later only loads it.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from .arrays import FloatArray
from .baseline import Baseline, FeatureKind
from .concept_drift.averaging import Averaging
from .concept_drift.detector_registry import ConceptMethod, new_detector
from .evaluation import evaluate, evaluate_profile
from .methods import DEFAULT_LIMITS
from .performance import LossModel, Metric, ScoreCalibration, estimate_regression
from .plan import EvaluationPlan
from .profile_format import profile_from_bytes, profile_to_bytes
from .statistical_tests import ks_test
from .statistical_tests.ks_distribution import (
    LARGE_SAMPLE,
    MEDIUM_SAMPLE,
    SMALL_SAMPLE,
    kolmogorov_sf,
)

ROWS = 4000
DISTANCES = (0.001, 0.02, 0.2)
"""Narrow, usual and wide gaps between distribution functions, whose p-values come from different formulas."""


def warm() -> None:
    """Run every detector once, and every method over small windows: even and uneven numbers, kept and not."""
    random = np.random.default_rng(0)
    spreads = {"even": random.random(ROWS), "heavy": random.standard_cauchy(ROWS)}
    reference, moved = (_table(spreads, shift) for shift in (0.0, 0.5))
    kinds = {
        name: FeatureKind.CATEGORICAL if name == "text" else FeatureKind.NUMERIC
        for name in reference.column_names
    }
    plan = EvaluationPlan(methods=DEFAULT_LIMITS)
    baseline = Baseline.fit(reference, kinds)
    for each in (baseline, Baseline.from_bytes(baseline.to_bytes()), baseline.without_values()):
        for rows in (
            ROWS,
            ROWS - 1,
        ):  # windows of one size, and of two, take different paths to a p-value
            evaluate(each, moved.slice(0, rows), plan)
        profile = each.profile(moved.to_batches())
        for counted in (profile, profile_from_bytes(profile_to_bytes(profile))):
            evaluate_profile(each, counted, plan)
    for values in (*spreads.values(), np.round(spreads["heavy"])):
        ks_test(values, values + 1.0)
    for rows in (SMALL_SAMPLE, MEDIUM_SAMPLE, LARGE_SAMPLE, LARGE_SAMPLE + 1):
        for distance in DISTANCES:
            kolmogorov_sf(distance, rows)
    numbers = np.column_stack(
        [random.random(ROWS), np.where(random.random(ROWS) < 0.1, np.nan, 1.0)]
    )
    ScoreCalibration.fit(numbers[:, 0], np.arange(ROWS) % 2)
    losses = LossModel.fit(numbers, numbers[:, 0], np.zeros(ROWS))
    estimate_regression(
        [Metric.MAE, Metric.RMSE], features=numbers, prediction=numbers[:, 0], model=losses
    )
    Averaging(each=7).take(random.random(ROWS))
    for method in ConceptMethod:
        new_detector(method).update_many(np.repeat([0.0, 1.0], ROWS))


def _table(spreads: Mapping[str, FloatArray], shift: float) -> pa.Table:
    """Numbers as Arrow lends them, read-only, and with nulls, as it copies them; and text."""
    moved = {name: values + shift for name, values in spreads.items()}
    gaps = {f"{name}_gaps": pa.array([None, *values[1:]]) for name, values in moved.items()}
    return pa.table(
        {**moved, **gaps, "text": pa.array(["a", "b"] * (ROWS // 2)).dictionary_encode()}
    )


if __name__ == "__main__":
    warm()
