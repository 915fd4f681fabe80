"""The events of an alert, and the runs that belong to it."""

from django.db import models
from django.db.models import Q

from alerts.models.alerts import SEVERITIES
from drift_detector.tenancy.models import TenantModel, tenant_reference


class AlertEvent(TenantModel):
    """One transition of an alert, or one thing that a person did or wrote; never changed but for `routed_at`."""

    class Kind(models.TextChoices):
        PENDING = "pending"
        OPENED = "opened"
        WORSENED = "worsened"
        RECOVERING = "recovering"
        RELAPSED = "relapsed"
        RESOLVED = "resolved"
        FADED = "faded"
        LATE_RUN = "late_run"
        CORRECTED = "corrected"
        ACKNOWLEDGED = "acknowledged"
        SNOOZED = "snoozed"
        SNOOZE_ENDED = "snooze_ended"
        ASSIGNED = "assigned"
        COMMENTED = "commented"
        RETRAINING = "retraining"

    alert = tenant_reference("alerts.Alert", related_name="events")
    number = models.PositiveIntegerField(help_text="1 for the alert's first event, and so on.")
    kind = models.CharField(max_length=12, choices=Kind)
    actor = models.CharField(
        max_length=200, blank=True, help_text="A person or an API key; empty for the service."
    )
    run = tenant_reference("detections.DetectionRun", null=True)
    from_phase = models.CharField(max_length=10, blank=True)
    to_phase = models.CharField(max_length=10, blank=True)
    from_attention = models.CharField(max_length=12, blank=True)
    to_attention = models.CharField(max_length=12, blank=True)
    severity = models.CharField(max_length=10, choices=SEVERITIES)
    reason = models.TextField(blank=True, help_text="The cause of the transition, in words.")
    note = models.TextField(blank=True)
    details = models.JSONField(default=dict)
    notifies = models.BooleanField(default=False, help_text="People are notified of it.")
    routed_at = models.DateTimeField(
        null=True, help_text="When the notifier chose the channels for it."
    )

    class Meta:
        db_table = "drf_alert_events"
        ordering = ["created_at", "number"]
        constraints = [
            TenantModel.identity("alert_event"),
            models.UniqueConstraint(
                name="alert_event_number_once", fields=["tenant", "alert", "number"]
            ),
        ]
        indexes = [
            models.Index(name="alert_event_of_run", fields=["tenant", "run"]),
            models.Index(
                name="alert_event_to_route",
                fields=["created_at", "id"],
                condition=Q(notifies=True, routed_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} ({self.number})"


class AlertRun(TenantModel):
    """One run of an episode: what it observed, and the state of the episode after it."""

    alert = tenant_reference("alerts.Alert", related_name="runs")
    run = tenant_reference("detections.DetectionRun")
    track = models.CharField(max_length=10, help_text="check, follow_up or outcomes.")
    window_start = models.DateTimeField()
    window_end = models.DateTimeField()
    verdict = models.CharField(max_length=20)
    severity = models.CharField(max_length=10, choices=SEVERITIES, blank=True)
    is_late = models.BooleanField(
        default=False, help_text="A newer window had been judged when it ended."
    )
    observation = models.JSONField(default=dict)
    state_after = models.JSONField(default=dict)

    class Meta:
        db_table = "drf_alert_runs"
        ordering = ["window_end", "window_start", "created_at"]
        constraints = [
            models.UniqueConstraint(name="alert_run_once", fields=["tenant", "alert", "run"]),
        ]
        indexes = [
            models.Index(name="alert_run_by_window", fields=["tenant", "alert", "window_end"]),
            models.Index(name="alert_run_of_run", fields=["tenant", "run"]),
        ]

    def __str__(self) -> str:
        return f"{self.verdict} until {self.window_end:%Y-%m-%d %H:%M}"
