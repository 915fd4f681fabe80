"""Serializes routes, silences, maintenance windows and notifications for the API."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from alerts.models import MaintenanceWindow, Notification, Route, Silence, Step
from alerts.routing.matchers import KINDS, MOST_VALUES, SEVERITIES
from alerts.routing.services import MOST_CHANNELS, MOST_STEPS
from drift_detector.api.fields import (
    IdField,
    InstantField,
    IntegerField,
    IsoDurationField,
    TextField,
)
from drift_detector.api.serializers import KnownFieldsMixin

DEFAULT_WAIT, DEFAULT_INTERVAL = timedelta(seconds=30), timedelta(minutes=5)
ZONE_SCHEMA = {"type": "string", "format": "time-zone", "example": "Europe/Berlin"}
CRON_SCHEMA = {"type": "string", "format": "cron", "example": "0 2 * * SUN"}


def _list_of(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item, "minItems": 1, "maxItems": MOST_VALUES}


@extend_schema_field(
    {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "kinds": _list_of({"type": "string", "enum": list(KINDS)}),
            "severity": {
                "type": "string",
                "enum": list(SEVERITIES),
                "description": "The least that matches.",
            },
            "monitors": _list_of({"type": "string", "format": "uuid"}),
            "models": _list_of({"type": "string", "format": "uuid"}),
            "features": _list_of({"type": "string", "minLength": 1}),
        },
        "example": {"severity": "warning", "kinds": ["statistical"]},
    }
)
class MatchersField(serializers.JSONField):
    """Conditions that an alert has to meet, all of them; none are met by every alert."""


@extend_schema_field(ZONE_SCHEMA)
class ZoneField(TextField):
    """The IANA name of a time zone."""


@extend_schema_field(CRON_SCHEMA)
class CronField(TextField):
    """A cron expression of five fields."""


@extend_schema_field(
    {"type": "string", "pattern": r"^([01]\d|2[0-3]):[0-5]\d$", "example": "22:00"}
)
class ClockField(serializers.TimeField):
    """A time of day, as 22:00."""

    def __init__(self, **options: Any) -> None:
        super().__init__(format="%H:%M", input_formats=["%H:%M"], **options)


class EscalationSerializer(KnownFieldsMixin, serializers.Serializer[Step]):
    after = IsoDurationField()
    channels = serializers.ListField(child=IdField(), min_length=1, max_length=MOST_CHANNELS)


class RouteSerializer(KnownFieldsMixin, serializers.ModelSerializer[Route]):
    matchers = MatchersField(required=False)
    position = IntegerField(required=False, min_value=0, max_value=10_000)
    channels = serializers.ListField(child=IdField(), min_length=1, max_length=MOST_CHANNELS)
    escalation = serializers.ListField(
        child=EscalationSerializer(), required=False, max_length=MOST_STEPS
    )
    group_wait = IsoDurationField(default=DEFAULT_WAIT)
    group_interval = IsoDurationField(default=DEFAULT_INTERVAL)
    repeat_interval = IsoDurationField(required=False, allow_null=True)
    digest_at = ClockField(required=False)
    digest_weekday = IntegerField(required=False, min_value=0, max_value=6)
    timezone = ZoneField(required=False, max_length=64)
    quiet_from = ClockField(required=False, allow_null=True)
    quiet_until = ClockField(required=False, allow_null=True)

    class Meta:
        model = Route
        fields = [
            "id", "name", "position", "enabled", "matchers", "channels", "escalation", "continues", "group_wait",
            "group_interval", "repeat_interval", "digest", "digest_at", "digest_weekday", "timezone", "quiet_from",
            "quiet_until", "quiet_for_critical", "created_by", "created_at", "updated_at",
        ]  # fmt: skip
        read_only_fields = ["id", "created_by", "created_at", "updated_at"]
        validators: list[Any] = []


def steps_from(fields: dict[str, Any], instance: Route | None) -> list[Step] | None:
    """Take the channels and the escalation out of a checked body; None if it has neither."""
    channels: list[UUID] | None = fields.pop("channels", None)
    escalation: list[Mapping[str, Any]] | None = fields.pop("escalation", None)
    if channels is None and escalation is None:
        return None
    kept = instance.steps if instance else [Step(timedelta(0), [])]
    first = kept[0] if channels is None else Step(timedelta(0), channels)
    later = kept[1:] if escalation is None else [Step(**each) for each in escalation]
    return [first, *later]


class SilenceSerializer(KnownFieldsMixin, serializers.ModelSerializer[Silence]):
    matchers = MatchersField(required=False)
    starts_at = InstantField(required=False, help_text="Now, by default.")
    ends_at = InstantField()

    class Meta:
        model = Silence
        fields = ["id", "matchers", "starts_at", "ends_at", "reason", "author", "created_at"]
        read_only_fields = ["id", "author", "created_at"]


class MaintenanceWindowSerializer(KnownFieldsMixin, serializers.ModelSerializer[MaintenanceWindow]):
    matchers = MatchersField(required=False)
    cron = CronField(max_length=200)
    duration = IsoDurationField()
    timezone = ZoneField(required=False, max_length=64)

    class Meta:
        model = MaintenanceWindow
        fields = [
            "id", "name", "matchers", "cron", "duration", "timezone", "enabled", "created_by", "created_at",
        ]  # fmt: skip
        read_only_fields = ["id", "created_by", "created_at"]
        validators: list[Any] = []


class TrySerializer(serializers.Serializer[dict[str, Any]]):
    at = serializers.DateTimeField()
    is_ok = serializers.BooleanField()
    said = serializers.CharField(help_text="What the channel said, without secrets.")
    seconds = serializers.FloatField()


class NotificationSerializer(serializers.ModelSerializer[Notification]):
    message_id = serializers.SerializerMethodField(help_text="The same in every try.")
    channel_name = serializers.CharField(source="channel.name", read_only=True)
    route_name = serializers.CharField(source="route.name", read_only=True, allow_null=True)
    tries = TrySerializer(many=True, read_only=True)

    class Meta:
        model = Notification
        fields = [
            "id", "message_id", "channel_id", "channel_name", "route_id", "route_name", "alert_id", "kind", "severity",
            "status", "reason", "suppressed_by", "events", "attempt", "tries", "due_at", "sent_at", "created_at",
        ]  # fmt: skip
        read_only_fields = fields

    @extend_schema_field({"type": "string"})
    def get_message_id(self, notification: Notification) -> str:
        return notification.message_id
