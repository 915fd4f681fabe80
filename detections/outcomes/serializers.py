"""Serializes outcomes and detectors for the API."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from detections.models import DetectorState
from detections.outcomes.ingest import Accepted
from detections.outcomes.outcome_columns import LONGEST_ID
from detections.outcomes.outcome_tables import LONGEST_BATCH_ID, LONGEST_STREAM
from drift_detector.api.fields import InstantField, TextField


def _one_of(*schemas: dict[str, Any]) -> dict[str, Any]:
    """One of the schemas, or a boolean: false is 0 and true is 1, wherever they are sent."""
    return {"oneOf": [*schemas, {"type": "boolean"}]}


def _column_of(values: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": values | {"nullable": True}}


TEXT, NUMBER = {"type": "string"}, {"type": "number"}
ANSWER = _one_of(TEXT, NUMBER)
SCORE = ERROR = _one_of(NUMBER | {"minimum": 0, "maximum": 1})
PREDICTION_ID = _one_of(TEXT | {"maxLength": LONGEST_ID}, {"type": "integer"})


@extend_schema_field(ANSWER)
class AnswerField(serializers.JSONField):
    """A prediction or a label."""


@extend_schema_field(SCORE)
class ScoreField(serializers.JSONField):
    """The probability of the positive class."""


@extend_schema_field(ERROR)
class ErrorField(serializers.JSONField):
    """A prediction error."""


@extend_schema_field(PREDICTION_ID)
class PredictionIdField(serializers.JSONField):
    """The id that joins a prediction with its label."""


@extend_schema_field(_column_of(ANSWER))
class AnswersField(serializers.ListField):
    """A column of predictions or labels."""


@extend_schema_field(_column_of(SCORE))
class ScoresField(serializers.ListField):
    """A column of scores."""


@extend_schema_field(_column_of(ERROR))
class ErrorsField(serializers.ListField):
    """A column of prediction errors."""


@extend_schema_field(_column_of(PREDICTION_ID))
class PredictionIdsField(serializers.ListField):
    """A column of ids."""


class OutcomeSerializer(serializers.Serializer[dict[str, Any]]):
    occurred_at = InstantField(required=False, help_text="With its zone; now, if left out.")
    prediction = AnswerField(
        required=False,
        help_text="A number or text. Whole numbers beyond 2**53 are not kept exactly, so they must be text.",
    )
    label = AnswerField(required=False, help_text="As the prediction is.")  # type: ignore[assignment]
    score = ScoreField(
        required=False, help_text="The probability of the positive label, from 0 to 1."
    )
    error = ErrorField(required=False, help_text="0 to 1, instead of prediction and label.")
    prediction_id = PredictionIdField(
        required=False, help_text="Joins a prediction with a label that comes later."
    )


class OutcomeColumnsSerializer(serializers.Serializer[dict[str, Any]]):
    """Columns of outcomes, equally long."""

    occurred_at = serializers.ListField(
        child=InstantField(allow_null=True, help_text="With its zone."), required=False
    )
    prediction = AnswersField(required=False)
    label = AnswersField(required=False)  # type: ignore[assignment]
    score = ScoresField(required=False)
    error = ErrorsField(required=False)
    prediction_id = PredictionIdsField(required=False)


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
