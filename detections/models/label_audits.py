"""Audits of labels: rows of a window that people label, to learn how good the model is there."""

from django.db import models
from django.db.models import F, Q, Value

from drift_detector.tenancy.models import TenantModel, tenant_reference


class LabelAudit(TenantModel):
    """Rows of one window, drawn at random in an order, that wait for labels."""

    class Kind(models.TextChoices):
        CLASSIFICATION = "classification"  # accuracy is measured
        REGRESSION = "regression"  # mean errors are measured

    monitor = tenant_reference("monitors.Monitor")
    window_start = models.DateTimeField(help_text="Included.")
    window_end = models.DateTimeField(help_text="Not included.")
    kind = models.CharField(max_length=20, choices=Kind)
    half_width = models.FloatField(
        null=True, help_text="The reach of the interval to each side that was asked for."
    )
    population = models.PositiveBigIntegerField(help_text="Rows of the window with a prediction.")
    rows = models.PositiveIntegerField(help_text="Rows that were drawn.")
    plans = models.JSONField(
        default=list,
        db_default=Value([], models.JSONField()),
        help_text="The rows that intervals were planned for: of the audits of the same rows before, and of this one.",
    )
    columns = models.JSONField(
        default=list, help_text="Columns of the data that rows show beside the features."
    )
    seed = models.BigIntegerField(help_text="Of the draw, by the monitor.")
    reference = models.JSONField(
        default=dict, help_text="The metrics over the reference when the rows were drawn."
    )
    drawn = models.BinaryField(help_text="The drawn rows in their order, as an Arrow stream.")
    created_by = models.CharField(max_length=200)

    class Meta:
        db_table = "drf_label_audits"
        ordering = ["-created_at", "-id"]
        constraints = [
            TenantModel.identity("label_audit"),
            models.CheckConstraint(
                name="label_audit_ordered", condition=Q(window_start__lt=F("window_end"))
            ),
            models.CheckConstraint(
                name="label_audit_has_rows", condition=Q(rows__gt=0, rows__lte=F("population"))
            ),
        ]
        indexes = [
            models.Index(
                name="label_audit_newest_of_monitor",
                fields=["tenant", "monitor", "-created_at", "-id"],
            ),
            models.Index(name="label_audit_by_age", fields=["created_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.rows} rows of {self.window_start:%Y-%m-%d %H:%M}"


class GivenLabel(TenantModel):
    """The label of one row of a label audit; it stays as it was given."""

    audit = tenant_reference("detections.LabelAudit", related_name="labels")
    row = models.PositiveIntegerField(help_text="The place of the row in the draw, from 1.")
    label = models.JSONField()
    created_by = models.CharField(max_length=200)

    class Meta:
        db_table = "drf_given_labels"
        ordering = ["row"]
        constraints = [
            models.UniqueConstraint(
                name="given_label_once_per_row", fields=["tenant", "audit", "row"]
            ),
            models.CheckConstraint(name="given_label_of_a_row", condition=Q(row__gt=0)),
        ]

    def __str__(self) -> str:
        return f"row {self.row}"
