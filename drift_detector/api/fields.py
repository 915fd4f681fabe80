"""Serializer fields for types that DRF reads or writes in another format."""

import re
from datetime import UTC, datetime, timedelta

from django.core.exceptions import ValidationError as DjangoValidationError
from drf_spectacular.utils import extend_schema_field
from pydantic import TypeAdapter, ValidationError
from rest_framework import serializers

DURATION = TypeAdapter(timedelta)
FINER_THAN_MICROSECONDS = re.compile(r"[.,]\d{6}\d*[1-9]\d*S")
LARGEST_OFFSET = timedelta(hours=15, minutes=59)
"""PostgreSQL's largest distance of a zone from UTC; the largest in use is 14 hours."""


@extend_schema_field({"type": "string", "format": "duration", "example": "P7D"})
class IsoDurationField(serializers.Field[timedelta, str, str, timedelta]):
    """An ISO-8601 duration of fixed length, such as PT1H, P7D or P2W, to the microsecond."""

    default_error_messages = {
        "invalid": "{value!r} is not an ISO-8601 duration, such as PT1H, P7D or P2W.",
        "too_fine": "{value!r} is finer than a microsecond.",
    }

    def to_internal_value(self, data: str) -> timedelta:
        if not isinstance(data, str) or not _has_fixed_length(data):
            self.fail("invalid", value=data)
        if FINER_THAN_MICROSECONDS.search(data):
            self.fail("too_fine", value=data)
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
    hours, rest = divmod(value.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    exact_seconds = f"{seconds}.{value.microseconds:06}".rstrip("0").rstrip(".")
    parts = {"H": hours, "M": minutes, "S": exact_seconds}
    return "".join(f"{amount}{unit}" for unit, amount in parts.items() if amount not in (0, "0"))


def check_instant(moment: datetime) -> datetime:
    """A moment in UTC.

    Raises:
        django.core.exceptions.ValidationError: If its offset is none that a zone can have, or UTC leaves the calendar.
    """
    offset = moment.utcoffset() or timedelta(0)
    if abs(offset) > LARGEST_OFFSET:
        raise DjangoValidationError("The offset of a time must be from -15:59 to +15:59.")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise DjangoValidationError("The year must be from 1 to 9999, in UTC.") from error


class InstantField(serializers.DateTimeField):
    """An ISO-8601 time; one without a zone is UTC."""

    def enforce_timezone(self, value: datetime) -> datetime:
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        try:
            return check_instant(moment)
        except DjangoValidationError as error:
            raise serializers.ValidationError(error.messages) from error
