"""Reads alerts."""

from django.db.models import QuerySet

from alerts.models import Alert


def list_alerts() -> QuerySet[Alert]:
    return Alert.objects.select_related("monitor")
