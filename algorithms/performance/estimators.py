"""Keeps what a reference has taught about a model's performance, for estimates of windows without labels."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import pyarrow as pa

from ..bundles import Arrays
from ..columns import Values, as_arrow
from ..errors import InsufficientData
from .dispersion import BLOCKS, dispersion, stretches
from .estimates import CONFUSION_METRICS, SCORE_METRICS, Metric, MetricEstimate
from .estimation import estimate_classification
from .loss_model import LossModel
from .performance_metrics import measure_performance
from .reading import Label, read_binary
from .reference_sample import ReferenceSample
from .score_calibration import ScoreCalibration

PARTS = ("calibration", "losses", "sample")
FOLDS = 4
"""Each stretch is estimated by a calibration that has learnt from the other three quarters."""
FEWEST_OF_CLASS = 20
"""Rows of the rarer class in a stretch: with fewer, a metric's error is far from normal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimators:
    """Models and factors that were learnt from the reference.

    Attributes:
        calibration: Of scores; None where the monitor has no scores.
        dispersion: The factor of each metric's standard error, by the reference's own stretches.
        losses: The model of a regressor's losses; None where no limit is on a loss.
        features: The columns that the model of losses reads.
        sample: Rows that windows are compared with; None in baselines from before it was kept.
    """

    calibration: ScoreCalibration | None = None
    dispersion: Mapping[Metric, float] = field(default_factory=dict)
    losses: LossModel | None = None
    features: tuple[str, ...] = ()
    sample: ReferenceSample | None = None

    @classmethod
    def from_bundle(cls, header: Mapping[str, Any], arrays: Arrays) -> Self:
        """The estimators that `to_bundle` wrote."""
        scores, losses, sample = (_below(arrays, name) for name in PARTS)
        return cls(
            calibration=ScoreCalibration.from_arrays(scores) if scores else None,
            dispersion={Metric(name): each for name, each in header["dispersion"].items()},
            losses=LossModel.from_arrays(losses) if losses else None,
            features=tuple(header["features"]),
            sample=ReferenceSample.from_bundle(header["sample"], sample) if sample else None,
        )

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """The estimators of a baseline from before models were arrays, as its `performance` has them."""
        losses = stored.get("losses")
        return cls(
            calibration=ScoreCalibration.from_json(stored["calibration"])
            if "calibration" in stored
            else None,
            losses=LossModel.from_json(losses["model"]) if losses else None,
            features=tuple(losses["features"]) if losses else (),
        )

    def to_bundle(self) -> tuple[dict[str, Any], dict[str, pa.Array]]:
        """The estimators as JSON values and arrays."""
        header: dict[str, Any] = {
            "dispersion": {metric.value: each for metric, each in self.dispersion.items()},
            "features": list(self.features),
        }
        parts = {"calibration": self.calibration, "losses": self.losses}
        arrays = {
            f"{part}.{name}": array
            for part, each in parts.items()
            if each is not None
            for name, array in each.to_arrays().items()
        }
        if self.sample is not None:
            header["sample"], sample = self.sample.to_bundle()
            arrays |= {f"sample.{name}": array for name, array in sample.items()}
        return header, arrays


def _below(arrays: Arrays, part: str) -> dict[str, pa.Array]:
    """The arrays of one part, by their names in it."""
    prefix = f"{part}."
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }


def measure_dispersion(
    *, score: Values, prediction: Values, label: Values, positive: Label = 1
) -> dict[Metric, float]:
    """By what factor estimates of the reference's own stretches err more than their standard errors say.

    A calibration that learns from three quarters of the rows estimates the stretches of the fourth. Where rows
    depend on each other, or the calibration changes with time, the errors are larger than those of independent labels.

    Args:
        score: Shape (n,), from 0 to 1, in the order of time.
        prediction: Shape (n,), classes.
        label: Shape (n,), two classes.
        positive: The class whose probability the score is.

    Returns:
        Each metric's factor, at least 1; 1 where the rarer class has too few rows to tell.
    """
    metrics = CONFUSION_METRICS | SCORE_METRICS
    most = min(BLOCKS, _rows_of_rarer_class(label, positive) // FEWEST_OF_CLASS)
    if most < FOLDS:
        return dict.fromkeys(metrics, 1.0)
    columns = {"score": score, "prediction": prediction, "label": label}
    table = pa.table({name: as_arrow(values) for name, values in columns.items()})
    errors: dict[Metric, list[float]] = {metric: [] for metric in metrics}
    for learnt, blocks in stretches(table.num_rows, FOLDS, most):
        others = table.take(learnt)
        try:
            calibration = ScoreCalibration.fit(others["score"], others["label"], positive=positive)
        except InsufficientData:  # the other quarters hold one class alone
            continue
        for block in blocks:
            found = _errors_of(table.take(block), calibration, positive, errors)
            for metric, error in found.items():
                errors[metric].append(error)
    return {metric: dispersion(found) for metric, found in errors.items()}


def _rows_of_rarer_class(label: Values, positive: Label) -> int:
    is_positive = read_binary(label, positive, "label")
    if is_positive is None:
        return 0
    positives = int(np.count_nonzero(is_positive))
    return min(positives, len(is_positive) - positives)


def _errors_of(
    window: pa.Table,
    calibration: ScoreCalibration,
    positive: Label,
    metrics: Iterable[Metric],
) -> dict[Metric, float]:
    """The distance of each metric of a stretch from its estimate, in standard errors, where both are defined."""
    truth = measure_performance(
        metrics,
        prediction=window["prediction"],
        label=window["label"],
        score=window["score"],
        positive=positive,
    )
    known = {name: window[name] for name in ("score", "prediction")}
    found = estimate_classification(metrics, **known, calibration=calibration, positive=positive)
    errors = {metric: _in_errors(found[metric], truth[metric]) for metric in truth}
    return {metric: error for metric, error in errors.items() if error is not None}


def _in_errors(found: MetricEstimate, truth: MetricEstimate) -> float | None:
    if found.value is None or truth.value is None or not found.standard_error:
        return None
    return (truth.value - found.value) / found.standard_error
