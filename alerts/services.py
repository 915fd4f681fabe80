"""Acknowledges alerts."""

from uuid import UUID

import structlog
from django.db.models import Case, F, Value, When
from django.utils import timezone

from alerts.models import Alert

log = structlog.get_logger(__name__)

Status = Alert.Status


class NotAcknowledgeable(Exception):
    """The alert is already acknowledged; the message says by whom."""


def acknowledge(*, alert_id: UUID, by: str, note: str = "") -> Alert:
    """Record that a person has seen an alert; a resolved alert can be acknowledged, too.

    Raises:
        Alert.DoesNotExist: If the tenant has no such alert.
        NotAcknowledgeable: If it is already acknowledged; nothing is changed.
    """
    now = timezone.now()
    unseen = Alert.objects.filter(id=alert_id, acknowledged_at__isnull=True)
    # One statement: a second one would check the row's foreign keys, and deadlock with a run that
    # completes.
    acknowledged = When(status=Status.OPEN, then=Value(Status.ACKNOWLEDGED))
    changed = unseen.update(
        status=Case(acknowledged, default=F("status")),
        acknowledged_at=now,
        acknowledged_by=by,
        note=note,
        updated_at=now,
    )
    alert = Alert.objects.select_related("monitor").get(id=alert_id)
    if not changed:
        at = f"{alert.acknowledged_at:%Y-%m-%d %H:%M}"
        raise NotAcknowledgeable(f"Already acknowledged by {alert.acknowledged_by} at {at} UTC.")
    log.info("alert_acknowledged", alert_id=str(alert_id), by=by)
    return alert
