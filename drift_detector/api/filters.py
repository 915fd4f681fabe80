"""Filters of lists that refuse what they do not understand."""

from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model
from django_filters import rest_framework as filters
from django_filters.fields import IsoDateTimeField
from drf_spectacular.utils import extend_schema_field

from drift_detector.api.fields import INSTANT_SCHEMA, STORABLE_TEXT, check_instant

TRUTH = {"true": True, "True": True, "1": True, "false": False, "False": False, "0": False}


class _TruthField(forms.Field):
    def to_python(self, value: Any) -> bool | None:
        if value in self.empty_values:
            return None
        if value not in TRUTH:
            raise ValidationError(f"Must be true or false, not {str(value)[:40]!r}.")
        return TRUTH[value]


@extend_schema_field({"type": "boolean"})
class TruthFilter(filters.Filter):
    """True or false, and nothing else."""

    field_class = _TruthField


class _InstantField(IsoDateTimeField):
    def to_python(self, value: Any) -> datetime | None:
        # datetime.fromisoformat ignores what follows a NUL
        if isinstance(value, str) and "\0" in value:
            raise ValidationError(self.error_messages["invalid"])
        moment = super().to_python(value)
        return None if moment is None else check_instant(moment)


@extend_schema_field(INSTANT_SCHEMA)
class InstantFilter(filters.Filter):
    """An ISO-8601 time; one without a zone is UTC."""

    field_class = _InstantField


@extend_schema_field({"type": "string", "minLength": 1, "pattern": STORABLE_TEXT})
class TextFilter(filters.CharFilter):
    """Text, without the character NUL."""


def existing_row(model: type[Model], *, field_name: str) -> filters.ModelChoiceFilter:
    """A filter by the id of a row of the tenant; an id of no row is refused, so that a mistyped one is seen."""
    reason = f"There is no {model._meta.verbose_name} with this id."
    return filters.ModelChoiceFilter(
        field_name=field_name,
        queryset=lambda request: model._default_manager.all(),
        error_messages={"invalid_choice": reason},
    )
