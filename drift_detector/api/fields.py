"""Serializer fields for types that DRF writes in another format."""

from datetime import timedelta

from drf_spectacular.utils import extend_schema_field
from pydantic import TypeAdapter, ValidationError
from rest_framework import serializers

DURATION = TypeAdapter(timedelta)


@extend_schema_field({"type": "string", "format": "duration", "example": "P7D"})
class IsoDurationField(serializers.Field[timedelta, str, str, timedelta]):
    """An ISO-8601 duration of fixed length, such as PT1H, P7D or P2W."""

    default_error_messages = {
        "invalid": "{value!r} is not an ISO-8601 duration, such as PT1H, P7D or P2W."
    }

    def to_internal_value(self, data: str) -> timedelta:
        if not isinstance(data, str) or not _has_fixed_length(data):
            self.fail("invalid", value=data)
        try:
            return DURATION.validate_python(data)
        except ValidationError:
            self.fail("invalid", value=data)

    def to_representation(self, value: timedelta) -> str:
        days = f"{value.days}D" if value.days else ""
        time = _time_part(value)
        if time:
            return f"P{days}T{time}"
        return f"P{days or 'T0S'}"


def _has_fixed_length(text: str) -> bool:
    """False for years and months, and for text that is no duration."""
    return text.startswith("P") and not set("YM") & set(text.split("T")[0])


def _time_part(value: timedelta) -> str:
    hours, seconds = divmod(value.seconds, 3600)
    minutes, seconds = divmod(seconds, 60)
    amounts = {"H": hours, "M": minutes, "S": seconds + value.microseconds / 1e6}
    return "".join(f"{amount:g}{unit}" for unit, amount in amounts.items() if amount)
