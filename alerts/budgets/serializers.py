"""Serializes false-alarm budgets for the API."""

from typing import Any

from rest_framework import serializers

from alerts.budgets.spending import BudgetStanding, MonitorSpending
from drift_detector.api.fields import NumberField
from drift_detector.api.serializers import KnownFieldsMixin

LEAST_BUDGET, LARGEST_BUDGET = 0.001, 1_000_000.0
"""One in 80 years; and more than a tenant's alerts."""


class BudgetRequestSerializer(KnownFieldsMixin, serializers.Serializer[dict[str, Any]]):
    false_alerts_per_month = NumberField(
        min_value=LEAST_BUDGET,
        max_value=LARGEST_BUDGET,
        help_text="How many false alerts of the data people can bear in 30.4 days.",
    )


class MonitorSpendingSerializer(serializers.Serializer[MonitorSpending]):
    monitor_id = serializers.UUIDField(source="expected.id")
    monitor_name = serializers.CharField(source="expected.name")
    runs_per_month = serializers.FloatField(source="expected.runs")
    opening_level = serializers.FloatField(
        source="expected.level", help_text="What the evidence of a drift is held against."
    )
    expected = serializers.FloatField(
        source="expected.false_alerts", help_text="False alerts a month, at most."
    )
    usual_drifts = serializers.FloatField(
        source="expected.usual_drifts",
        allow_null=True,
        help_text="Drifted runs a month by the windows of its own reference; null if they were not checked.",
    )
    spent = serializers.IntegerField(source="spent.false")
    unjudged = serializers.IntegerField(source="spent.unjudged")
    confirmed = serializers.IntegerField(source="spent.true")


class BudgetSerializer(serializers.Serializer[BudgetStanding]):
    false_alerts_per_month = serializers.FloatField(
        source="promised",
        allow_null=True,
        help_text="What is promised; null for a model without a budget of its own.",
    )
    set_for = serializers.CharField(help_text="model, tenant or installation: whose budget holds.")
    since = serializers.DateTimeField(help_text="The start of the 30.4 days that are counted.")
    monitors = serializers.IntegerField(source="expected.monitors", help_text="Active ones.")
    runs_per_month = serializers.FloatField(
        source="expected.runs", help_text="By the schedules of active monitors."
    )
    expected = serializers.FloatField(
        source="expected.false_alerts",
        help_text="The false alerts a month that these runs open at most, in the mean.",
    )
    spent = serializers.IntegerField(
        source="spent.false", help_text="Alerts of the data whose reason is noise."
    )
    unjudged = serializers.IntegerField(
        source="spent.unjudged", help_text="Alerts of the data without a reason yet."
    )
    confirmed = serializers.IntegerField(
        source="spent.true", help_text="Alerts whose reason is real, expected or data_bug."
    )
    left = serializers.FloatField(allow_null=True, help_text="Promised, less spent; at least 0.")
    per_monitor = MonitorSpendingSerializer(
        many=True, help_text="The 20 monitors that spend most, or may."
    )
