"""Checks requests for label audits, and serializes audits, their rows and their results."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from algorithms.verdicts import Verdict
from detections.label_audits.label_audit_results import AuditedMetric, AuditResult
from detections.label_audits.row_exports import MOST_AUDIT_ROWS, TWO_LABELS, DrawnRow
from detections.models import LabelAudit
from detections.outcomes.serializers import AnswerField
from detections.runs.serializers import WindowSerializer
from drift_detector.api.fields import IntegerField, NumberField, TextField
from drift_detector.api.serializers import KnownFieldsMixin

MOST_COLUMNS = 10
MOST_LABELS = 1_000
LONGEST_COLUMN = 200
ONE_OF = "One of half_width and rows must be given."


class LabelAuditRequestSerializer(KnownFieldsMixin, serializers.Serializer[dict[str, Any]]):
    window = WindowSerializer(
        required=False, help_text="By default the latest window that a run has read."
    )
    half_width = NumberField(
        required=False,
        help_text="How far the interval may reach to each side, above 0: of the accuracy, or of the mean absolute "
        "error. It gives the number of rows.",
    )
    rows = IntegerField(
        required=False, min_value=1, max_value=MOST_AUDIT_ROWS, help_text="Rows to label."
    )
    columns = serializers.ListField(
        child=TextField(max_length=LONGEST_COLUMN),
        required=False,
        max_length=MOST_COLUMNS,
        help_text="Further columns of the data that tell a person which row it is, such as an id.",
    )

    def validate_half_width(self, half_width: float) -> float:
        """Refuse what is no distance."""
        if half_width <= 0:
            raise serializers.ValidationError("half_width must be greater than zero.")
        return half_width

    def validate_columns(self, columns: list[str]) -> list[str]:
        """Each column once."""
        return list(dict.fromkeys(columns))

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("half_width" in attrs) == ("rows" in attrs):
            raise serializers.ValidationError({"rows": ONE_OF})
        return attrs


class LabelSerializer(KnownFieldsMixin, serializers.Serializer[dict[str, Any]]):
    row = IntegerField(
        min_value=1, max_value=MOST_AUDIT_ROWS, help_text="The number of the row in the draw."
    )
    label = AnswerField(help_text="Text or a number, as the predictions are.")  # type: ignore[assignment]


class LabelsSerializer(KnownFieldsMixin, serializers.Serializer[dict[str, Any]]):
    labels = serializers.ListField(
        child=LabelSerializer(), allow_empty=False, max_length=MOST_LABELS
    )

    def validate_labels(self, labels: list[dict[str, Any]]) -> dict[int, Any]:
        """The labels by their rows."""
        found = dict[int, Any]()
        for each in labels:
            row, label = each["row"], each["label"]
            if found.setdefault(row, label) != label:
                raise serializers.ValidationError(TWO_LABELS.format(row))
        return found


def _status() -> serializers.ChoiceField:
    return serializers.ChoiceField(
        ["open", "complete"],
        read_only=True,
        help_text="`complete` once each drawn row has a label, `open` before.",
    )


class LabelAuditSerializer(serializers.ModelSerializer[LabelAudit]):
    status = _status()
    columns = serializers.ListField(child=serializers.CharField(), read_only=True)
    labelled = serializers.IntegerField(read_only=True, help_text="Rows that have a label.")

    class Meta:
        model = LabelAudit
        fields = [
            "id", "monitor_id", "window_start", "window_end", "kind", "half_width", "population", "rows", "columns",
            "created_by", "created_at", "status", "labelled",
        ]  # fmt: skip
        read_only_fields = fields


class EstimateSerializer(serializers.Serializer[Mapping[str, Any]]):
    value = serializers.FloatField(source="statistic", allow_null=True)
    lower = serializers.FloatField(source="explanation.lower", allow_null=True)
    upper = serializers.FloatField(source="explanation.upper", allow_null=True)
    verdict = serializers.CharField()


class AuditedMetricSerializer(serializers.Serializer[AuditedMetric]):
    metric = serializers.CharField()
    value = serializers.FloatField(
        source="found.value", allow_null=True, help_text="Over the rows that count."
    )
    lower = serializers.FloatField(
        source="found.lower",
        allow_null=True,
        help_text="The lower end of the interval of all rows of the window; it holds however often it is read.",
    )
    upper = serializers.FloatField(source="found.upper", allow_null=True)
    level = serializers.FloatField(source="found.level")
    reason = serializers.CharField(
        source="found.reason", help_text="Why there is no value or no interval."
    )
    reference = serializers.FloatField(
        allow_null=True, help_text="Over the reference, when the rows were drawn."
    )
    estimate = EstimateSerializer(
        allow_null=True, help_text="The newest estimate of the same window, without labels."
    )
    limit = serializers.FloatField(
        allow_null=True,
        help_text="The monitor's limit; null without one, or if it is relative to a reference that is not known.",
    )
    verdict = serializers.ChoiceField(
        [Verdict.OK.value, Verdict.DRIFT.value, Verdict.INSUFFICIENT_DATA.value],
        allow_null=True,
        help_text="`ok` or `drift` once the whole interval is on one side of the limit, before that "
        "`insufficient_data`; null without a limit. It opens no alert.",
    )


class LabelAuditDetailSerializer(serializers.Serializer[AuditResult]):
    id = serializers.UUIDField(source="audit.id")
    monitor_id = serializers.UUIDField(source="audit.monitor_id")
    window_start = serializers.DateTimeField(source="audit.window_start")
    window_end = serializers.DateTimeField(source="audit.window_end")
    kind = serializers.ChoiceField(LabelAudit.Kind.choices, source="audit.kind")
    half_width = serializers.FloatField(source="audit.half_width", allow_null=True)
    population = serializers.IntegerField(
        source="audit.population", help_text="Rows of the window with a prediction."
    )
    rows = serializers.IntegerField(source="audit.rows", help_text="Rows that were drawn.")
    columns = serializers.ListField(source="audit.columns", child=serializers.CharField())
    created_by = serializers.CharField(source="audit.created_by")
    created_at = serializers.DateTimeField(source="audit.created_at")
    status = _status()
    labelled = serializers.IntegerField(help_text="Rows that have a label.")
    counted = serializers.IntegerField(
        help_text="Rows from the first on that all have a label; these are measured."
    )
    waiting = serializers.IntegerField(
        help_text="Labelled rows that count once those before them are labelled."
    )
    metrics = AuditedMetricSerializer(many=True)
    summary = serializers.CharField(help_text="The result in plain words.")


class DrawnRowSerializer(serializers.Serializer[DrawnRow]):
    row = serializers.IntegerField(help_text="The number of the row in the draw, from 1.")
    occurred_at = serializers.CharField(source="roles.occurred_at")
    prediction = AnswerField(source="roles.prediction")
    score = serializers.FloatField(source="roles.score", default=None, allow_null=True)
    values = serializers.DictField(
        help_text="The features that are not sensitive, and the columns that were asked for."
    )
    label = AnswerField(allow_null=True, help_text="Null before there is one.")  # type: ignore[assignment]


class DrawnRowsSerializer(serializers.Serializer[dict[str, Any]]):
    rows = serializers.IntegerField(help_text="Rows that were drawn.")
    results = DrawnRowSerializer(many=True)
