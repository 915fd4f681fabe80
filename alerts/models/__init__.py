"""The alerts that people see, what happened to them, and the notifications of them."""

from alerts.models.alert_events import AlertEvent, AlertRun
from alerts.models.alerts import SEVERITIES, Alert
from alerts.models.notifications import (
    Channel,
    MaintenanceWindow,
    Notification,
    Route,
    RouteChannel,
    Silence,
    Step,
)

__all__ = [
    "SEVERITIES",
    "Alert",
    "AlertEvent",
    "AlertRun",
    "Channel",
    "MaintenanceWindow",
    "Notification",
    "Route",
    "RouteChannel",
    "Silence",
    "Step",
]
