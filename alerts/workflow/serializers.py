"""Serializes what people say about alerts, and the timeline."""

from typing import Any

from rest_framework import serializers

from alerts.models import Alert, AlertEvent, AlertRun
from alerts.serializers import AlertSerializer
from drift_detector.api.fields import IdField, InstantField, TextField
from drift_detector.api.serializers import KnownFieldsMixin

LONGEST_NOTE = 5000
MOST_AT_ONCE = 200

type Said = dict[str, Any]


def _note() -> TextField:
    return TextField(required=False, allow_blank=True, max_length=LONGEST_NOTE)


def _reason(*, required: bool) -> serializers.ChoiceField:
    words = "Why: the drift is real, was expected, comes from a fault in the data, or is noise."
    return serializers.ChoiceField(choices=Alert.Reason.values, required=required, help_text=words)


class AcknowledgeSerializer(KnownFieldsMixin, serializers.Serializer[Said]):
    note = _note()
    reason = _reason(required=False)


class SnoozeSerializer(KnownFieldsMixin, serializers.Serializer[Said]):
    until = InstantField(help_text="In the future, and at most 366 days ahead.")
    note = _note()


class AssignSerializer(KnownFieldsMixin, serializers.Serializer[Said]):
    assignee = TextField(
        allow_blank=True,
        max_length=200,
        help_text="`user:<name>` of a member or `key:<name>` of an API key; empty for no one.",
    )
    note = _note()


class ResolveSerializer(KnownFieldsMixin, serializers.Serializer[Said]):
    reason = _reason(required=True)
    note = _note()


class CommentSerializer(KnownFieldsMixin, serializers.Serializer[Said]):
    note = TextField(max_length=LONGEST_NOTE)


class BulkSerializer(KnownFieldsMixin, serializers.Serializer[Said]):
    """The ids and the action; the other fields are those of the action."""

    ids = serializers.ListField(child=IdField(), min_length=1, max_length=MOST_AT_ONCE)
    action = serializers.ChoiceField(
        choices=["acknowledge", "snooze", "assign", "resolve", "comment"]
    )
    note = _note()
    reason = _reason(required=False)
    until = InstantField(required=False, help_text="Of `snooze`.")
    assignee = TextField(required=False, allow_blank=True, max_length=200, help_text="Of `assign`.")


class BulkResultSerializer(serializers.Serializer[Said]):
    id = serializers.UUIDField()
    status = serializers.IntegerField(
        help_text="As a request for this alert alone would be answered: 200, 404 or 409."
    )
    detail = serializers.CharField(allow_blank=True, help_text="Why not; empty if it was done.")
    alert = AlertSerializer(allow_null=True)


class BulkAnswerSerializer(serializers.Serializer[Said]):
    done = serializers.IntegerField(help_text="Alerts that were changed.")
    results = BulkResultSerializer(many=True)


class AlertEventSerializer(serializers.ModelSerializer[AlertEvent]):
    kind = serializers.CharField()
    severity = serializers.CharField()

    class Meta:
        model = AlertEvent
        fields = [
            "number", "kind", "actor", "run_id", "from_phase", "to_phase", "from_attention", "to_attention",
            "severity", "reason", "note", "details", "notifies",
        ]  # fmt: skip
        read_only_fields = fields
        extra_kwargs = {
            "actor": {"help_text": "`user:<name>` or `key:<name>`; empty for the service."},
            "reason": {"help_text": "The cause in words, or the reason that a person gave."},
        }


class AlertRunSerializer(serializers.ModelSerializer[AlertRun]):
    verdict = serializers.CharField()
    severity = serializers.CharField()

    class Meta:
        model = AlertRun
        fields = [
            "run_id", "track", "window_start", "window_end", "verdict", "severity", "is_late",
        ]  # fmt: skip
        read_only_fields = fields


class TimelineEntrySerializer(serializers.Serializer[AlertEvent | AlertRun]):
    """One entry: what happened to the alert, or a run that belongs to it."""

    id = serializers.UUIDField()
    type = serializers.ChoiceField(choices=["event", "run"])
    at = serializers.DateTimeField(source="created_at")
    event = AlertEventSerializer(allow_null=True, help_text="Null for a run.")
    run = AlertRunSerializer(allow_null=True, help_text="Null for an event.")

    def to_representation(self, instance: AlertEvent | AlertRun) -> Said:
        event = AlertEventSerializer(instance).data if isinstance(instance, AlertEvent) else None
        run = AlertRunSerializer(instance).data if isinstance(instance, AlertRun) else None
        return {
            "id": str(instance.id),
            "type": "run" if event is None else "event",
            "at": serializers.DateTimeField().to_representation(instance.created_at),
            "event": event,
            "run": run,
        }
