"""Reads alerts as the notifier's role may: without the notes of people, and of monitors the name alone."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import QuerySet

from alerts.models import Alert
from alerts.routing.matchers import Subject

FIELDS = (
    "id", "created_at", "kind", "phase", "attention", "status", "severity", "peak_severity",
    "announced_severity", "summary", "drifted_features", "cause", "occurrences", "window_start", "window_end",
    "opened_at", "resolved_at", "monitor__id", "monitor__name", "monitor__model_id",
)  # fmt: skip


def readable_alerts() -> QuerySet[Alert]:
    """The alerts of the current tenant with their monitors, as far as the role reads them."""
    return Alert.objects.select_related("monitor").only(*FIELDS)


def alerts_by_id(ids: Iterable[UUID]) -> dict[UUID, Alert]:
    """Readable alerts by their ids."""
    return {alert.id: alert for alert in readable_alerts().filter(id__in=set(ids))}


def subject_of_alert(alert: Alert, severity: str) -> Subject:
    """An alert as matchers look at it.

    Args:
        alert: The alert.
        severity: Its severity when something happened to it.
    """
    features = frozenset(str(each.get("feature", "")) for each in alert.drifted_features)
    return Subject(
        kind=alert.kind,
        severity=severity,
        monitor_id=alert.monitor.id,
        model_id=alert.monitor.model_id,
        features=features,
    )
