"""Reads alerts."""

from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from alerts.models import Alert, AlertRun


def list_alerts() -> QuerySet[Alert]:
    """All alerts with their monitors."""
    return Alert.objects.select_related("monitor")


def list_opened_alerts() -> QuerySet[Alert]:
    """The alerts without those that were never more than pending."""
    return list_alerts().filter(opened_at__isnull=False)


def list_open_alerts_of_monitor(monitor_id: UUID) -> QuerySet[Alert]:
    """The alerts of a monitor that are opened and not over, the latest first."""
    opened = list_opened_alerts().filter(monitor_id=monitor_id, is_history=False)
    return opened.exclude(phase=Alert.Phase.RESOLVED)


def list_alerts_of_run(run_id: UUID) -> QuerySet[Alert]:
    """The alerts whose episodes a run belongs to."""
    members = AlertRun.objects.filter(run_id=run_id)
    return list_alerts().filter(id__in=members.values("alert_id"))


def is_unacknowledged() -> Q:
    """The condition of an alert that waits for a person: it is new, or its snooze is over.

    Alerts that never opened, and those of the past, wait for no one.
    """
    is_over = Q(attention=Alert.Attention.SNOOZED, snoozed_until__lte=timezone.now())
    waits = Q(attention=Alert.Attention.NEW) | is_over
    # The first condition is that of the index `alert_unacknowledged`.
    return Q(attention__in=Alert.WAITING, is_history=False, opened_at__isnull=False) & waits
