"""Draws rows of a window at random, with what a person needs to label them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from algorithms.arrays import IntArray
from algorithms.baseline import COLUMN_ERRORS
from algorithms.baseline import Baseline as FrozenBaseline
from algorithms.columns import to_float64
from algorithms.decimals import decimals_to_float64
from algorithms.errors import UnusableColumn
from algorithms.identity import NUMBER, name_values
from algorithms.references import has_column
from algorithms.row_keys import RowKeys
from algorithms.value_types import MOMENTS, NUMBERS, ValueType, value_type_of
from monitors.models import Monitor
from monitors.monitor_windows import frozen_column_types
from monitors.prediction_tables import (
    drop_unknown,
    prediction_column_types,
    read_as_numbers,
    source_columns,
)
from monitors.row_samplers import RowSampler
from monitors.sampled_predictions import sampled_features
from monitors.sources import ColumnType, LazyWindow, SourceError, WindowSpec, open_window

KEPT_TYPES = NUMBERS - {ValueType.DECIMAL} | {ValueType.TEXT}
"""The types of values that are kept; others, such as times, become text."""

DIGITS_OF_INT64 = 18
TIME, KEY = "occurred_at", "key"
SECONDS_OF_A_CELL = 60
"""A year has half a million minutes, whose counts of rows take 50 MB."""


class NoColumn(ValueError):
    """The data lack a column that the rows are to show."""


@dataclass(frozen=True, slots=True)
class DrawnRows:
    """Rows of a window in the order in which they were drawn, without replacement.

    Attributes:
        table: Columns `occurred_at`, `prediction`, and `score` (numbers) where there is one, then what a person sees,
            each after `FEATURE`; and `KEY`, the key of the draw, where rows have a time.
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
    is_measured: bool,
    most: int,
    seed: int,
) -> DrawnRows:
    """Draw rows that have a prediction, by keys of the seed and the minute of each: windows agree on their common rows.

    Args:
        monitor: Names the columns.
        window: The data and the time; its columns are replaced.
        frozen: Names the features, and says how they are read.
        shown: Further columns that rows show.
        types: The way to read predictions and labels from CSV, which says what the reference's labels are.
        is_measured: True if errors are measured, so that predictions are numbers.
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
    sampler, keys, population = RowSampler(most), RowKeys(seed), 0
    with open_window(spec) as opened:
        _check_columns(opened, shown)
        for batch in opened.batches():
            rows = _rows_of(batch, sources)
            population += rows.num_rows
            drawn_by = keys.next(_minutes(rows))
            if monitor.timestamp_column:
                rows = rows.append_column(KEY, pa.array(drawn_by.astype(np.int64)))
            sampler.add(_with_times_as_text(rows), drawn_by)
    labels = ColumnType.LENIENT_NUMERIC if is_measured else types.get(monitor.label_column)
    return DrawnRows(_typed_as_labels(sampler.finish_as_drawn(), labels), population)


def _check_columns(window: LazyWindow, shown: Sequence[str]) -> None:
    missing = [name for name in shown if name not in window.column_names]
    if missing:
        raise NoColumn(f"The data have no column {missing[0]!r}.")


def _rows_of(batch: pa.RecordBatch, sources: Mapping[str, str]) -> pa.Table:
    """The rows of a batch that have a prediction; another column that cannot be read is empty."""
    if not has_column(batch, sources["prediction"]):
        raise UnusableColumn(f"The data have no column {sources['prediction']!r}.")
    columns = {name: _readable(batch, source) for name, source in sources.items()}
    if TIME in sources and has_column(batch, sources[TIME]):
        columns[TIME] = _plain(batch.column(sources[TIME]))
    columns["prediction"] = _kept_prediction(batch.column(sources["prediction"]))
    if "score" in columns:
        columns["score"] = _numbers(columns["score"])
    return drop_unknown(pa.table(columns), "prediction")


def _minutes(rows: pa.Table) -> IntArray:
    """The minute of each row, shape (n,); 0 where the data have no times."""
    if TIME not in rows.column_names or value_type_of(rows.schema.field(TIME).type) not in MOMENTS:
        return np.zeros(rows.num_rows, np.int64)
    minutes = np.floor(to_float64(rows[TIME]) / SECONDS_OF_A_CELL)
    return np.nan_to_num(minutes).astype(np.int64)


def _with_times_as_text(rows: pa.Table) -> pa.Table:
    if TIME not in rows.column_names:
        return rows
    place = rows.column_names.index(TIME)
    return rows.set_column(place, TIME, rows[TIME].cast(pa.string()))


def _readable(batch: pa.RecordBatch, source: str) -> pa.Array:
    nothing = pa.nulls(batch.num_rows)
    if not has_column(batch, source):
        return nothing
    try:
        return _kept(batch.column(source))
    except (SourceError, *COLUMN_ERRORS):
        return nothing


def _kept(column: pa.Array) -> pa.Array:
    """The column as numbers that JSON has, booleans or text; whole numbers that can be too wide are text."""
    column = _plain(column)
    if pa.types.is_decimal(column.type) and not _is_wide(column.type):
        return _from_decimals(column)
    return column if value_type_of(column.type) in KEPT_TYPES else column.cast(pa.string())


def _kept_prediction(column: pa.Array) -> pa.Array:
    """The column as numbers, booleans or text."""
    column = _plain(column)
    return _from_decimals(column) if pa.types.is_decimal(column.type) else _kept(column)


def _plain(column: pa.Array) -> pa.Array:
    """The column without a dictionary, and halves as floats that Python has."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.cast(pa.float32()) if pa.types.is_float16(column.type) else column


def _is_wide(decimals: pa.DataType) -> bool:
    return bool(decimals.scale == 0 and decimals.precision > DIGITS_OF_INT64)


def _from_decimals(column: pa.Array) -> pa.Array:
    """Decimals as whole numbers, if their type is one of these, else as the nearest floats."""
    if column.type.scale == 0 and column.type.precision <= DIGITS_OF_INT64:
        return column.cast(pa.int64())
    return pa.array(decimals_to_float64(column), from_pandas=True)


def _numbers(column: pa.Array) -> pa.Array:
    """Scores as floats; null where one is no number."""
    if value_type_of(column.type) in NUMBERS:
        return column.cast(pa.float64(), safe=False)
    if value_type_of(column.type) is not ValueType.TEXT:
        return pa.nulls(len(column), pa.float64())
    words = pc.utf8_trim_whitespace(column)
    is_number = pc.match_substring_regex(words, f"^({NUMBER.pattern})$")
    return pc.if_else(is_number, words, None).cast(pa.float64())


def _typed_as_labels(table: pa.Table, labels: str | None) -> pa.Table:
    """Predictions of text as numbers or truths where the labels are such, as a run reads them."""
    if (
        not table.num_rows
        or value_type_of(table.schema.field("prediction").type) is not ValueType.TEXT
    ):
        return table
    texts, read = table["prediction"], table["prediction"]
    if labels in (ColumnType.LENIENT_NUMERIC, ColumnType.LENIENT_TRUTH):
        read = read_as_numbers(texts)
    if labels == ColumnType.LENIENT_TRUTH and read is texts:
        read = _read_truths(texts)
    return table.set_column(table.column_names.index("prediction"), "prediction", read)


def _read_truths(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Texts as booleans; as they are if one of them is none."""
    names = name_values(texts.combine_chunks(), ValueType.BOOLEAN)
    is_truth = pc.is_in(names, value_set=pa.array(["true", "false"], names.type))
    return pa.chunked_array([pc.equal(names, "true")]) if pc.all(is_truth).as_py() else texts
