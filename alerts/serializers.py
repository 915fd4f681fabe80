"""Serializes alerts and the dashboard for the API."""

from datetime import datetime
from typing import Any

from rest_framework import serializers

from alerts.models import Alert


class AlertSerializer(serializers.ModelSerializer[Alert]):
    monitor_name = serializers.CharField(source="monitor.name", read_only=True)
    drifted_features = serializers.ListField(child=serializers.DictField(), read_only=True)
    cause = serializers.DictField(
        read_only=True, help_text="The features that changed alike, and the likely cause."
    )
    snoozed_until = serializers.SerializerMethodField()
    acknowledged_reason = serializers.CharField(
        read_only=True,
        help_text="The last reason that a person gave: real, expected, data_bug or noise.",
    )

    class Meta:
        model = Alert
        fields = [
            "id", "monitor_id", "monitor_name", "kind", "first_run_id", "last_run_id", "previous_id", "status",
            "phase", "attention", "is_history", "severity", "peak_severity", "summary", "drifted_features", "cause",
            "occurrences", "window_start", "window_end", "created_at", "updated_at", "opened_at", "resolved_at",
            "acknowledged_at", "acknowledged_by", "acknowledged_reason", "note", "snoozed_until", "assignee",
        ]  # fmt: skip
        read_only_fields = fields
        extra_kwargs = {
            "acknowledged_at": {
                "help_text": "Of the last one; `attention` says if it still holds."
            },
            "note": {"help_text": "Of the last acknowledgement."},
            "assignee": {"help_text": "`user:<name>` or `key:<name>`; empty for no one."},
        }

    def get_snoozed_until(self, alert: Alert) -> datetime | None:
        """The end of a snooze that lasts; null without one."""
        return alert.snoozed_until if alert.attention == Alert.Attention.SNOOZED else None


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
