"""Serializes outcomes and detectors for the API."""

from typing import Any

from rest_framework import serializers

from detections.models import DetectorState
from detections.outcomes.ingest import Accepted
from detections.outcomes.outcome_columns import LONGEST_ID
from detections.outcomes.outcome_tables import LONGEST_BATCH_ID, LONGEST_STREAM


class OutcomeSerializer(serializers.Serializer[dict[str, Any]]):
    occurred_at = serializers.DateTimeField(
        required=False, help_text="With its time zone. Now, if left out."
    )
    prediction = serializers.JSONField(
        required=False,
        help_text="A number or text. Whole numbers beyond 2**53 are not kept exactly, so they must be text.",
    )
    label = serializers.JSONField(required=False, help_text="As the prediction is.")  # type: ignore[assignment]
    score = serializers.FloatField(
        required=False,
        min_value=0,
        max_value=1,
        help_text="The probability of the positive label, from 0 to 1.",
    )
    error = serializers.FloatField(
        required=False, help_text="0 to 1, instead of prediction and label."
    )
    prediction_id = serializers.CharField(
        required=False,
        max_length=LONGEST_ID,
        help_text="Joins a prediction with a label that comes later.",
    )


class OutcomesSerializer(serializers.Serializer[dict[str, Any]]):
    batch_id = serializers.CharField(
        required=False,
        max_length=LONGEST_BATCH_ID,
        help_text="The same id with the same outcomes counts once; with other outcomes it is a conflict.",
    )
    stream = serializers.CharField(required=False, max_length=LONGEST_STREAM)
    outcomes = OutcomeSerializer(
        many=True, help_text="In order; an object of arrays is taken, too."
    )


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
