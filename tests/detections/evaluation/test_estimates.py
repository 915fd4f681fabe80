"""Estimates are made without scikit-learn, which builds need, and evidence against estimates."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa

from algorithms.baseline import Baseline, FeatureKind
from algorithms.performance import Estimators, LossModel, ScoreCalibration
from tests.algorithms.performance.windows import classified, regressed

CODE = """
import sys, django
from pathlib import Path
import numpy as np
django.setup()
import tasks.detections, detections.evaluation.run
from algorithms.baseline import Baseline
from algorithms.performance import LOSSES, Metric, estimate_classification, estimate_regression
from algorithms.warm import warm
warm()
learnt = Baseline.from_bytes(Path(sys.argv[1]).read_bytes()).estimators
numbers = np.linspace(0, 1, 60)
found = estimate_classification(
    [Metric.F1], score=numbers, prediction=numbers > 0.5, calibration=learnt.calibration
)
found |= estimate_regression(
    LOSSES, features=np.zeros((60, 3)), prediction=numbers, model=learnt.losses
)
print(all(each.value is not None for each in found.values()), "sklearn" in sys.modules)
"""


def test_estimates__in_the_process_of_a_run__leave_sklearn_out(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    scored, priced = classified(rng, 400), regressed(rng, 400)
    learnt = Estimators(
        calibration=ScoreCalibration.fit(scored.score, scored.label),
        losses=LossModel.fit(priced.features, priced.prediction, priced.label),
    )
    fitted = Baseline.fit(pa.table({"x": [1.0, 2.0]}), {"x": FeatureKind.NUMERIC})
    given = Baseline(
        rows=2, sampled_rows=2, seed=1, bins=10, features=fitted.features, estimators=learnt
    )
    (tmp_path / "bundle").write_bytes(given.to_bytes())
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(tmp_path / "bundle")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["True", "False"], done.stderr[-2000:]
