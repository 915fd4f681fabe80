"""Suggestions that are learnt from the reasons of acknowledgements."""

from django.db import models
from django.db.models import Q

from drift_detector.tenancy.models import TenantModel, tenant_reference


class Suggestion(TenantModel):
    """A tolerance that would have kept noise away; a backtest says what it would have hidden."""

    class Status(models.TextChoices):
        TESTING = "testing"  # a worker replays past ticks with it
        OFFERED = "offered"
        REFUSED = "refused"  # the backtest failed, or it would have hidden what was real
        ACCEPTED = "accepted"
        SUPERSEDED = "superseded"

    monitor = tenant_reference("monitors.Monitor")
    backtest = tenant_reference("detections.Backtest", null=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.TESTING)
    method = models.CharField(max_length=40)
    feature = models.CharField(max_length=200)
    tolerance = models.FloatField()
    tolerance_before = models.FloatField(null=True, help_text="Null: it was the usual one.")
    summary = models.TextField()
    counts = models.JSONField(default=dict, help_text="The alerts by reason that it rests on.")
    hidden = models.JSONField(default=list, help_text="The alerts that it would have hidden.")
    reason = models.TextField(blank=True, help_text="Why it is refused.")
    requested_by = models.CharField(max_length=200)
    accepted_by = models.CharField(max_length=200, blank=True)
    accepted_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "drf_suggestions"
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                name="suggestion_one_open_per_feature",
                fields=["tenant", "monitor", "method", "feature"],
                condition=Q(status__in=["testing", "offered"]),
            ),
        ]
        indexes = [
            models.Index(name="suggestion_of_monitor", fields=["tenant", "monitor"]),
            models.Index(name="suggestion_of_backtest", fields=["tenant", "backtest"]),
        ]

    def __str__(self) -> str:
        return self.summary
