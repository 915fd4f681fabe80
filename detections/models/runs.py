"""The ledger: a run a tick, and the parts of a run that several workers count."""

from django.db import models
from django.db.models import Case, F, Q, When

from algorithms.run_evidence import combined_p_value
from detections.models.choices import VERDICTS
from drift_detector.lease import LeasedModel
from drift_detector.tenancy.models import TenantModel, tenant_reference

SMALL_NUMBER = models.PositiveSmallIntegerField()


class DetectionRun(LeasedModel):
    """One tick of one monitor: the source of truth for its state, its times and its worker.

    A skipped run is a tick that came while the scheduler was away and that its monitor does not catch up with. A run of
    the trigger `outcomes` is the record of a change that a detector saw; it was never queued. A run of the trigger
    `labels` follows up on a window: it waits until the window's labels are due, and measures the model's performance.
    """

    class Status(models.TextChoices):
        WAITING = "waiting"
        QUEUED = "queued"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        SKIPPED = "skipped"

    class Trigger(models.TextChoices):
        SCHEDULE = "schedule"
        MANUAL = "manual"
        BACKFILL = "backfill"
        OUTCOMES = "outcomes"
        LABELS = "labels"

    monitor = tenant_reference("monitors.Monitor")
    baseline = tenant_reference("monitors.Baseline", null=True)
    trigger = models.CharField(max_length=10, choices=Trigger)
    scheduled_for = models.DateTimeField(
        help_text="The tick, computed where it fired; when labels are due."
    )
    window_start = models.DateTimeField()
    window_end = models.DateTimeField()
    inline_data = models.BinaryField(
        null=True, help_text="Rows sent with the request, instead of a window."
    )
    idempotency_key = models.CharField(max_length=200, blank=True)
    request_hash = models.CharField(max_length=64, blank=True)
    requested_by = models.CharField(max_length=200, blank=True)
    raises_alerts = models.BooleanField(
        default=True,
        db_default=True,
        help_text="Its drift is published and moves alerts; false for a look at the past.",
    )

    priority = models.GeneratedField(
        expression=Case(
            When(trigger="manual", then=0),
            When(trigger="schedule", then=3),
            default=6,
            output_field=SMALL_NUMBER,
        ),
        output_field=SMALL_NUMBER,
        db_persist=True,
        help_text="The priority of its message: a manual run, a tick, a backfill.",
    )
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    not_before = models.DateTimeField(null=True)
    enqueued_at = models.DateTimeField(
        null=True, help_text="When its message was sent; null while it waits for its turn."
    )

    verdict = models.CharField(max_length=20, choices=VERDICTS, blank=True)
    reason = models.TextField(blank=True)
    p_value = models.FloatField(
        null=True,
        help_text="Valid for the statement that nothing drifted in the window. Of a run with drift, "
        "it is that of what drifted. Null if no method has one, or by the policy threshold.",
    )
    opening_level = models.FloatField(
        null=True,
        help_text="The level that the false-alarm budget gave it when it ended: a drift whose "
        "evidence is not beyond it does not count towards an alert. Null without a drift or a p-value.",
    )
    rows = models.PositiveBigIntegerField(null=True, help_text="Rows that were judged.")
    rows_read = models.PositiveBigIntegerField(
        null=True,
        help_text="Rows of the window that were read, or were sent: those judged, and in a run of "
        "the trigger labels those without a prediction too. Null if the window was not read to "
        "its end.",
    )
    files_read = models.PositiveIntegerField(
        null=True,
        help_text="Files that were read for the window; those that cannot hold rows of it do not "
        "count. Null if the window was not read to its end, or not from files.",
    )
    bytes_read = models.PositiveBigIntegerField(
        null=True,
        help_text="Bytes of the window's files; of Parquet, those of the columns and row groups that "
        "were read, uncompressed. Null for rows that were sent.",
    )
    phases = models.JSONField(
        null=True, help_text="Seconds that each phase of the evaluation took, by name."
    )
    files_skipped = models.JSONField(
        default=list,
        db_default=models.Value([], models.JSONField()),
        help_text="The first 20 files of the folder that are no data, with reasons.",
    )
    files_skipped_count = models.PositiveIntegerField(
        default=0, db_default=0, help_text="All files of the folder that are no data."
    )
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    is_kept = models.BooleanField(
        default=False,
        db_default=False,
        help_text="An alert refers to the run, so it outlives its retention.",
    )

    class Meta:
        db_table = "drf_runs"
        ordering = ["-created_at", "-id"]
        constraints = [
            TenantModel.identity("run"),
            models.UniqueConstraint(
                name="run_once_per_tick",
                fields=["tenant", "monitor", "scheduled_for"],
                condition=~Q(trigger="labels"),
            ),
            models.UniqueConstraint(
                name="run_followed_once_per_window",
                fields=["tenant", "monitor", "window_start", "window_end"],
                condition=Q(trigger="labels"),
            ),
            models.UniqueConstraint(
                name="run_once_per_request",
                fields=["tenant", "monitor", "idempotency_key"],
                condition=~Q(idempotency_key=""),
            ),
            models.CheckConstraint(
                name="run_window_ordered", condition=Q(window_start__lt=F("window_end"))
            ),
            models.CheckConstraint(
                name="run_is_leased_while_running",
                condition=Q(
                    status="running", lease_token__isnull=False, lease_expires_at__isnull=False
                )
                | (
                    ~Q(status="running")
                    & Q(lease_token__isnull=True, lease_expires_at__isnull=True)
                ),
            ),
            models.CheckConstraint(
                name="run_ends_with_a_verdict",
                condition=Q(
                    status__in=["waiting", "queued", "running", "skipped"],
                    verdict="",
                    finished_at__isnull=True,
                )
                | (
                    Q(status__in=["succeeded", "failed"], finished_at__isnull=False)
                    & ~Q(verdict="")
                ),
            ),
            models.CheckConstraint(
                name="run_p_value_is_a_probability", condition=Q(p_value__gte=0, p_value__lte=1)
            ),
            models.CheckConstraint(
                name="run_opening_level_is_a_probability",
                condition=Q(opening_level__gte=0, opening_level__lte=1),
            ),
        ]
        indexes = [
            models.Index(name="run_newest", fields=["tenant", "-created_at", "-id"]),
            models.Index(name="run_latest_window", fields=["tenant", "-window_end", "-id"]),
            models.Index(
                name="run_newest_of_monitor", fields=["tenant", "monitor", "-created_at", "-id"]
            ),
            models.Index(
                name="run_finished_of_monitor", fields=["tenant", "monitor", "-finished_at"]
            ),
            models.Index(name="run_of_baseline", fields=["tenant", "baseline"]),
            models.Index(
                name="run_judged_by_end",
                fields=["tenant", "monitor", "window_end"],
                condition=Q(verdict__in=["ok", "drift", "unsupported"]),
            ),
            models.Index(
                name="run_waiting",
                fields=["tenant", "priority", "scheduled_for"],
                condition=Q(status="queued", enqueued_at__isnull=True),
            ),
            models.Index(
                name="run_at_work",
                fields=["tenant", "status", "priority"],
                condition=Q(status="running") | Q(status="queued", enqueued_at__isnull=False),
            ),
            models.Index(name="run_due", fields=["not_before"], condition=Q(status="waiting")),
            models.Index(name="run_oldest", fields=["created_at", "id"]),
            models.Index(
                name="run_skipped",
                fields=["tenant", "monitor", "scheduled_for"],
                condition=Q(status="skipped"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.trigger} run for {self.scheduled_for:%Y-%m-%d %H:%M}"

    @property
    def is_finished(self) -> bool:
        return self.status in (self.Status.SUCCEEDED, self.Status.FAILED)

    @property
    def is_beyond_level(self) -> bool:
        """False for a drift that the false-alarm budget does not let open an alert by itself."""
        if self.p_value is None or self.opening_level is None:
            return True
        return combined_p_value((self.p_value,)) <= self.opening_level

    @property
    def methods(self) -> list[str]:
        """The methods that its window is compared by; a follow-up repeats none."""
        return [] if self.trigger == self.Trigger.LABELS else self.monitor.effective_methods


class RunPart(LeasedModel):
    """A part of a large window, counted by whichever worker takes it; gone when the run is finished."""

    run = tenant_reference("detections.DetectionRun", related_name="parts")
    baseline = tenant_reference("monitors.Baseline")
    position = models.PositiveIntegerField()
    spec = models.JSONField(help_text="The files and row groups.")
    profile = models.BinaryField(null=True)
    rows = models.PositiveBigIntegerField(null=True, help_text="Rows of a part that is counted.")

    class Meta:
        db_table = "drf_run_parts"
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(name="run_part_once", fields=["tenant", "run", "position"]),
            models.CheckConstraint(
                name="run_part_is_not_leased_once_counted",
                condition=Q(profile__isnull=True)
                | Q(lease_token__isnull=True, lease_expires_at__isnull=True),
            ),
        ]
        indexes = [
            models.Index(
                name="run_part_at_work", fields=["tenant"], condition=Q(lease_token__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return f"part {self.position} of {self.run_id}"
