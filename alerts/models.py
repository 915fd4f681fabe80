"""The alerts that people see."""

from django.db import models
from django.db.models import Q

from algorithms.verdicts import Severity
from drift_detector.tenancy.models import TenantModel, tenant_reference

SEVERITIES = [(severity.value, severity.value) for severity in Severity]


class Alert(TenantModel):
    """One episode of drift of one monitor: opened by the first drifted run, resolved by a newer run that is ok.

    An episode of concept drift is another one beside it; it ends when the errors become as rare again as they were.
    """

    class Kind(models.TextChoices):
        STATISTICAL = "statistical"
        CONCEPT = "concept"

    class Status(models.TextChoices):
        OPEN = "open"
        ACKNOWLEDGED = "acknowledged"
        RESOLVED = "resolved"

    monitor = tenant_reference("monitors.Monitor")
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.STATISTICAL)
    first_run = tenant_reference("detections.DetectionRun")
    last_run = tenant_reference("detections.DetectionRun")
    status = models.CharField(max_length=12, choices=Status, default=Status.OPEN)
    severity = models.CharField(max_length=10, choices=SEVERITIES)
    summary = models.TextField()
    drifted_features = models.JSONField(default=list)
    occurrences = models.PositiveIntegerField(default=1, help_text="Drifted runs of this episode.")
    window_start = models.DateTimeField(help_text="Start of the first drifted window.")
    window_end = models.DateTimeField(help_text="End of the last drifted window.")
    resolved_at = models.DateTimeField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.CharField(max_length=200, blank=True)
    note = models.TextField(blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "drf_alerts"
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                name="alert_one_unresolved_per_monitor_and_kind",
                fields=["tenant", "monitor", "kind"],
                condition=~Q(status="resolved"),
            ),
            models.CheckConstraint(
                name="alert_resolved_has_a_time",
                condition=Q(status="resolved", resolved_at__isnull=False)
                | (~Q(status="resolved") & Q(resolved_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="alert_acknowledged_has_a_name",
                condition=Q(acknowledged_at__isnull=True, acknowledged_by="")
                | (Q(acknowledged_at__isnull=False) & ~Q(acknowledged_by="")),
            ),
        ]
        indexes = [
            models.Index(name="alert_newest", fields=["tenant", "-created_at", "-id"]),
            models.Index(name="alert_of_monitor", fields=["tenant", "monitor"]),
            models.Index(name="alert_of_first_run", fields=["tenant", "first_run"]),
            models.Index(name="alert_of_last_run", fields=["tenant", "last_run"]),
            models.Index(
                name="alert_resolved",
                fields=["resolved_at"],
                condition=Q(resolved_at__isnull=False),
            ),
            models.Index(
                name="alert_unacknowledged",
                fields=["tenant"],
                condition=Q(acknowledged_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.summary
