"""Reads a sample of a window's predictions with features of any kind as numbers, in bounded memory."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from algorithms.arrays import FloatArray
from algorithms.baseline import COLUMN_ERRORS
from algorithms.baseline import Baseline as FrozenBaseline
from algorithms.feature_codes import code_feature
from algorithms.references import FeatureReference, has_column
from monitors.models import Monitor
from monitors.monitor_windows import frozen_column_types
from monitors.prediction_tables import (
    FEATURE,
    drop_unknown,
    prediction_column_types,
    source_columns,
    with_one_type,
)
from monitors.row_samplers import RowSampler
from monitors.sources import SourceError, WindowSpec, open_window

MOST_FEATURES = 100
MOST_VALUES = 250_000
MOST_ROWS = 5_000
"""A sample of the reference takes 1 MB at most, and teaches small trees in a second."""


def sampled_features(monitor: Monitor, features: Iterable[str]) -> list[str]:
    """The features of a sample of rows: the first hundred, and none whose values must not be kept."""
    roles = source_columns(monitor, [])
    hidden = {*monitor.sensitive_features, *roles.values()}
    return [name for name in features if name not in hidden][:MOST_FEATURES]


def sample_predictions(
    monitor: Monitor,
    window: WindowSpec,
    frozen: FrozenBaseline,
    features: Sequence[str],
    types: Mapping[str, str] | None = None,
    needed: Collection[str] = ("prediction",),
) -> pa.Table:
    """A uniform sample of the window's rows that have a prediction, and all else that is needed.

    Args:
        monitor: Names the columns.
        window: The data and the time; its columns are replaced.
        frozen: Says how features are read.
        features: The features to read.
        types: The way to read predictions and labels from CSV.
        needed: Columns of the result of which each row has a value, where the window has them.

    Returns:
        The columns of `read_prediction_table`, with each feature as float32: NaN where there is no value, and all NaN
        if the window lacks the column or holds values of another kind.

    Raises:
        SourceError: If the data cannot be read.
        UnusableColumn: If they have no column of predictions.
    """
    sources = source_columns(monitor, features)
    known = frozen_column_types(frozen)
    read_as = {name: known[name] for name in features}
    read_as |= prediction_column_types(monitor, types or {})
    spec = replace(window, columns=list(dict.fromkeys(sources.values())), types=read_as)
    sampler = RowSampler(rows_of_sample(len(features)))
    with open_window(spec) as opened:
        for batch in opened.batches():
            sampler.add(_coded(batch, sources, frozen.features, needed))
    return with_one_type(sampler.finish())


def rows_of_sample(features: int) -> int:
    """The rows of a sample with a number of features."""
    return min(MOST_ROWS, MOST_VALUES // max(features, 1))


def _coded(
    batch: pa.RecordBatch,
    sources: Mapping[str, str],
    references: Mapping[str, FeatureReference],
    needed: Collection[str],
) -> pa.Table:
    """The rows of a batch that have what is needed, with features as numbers."""
    columns = dict[str, pa.Array]()
    for name, source in sources.items():
        if name.startswith(FEATURE):
            columns[name] = pa.array(_numbers_of(batch, references[source]), pa.float32())
        elif has_column(batch, source):
            columns[name] = _plain(batch.column(source))
    table = pa.table(columns)
    if "prediction" not in columns:
        return table.slice(0, 0)
    return drop_unknown(table, *(name for name in needed if name in columns))


def _plain(column: pa.Array) -> pa.Array:
    """The column without a dictionary, which can differ from batch to batch."""
    if pa.types.is_dictionary(column.type):
        return column.cast(column.type.value_type)
    return column


def _numbers_of(batch: pa.RecordBatch, reference: FeatureReference) -> FloatArray:
    """A feature's numbers; NaN in all rows if the column is lost or retyped."""
    if not has_column(batch, reference.name):
        return np.full(batch.num_rows, np.nan)
    try:
        with np.errstate(over="ignore"):
            return code_feature(reference, batch.column(reference.name)).astype(np.float32)
    except (SourceError, *COLUMN_ERRORS):
        return np.full(batch.num_rows, np.nan)
