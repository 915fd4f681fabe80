"""Reads the dashboard's figures in two queries, for any number of monitors."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, IntegerField, Model, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from alerts.selectors import waiting_alerts
from algorithms.verdicts import Severity, Verdict
from detections.models import DetectionRun
from monitors.models import Monitor

JUDGED = [Verdict.OK, Verdict.DRIFT]


def get_dashboard(*, days: int) -> dict[str, Any]:
    """Count the runs and drifts of the last `days` days, in all and per monitor; alerts are of any age."""
    rows = list(_monitor_rows(days))
    judged, drifted = _sum(rows, "judged"), _sum(rows, "drifted")
    return {
        "days": days,
        "monitors": len(rows),
        "active": sum(row["status"] == Monitor.Status.ACTIVE for row in rows),
        "runs": _sum(rows, "runs"),
        "skipped": _sum(rows, "skipped"),
        "drifted": drifted,
        "drift_rate": drifted / judged if judged else None,
        "unacknowledged_alerts": _count_unacknowledged(),
        "last_run_at": _newest(rows, "last_run_at"),
        "last_drift_at": _newest(rows, "last_drift_at"),
        "per_monitor": rows,
    }


def _sum(rows: Sequence[dict[str, Any]], name: str) -> int:
    return sum(row[name] for row in rows)


def _newest(rows: Sequence[dict[str, Any]], name: str) -> datetime | None:
    return max((row[name] for row in rows if row[name]), default=None)


def _count_unacknowledged() -> dict[str, int]:
    """The number of unacknowledged alerts of each severity."""
    counts = {severity.value: Count("id", filter=Q(severity=severity)) for severity in Severity}
    return waiting_alerts().aggregate(**counts)


def _monitor_rows(days: int) -> QuerySet[Monitor, Any]:
    since = timezone.now() - timedelta(days=days)
    return Monitor.objects.order_by("name").values(
        "id",
        "name",
        "status",
        **_run_counts(since),
        **_newest_runs(),
        unacknowledged_alerts=_count(waiting_alerts().filter(monitor_id=OuterRef("pk"))),
    )


def _run_counts(since: datetime) -> dict[str, Coalesce]:
    runs = _of_monitor(DetectionRun)
    recent = runs.filter(finished_at__isnull=False, finished_at__gte=since)
    skipped = runs.filter(status=DetectionRun.Status.SKIPPED, scheduled_for__gte=since)
    return {
        "runs": _count(recent),
        "judged": _count(recent.filter(verdict__in=JUDGED)),
        "drifted": _count(recent.filter(verdict=Verdict.DRIFT)),
        "skipped": _count(skipped),
    }


def _newest_runs() -> dict[str, Subquery | Coalesce]:
    """The newest check and the newest drift; a follow-up is about a window that is long over."""
    finished = _of_monitor(DetectionRun).filter(finished_at__isnull=False)
    newest = finished.order_by("-finished_at")
    checks = newest.exclude(trigger=DetectionRun.Trigger.LABELS)
    return {
        "last_run_at": _first(checks, "finished_at"),
        "last_verdict": Coalesce(_first(checks, "verdict"), Value("")),
        "last_drift_at": _first(newest.filter(verdict=Verdict.DRIFT), "finished_at"),
    }


def _of_monitor[Row: Model](model: type[Row]) -> QuerySet[Row]:
    return model._default_manager.filter(monitor_id=OuterRef("pk"))


def _first(rows: QuerySet[Any], name: str) -> Subquery:
    return Subquery(rows.values(name)[:1])


def _count(rows: QuerySet[Any]) -> Coalesce:
    counted = rows.order_by().values("monitor_id").annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)
