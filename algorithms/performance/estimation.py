"""Estimates a model's performance over a window whose labels are not known yet.

Both methods are described in NannyML's documentation, "How it works: performance estimation". They see a change in what
the model is asked (covariate shift); neither can see that the same features now lead to other labels (concept drift).
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import replace

from ..arrays import BoolArray, FloatArray
from ..columns import Values
from .estimates import (
    LEVEL,
    NO_ROWS,
    Metric,
    MetricEstimate,
    estimate_loss,
    normal_quantile,
)
from .expectation import EXPECTATIONS, Expectation, expect
from .loss_model import Ensemble, LossModel
from .reading import Label, read_binary, read_scores, require_same_rows
from .regression import root_of
from .score_calibration import ScoreCalibration

LOSSES = frozenset({Metric.MAE, Metric.RMSE})
NOTHING_KNOWN: Mapping[Metric, float] = {}


def estimate_classification(
    metrics: Iterable[Metric],
    *,
    score: Values,
    prediction: Values,
    calibration: ScoreCalibration,
    positive: Label = 1,
    level: float = LEVEL,
    dispersion: Mapping[Metric, float] = NOTHING_KNOWN,
) -> dict[Metric, MetricEstimate]:
    """Expected metrics of a binary classifier, by confidence-based performance estimation (CBPE).

    The interval says where to expect the metric once the labels are known: it holds their chance given the
    probabilities, the calibration's error from its number of rows, and how much estimates of the reference's own
    stretches erred beyond both. It holds nothing for a calibration gone stale.

    Args:
        metrics: Any but MAE, RMSE and MAPE.
        score: Shape (n,), from 0 to 1.
        prediction: Shape (n,), classes.
        calibration: Fitted on the reference, whose labels are known.
        positive: The class whose probability the score is.
        level: Confidence of the intervals.
        dispersion: Each metric's factor of `measure_dispersion`, on the reference; 1 where there is none.

    Raises:
        ValueError: If a row is null or NaN, a score is outside [0, 1], there are more than two classes, the columns
            differ in length, the level is not between 0 and 1, or a metric is of another kind.
    """
    wanted = _supported(metrics, frozenset(EXPECTATIONS), level)
    scores, is_predicted = _read(score, prediction, positive)
    window = Expectation(
        score=scores,
        chance=calibration.calibrate(scores),
        is_predicted=is_predicted,
        calibration=calibration,
        level=level,
    )
    return {
        metric: expect(metric, replace(window, dispersion=dispersion.get(metric, 1.0)))
        for metric in wanted
    }


def _read(score: Values, prediction: Values, positive: Label) -> tuple[FloatArray, BoolArray]:
    """Scores and predictions, checked, each of shape (n,)."""
    scores, is_predicted = read_scores(score), read_binary(prediction, positive, "prediction")
    if is_predicted is None:
        raise ValueError("CBPE takes predictions of two classes of which one is the positive one.")
    require_same_rows(score=scores, prediction=is_predicted)
    return scores, is_predicted


def estimate_regression(
    metrics: Iterable[Metric],
    *,
    features: FloatArray,
    prediction: Values,
    model: LossModel,
    level: float = LEVEL,
) -> dict[Metric, MetricEstimate]:
    """Expected MAE and RMSE of a regressor, by direct loss estimation (DLE).

    The interval says where to expect the metric once the labels are known. A loss is taken to vary about its
    expectation in proportion to it, as it did on rows held out, both in this window and in those of the model's rows
    that resemble it. It holds nothing for what trees cannot follow, such as features beyond the reference's range.

    Args:
        metrics: MAE, RMSE or both.
        features: Shape (n, d), the columns that the model was fitted on.
        prediction: Shape (n,), finite.
        model: Fitted on the reference, whose labels are known.
        level: Confidence of the intervals.

    Raises:
        ValueError: If the shapes do not fit, a prediction is not a finite number, the level is not between 0 and 1, or
            a metric is of another kind.
    """
    wanted = _supported(metrics, LOSSES, level)
    columns = model.columns(features, prediction)
    if not len(columns):
        return dict.fromkeys(wanted, MetricEstimate(n=0, reason=NO_ROWS, level=level))
    rows = model.effective_rows(columns)
    return {metric: _expected(metric, model, columns, rows, level) for metric in wanted}


def _expected(
    metric: Metric, model: LossModel, columns: FloatArray, rows: float, level: float
) -> MetricEstimate:
    """MAE as the mean of absolute errors; RMSE as the root of the mean of squared ones."""
    if metric == Metric.MAE:
        return _expected_mean(model.absolute, columns, rows, level)
    return root_of(_expected_mean(model.squared, columns, rows, level))


def _expected_mean(
    ensemble: Ensemble, columns: FloatArray, rows: float, level: float
) -> MetricEstimate:
    """The mean expected loss; its error holds the window's chance and the model's."""
    losses = ensemble.expect(columns)
    error = ensemble.error(losses, rows)
    return estimate_loss(float(losses.mean()), error, n=len(losses), level=level)


def _supported(
    metrics: Iterable[Metric], supported: frozenset[Metric], level: float
) -> list[Metric]:
    """The metrics, each once; raises ValueError for those that are not supported, and for a level out of range."""
    wanted = list(dict.fromkeys(metrics))
    normal_quantile(level)
    _require_supported(set(wanted), supported)
    return wanted


def _require_supported(wanted: Set[Metric], supported: Set[Metric]) -> None:
    if others := wanted - supported:
        given, known = ", ".join(sorted(others)), ", ".join(sorted(supported))
        raise ValueError(f"Without labels {given} cannot be estimated; {known} can.")
