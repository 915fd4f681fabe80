"""Compiling every kernel beforehand: at install time by `python -m algorithms.warm`, and when a worker starts.

numba keeps what it compiled beside the sources, so a process that comes later only loads it.
"""

import numpy as np
import pyarrow as pa

from algorithms.baseline import Baseline, FeatureKind
from algorithms.evaluation import evaluate, evaluate_profile
from algorithms.plan import DEFAULT_LIMITS, EvaluationPlan

ROWS = 4000


def warm() -> None:
    """Run every method once over small windows, of evenly and unevenly spread numbers, with values kept and without."""
    random = np.random.default_rng(0)
    heavy = random.standard_cauchy(ROWS)
    columns = {"even": random.random(ROWS), "heavy": heavy, "gaps": pa.array([None, *heavy[1:]])}
    reference = pa.table(columns | {"text": pa.array(["a", "b"] * (ROWS // 2)).dictionary_encode()})
    kinds = dict.fromkeys(columns, FeatureKind.NUMERIC) | {"text": FeatureKind.CATEGORICAL}
    plan = EvaluationPlan(methods=DEFAULT_LIMITS)
    baseline = Baseline.fit(reference, kinds)
    for each in (baseline, Baseline.from_bytes(baseline.to_bytes())):
        for rows in (ROWS, ROWS - 1):  # windows of one size, and of two, take different paths to a p-value
            evaluate(each, reference.slice(0, rows), plan)
    binned = baseline.without_values()
    evaluate_profile(binned, binned.profile(reference.to_batches()), plan)


if __name__ == "__main__":
    warm()
