"""The settings that a reference in time can have: durations and whole numbers, with their checks."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from django.core.exceptions import ValidationError
from rest_framework.exceptions import ValidationError as FieldError

from drift_detector.api.fields import FIXED_LENGTH, IsoDurationField

DURATIONS = IsoDurationField()


class ReferenceSetting(Protocol):
    """A setting: how it is checked, stored as JSON, read, and described in the API's document."""

    @property
    def is_required(self) -> bool: ...

    def check(self, name: str, sent: Any) -> Any:
        """The value to store.

        Raises:
            ValidationError: If it is none; None stands for the default.
        """

    def read(self, stored: Any) -> Any:
        """The value for computing."""

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of what `check` takes."""


@dataclass(frozen=True, slots=True)
class CountSetting:
    """A whole number."""

    least: int
    most: int
    default: int
    is_required: bool = False

    def check(self, name: str, sent: Any) -> int:
        number = self.default if sent is None else sent
        if type(number) is not int or not self.least <= number <= self.most:
            raise ValidationError(
                f"{name} must be a whole number from {self.least} to {self.most}."
            )
        return int(number)

    def read(self, stored: Any) -> int:
        return int(stored)

    def schema(self) -> dict[str, Any]:
        return {
            "type": "integer",
            "minimum": self.least,
            "maximum": self.most,
            "default": self.default,
        }


@dataclass(frozen=True, slots=True)
class DurationSetting:
    """An ISO-8601 duration, which is stored as text; without a default it is required."""

    least: timedelta
    most: timedelta
    default: timedelta | None = None

    @property
    def is_required(self) -> bool:
        return self.default is None

    def check(self, name: str, sent: Any) -> str:
        duration = self.default if sent is None else _parse(name, sent)
        if duration is None:
            raise ValidationError(f"The reference needs its {name}.")
        if not self.least <= duration <= self.most:
            least, most = map(DURATIONS.to_representation, (self.least, self.most))
            raise ValidationError(f"{name} must be from {least} to {most}.")
        return DURATIONS.to_representation(duration)

    def read(self, stored: Any) -> timedelta:
        return DURATIONS.to_internal_value(stored)

    def schema(self) -> dict[str, Any]:
        return {
            "type": "string",
            "format": "duration",
            "pattern": FIXED_LENGTH.pattern,
            "example": "P28D",
        }


def _parse(name: str, sent: Any) -> timedelta:
    try:
        return DURATIONS.to_internal_value(sent)
    except FieldError as error:
        reasons = error.detail
        raise ValidationError([f"{name}: {reason}" for reason in reasons]) from error
