"""Specifies the windows of a monitor's data: its reference, and spans of its current data."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from algorithms.baseline import Baseline as FrozenBaseline
from algorithms.baseline import FeatureKind
from monitors.models import Monitor
from monitors.sources import ColumnType, SourcePolicy, WindowSpec, column_type_of

type Columns = Sequence[str] | Mapping[str, ColumnType] | None
"""The columns to read, with the way to read each from CSV where it is known; None for all."""


def column_types(kinds: Mapping[str, str]) -> dict[str, ColumnType]:
    """The way to read features from CSV: those that are compared by name keep their letters."""
    return {
        name: column_type_of(None, is_categorical=kind == FeatureKind.CATEGORICAL)
        for name, kind in kinds.items()
    }


def frozen_column_types(frozen: FrozenBaseline) -> dict[str, ColumnType]:
    """The way to read the features of a baseline from CSV: as its reference was."""
    kinds = {name: reference.kind for name, reference in frozen.features.items()}
    return column_types(kinds) | _older_types(frozen)


def _older_types(frozen: FrozenBaseline) -> dict[str, ColumnType]:
    """The names of a baseline of an older version, which guessed their types: `02134` was `2134`."""
    return {
        name: ColumnType.OLDER
        for name, reference in frozen.features.items()
        if reference.value_type is None and reference.kind == FeatureKind.CATEGORICAL
    }


def reference_window(monitor: Monitor, policy: SourcePolicy, columns: Columns = None) -> WindowSpec:
    """The reference between its bounds; all of it without a timestamp column."""
    bounds = (monitor.reference_start, monitor.reference_end)
    return _window(monitor, monitor.reference_data_uri, policy, columns, bounds)


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
    if not monitor.timestamp_column:
        return WindowSpec(uri, policy, names, types=types)
    return WindowSpec(uri, policy, names, monitor.timestamp_column, *bounds, types=types)
