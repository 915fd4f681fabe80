"""Serializes runs, detections and reports, and checks the requests for runs."""

from datetime import datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from detections.models import SEVERITIES, VERDICTS, Detection, DetectionRun
from detections.runs import selectors
from detections.runs.details import DetailsField
from detections.runs.selectors import Progress
from drift_detector.api.fields import INSTANT_SCHEMA, InstantField, TruthField
from drift_detector.api.serializers import KnownFieldsMixin


def _severity() -> serializers.ChoiceField:
    return serializers.ChoiceField(
        SEVERITIES, allow_blank=True, read_only=True, help_text="Empty without a drift."
    )


class DetectionSummarySerializer(serializers.ModelSerializer[Detection]):
    severity = _severity()

    class Meta:
        model = Detection
        fields = [
            "id", "method", "reference", "counts", "verdict", "is_drifted", "severity",
            "worst_feature", "statistic", "p_value", "effect_size", "threshold",
        ]  # fmt: skip
        read_only_fields = fields


class DetectionListSerializer(serializers.ModelSerializer[Detection]):
    severity = _severity()

    class Meta:
        model = Detection
        fields = [
            "id", "monitor_id", "run_id", "detection_type", "method", "reference", "counts", "verdict",
            "is_drifted", "severity",
            "worst_feature", "statistic", "p_value", "effect_size", "threshold",
            "window_start", "window_end", "created_at",
        ]  # fmt: skip
        read_only_fields = fields


class DetectionSerializer(DetectionListSerializer):
    details = DetailsField()
    slices = DetailsField(
        column="slices",
        help_text="The drifted features of each slice; of one without drift, the feature that comes nearest to it.",
    )

    class Meta(DetectionListSerializer.Meta):
        fields = [*DetectionListSerializer.Meta.fields, "details", "slices"]
        read_only_fields = fields


class SkippedFileSerializer(serializers.Serializer[dict[str, str]]):
    file = serializers.CharField(help_text="Its path below the folder or pattern of the monitor.")
    reason = serializers.CharField()


class RunSerializer(serializers.ModelSerializer[DetectionRun]):
    verdict = serializers.ChoiceField(
        VERDICTS, allow_blank=True, read_only=True, help_text="Empty until the run has ended."
    )
    files_skipped = SkippedFileSerializer(
        many=True,
        read_only=True,
        help_text="The first 20 files of the folder that are no data, with reasons.",
    )

    class Meta:
        model = DetectionRun
        fields = [
            "id", "monitor_id", "baseline_id", "trigger", "status", "verdict", "reason", "p_value",
            "opening_level", "scheduled_for", "window_start", "window_end", "rows", "rows_read", "files_read",
            "files_skipped", "files_skipped_count", "attempt", "not_before", "worker", "requested_by", "raises_alerts",
            "created_at", "started_at", "finished_at",
        ]  # fmt: skip
        read_only_fields = fields


class ProgressSerializer(serializers.Serializer[Progress]):
    parts = serializers.IntegerField(
        read_only=True, help_text="The parts of its window; 1 if it is not divided."
    )
    parts_done = serializers.IntegerField(read_only=True)
    rows_read = serializers.IntegerField(read_only=True, help_text="Rows of the parts done.")


class RunDetailSerializer(RunSerializer):
    phases = serializers.DictField(
        child=serializers.FloatField(),
        allow_null=True,
        read_only=True,
        help_text="Seconds that each phase of the evaluation took, by name.",
    )
    progress = serializers.SerializerMethodField()
    detections = DetectionSummarySerializer(many=True, read_only=True)

    class Meta(RunSerializer.Meta):
        fields = [*RunSerializer.Meta.fields, "bytes_read", "phases", "progress", "detections"]
        read_only_fields = fields

    @extend_schema_field(ProgressSerializer(allow_null=True))
    def get_progress(self, run: DetectionRun) -> Any:
        """The progress of a run that a worker has; null for others."""
        progress = selectors.get_progress(run)
        return None if progress is None else ProgressSerializer(progress).data


def check_year(moment: datetime) -> None:
    """Keep clear of both ends of the calendar, where adding a window or a time zone leaves it."""
    if not 1900 <= moment.year <= 2200:
        raise serializers.ValidationError("The year must be from 1900 to 2200.")


@extend_schema_field(INSTANT_SCHEMA | {"pattern": "^(19[0-9]{2}|2[01][0-9]{2}|2200)-"})
class WindowInstantField(InstantField):
    """A time of the years 1900 to 2200."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validators=[check_year], **options)


class WindowSerializer(KnownFieldsMixin, serializers.Serializer[dict[str, datetime]]):
    start = WindowInstantField(help_text="The first moment, included. Without a zone, it is UTC.")
    end = WindowInstantField(help_text="The last moment, not included; after start.")

    def validate(self, attrs: dict[str, datetime]) -> dict[str, datetime]:
        if attrs["start"] >= attrs["end"]:
            raise serializers.ValidationError({"end": "end must be after start."})
        return attrs


class RunRequestSerializer(KnownFieldsMixin, serializers.Serializer[dict[str, Any]]):
    window = WindowSerializer(required=False)
    current_data = serializers.DictField(
        child=serializers.ListField(),
        required=False,
        allow_empty=False,
        help_text="Columns of values, equally long.",
    )
    alert = TruthField(
        required=False,
        help_text="Whether its drift is published and moves alerts. By default it does, unless the "
        "request has a window or current_data.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if "window" in attrs and "current_data" in attrs:
            raise serializers.ValidationError(
                {"window": "window must not be given together with current_data."}
            )
        return attrs


class BackfillSerializer(KnownFieldsMixin, serializers.Serializer[dict[str, Any]]):
    vars()["from"] = WindowInstantField(
        help_text="The first tick, included. Without a zone, it is UTC."
    )
    to = WindowInstantField(
        help_text="The last tick, not included; after from, not later than now."
    )
    alert = TruthField(
        default=False,
        help_text="Whether drift is published and moves alerts; else it is recorded as history.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["from"] >= attrs["to"]:
            raise serializers.ValidationError({"to": "to must be after from."})
        if attrs["to"] > timezone.now():
            raise serializers.ValidationError({"to": "to must not be in the future."})
        return attrs


class BackfillResultSerializer(serializers.Serializer[dict[str, Any]]):
    created = serializers.IntegerField(
        help_text="Runs made; ticks that had a run already are not counted."
    )
    runs = RunSerializer(many=True)
