"""Joins predictions and labels that come apart, by their id."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from algorithms.arrays import BoolArray
from detections.models import OutcomeStream, PendingOutcome
from detections.outcomes.outcome_tables import BadOutcomes
from drift_detector.tenancy.scope import current_tenant_id

HALF = ["occurred_at", "prediction", "label", "score", "is_joined"]


def join_halves(stream: OutcomeStream, rows: pa.Table) -> tuple[pa.Table, int]:
    """The whole outcomes of a batch, in its order; what lacks its other half is kept until that comes.

    An outcome that was put together has the time of its prediction and the place of the half that came last. Of two
    equal halves the first one counts, however long ago it came and was joined. A whole outcome takes the place of
    a half of its id that waits, and counts no more if that has been joined. The stream is locked.

    Returns:
        The whole outcomes, and how many halves now wait.

    Raises:
        BadOutcomes: If a row is neither whole nor a half with an id.
    """
    has = {
        name: rows[name].combine_chunks().is_valid().to_numpy(zero_copy_only=False)
        for name in rows.column_names
    }
    is_whole = has["error"] | (has["prediction"] & has["label"])
    is_half = ~is_whole & has["prediction_id"] & (has["prediction"] | has["label"])
    if not (is_whole | is_half).all():
        row = int(np.argmin(is_whole | is_half))
        raise BadOutcomes(
            f"Outcome {row} needs a prediction and a label, or an error, or a prediction_id with one of the first two."
        )
    is_named = is_half | (is_whole & has["prediction_id"])
    if not is_named.any():
        return rows, 0
    joined, repeated, waiting = _join(stream, rows, np.flatnonzero(is_named).tolist(), is_whole)
    is_whole[repeated] = False
    whole = rows.append_column("row", pa.array(np.arange(rows.num_rows))).filter(pa.array(is_whole))
    if joined:
        whole = pa.concat_tables(
            [whole, _table(joined, rows)], promote_options="permissive"
        ).sort_by("row")
    return whole.drop_columns(["row"]), waiting


def _join(
    stream: OutcomeStream, rows: pa.Table, places: list[int], is_whole: BoolArray
) -> tuple[list[tuple[int, PendingOutcome]], list[int], int]:
    """Outcomes put together with the rows that completed them, whole rows that came again, and how many halves wait."""
    records = rows.take(pa.array(places)).to_pylist()
    names = {record["prediction_id"] for record in records}
    known = {
        half.prediction_id: half
        for half in PendingOutcome.objects.filter(stream=stream, prediction_id__in=names)
    }
    changed: dict[str, PendingOutcome] = {}
    joined, repeated = [], []
    for row, record in zip(places, records, strict=True):
        name = record["prediction_id"]
        half = known.get(name)
        if is_whole[row]:
            if half is not None and half.is_joined:
                repeated.append(row)
            elif half is not None:
                half.is_joined, changed[name] = True, half
            continue
        if half is None:
            half = known[name] = PendingOutcome(
                tenant_id=current_tenant_id(),
                stream=stream,
                prediction_id=name,
                occurred_at=record["occurred_at"],
            )
        if half.is_joined:
            continue
        changed[name] = half
        if _add(half, record):
            half.is_joined = True
            joined.append((row, half))
    return joined, repeated, _store(changed.values())


def _add(half: PendingOutcome, record: dict[str, Any]) -> bool:
    """Add what a row brings to what is known; whether that makes it whole."""
    if record["prediction"] is not None and half.prediction is None:
        half.prediction, half.score, half.occurred_at = (
            record["prediction"],
            record["score"],
            record["occurred_at"],
        )
    half.label = record["label"] if half.label is None else half.label
    return half.prediction is not None and half.label is not None


def _store(changed: Iterable[PendingOutcome]) -> int:
    """Keep halves, and marks of those that were joined, in one statement; returns how many wait."""
    halves = list(changed)
    PendingOutcome.objects.bulk_create(
        halves,
        update_conflicts=True,
        unique_fields=["tenant", "stream", "prediction_id"],
        update_fields=HALF,
    )
    return sum(not half.is_joined for half in halves)


def _table(joined: list[tuple[int, PendingOutcome]], rows: pa.Table) -> pa.Table:
    """Joined outcomes in the types of the batch; what waited may be of another type."""
    halves = [half for _, half in joined]
    try:
        columns = {
            "occurred_at": pa.array(
                [half.occurred_at for half in halves], rows.schema.field("occurred_at").type
            ),
            "prediction": pa.array([half.prediction for half in halves]),
            "label": pa.array([half.label for half in halves]),
            "score": pa.array([half.score for half in halves], pa.float64()),
            "row": pa.array([row for row, _ in joined]),
        }
    except pa.ArrowException as error:
        raise BadOutcomes(
            f"A prediction and its label are both numbers, or both text: {error}"
        ) from error
    if columns["prediction"].type != columns["label"].type:
        raise BadOutcomes("A prediction and its label are both numbers, or both text.")
    nothing = pa.nulls(len(joined))
    return pa.table(columns | {"prediction_id": nothing, "error": nothing}).select(
        [*rows.column_names, "row"]
    )
