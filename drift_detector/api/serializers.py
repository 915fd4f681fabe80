"""Refuses fields of request bodies that a serializer does not know."""

from collections.abc import Mapping
from typing import Any

from django.db import models
from rest_framework import serializers
from rest_framework.request import Request

from drift_detector.api.fields import IdField, IntegerField, TextField, TruthField
from drift_detector.api.names import unknown_names


class KnownFieldsMixin(serializers.Serializer[Any]):
    """Refuses unknown fields, and values of another JSON type than the model's.

    Fields that are read only may be sent back as they were shown; they change nothing.
    """

    serializer_field_mapping = {
        **serializers.ModelSerializer.serializer_field_mapping,
        models.CharField: TextField,
        models.TextField: TextField,
        models.UUIDField: IdField,
        models.BooleanField: TruthField,
        models.PositiveIntegerField: IntegerField,
        models.PositiveSmallIntegerField: IntegerField,
    }

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            sent = [str(name) for name in data]
            if unknown := unknown_names(sent, self.fields.keys(), what="field"):
                raise serializers.ValidationError(
                    {name: [reason] for name, reason in unknown.items()}
                )
        return super().to_internal_value(data)


def sent_fields(serializer: serializers.BaseSerializer[Any]) -> dict[str, Any]:
    """The fields of a checked body as they were sent, without those that are read only."""
    known: Mapping[str, serializers.Field[Any, Any, Any, Any]] = serializer.fields  # type: ignore[attr-defined]
    sent: Mapping[str, Any] = serializer.initial_data
    return {name: value for name, value in sent.items() if not known[name].read_only}


class _NoFieldsSerializer(KnownFieldsMixin, serializers.Serializer[dict[str, Any]]):
    """The body of a request that takes no field."""


def check_no_fields(request: Request) -> None:
    """Refuse the fields of a body, where a request takes none.

    Raises:
        ValidationError: If there is a body other than an empty object.
    """
    _NoFieldsSerializer(data=request.data).is_valid(raise_exception=True)
