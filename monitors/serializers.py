"""Serializes monitors and baselines, and checks the fields that the API takes."""

from datetime import timedelta
from itertools import chain
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from drift_detector.api.fields import (
    InstantField,
    IntegerField,
    IsoDurationField,
    NumberField,
    TextField,
)
from drift_detector.api.serializers import KnownFieldsMixin
from monitors import selectors
from monitors.field_checks import FIELD_CHECKS, check_change
from monitors.models import (
    FIELD_GROUPS,
    LEAST_WEIGHT,
    MOST_RUNS_OF_EPISODE,
    MOST_WEIGHT,
    Baseline,
    Monitor,
    default_concept_methods,
)
from monitors.setting_fields import (
    METHODS,
    CalendarField,
    CronField,
    CsvDialectField,
    DetectorSettingsField,
    DetectorsField,
    ImportancesField,
    KindsField,
    LocationField,
    MethodsField,
    OpenAfterField,
    PerformanceLimitsField,
    ReferencesField,
    SlicesField,
    ThresholdsField,
    TolerancesField,
    ZoneField,
)
from monitors.time_references.reference_checks import LONGEST_CALENDAR
from monitors.validators import LONGEST_NULL_WORD, MOST_NULL_WORDS


class BaselineSummarySerializer(serializers.ModelSerializer[Baseline]):
    class Meta:
        model = Baseline
        fields = ["version", "status", "reason", "rows", "built_at"]
        read_only_fields = fields


class BaselineSerializer(serializers.ModelSerializer[Baseline]):
    class Meta:
        model = Baseline
        fields = [
            "id", "monitor_id", "version", "status", "reason", "rows", "is_sampled",
            "features", "calibration", "content_hash", "size_bytes", "created_at", "built_at",
        ]  # fmt: skip
        read_only_fields = fields


class AddedSerializer(serializers.Serializer[dict[str, float]]):
    promised = serializers.FloatField(help_text="False alerts a month of the tenant's budget.")
    runs_per_month = serializers.FloatField(help_text="By the schedule, in 30.4 days.")
    level = serializers.FloatField(help_text="What the evidence of a drift is held against.")
    adds = serializers.FloatField(
        help_text="The false alerts a month that it may open at most, of those promised."
    )


class PreviewSerializer(serializers.Serializer[dict[str, Any]]):
    rows = serializers.IntegerField(help_text="Rows of the reference.")
    is_sampled = serializers.BooleanField()
    features = serializers.DictField(
        child=serializers.CharField(), help_text="Each feature's kind."
    )
    calibration = serializers.DictField(
        help_text="The power card: false alarms by the reference's own windows, and the smallest changes seen."
    )
    budget = AddedSerializer(help_text="What the monitor would take of the false-alarm budget.")


