"""Loads the context of a run: its monitor, its baseline, its rows."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import pyarrow as pa

from detections.models import DetectionRun
from monitors import selectors as monitor_selectors
from monitors.bad_windows.selectors import with_bad_windows
from monitors.models import Baseline, Monitor
from monitors.monitor_windows import Columns, current_window
from monitors.sources import (
    LazyWindow,
    SourcePolicy,
    WindowSpec,
    open_window,
    read_inline_times,
    read_window,
    table_from_bytes,
)
from monitors.time_references.time_references import list_entries


class NoBaseline(Exception):
    """The monitor has no baseline to compare with, and none is being built."""


class BaselineNotReady(Exception):
    """The monitor's first baseline is still being built."""


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """Everything a run needs, loaded before any work begins."""

    run: DetectionRun
    monitor: Monitor
    baseline: Baseline
    policy: SourcePolicy


def load_context(run_id: UUID) -> RunContext:
    """Load what a run needs, in the caller's tenant scope.

    Raises:
        BaselineNotReady: If no version is ready and one is being built.
        NoBaseline: If no version is ready and the newest has failed.
    """
    run = DetectionRun.objects.select_related("monitor").get(id=run_id)
    current = monitor_selectors.get_current_baseline(run.monitor_id, baseline_id=run.baseline_id)
    if current is None:
        raise _missing_baseline(run.monitor)
    policy = monitor_selectors.get_source_policy()
    if (
        list_entries(run.monitor) or run.monitor.error_batch > 1
    ):  # which reads the reference's errors
        with_bad_windows(run.monitor)
    return RunContext(run=run, monitor=run.monitor, baseline=current, policy=policy)


def _missing_baseline(monitor: Monitor) -> BaselineNotReady | NoBaseline:
    latest = monitor_selectors.get_latest_baseline(monitor)
    if latest is not None and latest.status == Baseline.Status.BUILDING:
        return BaselineNotReady()
    reason = latest.reason if latest else "there is none"
    return NoBaseline(f"The monitor has no baseline: {reason}")


@contextmanager
def open_run_window(context: RunContext, columns: Columns) -> Iterator[pa.Table | LazyWindow]:
    """The rows a run judges, read when they are asked for; see `read_run_window`."""
    if context.run.inline_data is not None:
        yield _inline_rows(context, columns)
        return
    with open_window(_window_of(context, columns)) as window:
        yield window


def read_run_window(context: RunContext, columns: Columns) -> pa.Table:
    """The rows a run judges: those sent with the request, or its window of the monitor's data.

    Without a timestamp column there is no telling windows apart, and the data as it stands is the window.
    """
    if context.run.inline_data is not None:
        return _inline_rows(context, columns)
    return read_window(_window_of(context, columns))


def _inline_rows(context: RunContext, columns: Columns) -> pa.Table:
    table = table_from_bytes(bytes(context.run.inline_data or b""))
    types = columns if isinstance(columns, Mapping) else {}
    return read_inline_times(table, types, context.monitor.data_timezone)


def _window_of(context: RunContext, columns: Columns) -> WindowSpec:
    bounds = (context.run.window_start, context.run.window_end)
    return current_window(context.monitor, context.policy, bounds, columns)
