"""Serializes bad windows for the API."""

from rest_framework import serializers

from drift_detector.api.fields import InstantField, TextField
from drift_detector.api.serializers import KnownFieldsMixin
from monitors.models import BadWindow


class BadWindowSerializer(KnownFieldsMixin, serializers.ModelSerializer[BadWindow]):
    window_start = InstantField(help_text="Included. Without a zone, it is UTC.")
    window_end = InstantField(help_text="Not included; after window_start.")
    reason = TextField(required=False, default="", allow_blank=True, max_length=500)

    class Meta:
        model = BadWindow
        fields = [
            "id", "monitor_id", "window_start", "window_end", "reason", "episode", "created_by", "created_at",
        ]  # fmt: skip
        read_only_fields = ["id", "monitor_id", "episode", "created_by", "created_at"]
