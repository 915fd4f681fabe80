"""The error rate of a stream over time, and the changes of its detectors' signals."""

from django.db import models
from django.db.models import Q

from detections.models.outcomes import SIGNALS, detector_choices
from drift_detector.tenancy.models import TenantModel, tenant_reference


class ErrorBin(TenantModel):
    """The errors of a stream's outcomes that occurred in a span of time."""

    stream = tenant_reference("detections.OutcomeStream")
    width = models.PositiveIntegerField(help_text="Seconds.")
    start = models.DateTimeField(help_text="A whole number of widths since 1970.")
    outcomes = models.PositiveBigIntegerField()
    errors = models.FloatField(help_text="Their sum.")

    class Meta:
        db_table = "drf_error_bins"
        constraints = [
            models.UniqueConstraint(
                name="error_bin_once", fields=["tenant", "stream", "width", "start"]
            ),
            models.CheckConstraint(name="error_bin_has_outcomes", condition=Q(outcomes__gt=0)),
        ]

    def __str__(self) -> str:
        return f"{self.errors:g} of {self.outcomes}"


class SignalChange(TenantModel):
    """A change of a detector's signal: a warning, its end, or a drift."""

    stream = tenant_reference("detections.OutcomeStream")
    method = models.CharField(max_length=20, choices=detector_choices)
    signal = models.CharField(max_length=10, choices=SIGNALS, help_text="The signal since then.")
    sequence = models.PositiveBigIntegerField(help_text="Of the outcome that changed it.")
    occurred_at = models.DateTimeField(help_text="When that outcome occurred.")
    changed_sequence = models.PositiveBigIntegerField(
        null=True, help_text="Of a drift: the first outcome after the change."
    )
    changed_at = models.DateTimeField(null=True, help_text="When that one occurred, if known.")
    before = models.FloatField(null=True, help_text="Of a drift: the error rate before it.")
    after = models.FloatField(null=True)

    class Meta:
        db_table = "drf_signal_changes"
        constraints = [
            models.CheckConstraint(
                name="signal_change_of_drift_has_rates",
                condition=Q(
                    signal="drift",
                    changed_sequence__isnull=False,
                    before__isnull=False,
                    after__isnull=False,
                )
                | (~Q(signal="drift") & Q(changed_sequence__isnull=True)),
            ),
        ]
        indexes = [
            models.Index(
                name="signal_change_by_sequence", fields=["tenant", "stream", "method", "-sequence"]
            ),
            models.Index(name="signal_change_by_time", fields=["tenant", "stream", "-occurred_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.method}: {self.signal}"
