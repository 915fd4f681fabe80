"""Reads prediction tables: the predictions of a window, with labels, scores and features."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from algorithms.arrays import FloatArray
from algorithms.columns import as_arrow, to_float64
from algorithms.errors import UnusableColumn
from algorithms.value_types import NUMBERS, ValueType, value_type_of
from monitors.models import Monitor
from monitors.sources import ColumnType, FileCounts, WindowSpec, read_counted_window

FEATURE = "feature:"


@dataclass(frozen=True, slots=True)
class WindowPredictions:
    """The predictions of a window.

    Attributes:
        table: As `read_prediction_table` describes it.
        row_count: Rows of the window, with and without a prediction.
        files: The files of the window; None for outcomes that were sent.
    """

    table: pa.Table
    row_count: int
    files: FileCounts | None = None


def read_prediction_table(
    monitor: Monitor,
    window: WindowSpec,
    features: Sequence[str],
    types: Mapping[str, str] | None = None,
) -> pa.Table:
    """Predictions, labels and scores of a window of data, and the features asked for.

    Args:
        monitor: Names the columns.
        window: The data and the time; its columns are replaced.
        features: The features that losses are estimated from; usually none.
        types: The way to read columns from CSV, as the baseline has it; the others are guessed.

    Returns:
        Columns `occurred_at`, `prediction`, `label` and `score` as far as the data have them, rows
        without a prediction left out, and each feature after `FEATURE`. Where one of predictions and
        labels is text that reads as numbers, and the other is numbers, both are numbers.

    Raises:
        SourceError: If the data cannot be read.
        UnusableColumn: If they have no column of predictions.
    """
    return read_window_predictions(monitor, window, features, types).table


def read_window_predictions(
    monitor: Monitor,
    window: WindowSpec,
    features: Sequence[str],
    types: Mapping[str, str] | None = None,
) -> WindowPredictions:
    """The prediction table of a window, with the rows and files that were read for it.

    The arguments and errors are those of `read_prediction_table`.
    """
    sources = source_columns(monitor, features)
    columns = list(dict.fromkeys(sources.values()))
    read_as = prediction_column_types(monitor, types or {})
    rows, files = read_counted_window(replace(window, columns=columns, types=read_as))
    if monitor.prediction_column not in rows.column_names:
        raise UnusableColumn(f"The data have no column {monitor.prediction_column!r}.")
    table = with_one_type(drop_unknown(_renamed(rows, sources), "prediction"))
    return WindowPredictions(table, rows.num_rows, files)


def prediction_column_types(monitor: Monitor, types: Mapping[str, str]) -> dict[str, ColumnType]:
    """The way to read predictions, labels and scores from CSV."""
    read = {name: ColumnType(each) for name, each in types.items()}
    if monitor.score_column:
        read[monitor.score_column] = ColumnType.LENIENT_NUMERIC
    return read


def with_one_type(table: pa.Table) -> pa.Table:
    """Predictions and labels both as numbers, where one is text that can be read so and the other is numbers."""
    types = {
        name: value_type_of(table.schema.field(name).type)
        for name in ("prediction", "label")
        if name in table.column_names
    }
    texts = [name for name, found in types.items() if found is ValueType.TEXT]
    if len(texts) != 1 or NUMBERS.isdisjoint(types.values()):
        return table
    place = table.column_names.index(texts[0])
    return table.set_column(place, texts[0], read_as_numbers(table[texts[0]]))


def read_as_numbers(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Texts as whole numbers, or else as floats; as they are if one of them is neither."""
    for kind in (pa.int64(), pa.uint64(), pa.float64()):
        with suppress(pa.ArrowException):
            return texts.cast(pa.large_string()).cast(kind)
    return texts


def drop_unknown(table: pa.Table, *names: str) -> pa.Table:
    """The rows in which these columns have values, NaN being none."""
    for name in names:
        table = table.filter(_is_known(table[name]))
    return table


def _is_known(column: pa.ChunkedArray) -> pa.ChunkedArray:
    is_valid = pc.is_valid(column)
    if not pa.types.is_floating(column.type):
        return is_valid
    return pc.and_kleene(is_valid, pc.invert(pc.is_nan(column)))


def feature_matrix(table: pa.Table, features: Sequence[str]) -> FloatArray:
    """Features as columns, shape (n, d), NaN where there is no value."""
    if not features:
        return np.empty((table.num_rows, 0))
    return np.column_stack([_numbers(table[FEATURE + name]) for name in features])


def _numbers(column: pa.ChunkedArray) -> FloatArray:
    return to_float64(as_arrow(column.combine_chunks()))


def _renamed(table: pa.Table, sources: Mapping[str, str]) -> pa.Table:
    """The columns that the table has, under the names of a prediction table."""
    held = set(table.column_names)
    return pa.table({name: table[source] for name, source in sources.items() if source in held})


def source_columns(monitor: Monitor, features: Sequence[str]) -> dict[str, str]:
    """Each column of the prediction table, with the column of the data that it comes from."""
    roles = {
        "occurred_at": monitor.timestamp_column,
        "prediction": monitor.prediction_column,
        "label": monitor.label_column,
        "score": monitor.score_column,
    }
    named = {role: column for role, column in roles.items() if column}
    return named | {FEATURE + name: name for name in features}
