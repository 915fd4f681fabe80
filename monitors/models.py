"""Monitors, their baselines, connections to object stores, and jobs."""

from datetime import datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q

from algorithms.concept_drift.detector_registry import DEFAULT_CONCEPT_METHODS
from algorithms.methods import DEFAULT_METHODS
from drift_detector.lease import LeasedModel
from drift_detector.scheduling.cron import MONTH
from drift_detector.tenancy.models import TenantModel, tenant_reference
from monitors.bad_windows.bad_window import BadWindow
from monitors.time_references.calendar_time import Span, earlier

__all__ = [
    "BadWindow",
    "Baseline",
    "Budget",
    "BudgetLoad",
    "HealthReview",
    "Job",
    "Monitor",
    "StoreConnection",
]

MOST_SEASONAL_WEEKS = 12
MOST_RUNS_OF_EPISODE = 20
DAILY = MONTH / timedelta(days=1)
"""The runs in a month of the default schedule."""
LEAST_WEIGHT, MOST_WEIGHT = 0.01, 100.0
"""A monitor can have ten thousand times the share of another; beyond, give it a budget of its own."""

DATA_FIELDS = (
    "reference_data_uri", "reference_start", "reference_end", "current_data_uri", "timestamp_column",
    "data_timezone", "csv_dialect", "null_values",
    "feature_columns", "feature_kinds", "slices",
    "prediction_column", "label_column", "score_column", "positive_label",
)  # fmt: skip
"""The places, form and columns of a monitor's data; the admin cannot change them, as it reads no source."""

REFERENCE_FIELDS = frozenset(DATA_FIELDS) - {"current_data_uri"} | {"performance_limits"}
"""A change of any of these makes the old baseline a baseline of something else."""

FIELD_GROUPS = {
    "Monitor": ("name", "model_id", "status"),
    "Data": (
        "reference_data_uri", "reference_start", "reference_end", "current_data_uri",
        "timestamp_column", "data_timezone", "csv_dialect", "null_values",
        "feature_columns", "feature_kinds", "importances", "sensitive_features", "slices",
    ),
    "Schedule": ("window", "window_lag", "schedule_cron", "timezone", "catch_up", "misfire_grace"),
    "Judgement": (
        "methods", "policy", "thresholds", "tolerances", "min_rows", "seasonal_weeks",
        "references_in_time", "holidays", "judged_by",
    ),
    "Outcomes": (
        "prediction_column", "label_column", "score_column", "positive_label", "performance_limits", "label_delay",
        "concept_methods", "detector_settings", "error_scale", "error_batch",
    ),
    "Alerts": ("open_after", "resolve_after", "budget_weight"),
    "Retraining": ("retraining_enabled",),
}  # fmt: skip
"""The fields that people set, in the order of the API; the admin shows a section for each group."""


def default_concept_methods() -> list[str]:
    return [method.value for method in DEFAULT_CONCEPT_METHODS]