class MonitorSerializer(KnownFieldsMixin, serializers.ModelSerializer[Monitor]):
    window = IsoDurationField(default=timedelta(days=1))
    window_lag = IsoDurationField(default=timedelta(0))
    misfire_grace = IsoDurationField(
        default=timedelta(minutes=1),
        help_text="How late a tick is still on time, and runs whatever catch_up says.",
    )
    data_timezone = ZoneField(
        default="UTC", max_length=64, help_text="The zone of dates and times that have none."
    )
    csv_dialect = CsvDialectField(
        child=TextField(allow_blank=True, trim_whitespace=False),
        default=dict,
        help_text='How CSV files are written: {"delimiter": ";", "decimal": ","}.',
    )
    null_values = serializers.ListField(
        child=TextField(max_length=LONGEST_NULL_WORD, trim_whitespace=False),
        default=list,
        max_length=MOST_NULL_WORDS,
        help_text="Words that stand for a missing value in every column of CSV files.",
    )
    feature_columns = serializers.ListField(
        child=TextField(max_length=200, trim_whitespace=False),
        default=list,
        max_length=2000,
    )
    methods = MethodsField(
        child=serializers.ChoiceField(METHODS),
        default=None,
        allow_null=True,
        help_text="null: the default methods of the day.",
    )
    effective_methods = serializers.ListField(
        child=serializers.ChoiceField(METHODS),
        read_only=True,
        help_text="The methods of its runs: its own, or the default ones of the day.",
    )
    thresholds = ThresholdsField(
        default=dict, help_text='Per method: {"psi": 0.25, "ks": {"features": {…}}}.'
    )
    tolerances = TolerancesField(
        default=dict, help_text="The smallest effects that matter, per method."
    )
    feature_kinds = KindsField(
        child=TextField(),
        default=dict,
        help_text='How to read a column: {"zip": "categorical"}.',
    )
    sensitive_features = serializers.ListField(
        child=TextField(max_length=200, trim_whitespace=False),
        default=list,
        max_length=2000,
        help_text="Features of which no value is kept or shown: shares and effects only.",
    )
    importances = ImportancesField(
        child=NumberField(),
        default=dict,
        help_text="How much a feature's drift matters; 1 where not given.",
    )
    slices = SlicesField(
        child=serializers.JSONField(),
        default=list,
        help_text="Parts of each window that are judged beside the whole.",
    )
    references_in_time = ReferencesField(
        child=serializers.JSONField(),
        default=list,
        help_text="Earlier times that each window is compared with, beside the baseline; each kind once.",
    )
    holidays = CalendarField(
        default="",
        allow_blank=True,
        max_length=LONGEST_CALENDAR,
        help_text="A country, or a part of one, whose holidays are compared with each other alone.",
    )
    concept_methods = DetectorsField(
        child=TextField(),
        default=default_concept_methods,
        help_text="The detectors that watch the errors.",
    )
    detector_settings = DetectorSettingsField(
        default=dict, help_text='Other than calibrated: {"adwin": {"delta": 0.01}}.'
    )
    score_column = TextField(default="", allow_blank=True, max_length=200, trim_whitespace=False)
    positive_label = TextField(default="1", allow_blank=True, max_length=200)
    performance_limits = PerformanceLimitsField(
        default=dict, help_text='What metrics must keep to: {"accuracy": {"relative": 0.03}}.'
    )
    label_delay = IsoDurationField(
        default=None,
        allow_null=True,
        help_text="How long after a window's end its labels are known; then its performance is measured once more.",
    )
    error_batch = IntegerField(
        default=1,
        min_value=1,
        max_value=1_000_000,
        help_text="Detectors see the mean of so many errors in a row.",
    )
    error_scale = NumberField(
        default=None,
        allow_null=True,
        help_text="Predictions are numbers: an error of this size counts as 1.",
    )
    open_after = OpenAfterField(
        default=None,
        allow_null=True,
        help_text="How many drifted runs, of how many, open an alert of the data; null: 2 of 3, "
        "1 of 1 for critical ones.",
    )
    resolve_after = IntegerField(
        default=2,
        min_value=1,
        max_value=MOST_RUNS_OF_EPISODE,
        help_text="How many ok runs in a row, which judged all that drifted, resolve an alert.",
    )
    budget_weight = NumberField(
        default=1.0,
        min_value=LEAST_WEIGHT,
        max_value=MOST_WEIGHT,
        help_text="Its runs get so many shares of the false-alarm budget.",
    )
    prediction_column = TextField(
        default="", allow_blank=True, max_length=200, trim_whitespace=False
    )
    label_column = TextField(default="", allow_blank=True, max_length=200, trim_whitespace=False)
    timestamp_column = TextField(
        default="", allow_blank=True, max_length=200, trim_whitespace=False
    )
    reference_data_uri = LocationField(max_length=1000)
    current_data_uri = LocationField(max_length=1000)
    reference_start = InstantField(
        required=False, allow_null=True, help_text="Included. Without a zone, it is UTC."
    )
    reference_end = InstantField(
        required=False, allow_null=True, help_text="Not included. Without a zone, it is UTC."
    )
    schedule_cron = CronField(default="0 6 * * *", max_length=200)
    timezone = ZoneField(default="UTC", max_length=64)
    min_rows = IntegerField(default=lambda: settings.ENV.min_rows, min_value=1, max_value=2**31 - 1)
    baseline = serializers.SerializerMethodField()

    class Meta:
        model = Monitor
        fields = [
            "id",
            *chain.from_iterable(FIELD_GROUPS.values()),
            "effective_methods",
            "baseline",
            "created_by",
            "created_at",
            "updated_at",
        ]
        read_only_fields = ["id", "created_by", "created_at", "updated_at"]

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        check_change(attrs, self.instance)
        return attrs

    @extend_schema_field(BaselineSummarySerializer(allow_null=True))
    def get_baseline(self, monitor: Monitor) -> dict[str, Any] | None:
        """The newest version, ready or not."""
        latest = selectors.get_latest_baseline(monitor)
        return BaselineSummarySerializer(latest).data if latest else None


# The framework looks for `validate_<field>` when it reads a field.
for _field, _check in FIELD_CHECKS.items():
    setattr(MonitorSerializer, f"validate_{_field}", staticmethod(_check))
