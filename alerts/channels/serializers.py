"""Serializes channels for the API. An address goes in, and what is shown of it comes out."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from alerts.channels.channel_registry import CHANNEL_KINDS
from alerts.models import Channel
from drift_detector.api.fields import IntegerField, TextField
from drift_detector.api.serializers import KnownFieldsMixin

LONGEST_ADDRESS = 2000


@extend_schema_field({"type": "string", "enum": list(CHANNEL_KINDS)})
class KindField(serializers.ChoiceField):
    """The name of a kind of channel."""


class ChannelSerializer(KnownFieldsMixin, serializers.ModelSerializer[Channel]):
    kind = KindField(choices=list(CHANNEL_KINDS))
    address = TextField(
        write_only=True,
        max_length=LONGEST_ADDRESS,
        help_text="Written and never shown: a web address, mail addresses, or an address of apprise.",
    )
    most_per_hour = IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=1000,
        help_text="Notifications in an hour; the rest is summarised. Null: the setting.",
    )
    subject = TextField(
        required=False,
        allow_blank=True,
        max_length=200,
        help_text="Fields: {severity}, {monitor}, {kind}, {what}, {summary}. Empty: the usual one.",
    )

    class Meta:
        model = Channel
        fields = [
            "id", "name", "kind", "address", "shown_address", "subject", "most_per_hour", "enabled", "created_by",
            "created_at", "updated_at",
        ]  # fmt: skip
        read_only_fields = ["id", "shown_address", "created_by", "created_at", "updated_at"]
        extra_kwargs = {"name": {"max_length": 100}}
        validators: list[Any] = []


class ChannelWithSecretSerializer(ChannelSerializer):
    secret = serializers.CharField(
        read_only=True, help_text="Of a webhook: shown this once. Empty for other kinds."
    )

    class Meta(ChannelSerializer.Meta):
        fields = [*ChannelSerializer.Meta.fields, "secret"]


class ReplySerializer(serializers.Serializer[dict[str, Any]]):
    is_ok = serializers.BooleanField(help_text="True if the channel has taken the message.")
    said = serializers.CharField(help_text="What the channel said, without secrets.")
