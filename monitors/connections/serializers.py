"""Serializes connections for the API; a secret has no place in them."""

from rest_framework import serializers

from drift_detector.api.fields import TextField
from drift_detector.api.serializers import KnownFieldsMixin
from monitors.models import StoreConnection


class StoreConnectionSerializer(KnownFieldsMixin, serializers.ModelSerializer[StoreConnection]):
    store = TextField(
        max_length=500, help_text="The prefix; the longest that fits a place is taken. It stays."
    )

    class Meta:
        model = StoreConnection
        fields = [
            "id", "name", "store", "credentials", "endpoint", "region", "account", "removed_at", "created_by",
            "created_at", "updated_at",
        ]  # fmt: skip
        read_only_fields = ["id", "removed_at", "created_by", "created_at", "updated_at"]
        validators: list[object] = []
