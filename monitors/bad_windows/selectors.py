"""Reads the bad windows of the current tenant."""

from uuid import UUID

from django.db.models import QuerySet

from monitors.models import BadWindow, Monitor


def list_bad_windows(monitor_id: UUID) -> QuerySet[BadWindow]:
    """The bad windows of a monitor, the latest first."""
    return BadWindow.objects.filter(monitor_id=monitor_id)


def with_bad_windows(monitor: Monitor) -> Monitor:
    """The monitor, with its bad windows as spans; what reads its data leaves them out of references."""
    rows = list_bad_windows(monitor.id).values_list("window_start", "window_end")
    monitor.bad_spans = tuple(rows)
    return monitor
