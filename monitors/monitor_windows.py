"""Specifies the windows of a monitor's data: its reference, and spans of its current data."""

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from datetime import datetime
from typing import Any

import pyarrow as pa

from algorithms.baseline import Baseline as FrozenBaseline
from algorithms.references import FeatureReference
from algorithms.value_types import MOMENTS, NUMBERS, ValueType
from monitors.models import Baseline, Monitor
from monitors.sources import (
    ColumnType,
    CsvDialect,
    SourcePolicy,
    WindowSpec,
)
from monitors.sources.feature_types import column_type, is_name

_EXAMPLES: Mapping[ValueType | None, pa.DataType] = {
    **dict.fromkeys(MOMENTS, pa.timestamp("us", "UTC")),
    **dict.fromkeys(NUMBERS, pa.float64()),
}
"""A type that a file could store the values of a baseline as; text has none."""
BOUNDS = ("reference_start", "reference_end")
PLACE_FIELDS = (
    *BOUNDS, "reference_data_uri", "timestamp_column", "data_timezone", "csv_dialect", "null_values",
)  # fmt: skip
type Columns = Sequence[str] | Mapping[str, ColumnType] | None
"""The columns to read, with the way to read each from CSV where it is known; None for all."""


def frozen_column_types(frozen: FrozenBaseline) -> dict[str, ColumnType]:
    """The way to read the features of a baseline from text: as its reference was."""
    return {name: _type_of_frozen(each) for name, each in frozen.features.items()}


def _type_of_frozen(reference: FeatureReference) -> ColumnType:
    """Without a value type it is read as older versions did, which guessed and named `02134` as `2134`."""
    if reference.value_type is None and is_name(reference.kind):
        return ColumnType.OLDER
    return column_type(reference.kind, _EXAMPLES.get(reference.value_type))


def reference_window(monitor: Monitor, policy: SourcePolicy, columns: Columns = None) -> WindowSpec:
    """The reference between its bounds, without its bad windows; all of it without a timestamp column."""
    bounds = (monitor.reference_start, monitor.reference_end)
    spec = _window(monitor, monitor.reference_data_uri, policy, columns, bounds)
    return replace(spec, without=monitor.bad_spans) if monitor.timestamp_column else spec


def place_of_reference(monitor: Monitor) -> dict[str, Any]:
    """The fields that say where a reference is read, and its bad windows, as JSON values."""
    place = {name: getattr(monitor, name) for name in PLACE_FIELDS}
    bounds = {name: place[name] and place[name].isoformat() for name in BOUNDS}
    spans = [[start.isoformat(), end.isoformat()] for start, end in monitor.bad_spans]
    return place | bounds | {"bad_spans": spans}


def frozen_reference_window(
    monitor: Monitor, baseline: Baseline, policy: SourcePolicy, columns: Columns = None
) -> WindowSpec:
    """The reference that a baseline was made of; of one that does not say it, the monitor's as it is now."""
    if baseline.reference is None:
        return reference_window(monitor, policy, columns)
    then, place = copy(monitor), dict(baseline.reference)
    for name in BOUNDS:
        place[name] = place[name] and datetime.fromisoformat(place[name])
    spans = [map(datetime.fromisoformat, span) for span in place.pop("bad_spans")]
    then.bad_spans = tuple((start, end) for start, end in spans)
    for name, value in place.items():
        setattr(then, name, value)
    return reference_window(then, policy, columns)


def current_window(
    monitor: Monitor,
    policy: SourcePolicy,
    bounds: tuple[datetime, datetime],
    columns: Columns = None,
) -> WindowSpec:
    """The current data between these bounds.

    Without a timestamp column there is one window: the data as they stand.
    """
    return _window(monitor, monitor.current_data_uri, policy, columns, bounds)


def _window(
    monitor: Monitor,
    uri: str,
    policy: SourcePolicy,
    columns: Columns,
    bounds: tuple[datetime | None, datetime | None],
) -> WindowSpec:
    types = columns if isinstance(columns, Mapping) else {}
    names = None if columns is None else list(columns)
    column = monitor.timestamp_column or None
    start, end = bounds if column else (None, None)
    return WindowSpec(
        uri,
        policy,
        names,
        column,
        start,
        end,
        types=types,
        dialect=csv_dialect(monitor.csv_dialect, monitor.null_values),
        zone=monitor.data_timezone,
        sensitive=frozenset(monitor.sensitive_features),
    )


def csv_dialect(settings: Mapping[str, str], null_values: Sequence[str]) -> CsvDialect:
    """The dialect that the fields `csv_dialect` and `null_values` of a monitor describe."""
    fields: dict[str, Any] = {**settings, "null_values": tuple(null_values)}
    return CsvDialect(**fields)
