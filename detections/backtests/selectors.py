"""Reads backtests."""

from uuid import UUID

from django.db.models import QuerySet

from detections.models import Backtest


def list_backtests(monitor_id: UUID) -> QuerySet[Backtest]:
    """A monitor's backtests without their windows."""
    return Backtest.objects.filter(monitor_id=monitor_id).defer("windows")
