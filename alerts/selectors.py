"""Reads alerts."""

from django.db.models import QuerySet

from alerts.models import Alert


def list_alerts() -> QuerySet[Alert]:
    return Alert.objects.select_related("monitor")


def shown_alerts(alerts: QuerySet[Alert]) -> QuerySet[Alert]:
    """The alerts that people see: those that were opened."""
    return alerts.filter(opened_at__isnull=False)


def waiting_alerts() -> QuerySet[Alert]:
    """The alerts of the present that wait for a person."""
    waiting = Alert.objects.filter(attention=Alert.Attention.NEW, is_history=False)
    return shown_alerts(waiting)
