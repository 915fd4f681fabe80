"""Marks windows as bad: by people, and by episodes that were acknowledged as bugs of the data."""

from datetime import datetime
from uuid import UUID

import structlog
from django.core.exceptions import ValidationError

from drift_detector.tenancy.scope import current_tenant_id
from monitors.models import BadWindow, Monitor

log = structlog.get_logger(__name__)

MOST_BAD_WINDOWS = 1000
"""Of a monitor: each comparison leaves all of them out."""
OF_EPISODE = "An alert was acknowledged as a bug of the data."


def mark_bad(
    *, monitor: Monitor, start: datetime, end: datetime, reason: str, by: str
) -> BadWindow:
    """Mark a time of a monitor's data as bad, for a person or a key.

    Raises:
        ValidationError: If the end is not after the start, or there are too many.
    """
    if start >= end:
        raise ValidationError({"window_end": "window_end must be after window_start."})
    if BadWindow.objects.filter(monitor=monitor).count() >= MOST_BAD_WINDOWS:
        raise ValidationError(
            {"window_start": f"A monitor has at most {MOST_BAD_WINDOWS} bad windows."}
        )
    row = BadWindow.objects.create(
        tenant_id=current_tenant_id(),
        monitor=monitor,
        window_start=start,
        window_end=end,
        reason=reason,
        created_by=by,
    )
    log.info("window_marked_bad", monitor_id=str(monitor.id), bad_window_id=str(row.id))
    return row


def unmark_bad(row: BadWindow) -> None:
    """Remove a mark; an episode that goes on, and is still called a bug of the data, marks its windows again."""
    log.info("window_unmarked", bad_window_id=str(row.id))
    row.delete()


def keep_for_episode(
    *, monitor_id: UUID, episode: UUID, start: datetime, end: datetime, by: str
) -> None:
    """Let an episode mark the time of its windows, which can have grown; in the caller's transaction."""
    BadWindow.objects.update_or_create(
        tenant_id=current_tenant_id(),
        episode=episode,
        defaults={"window_start": start, "window_end": end},
        create_defaults={
            "monitor_id": monitor_id,
            "window_start": start,
            "window_end": end,
            "reason": OF_EPISODE,
            "created_by": by,
        },
    )


def drop_for_episode(episode: UUID) -> None:
    """Take the mark of an episode back, if it has one."""
    BadWindow.objects.filter(episode=episode).delete()
