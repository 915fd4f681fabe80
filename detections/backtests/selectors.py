"""Reads backtests."""

from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from detections.models import Backtest


def list_recent_backtests(monitor_id: UUID, since: datetime) -> QuerySet[Backtest]:
    """A monitor's backtests that are not finished, or were since a moment, the newest first."""
    is_recent = Q(status=Backtest.Status.RUNNING) | Q(finished_at__gte=since)
    return list_backtests(monitor_id).filter(is_recent)


def list_backtests(monitor_id: UUID) -> QuerySet[Backtest]:
    """A monitor's backtests without their windows."""
    return Backtest.objects.filter(monitor_id=monitor_id).defer("windows")
