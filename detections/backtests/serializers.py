"""Serializes backtests for the API."""

from rest_framework import serializers

from detections.models import Backtest
from detections.runs.serializers import BackfillSerializer
from drift_detector.api.fields import IntegerField


class BacktestSpanSerializer(BackfillSerializer):
    """The same span, of ticks that are replayed against a version of the baseline."""

    baseline_version = IntegerField(
        required=False,
        min_value=1,
        max_value=2**31 - 1,
        help_text="A version that is ready; the newest such if it is left out.",
    )


class BacktestSerializer(serializers.ModelSerializer[Backtest]):
    summary = serializers.DictField(
        read_only=True, help_text="How often it would have alerted, and on what."
    )

    class Meta:
        model = Backtest
        fields = [
            "id", "monitor_id", "baseline_id", "requested_by", "start", "end", "status", "reason", "summary",
            "created_at", "finished_at",
        ]  # fmt: skip
        read_only_fields = fields


class BacktestDetailSerializer(BacktestSerializer):
    windows = serializers.ListField(
        child=serializers.DictField(), read_only=True, help_text="A record per tick."
    )

    class Meta(BacktestSerializer.Meta):
        fields = [*BacktestSerializer.Meta.fields, "windows"]
        read_only_fields = fields
