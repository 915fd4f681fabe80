"""Announces alerts to consumers of events."""

from typing import Any

from alerts.models import Alert, AlertEvent


def announce_raised(alert: Alert, event: AlertEvent, finding: Any = None) -> None:
    """Publish that an alert was raised or has worsened."""


def announce_resolved(alert: Alert, event: AlertEvent) -> None:
    """Publish that an alert was resolved."""


def announce_acknowledged(alert: Alert, event: AlertEvent) -> None:
    """Publish that an alert was acknowledged."""
