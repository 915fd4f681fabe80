"""Serializes outcomes and detectors for the API."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from detections.models import DetectorState
from detections.outcomes.ingest import Accepted
from detections.outcomes.outcome_columns import LONGEST_ID
from detections.outcomes.outcome_tables import LONGEST_BATCH_ID, LONGEST_STREAM
from drift_detector.api.fields import InstantField, TextField

CLASS_OR_NUMBER = {"oneOf": [{"type": "string"}, {"type": "number"}, {"type": "boolean"}]}


@extend_schema_field(CLASS_OR_NUMBER)
class AnswerField(serializers.JSONField):
    """A prediction or a label."""


@extend_schema_field({"type": "array", "items": CLASS_OR_NUMBER | {"nullable": True}})
class AnswersField(serializers.ListField):
    """A column of predictions or labels."""


class OutcomeSerializer(serializers.Serializer[dict[str, Any]]):
    occurred_at = InstantField(required=False, help_text="With its zone; now, if left out.")
    prediction = AnswerField(
        required=False,
        help_text="A number or text. Whole numbers beyond 2**53 are not kept exactly, so they must be text.",
    )
    label = AnswerField(required=False, help_text="As the prediction is.")  # type: ignore[assignment]
    score = serializers.FloatField(
        required=False,
        min_value=0,
        max_value=1,
        help_text="The probability of the positive label, from 0 to 1.",
    )
    error = serializers.FloatField(
        required=False,
        min_value=0,
        max_value=1,
        help_text="0 to 1, instead of prediction and label.",
    )
    prediction_id = TextField(
        required=False,
        max_length=LONGEST_ID,
        trim_whitespace=False,
        help_text="Joins a prediction with a label that comes later.",
    )


class OutcomeColumnsSerializer(serializers.Serializer[dict[str, Any]]):
    """Columns of outcomes, equally long."""

    occurred_at = serializers.ListField(child=InstantField(allow_null=True), required=False)
    prediction = AnswersField(required=False)
    label = AnswersField(required=False)  # type: ignore[assignment]
    score = serializers.ListField(
        child=serializers.FloatField(allow_null=True, min_value=0, max_value=1), required=False
    )
    error = serializers.ListField(
        child=serializers.FloatField(allow_null=True, min_value=0, max_value=1), required=False
    )
    prediction_id = serializers.ListField(
        child=TextField(allow_null=True, max_length=LONGEST_ID, trim_whitespace=False),
        required=False,
    )


class OutcomesSerializer(serializers.Serializer[dict[str, Any]]):
    batch_id = TextField(
        required=False,
        max_length=LONGEST_BATCH_ID,
        trim_whitespace=False,
        help_text="The same id with the same outcomes counts once; with other outcomes it is a conflict.",
    )
    stream = TextField(required=False, max_length=LONGEST_STREAM, trim_whitespace=False)
    outcomes = OutcomeSerializer(many=True, help_text="In order.")


class ConceptSignalSerializer(serializers.Serializer[dict[str, Any]]):
    method = serializers.CharField()
    sequence = serializers.IntegerField(
        help_text="Number of the outcome that made the drift certain."
    )
    changed_at = serializers.IntegerField(help_text="Number of the first outcome after the change.")
    before = serializers.FloatField(help_text="Error rate before the change.")
    after = serializers.FloatField()


class AcceptedSerializer(serializers.Serializer[Accepted]):
    batch_id = serializers.CharField(source="batch.batch_id")
    stream = serializers.CharField(source="batch.stream.name")
    rows = serializers.IntegerField(source="batch.rows")
    outcomes = serializers.IntegerField(
        source="batch.outcomes", help_text="Whole outcomes that the batch completed."
    )
    first_sequence = serializers.IntegerField(allow_null=True)
    last_sequence = serializers.IntegerField(allow_null=True)
    waiting = serializers.IntegerField(help_text="Halves that wait for the other one.")
    is_repeat = serializers.BooleanField(help_text="It had been accepted before.")
    signals = ConceptSignalSerializer(many=True)


class DetectorSerializer(serializers.ModelSerializer[DetectorState]):
    stream = serializers.CharField(source="stream.name", read_only=True)

    class Meta:
        model = DetectorState
        fields = [
            "stream",
            "method",
            "signal",
            "observations",
            "drifts",
            "last_drift_at",
            "updated_at",
        ]
        read_only_fields = fields
