"""Serializes alerts and the dashboard for the API."""

from typing import Any

from rest_framework import serializers

from alerts.models import Alert
from drift_detector.api.fields import TextField
from drift_detector.api.serializers import KnownFieldsMixin


class AlertSerializer(serializers.ModelSerializer[Alert]):
    monitor_name = serializers.CharField(source="monitor.name", read_only=True)
    drifted_features = serializers.ListField(child=serializers.DictField(), read_only=True)
    cause = serializers.DictField(
        read_only=True, help_text="The features that changed alike, and the likely cause."
    )

    class Meta:
        model = Alert
        fields = [
            "id", "monitor_id", "monitor_name", "kind", "first_run_id", "last_run_id", "previous_id",
            "status", "phase", "attention", "is_history", "severity", "peak_severity", "summary",
            "drifted_features", "cause", "occurrences", "window_start", "window_end", "created_at",
            "updated_at", "opened_at", "resolved_at", "acknowledged_at", "acknowledged_by", "note",
        ]  # fmt: skip
        read_only_fields = fields


class AcknowledgeSerializer(KnownFieldsMixin, serializers.Serializer[dict[str, str]]):
    note = TextField(default="", allow_blank=True, max_length=5000)


class MonitorSummarySerializer(serializers.Serializer[dict[str, Any]]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    status = serializers.CharField()
    runs = serializers.IntegerField()
    skipped = serializers.IntegerField(
        help_text="Ticks of these days that were missed and not caught up with."
    )
    drifted = serializers.IntegerField()
    last_run_at = serializers.DateTimeField(allow_null=True)
    last_verdict = serializers.CharField(allow_blank=True)
    last_drift_at = serializers.DateTimeField(allow_null=True)
    unacknowledged_alerts = serializers.IntegerField()


class SeverityCountsSerializer(serializers.Serializer[dict[str, int]]):
    info = serializers.IntegerField()
    warning = serializers.IntegerField()
    critical = serializers.IntegerField()


class DashboardSerializer(serializers.Serializer[dict[str, Any]]):
    days = serializers.IntegerField()
    monitors = serializers.IntegerField()
    active = serializers.IntegerField()
    runs = serializers.IntegerField(help_text="Runs finished in these days.")
    skipped = serializers.IntegerField(
        help_text="Ticks of these days that were missed and not caught up with."
    )
    drifted = serializers.IntegerField()
    drift_rate = serializers.FloatField(
        allow_null=True, help_text="Drifted runs over judged runs; null without one."
    )
    unacknowledged_alerts = SeverityCountsSerializer()
    last_run_at = serializers.DateTimeField(allow_null=True)
    last_drift_at = serializers.DateTimeField(allow_null=True)
    per_monitor = MonitorSummarySerializer(many=True)