class Monitor(TenantModel):
    """A model's data, read on a schedule and compared with a frozen baseline."""

    class Status(models.TextChoices):
        ACTIVE = "active"
        PAUSED = "paused"
        DISABLED = "disabled"

    class Policy(models.TextChoices):
        EVIDENCE_AND_EFFECT = "evidence_and_effect"
        THRESHOLD = "threshold"

    class JudgedBy(models.TextChoices):
        EITHER = "either"
        REFERENCES_IN_TIME = "references_in_time"

    class CatchUp(models.TextChoices):
        SKIP = "skip"
        LATEST = "latest"
        ALL = "all"

    name = models.CharField(max_length=200)
    model_id = models.UUIDField(help_text="The deployed model this monitor watches.")
    status = models.CharField(max_length=10, choices=Status, default=Status.ACTIVE)

    reference_data_uri = models.CharField(max_length=1000)
    reference_start = models.DateTimeField(null=True, blank=True)
    reference_end = models.DateTimeField(null=True, blank=True)
    current_data_uri = models.CharField(max_length=1000)
    timestamp_column = models.CharField(max_length=200, blank=True)
    data_timezone = models.CharField(
        max_length=64,
        default="UTC",
        db_default="UTC",
        help_text="The zone of dates and times that have none.",
    )
    csv_dialect = models.JSONField(
        default=dict,
        db_default={},
        blank=True,
        help_text='How CSV files are written: {"delimiter": ";", "decimal": ","}.',
    )
    null_values = models.JSONField(
        default=list,
        db_default=[],
        blank=True,
        help_text="Words that stand for a missing value in every column of CSV files.",
    )
    feature_columns = models.JSONField(
        default=list, blank=True, help_text="Empty: all columns of a known type."
    )

    window = models.DurationField(
        default=timedelta(days=1), help_text="How much data one run reads."
    )
    window_lag = models.DurationField(
        default=timedelta(0), help_text="How long data takes to arrive."
    )
    schedule_cron = models.CharField(max_length=200, default="0 6 * * *")
    timezone = models.CharField(max_length=64, default="UTC")
    catch_up = models.CharField(
        max_length=10,
        choices=CatchUp,
        default=CatchUp.LATEST,
        help_text="Which ticks run late, after the scheduler was away: none, the latest, or all.",
    )
    misfire_grace = models.DurationField(
        default=timedelta(minutes=1),
        help_text="How late a tick is still on time, and runs whatever catch_up says.",
    )

    methods = models.JSONField(
        null=True, blank=True, default=None, help_text="Empty: the default methods of the day."
    )
    policy = models.CharField(max_length=20, choices=Policy, default=Policy.EVIDENCE_AND_EFFECT)
    thresholds = models.JSONField(default=dict, blank=True)
    tolerances = models.JSONField(default=dict, blank=True)
    min_rows = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    feature_kinds = models.JSONField(
        default=dict,
        blank=True,
        help_text='How to read a column, where its type misleads: {"zip": "categorical"}.',
    )
    importances = models.JSONField(
        default=dict,
        blank=True,
        help_text="How much a feature's drift matters, 1 where not given; moves its severity.",
    )

    sensitive_features = models.JSONField(
        default=list,
        db_default=[],
        blank=True,
        help_text="Features of which no value is kept or shown: shares and effects only.",
    )

    slices = models.JSONField(
        default=list,
        db_default=[],
        blank=True,
        help_text="Parts of each window that are judged beside the whole: "
        """[{"name": "United", "where": "carrier = 'UA'"}].""",
    )

    seasonal_weeks = models.PositiveSmallIntegerField(
        default=0,
        validators=[MaxValueValidator(MOST_SEASONAL_WEEKS)],
        help_text="Compare with the same window of so many weeks before, too; 0 compares with the baseline alone.",
    )
    references_in_time = models.JSONField(
        default=list,
        db_default=[],
        blank=True,
        help_text="Earlier times that each window is compared with, too: "
        """[{"kind": "day_of_month", "months": 6}].""",
    )
    holidays = models.CharField(
        max_length=20,
        blank=True,
        default="",
        db_default="",
        help_text="A country, or a part of one, such as US-CA: its holidays are compared with each other.",
    )
    judged_by = models.CharField(
        max_length=20,
        choices=JudgedBy,
        default=JudgedBy.EITHER,
        db_default=JudgedBy.EITHER,
        help_text="Drift in either comparison counts; or references in time decide in place of the baseline, "
        "where they can be judged.",
    )

    prediction_column = models.CharField(
        max_length=200,
        blank=True,
        help_text="With the label's: each run feeds its new rows to the detectors.",
    )
    label_column = models.CharField(max_length=200, blank=True)
    score_column = models.CharField(
        max_length=200,
        blank=True,
        help_text="The probability of the positive class; estimates without labels need it.",
    )
    positive_label = models.CharField(
        max_length=200,
        blank=True,
        default="1",
        help_text="The positive class; empty for more than two classes.",
    )
    performance_limits = models.JSONField(
        default=dict,
        blank=True,
        help_text='What metrics must keep to: {"accuracy": {"relative": 0.03}}.',
    )
    label_delay = models.DurationField(
        null=True,
        blank=True,
        help_text="How long after a window's end its labels are known; then its performance is measured once more.",
    )
    concept_methods = models.JSONField(
        default=default_concept_methods,
        blank=True,
        help_text="The detectors that watch the model's errors.",
    )
    detector_settings = models.JSONField(
        default=dict, blank=True, help_text='Other than calibrated: {"adwin": {"delta": 0.01}}.'
    )
    error_scale = models.FloatField(
        null=True,
        blank=True,
        help_text="Predictions are numbers: an error of this size or a larger one counts as 1, smaller ones in parts.",
    )

    error_batch = models.PositiveIntegerField(
        default=1,
        validators=[MinValueValidator(1)],
        help_text="Detectors see the mean of so many errors in a row; more than 1 where errors come in clusters.",
    )

    open_after = models.JSONField(
        null=True,
        blank=True,
        default=None,
        help_text="How many drifted runs, of how many, open an alert of the data: "
        '{"warning": {"runs": 2, "of": 3}, "critical": {"runs": 1, "of": 1}}, which is the default.',
    )
    resolve_after = models.PositiveSmallIntegerField(
        default=2,
        db_default=2,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_RUNS_OF_EPISODE)],
        help_text="How many ok runs in a row, which judged all that drifted, resolve an alert.",
    )

    budget_weight = models.FloatField(
        default=1.0,
        db_default=1.0,
        validators=[MinValueValidator(LEAST_WEIGHT), MaxValueValidator(MOST_WEIGHT)],
        help_text="Its runs get so many shares of the false-alarm budget: one of 2 opens alerts at twice the "
        "level of one of 1.",
    )
    runs_per_month = models.FloatField(
        default=DAILY,
        db_default=DAILY,
        editable=False,
        help_text="The runs that its schedule makes in 30.4 days, in the mean.",
    )

    retraining_enabled = models.BooleanField(default=True)
    retraining_required_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_by = models.CharField(max_length=200, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    bad_spans: tuple[Span, ...] = ()
    """Its bad windows, once `with_bad_windows` has read them."""

    class Meta:
        db_table = "drf_monitors"
        ordering = ["name"]
        constraints = [
            TenantModel.identity("monitor"),
            models.UniqueConstraint(name="monitor_name_once", fields=["tenant", "name"]),
            models.CheckConstraint(
                name="monitor_window_positive", condition=Q(window__gt=timedelta(0))
            ),
            models.CheckConstraint(
                name="monitor_budget_weight_positive", condition=Q(budget_weight__gt=0)
            ),
            models.CheckConstraint(
                name="monitor_grace_not_negative", condition=Q(misfire_grace__gte=timedelta(0))
            ),
            models.CheckConstraint(
                name="monitor_lag_not_negative", condition=Q(window_lag__gte=timedelta(0))
            ),
            models.CheckConstraint(
                name="monitor_label_delay_not_negative",
                condition=Q(label_delay__isnull=True) | Q(label_delay__gte=timedelta(0)),
            ),
            models.CheckConstraint(
                name="monitor_error_scale_positive",
                condition=Q(error_scale__isnull=True) | Q(error_scale__gt=0),
            ),
            models.CheckConstraint(
                name="monitor_reference_ordered",
                condition=Q(reference_start__isnull=True)
                | Q(reference_end__isnull=True)
                | Q(reference_start__lt=F("reference_end")),
            ),
        ]
        indexes = [models.Index(name="monitor_newest", fields=["tenant", "-created_at", "-id"])]

    def __str__(self) -> str:
        return self.name

    @property
    def effective_methods(self) -> list[str]:
        """The methods of its runs: its own, or the default ones of the day."""
        return [each.value for each in DEFAULT_METHODS] if self.methods is None else self.methods

    def window_at(self, tick: datetime) -> tuple[datetime, datetime]:
        """The half-open window [start, end) that a run scheduled for `tick` reads, in UTC.

        Days are counted on the calendar of the monitor's zone, so daily windows meet at clock
        changes too.
        """
        zone = ZoneInfo(self.timezone)
        end = earlier(tick, self.window_lag, zone)
        return earlier(end, self.window, zone), end


class Baseline(LeasedModel):
    """One version of a monitor's reference, frozen once it is ready (a trigger refuses changes)."""

    class Status(models.TextChoices):
        BUILDING = "building"
        READY = "ready"
        FAILED = "failed"

    monitor = tenant_reference("monitors.Monitor", related_name="baselines")
    version = models.PositiveIntegerField()
    status = models.CharField(max_length=10, choices=Status, default=Status.BUILDING)
    reason = models.TextField(blank=True)
    not_before = models.DateTimeField(null=True, help_text="The earliest time of the next claim.")
    rows = models.PositiveBigIntegerField(default=0)
    is_sampled = models.BooleanField(default=False)
    features = models.JSONField(default=dict)
    columns = models.JSONField(
        null=True, help_text="All columns of the reference, whether they are features or not."
    )
    calibration = models.JSONField(
        null=True, help_text="What checks of the reference's own windows found."
    )
    performance = models.JSONField(
        null=True, help_text="The model's performance over the reference."
    )
    prediction_types = models.JSONField(
        null=True, help_text="How predictions and labels are read from CSV, by column."
    )
    reference = models.JSONField(
        null=True, help_text="Where and when its reference was read, and without which bad windows."
    )
    content = models.BinaryField(null=True)
    content_hash = models.CharField(max_length=64, blank=True)
    size_bytes = models.PositiveBigIntegerField(default=0)
    built_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "drf_baselines"
        ordering = ["-version"]
        constraints = [
            TenantModel.identity("baseline"),
            models.UniqueConstraint(
                name="baseline_version_once", fields=["tenant", "monitor", "version"]
            ),
            models.CheckConstraint(
                name="baseline_ready_has_content",
                condition=~Q(status="ready") | Q(content__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                name="baseline_building", fields=["created_at"], condition=Q(status="building")
            ),
            models.Index(name="baseline_oldest", fields=["created_at", "id"]),
        ]

    def __str__(self) -> str:
        return f"version {self.version}"


class Budget(TenantModel):
    """The false alerts a month that people can bear: of a model's monitors, or of all of a tenant's."""

    model_id = models.UUIDField(null=True, help_text="Null: all monitors of the tenant.")
    false_alerts_per_month = models.FloatField(help_text="In 30.4 days, in the mean.")
    changed_by = models.CharField(max_length=200)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "drf_budgets"
        ordering = ["created_at"]
        constraints = [
            models.UniqueConstraint(
                name="budget_once_per_model", fields=["tenant", "model_id"], nulls_distinct=False
            ),
            models.CheckConstraint(
                name="budget_positive", condition=Q(false_alerts_per_month__gt=0)
            ),
        ]

    def __str__(self) -> str:
        return f"budget of {self.model_id or 'the tenant'}"


class BudgetLoad(TenantModel):
    """The weighted runs a month that share a budget: of a model's monitors, or of all of a tenant's.

    A trigger of `drf_monitors` keeps it, so it is right whichever way monitors come, go, pause or change.
    """

    model_id = models.UUIDField(null=True, help_text="Null: all monitors of the tenant.")
    load = models.DecimalField(
        max_digits=20,
        decimal_places=6,
        help_text="The sum of weight times runs a month over active monitors.",
    )
    monitors = models.IntegerField(help_text="Active monitors.")

    class Meta:
        db_table = "drf_budget_loads"
        constraints = [
            models.UniqueConstraint(
                name="budget_load_once_per_model",
                fields=["tenant", "model_id"],
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return f"load of {self.model_id or 'the tenant'}"


class HealthReview(TenantModel):
    """A monitor whose health waits for a review: something failed that no run says. Gone after the review.

    It is written in the transaction of the failure, so it is lost only with it. Its token changes with each
    failure, so a review that began before the newest one does not take it away.
    """

    monitor = tenant_reference("monitors.Monitor")
    token = models.UUIDField(default=uuid4)
    enqueued_at = models.DateTimeField(null=True, help_text="When its task was last sent.")

    class Meta:
        db_table = "drf_health_reviews"
        constraints = [
            models.UniqueConstraint(name="health_review_once", fields=["tenant", "monitor"]),
        ]
        indexes = [models.Index(name="health_review_by_age", fields=["created_at"])]

    def __str__(self) -> str:
        return f"review of {self.monitor_id}"


class StoreConnection(TenantModel):
    """A tenant's own way to the object stores below a prefix; its secrets stay with the operator, who named them.

    One that was removed while monitors read below its prefix is kept, so that their runs name it and no other
    credentials are used.
    """

    name = models.CharField(max_length=100)
    store = models.CharField(
        max_length=500,
        help_text="The prefix, such as s3://lake/acme; the longest that fits is taken.",
    )
    credentials = models.CharField(
        max_length=50, help_text="The name of credentials that the operator offers to the tenant."
    )
    endpoint = models.CharField(
        max_length=300,
        blank=True,
        default="",
        help_text="One of those that the operator allows; empty for AWS.",
    )
    region = models.CharField(
        max_length=40,
        blank=True,
        default="",
        # No dot and no slash: AWS builds the name of a host with it.
        validators=[RegexValidator(r"^[a-z0-9]+(-[a-z0-9]+)*\Z")],
        help_text="Region of S3.",
    )
    account = models.CharField(
        max_length=24, blank=True, default="", help_text="The storage account of Azure."
    )
    removed_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_by = models.CharField(max_length=200, blank=True, default="", editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "drf_connections"
        verbose_name = "connection"
        ordering = ["name"]
        constraints = [
            TenantModel.identity("connection"),
            models.UniqueConstraint(name="connection_name_once", fields=["tenant", "name"]),
            models.UniqueConstraint(name="connection_store_once", fields=["tenant", "store"]),
        ]

    def __str__(self) -> str:
        return self.name


class Job(LeasedModel):
    """A request that needs a tenant's data, and the answer that a worker gives to it."""

    class Kind(models.TextChoices):
        BROWSE = "browse"
        SAMPLE = "sample"
        PREVIEW = "preview"
        CREATE_MONITOR = "create_monitor"
        UPDATE_MONITOR = "update_monitor"
        EXPLAIN_RUN = "explain_run"
        DRAW_LABEL_AUDIT = "draw_label_audit"
        APPLY_DOCUMENT = "apply_document"

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"  # a worker has it, or had it and stopped answering
        SUCCEEDED = "succeeded"  # the answer is what was asked for
        FAILED = "failed"  # the answer is a problem document

    kind = models.CharField(max_length=20, choices=Kind)
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    requested_by = models.CharField(max_length=200)
    cause = models.CharField(
        max_length=500,
        blank=True,
        default="",
        db_default="",
        help_text="Who asks, and by which request; the audit trail names them for what the job writes.",
    )
    fields = models.JSONField(default=dict, help_text="The fields of the request, as they came.")
    monitor_id = models.UUIDField(
        null=True, help_text="The monitor that is asked about, or that was created; it can be gone."
    )
    answer_status = models.PositiveSmallIntegerField(null=True, help_text="The HTTP status.")
    # Text and not jsonb, which orders the names of an object by their length.
    answer = models.TextField(blank=True, help_text="The body of the answer, as JSON.")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "drf_jobs"
        ordering = ["-created_at", "-id"]
        constraints = [
            TenantModel.identity("job"),
            models.CheckConstraint(
                name="job_finished_with_an_answer",
                condition=Q(
                    status__in=["queued", "running"],
                    finished_at__isnull=True,
                    answer_status__isnull=True,
                )
                | Q(
                    status__in=["succeeded", "failed"],
                    finished_at__isnull=False,
                    answer_status__isnull=False,
                ),
            ),
        ]
        indexes = [
            models.Index(
                name="job_unfinished",
                fields=["tenant", "created_at", "id"],
                condition=Q(status__in=["queued", "running"]),
            ),
            models.Index(
                name="job_finished",
                fields=["finished_at"],
                condition=Q(finished_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.created_at:%Y-%m-%d %H:%M}"

    @property
    def is_finished(self) -> bool:
        return self.finished_at is not None
