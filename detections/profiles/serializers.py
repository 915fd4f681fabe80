"""Serializes profiles and series."""

from typing import Any

from rest_framework import serializers

from detections.models import METHODS, VERDICTS


def _number(**options: Any) -> serializers.FloatField:
    return serializers.FloatField(allow_null=True, **options)


def _verdict() -> serializers.ChoiceField:
    return serializers.ChoiceField(VERDICTS, allow_null=True)


def _shares() -> serializers.ListField:
    return serializers.ListField(child=serializers.FloatField(), allow_null=True)


class PairSerializer(serializers.Serializer[dict[str, Any]]):
    reference = _number()
    current = _number()


class SharesSerializer(serializers.Serializer[dict[str, Any]]):
    reference = _shares()
    current = _shares()


class QuantileSerializer(PairSerializer):
    level = serializers.FloatField(help_text="From 0, the least value, to 1, the greatest.")


class ExampleSerializer(serializers.Serializer[dict[str, Any]]):
    name = serializers.CharField()
    current = serializers.FloatField()


class RisenSerializer(ExampleSerializer):
    reference = serializers.FloatField()


class NewCategoriesSerializer(serializers.Serializer[dict[str, Any]]):
    share = _number()
    count = serializers.IntegerField(allow_null=True)
    examples = ExampleSerializer(many=True)


class CategoriesSerializer(serializers.Serializer[dict[str, Any]]):
    names = serializers.ListField(
        child=serializers.CharField(),
        allow_null=True,
        help_text="The categories of `shares`, in their order; null for a sensitive feature.",
    )
    other = PairSerializer(help_text="The share of the reference's further categories.")
    new = NewCategoriesSerializer(help_text="Categories that the reference never held.")
    risen = RisenSerializer(many=True, help_text="Further categories that became more frequent.")


class ScoreSerializer(serializers.Serializer[dict[str, Any]]):
    method = serializers.ChoiceField(METHODS)
    verdict = serializers.ChoiceField(VERDICTS)
    statistic = _number()
    effect_size = _number()
    tolerance = _number()
    effect_ratio = _number(help_text="The effect size as a multiple of the tolerance.")


class FeatureProfileSerializer(serializers.Serializer[dict[str, Any]]):
    feature = serializers.CharField()
    kind = serializers.ChoiceField(["numeric", "categorical"])
    is_sensitive = serializers.BooleanField(help_text="No value is shown: shares and effects only.")
    reason = serializers.CharField(help_text="Why there is no picture; empty if there is one.")
    verdict = _verdict()
    effect_ratio = _number(help_text="The largest of the methods'.")
    rows = serializers.IntegerField(allow_null=True, help_text="Rows with a value.")
    null_rate = PairSerializer()
    edges = serializers.ListField(
        child=serializers.FloatField(),
        allow_null=True,
        help_text="The upper ends of all numeric cells but the last, which is open.",
    )
    shares = SharesSerializer(help_text="Of each cell or category, to 0.01 %.")
    below = _number(help_text="The share of values below the reference's least.")
    above = _number(help_text="The share of values above the reference's greatest.")
    quantiles = QuantileSerializer(many=True, allow_null=True)
    categories = CategoriesSerializer(allow_null=True)
    methods = ScoreSerializer(many=True)


class RunProfileSerializer(serializers.Serializer[dict[str, Any]]):
    run_id = serializers.UUIDField()
    monitor_id = serializers.UUIDField()
    baseline_id = serializers.UUIDField(allow_null=True)
    window_start = serializers.DateTimeField()
    window_end = serializers.DateTimeField()
    rows = serializers.IntegerField(allow_null=True)
    reason = serializers.CharField(help_text="Why there is no profile; empty if there is one.")
    features = FeatureProfileSerializer(many=True, help_text="The most drifted ones first.")
    features_left_out = serializers.IntegerField()


class WindowSerializer(serializers.Serializer[dict[str, Any]]):
    run_id = serializers.UUIDField()
    baseline_id = serializers.UUIDField(allow_null=True)
    window_start = serializers.DateTimeField()
    window_end = serializers.DateTimeField()


class SeriesWindowSerializer(WindowSerializer):
    verdict = serializers.ChoiceField(VERDICTS, help_text="Of the run.")


class FeatureRowSerializer(serializers.Serializer[dict[str, Any]]):
    feature = serializers.CharField(help_text="`(rows)` stands for the windows as a whole.")
    effect_ratios = serializers.ListField(
        child=serializers.FloatField(allow_null=True),
        help_text="For each window, the largest effect as a multiple of its tolerance.",
    )
    verdicts = serializers.ListField(child=serializers.ChoiceField(VERDICTS, allow_null=True))


class FeaturePointSerializer(WindowSerializer):
    kind = serializers.ChoiceField(["numeric", "categorical"])
    verdict = _verdict()
    effect_ratio = _number()
    null_rate = PairSerializer()
    quantiles = QuantileSerializer(many=True, allow_null=True)
    new_categories = NewCategoriesSerializer(allow_null=True)
    methods = ScoreSerializer(many=True)


class MetricPointSerializer(serializers.Serializer[dict[str, Any]]):
    run_id = serializers.UUIDField()
    window_start = serializers.DateTimeField()
    window_end = serializers.DateTimeField()
    verdict = serializers.ChoiceField(VERDICTS)
    value = _number()
    lower = _number(help_text="The lower end of the interval.")
    upper = _number()
    limit = _number()
    baseline = _number(help_text="The value over the reference.")
    rows = serializers.IntegerField()


class MetricSeriesSerializer(serializers.Serializer[dict[str, Any]]):
    metric = serializers.CharField()
    method = serializers.ChoiceField(["performance", "estimated_performance"])
    points = MetricPointSerializer(many=True)


class SeriesSerializer(serializers.Serializer[dict[str, Any]]):
    monitor_id = serializers.UUIDField()
    feature = serializers.CharField(required=False, help_text="If the query names one.")
    is_sensitive = serializers.BooleanField(required=False)
    points = FeaturePointSerializer(
        many=True, required=False, help_text="Of that feature, the oldest window first."
    )
    windows = SeriesWindowSerializer(
        many=True, required=False, help_text="Without `feature`: the columns of the heat map."
    )
    features = FeatureRowSerializer(many=True, required=False, help_text="Its rows, worst first.")
    features_left_out = serializers.IntegerField(required=False)
    performance = MetricSeriesSerializer(many=True, required=False)
    has_older_windows = serializers.BooleanField()
