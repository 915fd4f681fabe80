"""Alerts and the dashboard as the API shows them."""

from typing import Any

from rest_framework import serializers

from alerts.models import Alert
from detections.models import DetectorState
from detections.streams.accepting import Accepted


class AlertSerializer(serializers.ModelSerializer[Alert]):
    monitor_name = serializers.CharField(source="monitor.name", read_only=True)
    drifted_features = serializers.ListField(child=serializers.DictField(), read_only=True)

    class Meta:
        model = Alert
        fields = [
            "id", "monitor_id", "monitor_name", "kind", "first_run_id", "last_run_id", "status", "severity", "summary",
            "drifted_features", "occurrences", "window_start", "window_end", "created_at", "updated_at",
            "resolved_at", "acknowledged_at", "acknowledged_by", "note",
        ]  # fmt: skip
        read_only_fields = fields


class AcknowledgeSerializer(serializers.Serializer[dict[str, str]]):
    note = serializers.CharField(default="", allow_blank=True, max_length=5000)


class MonitorSummarySerializer(serializers.Serializer[dict[str, Any]]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    status = serializers.CharField()
    runs = serializers.IntegerField()
    skipped = serializers.IntegerField(help_text="Ticks of these days that were missed and not caught up with.")
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
    skipped = serializers.IntegerField(help_text="Ticks of these days that were missed and not caught up with.")
    drifted = serializers.IntegerField()
    drift_rate = serializers.FloatField(allow_null=True, help_text="Drifted runs over judged runs; null without one.")
    unacknowledged_alerts = SeverityCountsSerializer()
    last_run_at = serializers.DateTimeField(allow_null=True)
    last_drift_at = serializers.DateTimeField(allow_null=True)
    per_monitor = MonitorSummarySerializer(many=True)


class OutcomeSerializer(serializers.Serializer[dict[str, Any]]):
    occurred_at = serializers.DateTimeField(required=False, help_text="Now, if left out.")
    prediction = serializers.JSONField(required=False, help_text="A number or text.")
    label = serializers.JSONField(required=False, help_text="As the prediction is.")  # type: ignore[assignment]
    score = serializers.FloatField(required=False)
    error = serializers.FloatField(required=False, help_text="0 to 1, instead of prediction and label.")
    prediction_id = serializers.CharField(required=False, help_text="Joins a prediction with a label that comes later.")


class OutcomesSerializer(serializers.Serializer[dict[str, Any]]):
    batch_id = serializers.CharField(required=False, help_text="The same id again is the same batch; it counts once.")
    stream = serializers.CharField(required=False)
    outcomes = OutcomeSerializer(many=True, help_text="In order; an object of arrays is taken, too.")


class ConceptSignalSerializer(serializers.Serializer[dict[str, Any]]):
    method = serializers.CharField()
    sequence = serializers.IntegerField(help_text="Number of the outcome that made the drift certain.")
    changed_at = serializers.IntegerField(help_text="Number of the first outcome after the change.")
    before = serializers.FloatField(help_text="Error rate before the change.")
    after = serializers.FloatField()


class AcceptedSerializer(serializers.Serializer[Accepted]):
    batch_id = serializers.CharField(source="batch.batch_id")
    stream = serializers.CharField(source="batch.stream.name")
    rows = serializers.IntegerField(source="batch.rows")
    outcomes = serializers.IntegerField(source="batch.outcomes", help_text="Whole outcomes that the batch completed.")
    first_sequence = serializers.IntegerField(allow_null=True)
    last_sequence = serializers.IntegerField(allow_null=True)
    waiting = serializers.IntegerField(help_text="Halves that wait for the other one.")
    is_repeat = serializers.BooleanField(help_text="It had been accepted before.")
    signals = ConceptSignalSerializer(many=True)


class DetectorSerializer(serializers.ModelSerializer[DetectorState]):
    stream = serializers.CharField(source="stream.name", read_only=True)

    class Meta:
        model = DetectorState
        fields = ["stream", "method", "signal", "observations", "drifts", "last_drift_at", "updated_at"]
        read_only_fields = fields
