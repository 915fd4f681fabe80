"""Predictions and labels that come apart, brought together by their id."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from detections.models import OutcomeStream, PendingOutcome
from detections.streams.rows import BadOutcomes
from drift_detector.tenancy.scope import current_tenant_id


@dataclass(slots=True)
class _Half:
    """What is known of a prediction so far."""

    row: int
    occurred_at: datetime
    prediction: Any
    label: Any
    score: float | None

    @property
    def is_whole(self) -> bool:
        return self.prediction is not None and self.label is not None


def join_halves(stream: OutcomeStream, rows: pa.Table) -> tuple[pa.Table, int]:
    """The whole outcomes of a batch, in its order; what lacks its other half is kept until that comes.

    An outcome that was put together has the time of its prediction and the place of the half that came last. Of two
    equal halves the first one counts. The stream is locked.

    Returns:
        The whole outcomes, and how many halves now wait.

    Raises:
        BadOutcomes: If a row is neither whole nor a half with an id.
    """
    has = {name: rows[name].combine_chunks().is_valid().to_numpy(zero_copy_only=False) for name in rows.column_names}
    is_whole = has["error"] | (has["prediction"] & has["label"])
    is_half = ~is_whole & has["prediction_id"] & (has["prediction"] | has["label"])
    if not (is_whole | is_half).all():
        row = int(np.argmin(is_whole | is_half))
        raise BadOutcomes(
            f"Outcome {row} needs a prediction and a label, or an error, or a prediction_id with one of the first two."
        )
    if not is_half.any():
        return rows, 0
    joined, waiting = _join(stream, rows, np.flatnonzero(is_half).tolist())
    PendingOutcome.objects.bulk_create(waiting, ignore_conflicts=True)
    whole = rows.append_column("row", pa.array(np.arange(rows.num_rows))).filter(pa.array(is_whole))
    if joined:
        whole = pa.concat_tables([whole, _table(joined, rows)], promote_options="permissive").sort_by("row")
    return whole.drop_columns(["row"]), len(waiting)


def _join(stream: OutcomeStream, rows: pa.Table, places: list[int]) -> tuple[list[_Half], list[PendingOutcome]]:
    taken = rows.take(pa.array(places)).to_pylist()
    known = _take_pending(stream, [record["prediction_id"] for record in taken])
    joined = []
    for row, record in zip(places, taken, strict=True):
        half = known.setdefault(record["prediction_id"], _Half(row, record["occurred_at"], None, None, None))
        was_whole = half.is_whole
        if record["prediction"] is not None and half.prediction is None:
            half.prediction, half.score, half.occurred_at = record["prediction"], record["score"], record["occurred_at"]
        half.label = record["label"] if half.label is None else half.label
        if half.is_whole and not was_whole:
            half.row = row
            joined.append(half)
    waiting = [
        PendingOutcome(
            tenant_id=current_tenant_id(), stream=stream, prediction_id=name, occurred_at=half.occurred_at,
            prediction=half.prediction, label=half.label, score=half.score,
        )
        for name, half in known.items()
        if not half.is_whole
    ]  # fmt: skip
    return joined, waiting


def _take_pending(stream: OutcomeStream, names: list[str]) -> dict[str, _Half]:
    pending = PendingOutcome.objects.filter(stream=stream, prediction_id__in=set(names))
    found = list(pending)
    pending.delete()
    return {each.prediction_id: _Half(-1, each.occurred_at, each.prediction, each.label, each.score) for each in found}


def _table(joined: list[_Half], rows: pa.Table) -> pa.Table:
    """Joined outcomes in the types of the batch; what waited may be of another type."""
    try:
        columns = {
            "occurred_at": pa.array([half.occurred_at for half in joined], rows.schema.field("occurred_at").type),
            "prediction": pa.array([half.prediction for half in joined]),
            "label": pa.array([half.label for half in joined]),
            "score": pa.array([half.score for half in joined], pa.float64()),
            "row": pa.array([half.row for half in joined]),
        }
    except pa.ArrowException as error:
        raise BadOutcomes(f"A prediction and its label are both numbers, or both text: {error}") from error
    if columns["prediction"].type != columns["label"].type:
        raise BadOutcomes("A prediction and its label are both numbers, or both text.")
    nothing = pa.nulls(len(joined))
    return pa.table(columns | {"prediction_id": nothing, "error": nothing}).select([*rows.column_names, "row"])
