"""Keeps a sample of the reference's rows, which tells where its estimates can be believed."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from algorithms.arrays import FloatArray
from algorithms.baseline import COLUMN_ERRORS
from algorithms.baseline import Baseline as FrozenBaseline
from algorithms.errors import InsufficientData
from algorithms.performance import (
    Columns,
    Estimators,
    LabelledLosses,
    LabelledScores,
    LossModel,
    ReferenceSample,
    find_usual_shifts,
    join_columns,
    read_binary,
    read_numbers,
    read_scores,
)
from monitors.baselines.reference_performance import ReferencePerformance, positive_of
from monitors.models import Monitor
from monitors.monitor_windows import reference_window
from monitors.prediction_tables import feature_matrix
from monitors.sampled_predictions import sample_predictions, sampled_features
from monitors.sources import SourceError, SourcePolicy

NEEDED = ("prediction", "label", "score")
FEWEST_ROWS = 200
"""With fewer rows, only a very large shift of a window is beyond chance."""
TOO_FEW = "It takes {} rows with a label, and {} have one."
NO_SAMPLE = "No rows were kept that windows without labels are compared with: {}"


def with_sample(
    monitor: Monitor,
    policy: SourcePolicy,
    frozen: FrozenBaseline,
    performance: ReferencePerformance,
    types: dict[str, str] | None,
) -> ReferencePerformance:
    """The performance over the reference with a sample of its rows; as it is if nothing is estimated.

    If the rows cannot be read, it says why, and estimates have the evidence of earlier windows alone.

    Raises:
        SourceError: If the reference cannot be read now and can be later.
    """
    learnt = performance.estimators
    if learnt is None or (learnt.calibration is None and learnt.losses is None):
        return performance
    try:
        sample = _sample(monitor, policy, frozen, learnt, types)
    except (SourceError, *COLUMN_ERRORS) as error:
        if isinstance(error, SourceError) and error.is_transient:
            raise
        return replace(performance, described=_with_reason(performance.described or {}, error))
    return replace(performance, estimators=replace(learnt, sample=sample))


def _with_reason(described: dict[str, Any], error: Exception) -> dict[str, Any]:
    known = described.get("reason", "")
    return {**described, "reason": f"{known} {NO_SAMPLE.format(error)}".strip()}


def _sample(
    monitor: Monitor,
    policy: SourcePolicy,
    frozen: FrozenBaseline,
    learnt: Estimators,
    types: dict[str, str] | None,
) -> ReferenceSample:
    kept = sampled_features(monitor, frozen.features)
    features = list(dict.fromkeys([*kept, *learnt.features]))
    window = reference_window(monitor, policy)
    known = sample_predictions(monitor, window, frozen, features, types, NEEDED)
    if known.num_rows < FEWEST_ROWS:
        raise InsufficientData(TOO_FEW.format(FEWEST_ROWS, known.num_rows))
    if "occurred_at" in known.column_names:
        known = known.sort_by("occurred_at")
    columns = window_columns(known, kept)
    return ReferenceSample(
        features=tuple(kept),
        columns=columns,
        usual_shifts=find_usual_shifts(columns),
        scores=_scores(known, positive_of(monitor)) if learnt.calibration else None,
        losses=_losses(known, learnt.losses, learnt.features) if learnt.losses else None,
    )


def window_columns(table: pa.Table, features: Sequence[str]) -> Columns:
    """The columns that tell windows from the reference: the features, and the score or else the prediction."""
    last = "score" if "score" in table.column_names else "prediction"
    return join_columns(feature_matrix(table, features), read_numbers(table[last], last))


def _scores(known: pa.Table, positive: str | None) -> LabelledScores:
    classes = {name: _of_class(known, name, positive) for name in ("prediction", "label")}
    return LabelledScores(
        score=read_scores(known["score"]),
        is_predicted=classes["prediction"],
        is_positive=classes["label"],
    )


def _of_class(known: pa.Table, name: str, positive: str | None) -> FloatArray:
    """1 where the column is of the positive class, else 0.

    Raises:
        ValueError: If it holds more than two classes.
    """
    found = read_binary(known[name], positive or "", name)
    if found is None:
        raise ValueError(f"{name} must be of two classes of which one is the positive one.")
    return found.astype(np.float64)


def _losses(known: pa.Table, model: LossModel, features: Sequence[str]) -> LabelledLosses:
    prediction = read_numbers(known["prediction"], "prediction")
    columns = model.columns(feature_matrix(known, features), prediction)
    return LabelledLosses(
        error=np.abs(prediction - read_numbers(known["label"], "label")),
        absolute=model.absolute.expect(columns),
        squared=model.squared.expect(columns),
    )
