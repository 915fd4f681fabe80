"""Refuses fields of request bodies that a serializer does not know."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from drift_detector.api.names import unknown_names


class KnownFieldsMixin(serializers.Serializer[Any]):
    """Refuses unknown fields. Fields that are read only may be sent back as they were shown; they change nothing."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            sent = [str(name) for name in data]
            if unknown := unknown_names(sent, self.fields.keys(), what="field"):
                raise serializers.ValidationError(
                    {name: [reason] for name, reason in unknown.items()}
                )
        return super().to_internal_value(data)
