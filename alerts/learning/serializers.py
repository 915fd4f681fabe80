"""Serializes what was learnt for the API."""

from typing import Any

from rest_framework import serializers

from alerts.models import Suggestion


class ReasonCountsSerializer(serializers.Serializer[Any]):
    real = serializers.IntegerField()
    data_bug = serializers.IntegerField()
    noise = serializers.IntegerField()
    expected = serializers.IntegerField(help_text="Counted apart: neither right nor wrong.")


class PrecisionSerializer(serializers.Serializer[Any]):
    counts = ReasonCountsSerializer(help_text="Alerts by the reason of their acknowledgement.")
    precision = serializers.FloatField(
        allow_null=True, help_text="real and data_bug over these and noise; null without any."
    )


class FeaturePrecisionSerializer(PrecisionSerializer):
    feature = serializers.CharField()


class MonitorPrecisionSerializer(PrecisionSerializer):
    features = FeaturePrecisionSerializer(many=True, help_text="The worst first.")


class SuggestionSerializer(serializers.ModelSerializer[Suggestion]):
    counts = serializers.DictField(read_only=True, help_text="The alerts that it rests on.")
    hidden = serializers.ListField(
        child=serializers.DictField(),
        read_only=True,
        help_text="The alerts that it would have hidden, by a backtest.",
    )

    class Meta:
        model = Suggestion
        fields = [
            "id", "monitor_id", "backtest_id", "status", "method", "feature", "tolerance", "tolerance_before",
            "summary", "counts", "hidden", "reason", "requested_by", "created_at", "accepted_by", "accepted_at",
        ]  # fmt: skip
        read_only_fields = fields


class LearntSerializer(serializers.Serializer[Any]):
    suggestions = SuggestionSerializer(many=True, help_text="Those that are open or new.")
