"""Serializes explanations for the API."""

from typing import Any

from rest_framework import serializers


class DriftingSliceSerializer(serializers.Serializer[dict[str, Any]]):
    name = serializers.CharField(help_text="A name for a slice of the monitor.")
    where = serializers.CharField(help_text="Its condition, as `slices` of a monitor take it.")
    columns = serializers.ListField(
        child=serializers.CharField(), help_text="The features that the condition names."
    )
    feature = serializers.CharField(help_text="The feature that moved inside it.")
    rows = serializers.IntegerField(help_text="Its rows in the window, counted up from the sample.")
    support = serializers.FloatField(help_text="Its share of the window's rows.")
    reference_support = serializers.FloatField(help_text="Its share of the reference's rows.")
    psi = serializers.FloatField(
        help_text="The feature's PSI inside it, less what chance gives on average."
    )
    rest_psi = serializers.FloatField(help_text="The same outside it.")
    share = serializers.FloatField(
        allow_null=True,
        help_text="The share of the feature's drift in the window that goes away without the slice; null if the window "
        "as a whole shows none.",
    )
    excess = serializers.FloatField(
        help_text="How much more the feature moved inside than outside, in standard errors, by rows that the search "
        "has not seen."
    )
    p_value = serializers.FloatField(help_text="The chance of so much more.")
    p_adjusted = serializers.FloatField(
        help_text="After Benjamini–Hochberg over the slices that were tested."
    )


class ExplanationSerializer(serializers.Serializer[dict[str, Any]]):
    run_id = serializers.UUIDField()
    summary = serializers.CharField(help_text="The found slices in a sentence.")
    features = serializers.ListField(
        child=serializers.CharField(),
        help_text="The drifted features that were followed; none if the run has none, and all were looked at.",
    )
    rows = serializers.IntegerField(help_text="Rows of the window.")
    sampled_rows = serializers.IntegerField(help_text="Rows of it that were searched and judged.")
    sampled_reference_rows = serializers.IntegerField(help_text="The same of the reference.")
    slices = DriftingSliceSerializer(many=True)
