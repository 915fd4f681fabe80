"""The verdict of one method in one run."""

from typing import Any

from django.db import models
from django.db.models import Q

from algorithms.method_results import Reference
from detections.models.choices import REFERENCES, SEVERITIES, VERDICTS, method_choices
from drift_detector.tenancy.models import TenantModel, tenant_reference


class WholeJSONField(models.JSONField):
    """JSON that is written as a value of its own: in an array, as Django writes many rows, it is escaped twice."""

    def get_placeholder(self, _value: Any, _compiler: Any, _connection: Any) -> str:
        """That there is one keeps Django from making an array."""
        return "%s"


class Detection(TenantModel):
    """The result of one method in one run, with a row per feature in `details`."""

    class Type(models.TextChoices):
        STATISTICAL = "statistical"
        CONCEPT = "concept"
        PERFORMANCE = "performance"
        SCHEMA = "schema"

    run = tenant_reference("detections.DetectionRun", related_name="detections")
    monitor = tenant_reference("monitors.Monitor")
    detection_type = models.CharField(max_length=20, choices=Type, default=Type.STATISTICAL)
    method = models.CharField(max_length=25, choices=method_choices)
    reference = models.CharField(
        max_length=20,
        choices=REFERENCES,
        default=Reference.BASELINE.value,
        help_text="What was compared with: the frozen baseline, or an earlier time.",
    )
    counts = models.BooleanField(
        default=True,
        db_default=True,
        help_text="False if the comparison is shown, and a reference in time decides in its place.",
    )
    verdict = models.CharField(max_length=20, choices=VERDICTS)
    is_drifted = models.BooleanField()
    severity = models.CharField(max_length=10, choices=SEVERITIES, blank=True)
    worst_feature = models.CharField(
        max_length=200, blank=True, help_text="The one with the largest effect."
    )
    statistic = models.FloatField(
        null=True, help_text="Of the worst feature, as are the next three."
    )
    p_value = models.FloatField(null=True)
    effect_size = models.FloatField(null=True)
    threshold = models.FloatField(
        null=True, help_text="A significance level for KS and chi-squared, an index for PSI."
    )
    window_start = models.DateTimeField()
    window_end = models.DateTimeField()
    details = WholeJSONField(default=list)
    slices = WholeJSONField(
        default=list,
        db_default=[],
        help_text="The drifted features of each slice; of one without drift, the feature that comes nearest to it.",
    )

    class Meta:
        db_table = "drf_detections"
        ordering = ["-created_at", "-id"]
        constraints = [
            TenantModel.identity("detection"),
            models.UniqueConstraint(
                name="detection_once_per_run_method_and_reference",
                fields=["tenant", "run", "method", "reference"],
            ),
            models.CheckConstraint(
                name="detection_drift_is_a_verdict",
                condition=Q(is_drifted=True, verdict="drift")
                | (Q(is_drifted=False) & ~Q(verdict="drift")),
            ),
        ]
        indexes = [
            models.Index(
                name="detection_of_performance",
                fields=["tenant", "monitor", "-window_start"],
                condition=Q(detection_type="performance"),
            ),
            models.Index(name="detection_newest", fields=["tenant", "-created_at", "-id"]),
            models.Index(name="detection_latest_window", fields=["tenant", "-window_end", "-id"]),
            models.Index(
                name="detection_newest_of_monitor",
                fields=["tenant", "monitor", "-created_at", "-id"],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.method}: {self.verdict}"

    @property
    def anchor(self) -> str:
        """The id of its method's place in the page of its run."""
        in_time = "" if self.reference == Reference.BASELINE else f"-{self.reference}"
        return f"method-{self.method}{in_time}"
