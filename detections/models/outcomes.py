"""Streams of outcomes, and the states of the detectors that read them."""

from django.db import models

from algorithms.concept_drift.detector_registry import ConceptMethod
from algorithms.verdicts import Signal
from drift_detector.tenancy.models import TenantModel, tenant_reference

SIGNALS = [(signal.value, signal.value) for signal in Signal]
CONCEPT_METHODS = [(method.value, method.value) for method in ConceptMethod]


def detector_choices() -> list[tuple[str, str]]:
    """All detectors. A callable, so that a new detector needs no migration."""
    return CONCEPT_METHODS


class OutcomeStream(TenantModel):
    """A sequence of outcomes of one monitor's predictions; its row is locked while outcomes are appended."""

    monitor = tenant_reference("monitors.Monitor", related_name="streams")
    name = models.CharField(max_length=100)
    sequence = models.PositiveBigIntegerField(
        default=0, help_text="Outcomes accepted; also the last one's number."
    )
    averaging = models.JSONField(
        null=True, help_text="How far the means of errors have come, if they are averaged."
    )
    read_until = models.DateTimeField(
        null=True, help_text="Rows of the monitor's data before it have been taken."
    )

    class Meta:
        db_table = "drf_outcome_streams"
        ordering = ["name"]
        constraints = [
            TenantModel.identity("outcome_stream"),
            models.UniqueConstraint(
                name="outcome_stream_name_once", fields=["tenant", "monitor", "name"]
            ),
        ]

    def __str__(self) -> str:
        return self.name


class DetectorState(TenantModel):
    """The state of a detector after the outcomes of one stream; it continues from here."""

    stream = tenant_reference("detections.OutcomeStream", related_name="detectors")
    monitor = tenant_reference("monitors.Monitor")
    method = models.CharField(max_length=20, choices=detector_choices)
    state = models.JSONField()
    error_batch = models.PositiveIntegerField(
        default=1, help_text="Errors that one observation stands for."
    )
    signal = models.CharField(max_length=10, choices=SIGNALS, default=Signal.STABLE.value)
    observations = models.PositiveBigIntegerField(default=0)
    drifts = models.PositiveIntegerField(default=0)
    last_drift_at = models.DateTimeField(null=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "drf_detector_states"
        ordering = ["method"]
        constraints = [
            models.UniqueConstraint(
                name="detector_once_per_stream", fields=["tenant", "stream", "method"]
            ),
        ]
        indexes = [models.Index(name="detector_of_monitor", fields=["tenant", "monitor"])]

    def __str__(self) -> str:
        return f"{self.method}: {self.signal}"


class OutcomeBatch(TenantModel):
    """A batch of outcomes as it was accepted; the same id with the same content is the same batch."""

    stream = tenant_reference("detections.OutcomeStream", related_name="batches")
    batch_id = models.CharField(max_length=200)
    rows = models.PositiveIntegerField(
        help_text="Rows of the batch, predictions and labels that wait among them."
    )
    first_sequence = models.PositiveBigIntegerField(help_text="Of its first outcome.")
    outcomes = models.PositiveIntegerField(help_text="Outcomes that it completed.")
    occurred_from = models.DateTimeField(null=True)
    occurred_until = models.DateTimeField(null=True)
    content = models.BinaryField(null=True, help_text="The outcomes as an Arrow stream.")
    content_hash = models.CharField(
        max_length=64,
        blank=True,
        db_default="",
        help_text="Of its rows as they were sent; empty for rows that were not sent, and in batches of older versions.",
    )

    class Meta:
        db_table = "drf_outcome_batches"
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                name="outcome_batch_once", fields=["tenant", "stream", "batch_id"]
            ),
        ]
        indexes = [
            models.Index(
                name="outcome_batch_by_sequence", fields=["tenant", "stream", "-first_sequence"]
            ),
            models.Index(
                name="outcome_batch_by_time", fields=["tenant", "stream", "occurred_until"]
            ),
            models.Index(name="outcome_batch_by_age", fields=["created_at"]),
        ]

    def __str__(self) -> str:
        return self.batch_id


class PendingOutcome(TenantModel):
    """A prediction that waits for its label, or a label that came before its prediction.

    When both have come the row stays as a mark until its retention ends: a half that comes again counts no more.
    """

    stream = tenant_reference("detections.OutcomeStream", related_name="pending")
    prediction_id = models.CharField(max_length=200)
    occurred_at = models.DateTimeField()
    prediction = models.JSONField(null=True)
    label = models.JSONField(null=True)
    score = models.FloatField(null=True)
    is_joined = models.BooleanField(default=False)

    class Meta:
        db_table = "drf_pending_outcomes"
        constraints = [
            models.UniqueConstraint(
                name="pending_outcome_once", fields=["tenant", "stream", "prediction_id"]
            ),
        ]
        indexes = [models.Index(name="pending_outcome_by_age", fields=["created_at"])]

    def __str__(self) -> str:
        return self.prediction_id


class ConsumerOffset(models.Model):
    """The next offset of a topic's partition; written in the transaction that takes messages in."""

    group = models.CharField(max_length=200)
    topic = models.CharField(max_length=249)
    partition = models.PositiveIntegerField()
    next_offset = models.PositiveBigIntegerField()
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "drf_consumer_offsets"
        constraints = [
            models.UniqueConstraint(
                name="consumer_offset_once", fields=["group", "topic", "partition"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}] at {self.next_offset}"
