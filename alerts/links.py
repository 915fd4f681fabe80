"""Addresses at which people see more, for messages and events."""

from uuid import UUID

from django.conf import settings
from django.urls import reverse


def alert_url(alert_id: UUID) -> str:
    """The page of an alert; empty if the installation has no public address."""
    base: str = settings.ENV.public_url.rstrip("/")
    return base + reverse("admin:alerts_alert_change", args=[alert_id]) if base else ""
