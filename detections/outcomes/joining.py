"""Joins predictions and labels that come apart, by their id."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from algorithms.arrays import BoolArray, IntArray
from detections.models import OutcomeStream, PendingOutcome
from detections.outcomes.outcome_columns import CLASSES, INSTANT
from detections.outcomes.refusals import BadOutcomes, IdReused, shown
from drift_detector.tenancy.scope import current_tenant_id

HALF = ["occurred_at", "prediction", "label", "score", "is_joined"]
OF_PREDICTION = ("prediction", "score", "occurred_at")
SAID = ("prediction", "label", "score")
TWO_TYPES = (
    "The predictions and labels of a batch, joined ones too, must be all numbers, or all text"
)


def join_halves(stream: OutcomeStream, rows: pa.Table) -> tuple[pa.Table, int]:
    """The whole outcomes of a batch, in its order; what lacks its other half is kept until that comes.

    An outcome that was put together has the time of its prediction and the place of the half that came last. Of two
    equal halves the first one counts, however long ago it came and was joined. A whole outcome takes the place of
    a half of its id that waits, and counts no more if that has been joined. Another prediction, label or score under a
    known id is refused. The stream is locked.

    Returns:
        The whole outcomes, and how many halves now wait.

    Raises:
        IdReused: If a row's id has come before with another prediction, label or score.
        BadOutcomes: If a row is neither whole nor a half with an id.
    """
    is_whole, is_named = _completeness(rows)
    if not is_named.any():
        return rows, 0
    joins = _join(stream, rows, np.flatnonzero(is_named), is_whole)
    is_whole[joins.repeated] = False
    return _whole_rows(rows, is_whole, joins), _store(joins.changed.values())


@dataclass(slots=True)
class _Joins:
    """Joins the rows of a batch, in their order, with the halves of their ids.

    Attributes:
        stream: The stream of the batch.
        known: The halves by their id: those that the stream has, then those that the batch begins.
        changed: The halves that must be stored.
        joined: Outcomes put together, each with the row that completed it.
        repeated: Whole rows that came again.
    """

    stream: OutcomeStream
    known: dict[str, PendingOutcome]
    changed: dict[str, PendingOutcome] = field(default_factory=dict)
    joined: list[tuple[int, PendingOutcome]] = field(default_factory=list)
    repeated: list[int] = field(default_factory=list)

    def add_whole(self, row: int, record: dict[str, Any]) -> None:
        """Let a whole outcome take the place of the half that waits, or note that it is repeated."""
        half = self.known.get(record["prediction_id"])
        if half is None:
            return
        _check_same(half, record)
        if half.is_joined:
            self.repeated.append(row)
            return
        _add(half, record)
        half.is_joined = True
        self.changed[half.prediction_id] = half

    def add_half(self, row: int, record: dict[str, Any]) -> None:
        """Join a half with what is known of its id."""
        half = self._half_of(record)
        _check_same(half, record)
        if half.is_joined:
            return
        self.changed[half.prediction_id] = half
        if _add(half, record):
            half.is_joined = True
            self.joined.append((row, half))

    def _half_of(self, record: dict[str, Any]) -> PendingOutcome:
        name = record["prediction_id"]
        if name not in self.known:
            self.known[name] = PendingOutcome(
                tenant_id=current_tenant_id(),
                stream=self.stream,
                prediction_id=name,
                occurred_at=record["occurred_at"],
            )
        return self.known[name]


def _completeness(rows: pa.Table) -> tuple[BoolArray, BoolArray]:
    """The rows that are whole, and those that have an id, each shape (n,)."""
    has = {name: _is_given(rows[name]) for name in rows.column_names}
    is_whole = has["error"] | (has["prediction"] & has["label"])
    is_half = has["prediction_id"] & (has["prediction"] | has["label"])
    _check_usable(is_whole | is_half)
    return is_whole, has["prediction_id"]


def _is_given(column: pa.ChunkedArray) -> BoolArray:
    """The rows with a value, shape (n,)."""
    given: BoolArray = column.combine_chunks().is_valid().to_numpy(zero_copy_only=False)
    return given


def _check_usable(is_usable: BoolArray) -> None:
    if not is_usable.all():
        raise BadOutcomes(
            f"Outcome {int(np.argmin(is_usable))} needs a prediction and a label, or an error, "
            "or a prediction_id with one of the first two."
        )


def _join(stream: OutcomeStream, rows: pa.Table, places: IntArray, is_whole: BoolArray) -> _Joins:
    """The joins of the rows at `places`, which have an id."""
    records = rows.take(pa.array(places)).to_pylist()
    names = {record["prediction_id"] for record in records}
    known = PendingOutcome.objects.filter(stream=stream, prediction_id__in=names)
    joins = _Joins(stream, {half.prediction_id: half for half in known})
    for row, record in zip(places.tolist(), records, strict=True):
        if is_whole[row]:
            joins.add_whole(row, record)
        else:
            joins.add_half(row, record)
    return joins


def _check_same(half: PendingOutcome, record: dict[str, Any]) -> None:
    """Refuse a row that says something else than what came before it under its id."""
    for name in SAID:
        earlier, value = getattr(half, name), record[name]
        if value is not None and earlier not in (None, value):
            raise IdReused(
                f"prediction_id {half.prediction_id!r} came before with the {name} {shown(earlier)}, now it has "
                f"{shown(value)}; another prediction needs another prediction_id."
            )


def _add(half: PendingOutcome, record: dict[str, Any]) -> bool:
    """Add what a row brings to what is known; True if that makes it whole."""
    if half.prediction is None and record["prediction"] is not None:
        for name in OF_PREDICTION:
            setattr(half, name, record[name])
    if half.label is None:
        half.label = record["label"]
    return half.prediction is not None and half.label is not None


def _whole_rows(rows: pa.Table, is_whole: BoolArray, joins: _Joins) -> pa.Table:
    """The whole rows of a batch and the joined outcomes, in the order of the batch."""
    numbered = rows.append_column("row", pa.array(np.arange(rows.num_rows)))
    whole = numbered.filter(pa.array(is_whole))
    if joins.joined:
        both = [whole, _joined_rows(joins.joined, rows)]
        whole = pa.concat_tables(both, promote_options="permissive").sort_by("row")
    return whole.drop_columns(["row"])


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


def _joined_rows(joined: list[tuple[int, PendingOutcome]], rows: pa.Table) -> pa.Table:
    """Joined outcomes in the types of the batch; what waited may be of another type."""
    halves = [half for _, half in joined]
    columns = _columns(halves, _one_type(halves, rows))
    columns["row"] = pa.array([row for row, _ in joined])
    columns["prediction_id"] = columns["error"] = pa.nulls(len(joined))
    return pa.table(columns).select([*rows.column_names, "row"])


def _one_type(halves: list[PendingOutcome], rows: pa.Table) -> pa.DataType:
    """The type of all predictions and labels of a batch: detectors compare them by column.

    Raises:
        BadOutcomes: If they are text in part and numbers in part.
    """
    found = {rows[name].type for name in CLASSES} - {pa.null()}
    kind = next(iter(found), _type_of(halves[0].label))
    for half in halves:
        for name in CLASSES:
            _check_type(half, name, kind)
    return kind


def _check_type(half: PendingOutcome, name: str, kind: pa.DataType) -> None:
    value = getattr(half, name)
    if _type_of(value) != kind:
        raise BadOutcomes(f"{name} of {half.prediction_id!r} is {shown(value)}. {TWO_TYPES}.")


def _type_of(value: Any) -> pa.DataType:
    return pa.string() if isinstance(value, str) else pa.float64()


def _columns(halves: list[PendingOutcome], kind: pa.DataType) -> dict[str, pa.Array]:
    """The values of halves, their predictions and labels of one type."""
    types = {"occurred_at": INSTANT, "score": pa.float64(), "prediction": kind, "label": kind}
    return {name: _column(name, halves, data_type) for name, data_type in types.items()}


def _column(name: str, halves: list[PendingOutcome], kind: pa.DataType) -> pa.Array:
    return pa.array([getattr(half, name) for half in halves], kind)
