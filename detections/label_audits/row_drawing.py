"""Draws rows of a window at random, with what a person needs to label them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from algorithms.baseline import COLUMN_ERRORS
from algorithms.baseline import Baseline as FrozenBaseline
from algorithms.errors import UnusableColumn
from algorithms.references import has_column
from algorithms.value_types import NUMBERS, ValueType, value_type_of
from monitors.models import Monitor
from monitors.monitor_windows import frozen_column_types
from monitors.prediction_tables import (
    drop_unknown,
    prediction_column_types,
    source_columns,
)
from monitors.row_samplers import RowSampler
from monitors.sampled_predictions import sampled_features
from monitors.sources import ColumnType, LazyWindow, SourceError, WindowSpec, open_window

KEPT_TYPES = NUMBERS | {ValueType.TEXT}
"""The types of values that are kept; others, such as times, become text."""


class NoColumn(ValueError):
    """The data lack a column that the rows are to show."""


@dataclass(frozen=True, slots=True)
class DrawnRows:
    """Rows of a window in the order in which they were drawn, without replacement.

    Attributes:
        table: Columns `occurred_at`, `prediction`, and `score` where there is one, then what a person sees, each after
            `FEATURE`.
        population: Rows of the window with a prediction.
    """

    table: pa.Table
    population: int


def draw_rows(
    monitor: Monitor,
    window: WindowSpec,
    frozen: FrozenBaseline,
    shown: Sequence[str],
    *,
    types: Mapping[str, str],
    most: int,
    seed: int,
) -> DrawnRows:
    """Draw rows that have a prediction; the same rows of data and seed give the same, in the same order.

    Args:
        monitor: Names the columns.
        window: The data and the time; its columns are replaced.
        frozen: Names the features, and says how they are read.
        shown: Further columns that rows show.
        types: The way to read predictions from CSV.
        most: The most rows to draw.
        seed: Of the draw.

    Raises:
        SourceError: If the data cannot be read.
        UnusableColumn: If they have no predictions that can be read.
        NoColumn: If they lack a column that rows show.
    """
    features = [name for name in sampled_features(monitor, frozen.features) if name not in shown]
    sources = source_columns(monitor, [*shown, *features])
    sources.pop("label", None)
    known = frozen_column_types(frozen)
    read_as = dict.fromkeys(shown, ColumnType.TEXT) | {name: known[name] for name in features}
    read_as |= prediction_column_types(monitor, types)
    spec = replace(window, columns=list(dict.fromkeys(sources.values())), types=read_as)
    sampler, population = RowSampler(most, seed), 0
    with open_window(spec) as opened:
        _check_columns(opened, shown)
        for batch in opened.batches():
            rows = _rows_of(batch, sources)
            population += rows.num_rows
            sampler.add(rows)
    return DrawnRows(sampler.finish_as_drawn(), population)


def _check_columns(window: LazyWindow, shown: Sequence[str]) -> None:
    missing = [name for name in shown if name not in window.column_names]
    if missing:
        raise NoColumn(f"The data have no column {missing[0]!r}.")


def _rows_of(batch: pa.RecordBatch, sources: Mapping[str, str]) -> pa.Table:
    """The rows of a batch that have a prediction; another column that cannot be read is empty."""
    if not has_column(batch, sources["prediction"]):
        raise UnusableColumn(f"The data have no column {sources['prediction']!r}.")
    columns = {name: _readable(batch, source) for name, source in sources.items()}
    columns["prediction"] = _kept(batch.column(sources["prediction"]))
    return drop_unknown(pa.table(columns), "prediction")


def _readable(batch: pa.RecordBatch, source: str) -> pa.Array:
    nothing = pa.nulls(batch.num_rows)
    if not has_column(batch, source):
        return nothing
    try:
        return _kept(batch.column(source))
    except (SourceError, *COLUMN_ERRORS):
        return nothing


def _kept(column: pa.Array) -> pa.Array:
    """The column as numbers, booleans or text."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column if value_type_of(column.type) in KEPT_TYPES else column.cast(pa.string())
