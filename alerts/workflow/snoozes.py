"""Ends snoozes that are over: people see the alert again, and are notified again if it still goes on."""

from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from alerts.episodes.events import Circumstances, move
from alerts.episodes.phases import Move
from alerts.models import Alert
from alerts.workflow.services import is_live, lock_alert, was_acknowledged
from drift_detector.celery import Priority, TaskMessage, enqueue_all
from drift_detector.tenancy.scope import tenant_scope

SNOOZE_TASK = "alerts.end_snoozes"


def enqueue_ended_snoozes() -> int:
    """Enqueue a task for each tenant that has a snooze which is over; needs the scheduler's role.

    A task that is lost comes again in the next round, and one that comes twice finds nothing to do.
    """
    tenants = list(_ended().order_by("tenant_id").values_list("tenant_id", flat=True).distinct())
    ids = [{"tenant_id": tenant_id} for tenant_id in tenants]
    enqueue_all([TaskMessage(SNOOZE_TASK, each, Priority.BACKGROUND) for each in ids])
    return len(tenants)


def end_snoozes(*, tenant_id: UUID) -> int:
    """End the tenant's snoozes that are over, each in a transaction of its own."""
    with tenant_scope(tenant_id):
        ids = list(_ended().values_list("id", flat=True))
    return sum(_end(tenant_id, alert_id) for alert_id in ids)


def _ended() -> QuerySet[Alert]:
    snoozed = Alert.objects.filter(attention=Alert.Attention.SNOOZED)
    return snoozed.filter(snoozed_until__lte=timezone.now())


def _end(tenant_id: UUID, alert_id: UUID) -> bool:
    """End the snooze of an alert; False if another worker or a person came first."""
    with tenant_scope(tenant_id):
        if not _ended().filter(id=alert_id).exists():
            return False
        alert = lock_alert(alert_id)
        if not _ended().filter(id=alert_id).exists():
            return False
        _move(alert)
        alert.save()
        return True


def _move(alert: Alert) -> None:
    """Let people see the alert again; an acknowledgement from before the snooze holds again."""
    was_seen = was_acknowledged(alert)
    details = {"until": alert.snoozed_until.isoformat() if alert.snoozed_until else ""}
    said = Circumstances(details=details, notifies=is_live(alert))
    move(alert, Move.SNOOZE_ENDED, said)
    alert.snoozed_until = None
    if was_seen:
        reason = f"The acknowledgement by {alert.acknowledged_by} holds again."
        move(alert, Move.ACKNOWLEDGED, Circumstances(reason=reason))
