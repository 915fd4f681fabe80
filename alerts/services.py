"""Acknowledges alerts."""

from uuid import UUID

import structlog
from django.utils import timezone

from alerts.models import Alert

log = structlog.get_logger(__name__)


class NotAcknowledgeable(Exception):
    """The alert is already acknowledged; the message says by whom."""


def acknowledge(*, alert_id: UUID, by: str, note: str = "") -> Alert:
    """Record that a person has seen an alert; a resolved alert can be acknowledged, too.

    Raises:
        Alert.DoesNotExist: If the tenant has no such alert.
        NotAcknowledgeable: If it is already acknowledged; nothing is changed.
    """
    is_changed = _mark_acknowledged(alert_id, by, note)
    alert = Alert.objects.select_related("monitor").get(id=alert_id)
    if not is_changed:
        at = f"{alert.acknowledged_at:%Y-%m-%d %H:%M}"
        raise NotAcknowledgeable(f"Already acknowledged by {alert.acknowledged_by} at {at} UTC.")
    log.info("alert_acknowledged", alert_id=str(alert_id), by=by)
    return alert


def _mark_acknowledged(alert_id: UUID, by: str, note: str) -> bool:
    """Acknowledge an unseen alert in one statement.

    A second one would check the row's foreign keys, and deadlock with a run that completes.
    """
    now = timezone.now()
    unseen = Alert.objects.filter(id=alert_id, attention=Alert.Attention.NEW)
    changed = unseen.update(
        attention=Alert.Attention.ACKNOWLEDGED,
        acknowledged_at=now,
        acknowledged_by=by,
        note=note,
        updated_at=now,
    )
    return changed > 0
