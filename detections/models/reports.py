"""Evidently's reports."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from drift_detector.lease import LeasedModel
from drift_detector.tenancy.models import tenant_reference


class Report(LeasedModel):
    """Evidently's drift report over the two windows of a run."""

    class Status(models.TextChoices):
        BUILDING = "building"
        READY = "ready"
        FAILED = "failed"

    run = tenant_reference("detections.DetectionRun", related_name="reports")
    status = models.CharField(max_length=10, choices=Status, default=Status.BUILDING)
    reason = models.TextField(blank=True)
    html = models.TextField(blank=True)
    summary = models.JSONField(default=dict)
    requested_at = models.DateTimeField(default=timezone.now)
    reference_rows = models.PositiveIntegerField(default=0)
    current_rows = models.PositiveIntegerField(default=0)
    built_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "drf_reports"
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(name="report_once_per_run", fields=["tenant", "run"])
        ]
        indexes = [
            models.Index(name="report_building", fields=["tenant"], condition=Q(status="building"))
        ]

    def __str__(self) -> str:
        return f"report of {self.run_id}"
