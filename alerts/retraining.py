"""Asks for retraining, at most once per cooldown and monitor."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from alerts.models import Alert
from detections.models import DetectionRun
from drift_detector.events.services import EventType, emit
from monitors.models import Monitor

log = structlog.get_logger(__name__)


def require_retraining(*, run: DetectionRun, alert: Alert, summary: dict[str, Any]) -> bool:
    """Publish `drift.retraining_required`, in the caller's transaction, unless switched off or resting.

    The switch is the service's and the monitor's; the rest is counted from the monitor's last request.
    """
    if not settings.ENV.retraining_trigger_enabled or not _claim_request(run.monitor_id):
        return False
    data = summary | {"alert_id": str(alert.id), "reason": alert.summary}
    emit(EventType.RETRAINING_REQUIRED, cause=run.id, key=run.monitor_id, data=data)
    log.info("retraining_required", monitor_id=str(run.monitor_id), run_id=str(run.id))
    return True


def _claim_request(monitor_id: UUID) -> bool:
    """Note the time of a request; False if the monitor wants none, or its last one is too recent."""
    now = timezone.now()
    rested = now - timedelta(seconds=settings.ENV.retraining_cooldown_seconds)
    ready = Q(retraining_required_at__isnull=True) | Q(retraining_required_at__lte=rested)
    monitors = Monitor.objects.filter(ready, id=monitor_id, retraining_enabled=True)
    return monitors.update(retraining_required_at=now) > 0
