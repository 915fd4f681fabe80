"""Finds streams of outcomes that went silent: outcomes came regularly, and then none for long."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from alerts.health.health_causes import Cause, of_stream
from detections.models import OutcomeBatch, OutcomeStream
from monitors.models import Monitor

GAPS = 20
"""The newest gaps between batches that say how regularly a stream gets outcomes."""
FEWEST_GAPS = 5
LEAST = timedelta(days=1)
"""A night, or a day of maintenance, is no silence."""


def list_silent_streams(monitor_id: UUID, seen: Mapping[str, Any]) -> list[Cause]:
    """The streams of a monitor that are silent now.

    A stream whose silence is known stays silent until it gets an outcome, even when its batches are past
    their retention.

    Args:
        monitor_id: Whose streams.
        seen: The keys of the monitor's newest health alert, by source.
    """
    streams = OutcomeStream.objects.filter(monitor_id=monitor_id).order_by("name")
    causes = (_silence_of(stream, seen) for stream in streams)
    return [cause for cause in causes if cause is not None]


def list_monitors_with_streams() -> list[UUID]:
    """The active monitors of the current tenant that have got outcomes."""
    streams = OutcomeStream.objects.filter(
        sequence__gt=0, monitor__status=Monitor.Status.ACTIVE
    ).order_by("monitor_id")
    return list(streams.values_list("monitor_id", flat=True).distinct())


def _silence_of(stream: OutcomeStream, seen: Mapping[str, Any]) -> Cause | None:
    times = _arrivals(stream)
    last = times[-1] if times else None
    cause = of_stream(stream.name, sequence=stream.sequence, since=last)
    is_known = seen.get(cause.source) == cause.key
    return cause if is_known or is_silent(times, now=timezone.now()) else None


def _arrivals(stream: OutcomeStream) -> list[datetime]:
    """The times of the newest batches that brought outcomes, oldest first."""
    batches = OutcomeBatch.objects.filter(stream_id=stream.id, outcomes__gt=0)
    newest = batches.order_by("-first_sequence").values_list("created_at", flat=True)
    return sorted(newest[: GAPS + 1])


def is_silent(arrivals: Sequence[datetime], *, now: datetime) -> bool:
    """True if nothing came for several times as long as is usual for the stream, and for a day at least.

    The usual gap is the second longest of the newest gaps: it knows weekends, and forgives one outage.

    Args:
        arrivals: When batches came, oldest first.
        now: The end of the silence.
    """
    gaps = sorted(later - earlier for earlier, later in pairwise(arrivals))
    if len(gaps) < FEWEST_GAPS:
        return False
    bearable = max(LEAST, settings.ENV.alerts.silent_stream_after * gaps[-2])
    return now - arrivals[-1] > bearable
