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


def get_backtest(backtest_id: UUID) -> QuerySet[Backtest]:
    """One backtest with its windows and its monitor."""
    return Backtest.objects.select_related("monitor").filter(id=backtest_id)


def get_plain_twin(backtest: Backtest) -> Backtest | None:
    """The newest backtest over the same ticks and baseline with the monitor's own settings."""
    same = Backtest.objects.filter(
        monitor_id=backtest.monitor_id,
        baseline=backtest.baseline_id,
        start=backtest.start,
        end=backtest.end,
        changes={},
    )
    return same.order_by("-created_at", "-id").first()
