"""The alerts that people see, what happened to them, their notifications, and the retraining that they ask for."""

from alerts.models.alert_events import AlertEvent, AlertRun
from alerts.models.alerts import SEVERITIES, Alert
from alerts.models.learning import Suggestion
from alerts.models.monitor_documents import Document, DocumentObject
from alerts.models.notifications import (
    Channel,
    MaintenanceWindow,
    Notification,
    Route,
    RouteChannel,
    Silence,
    Step,
)
from alerts.models.retraining import Deployment, ModelMapping, RetrainingRequest, RetrainingRule

__all__ = [
    "SEVERITIES",
    "Alert",
    "AlertEvent",
    "AlertRun",
    "Channel",
    "Deployment",
    "Document",
    "DocumentObject",
    "MaintenanceWindow",
    "ModelMapping",
    "Notification",
    "RetrainingRequest",
    "RetrainingRule",
    "Route",
    "RouteChannel",
    "Silence",
    "Step",
    "Suggestion",
]
