"""Reads routes, silences, maintenance windows and notifications."""

from uuid import UUID

from django.db.models import QuerySet

from alerts.models import Alert, MaintenanceWindow, Notification, Route, Silence


def list_routes() -> QuerySet[Route]:
    return Route.objects.prefetch_related("route_channels")


def list_silences() -> QuerySet[Silence]:
    return Silence.objects.all()


def list_windows() -> QuerySet[MaintenanceWindow]:
    return MaintenanceWindow.objects.all()


def list_notifications() -> QuerySet[Notification]:
    return Notification.objects.select_related("channel", "route")


def list_notifications_of(alert_id: UUID) -> QuerySet[Notification]:
    """The notifications of one alert.

    Raises:
        Alert.DoesNotExist: If the tenant has no such alert.
    """
    alert = Alert.objects.only("id").get(id=alert_id)
    return list_notifications().filter(alert_id=alert.id)
