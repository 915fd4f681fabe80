"""Reads suggestions."""

from uuid import UUID

from django.db.models import QuerySet

from alerts.models import Suggestion


def list_open_suggestions(monitor_id: UUID) -> QuerySet[Suggestion]:
    """A monitor's suggestions that are tested or offered, newest first."""
    open_ones = (Suggestion.Status.TESTING, Suggestion.Status.OFFERED)
    return Suggestion.objects.filter(monitor_id=monitor_id, status__in=open_ones)
