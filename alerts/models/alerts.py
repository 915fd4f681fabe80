"""The alerts that people see."""

from django.db import models
from django.db.models import Case, F, Q, Value, When

from alerts.episodes.phases import Attention, Phase
from algorithms.verdicts import Severity
from drift_detector.tenancy.models import TenantModel, tenant_reference

SEVERITIES = [(severity.value, severity.value) for severity in Severity]


class Alert(TenantModel):
    """One episode of one monitor: of drift, of worse performance, or of a monitor that can't judge.

    Its phase moves with the runs of the monitor, its attention with what people do. Acknowledging is
    not resolving (ADR 4).
    """

    class Kind(models.TextChoices):
        STATISTICAL = "statistical"
        CONCEPT = "concept"
        PERFORMANCE = "performance"
        HEALTH = "health"

    Phase, Attention = Phase, Attention
    WAITING = (Attention.NEW, Attention.SNOOZED)

    class Status(models.TextChoices):
        OPEN = "open"
        ACKNOWLEDGED = "acknowledged"
        RESOLVED = "resolved"

    class Reason(models.TextChoices):
        """The reasons of an acknowledgement, from which the service learns."""

        REAL = "real"
        EXPECTED = "expected"
        DATA_BUG = "data_bug"
        NOISE = "noise"

    monitor = tenant_reference("monitors.Monitor")
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.STATISTICAL)
    slice_key = models.CharField(
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text="The part of the data that the episode is about; empty for all of it.",
    )
    phase = models.CharField(max_length=10, choices=Phase, default=Phase.OPEN)
    attention = models.CharField(max_length=12, choices=Attention, default=Attention.NEW)
    status = models.GeneratedField(
        expression=Case(
            When(phase="resolved", then=Value("resolved")),
            When(attention__in=["acknowledged", "snoozed"], then=Value("acknowledged")),
            default=Value("open"),
            output_field=models.CharField(max_length=12, choices=Status),
        ),
        output_field=models.CharField(max_length=12, choices=Status),
        db_persist=True,
        help_text="The phase and the attention in one word.",
    )
    is_history = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Found by runs over the past; people were not notified.",
    )
    first_run = tenant_reference("detections.DetectionRun", null=True)
    last_run = tenant_reference("detections.DetectionRun", null=True)
    previous = tenant_reference("alerts.Alert", null=True)
    severity = models.CharField(
        max_length=10, choices=SEVERITIES, help_text="The severity of the newest drifted window."
    )
    peak_severity = models.CharField(
        max_length=10, choices=SEVERITIES, help_text="The highest severity of all its runs."
    )
    announced_severity = models.CharField(
        max_length=10,
        choices=SEVERITIES,
        blank=True,
        help_text="The highest severity that people were notified of.",
    )
    summary = models.TextField()
    drifted_features = models.JSONField(default=list)
    cause = models.JSONField(
        default=dict,
        db_default={},
        help_text="The features that changed alike, and the likely cause.",
    )
    state = models.JSONField(
        default=dict, db_default={}, help_text="What the next run needs to know of the runs before."
    )
    occurrences = models.PositiveIntegerField(default=1, help_text="Drifted runs of this episode.")
    window_start = models.DateTimeField(null=True, help_text="Start of the first drifted window.")
    window_end = models.DateTimeField(null=True, help_text="End of the last drifted window.")
    opened_at = models.DateTimeField(
        null=True, blank=True, help_text="Null for an episode that was never more than pending."
    )
    resolved_at = models.DateTimeField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.CharField(max_length=200, blank=True)
    acknowledged_reason = models.CharField(
        max_length=10, choices=Reason, blank=True, default="", db_default=""
    )
    snoozed_until = models.DateTimeField(null=True, blank=True)
    assignee = models.CharField(max_length=200, blank=True, default="", db_default="")
    note = models.TextField(blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "drf_alerts"
        ordering = ["-created_at", "-id"]
        constraints = [
            TenantModel.identity("alert"),
            models.UniqueConstraint(
                name="alert_one_unresolved_per_monitor_kind_and_slice",
                fields=["tenant", "monitor", "kind", "slice_key"],
                condition=~Q(phase="resolved") & Q(is_history=False),
            ),
            models.CheckConstraint(
                name="alert_resolved_at_its_time",
                condition=Q(phase="resolved", resolved_at__isnull=False)
                | (~Q(phase="resolved") & Q(resolved_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="alert_acknowledged_has_a_name",
                condition=Q(acknowledged_at__isnull=True, acknowledged_by="")
                | (Q(acknowledged_at__isnull=False) & ~Q(acknowledged_by="")),
            ),
            models.CheckConstraint(
                name="alert_snoozed_has_an_end",
                condition=~Q(attention="snoozed") | Q(snoozed_until__isnull=False),
            ),
            models.CheckConstraint(
                name="alert_open_was_opened",
                condition=~Q(phase__in=["open", "recovering"]) | Q(opened_at__isnull=False),
            ),
            models.CheckConstraint(
                name="alert_windows_ordered",
                condition=Q(window_start__isnull=True, window_end__isnull=True)
                | Q(window_start__lt=F("window_end")),
            ),
        ]
        indexes = [
            models.Index(
                name="alert_opened_lately",
                fields=["tenant", "opened_at"],
                condition=Q(kind="statistical", is_history=False, opened_at__isnull=False),
            ),
            models.Index(name="alert_newest", fields=["tenant", "-created_at", "-id"]),
            models.Index(name="alert_of_monitor", fields=["tenant", "monitor"]),
            models.Index(name="alert_of_first_run", fields=["tenant", "first_run"]),
            models.Index(name="alert_of_last_run", fields=["tenant", "last_run"]),
            models.Index(name="alert_of_previous", fields=["tenant", "previous"]),
            models.Index(
                name="alert_resolved",
                fields=["resolved_at"],
                condition=Q(resolved_at__isnull=False),
            ),
            models.Index(
                name="alert_snoozed",
                fields=["snoozed_until"],
                condition=Q(attention="snoozed"),
            ),
            models.Index(
                name="alert_unacknowledged",
                fields=["tenant"],
                condition=Q(
                    attention__in=["new", "snoozed"], is_history=False, opened_at__isnull=False
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.summary
