"""Serializer fields for types that DRF reads or writes in another format."""

import json
import re
from datetime import UTC, datetime, timedelta
from math import inf, isfinite
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from drf_spectacular.utils import extend_schema_field
from pydantic import TypeAdapter, ValidationError
from rest_framework import serializers

DURATION = TypeAdapter(timedelta)
STORABLE_TEXT = r"^[^\u0000]*$"
NOT_BLANK_TEXT = r"^[^\u0000]*[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200f\u2028-\u202f\u205f\u3000][^\u0000]*$"
"""Text that can be stored: with no NUL, and with more than white space, as regular expressions of JSON Schema."""
INSTANT_SCHEMA = {
    "type": "string",
    "format": "date-time",
    "description": "ISO 8601. A time without a zone is UTC.",
}
FINER_THAN_MICROSECONDS = re.compile(r"[.,]\d{6}\d*[1-9]\d*S")
FIXED_LENGTH = re.compile(
    r"^P(?=[0-9]|T[0-9])([0-9]+W)?([0-9]+D)?"
    r"(T([0-9]+H)?([0-9]+M)?([0-9]+([.,][0-9]+)?S)?)?$"
)
LONGEST_SHOWN = 40
LARGEST_OFFSET = timedelta(hours=15, minutes=59)
"""PostgreSQL's largest distance of a zone from UTC; the largest in use is 14 hours."""


@extend_schema_field(
    {"type": "string", "format": "duration", "pattern": FIXED_LENGTH.pattern, "example": "P7D"}
)
class IsoDurationField(serializers.Field[timedelta, str, str, timedelta]):
    """An ISO-8601 duration of fixed length, such as PT1H, P7D or P2W, to the microsecond."""

    default_error_messages = {
        "invalid": "{value!r} is not an ISO-8601 duration, such as PT1H, P7D or P2W.",
        "too_fine": "{value!r} is finer than a microsecond.",
    }

    def to_internal_value(self, data: str) -> timedelta:
        if not isinstance(data, str) or not FIXED_LENGTH.fullmatch(data):
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


def _time_part(value: timedelta) -> str:
    hours, rest = divmod(value.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    exact_seconds = f"{seconds}.{value.microseconds:06}".rstrip("0").rstrip(".")
    parts = {"H": hours, "M": minutes, "S": exact_seconds}
    return "".join(f"{amount}{unit}" for unit, amount in parts.items() if amount not in (0, "0"))


class _JsonType(serializers.Field[Any, Any, Any, Any]):
    """Refuses values of another JSON type, which DRF would turn into this one: `"yes"`, `"5"` or `7` for `"7"`."""

    json_types: tuple[type, ...]
    type_name: str

    def to_internal_value(self, data: Any) -> Any:
        if type(data) not in self.json_types:  # exactly: a boolean is an integer of Python's
            raise serializers.ValidationError(f"Must be {self.type_name}, not {_shown(data)}.")
        return super().to_internal_value(data)


class TextField(_JsonType, serializers.CharField):
    json_types, type_name = (str,), "text"


class IdField(_JsonType, serializers.UUIDField):
    json_types, type_name = (str,), "a UUID"


class TruthField(_JsonType, serializers.BooleanField):
    json_types, type_name = (bool,), "true or false"


class IntegerField(_JsonType, serializers.IntegerField):
    json_types, type_name = (int,), "a whole number"


class NumberField(_JsonType, serializers.FloatField):
    json_types, type_name = (int, float), "a number"

    def to_internal_value(self, data: Any) -> float:
        try:
            number: float = super().to_internal_value(data)
        except OverflowError:
            number = inf
        if not isfinite(number):
            raise serializers.ValidationError("Must be a number that 64 bits can hold.")
        return number


def _shown(data: Any) -> str:
    text = json.dumps(data, ensure_ascii=False, default=str)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


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


@extend_schema_field(INSTANT_SCHEMA)
class InstantField(serializers.DateTimeField):
    """An ISO-8601 time; one without a zone is UTC."""

    def enforce_timezone(self, value: datetime) -> datetime:
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        try:
            return check_instant(moment)
        except DjangoValidationError as error:
            raise serializers.ValidationError(error.messages) from error
