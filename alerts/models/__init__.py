"""The alerts that people see, and what happened to them."""

from alerts.models.alert_events import AlertEvent, AlertRun
from alerts.models.alerts import SEVERITIES, Alert

__all__ = ["SEVERITIES", "Alert", "AlertEvent", "AlertRun"]
