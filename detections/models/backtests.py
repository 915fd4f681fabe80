"""Replays of past ticks."""

from django.db import models
from django.db.models import F, Q

from drift_detector.lease import LeasedModel
from drift_detector.tenancy.models import TenantModel, tenant_reference


class Backtest(LeasedModel):
    """A monitor's past ticks, judged again without alerts, with a summary of the alerts it would have raised."""

    class Status(models.TextChoices):
        RUNNING = "running"
        READY = "ready"
        FAILED = "failed"

    monitor = tenant_reference("monitors.Monitor", related_name="backtests")
    baseline = tenant_reference("monitors.Baseline", null=True)
    requested_by = models.CharField(max_length=200)
    changes = models.JSONField(
        default=dict,
        db_default={},
        help_text="Fields of the monitor that it is judged with instead.",
    )
    start = models.DateTimeField(help_text="The first tick, included.")
    end = models.DateTimeField(help_text="The last tick, not included.")
    status = models.CharField(max_length=10, choices=Status, default=Status.RUNNING)
    reason = models.TextField(blank=True)
    summary = models.JSONField(default=dict)
    windows = models.JSONField(default=list, help_text="A record per tick.")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "drf_backtests"
        ordering = ["-created_at", "-id"]
        constraints = [
            TenantModel.identity("backtest"),
            models.CheckConstraint(name="backtest_ordered", condition=Q(start__lt=F("end"))),
        ]
        indexes = [
            models.Index(
                name="backtest_newest_of_monitor",
                fields=["tenant", "monitor", "-created_at", "-id"],
            ),
            models.Index(
                name="backtest_running", fields=["created_at"], condition=Q(status="running")
            ),
            models.Index(
                name="backtest_finished",
                fields=["finished_at"],
                condition=Q(finished_at__isnull=False),
            ),
            models.Index(name="backtest_of_baseline", fields=["tenant", "baseline"]),
        ]

    def __str__(self) -> str:
        return f"backtest from {self.start:%Y-%m-%d} to {self.end:%Y-%m-%d}"
