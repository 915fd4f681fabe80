"""Specifies the windows of a monitor's data: its reference, and spans of its current data."""

from collections.abc import Sequence
from datetime import datetime

from monitors.models import Monitor
from monitors.sources import SourcePolicy, WindowSpec


def reference_window(
    monitor: Monitor, policy: SourcePolicy, columns: Sequence[str] | None = None
) -> WindowSpec:
    """The reference between its bounds; all of it without a timestamp column."""
    bounds = (monitor.reference_start, monitor.reference_end)
    return _window(monitor, monitor.reference_data_uri, policy, columns, bounds)


def current_window(
    monitor: Monitor,
    policy: SourcePolicy,
    bounds: tuple[datetime, datetime],
    columns: Sequence[str] | None = None,
) -> WindowSpec:
    """The current data between these bounds.

    Without a timestamp column there is one window: the data as they stand.
    """
    return _window(monitor, monitor.current_data_uri, policy, columns, bounds)


def _window(
    monitor: Monitor,
    uri: str,
    policy: SourcePolicy,
    columns: Sequence[str] | None,
    bounds: tuple[datetime | None, datetime | None],
) -> WindowSpec:
    if not monitor.timestamp_column:
        return WindowSpec(uri, policy, columns)
    return WindowSpec(uri, policy, columns, monitor.timestamp_column, *bounds)
