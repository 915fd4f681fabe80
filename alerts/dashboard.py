"""Reads the dashboard's figures in two queries, for any number of monitors."""

from datetime import timedelta
from typing import Any

from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from alerts.models import Alert
from algorithms.verdicts import Severity, Verdict
from detections.models import DetectionRun
from monitors.models import Monitor

JUDGED = [Verdict.OK, Verdict.DRIFT]


def get_dashboard(*, days: int) -> dict[str, Any]:
    """Count the runs and drifts of the last `days` days, in all and per monitor; alerts are of any age."""
    rows = list(_monitor_rows(days))
    judged = sum(row["judged"] for row in rows)
    drifted = sum(row["drifted"] for row in rows)
    alerts = Alert.objects.filter(acknowledged_at__isnull=True).aggregate(
        **{severity.value: Count("id", filter=Q(severity=severity)) for severity in Severity}
    )
    return {
        "days": days,
        "monitors": len(rows),
        "active": sum(row["status"] == Monitor.Status.ACTIVE for row in rows),
        "runs": sum(row["runs"] for row in rows),
        "skipped": sum(row["skipped"] for row in rows),
        "drifted": drifted,
        "drift_rate": drifted / judged if judged else None,
        "unacknowledged_alerts": alerts,
        "last_run_at": max(
            (row["last_run_at"] for row in rows if row["last_run_at"]), default=None
        ),
        "last_drift_at": max(
            (row["last_drift_at"] for row in rows if row["last_drift_at"]), default=None
        ),
        "per_monitor": rows,
    }


def _monitor_rows(days: int) -> QuerySet[Monitor, Any]:
    since = timezone.now() - timedelta(days=days)
    runs = DetectionRun.objects.filter(monitor_id=OuterRef("pk"), finished_at__isnull=False)
    recent = runs.filter(finished_at__gte=since)
    skipped = DetectionRun.objects.filter(
        monitor_id=OuterRef("pk"), status=DetectionRun.Status.SKIPPED, scheduled_for__gte=since
    )
    newest = runs.order_by("-finished_at")
    of_ticks = newest.exclude(
        trigger=DetectionRun.Trigger.LABELS
    )  # a follow-up tells of a window that is long over
    unacknowledged = Alert.objects.filter(monitor_id=OuterRef("pk"), acknowledged_at__isnull=True)
    return Monitor.objects.order_by("name").values(
        "id",
        "name",
        "status",
        runs=_count(recent),
        judged=_count(recent.filter(verdict__in=JUDGED)),
        drifted=_count(recent.filter(verdict=Verdict.DRIFT)),
        skipped=_count(skipped),
        last_run_at=Subquery(of_ticks.values("finished_at")[:1]),
        last_verdict=Coalesce(Subquery(of_ticks.values("verdict")[:1]), Value("")),
        last_drift_at=Subquery(newest.filter(verdict=Verdict.DRIFT).values("finished_at")[:1]),
        unacknowledged_alerts=_count(unacknowledged),
    )


def _count(rows: QuerySet[Any]) -> Coalesce:
    counted = rows.order_by().values("monitor_id").annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)
