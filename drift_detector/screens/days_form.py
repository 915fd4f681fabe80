"""A form for some days, the first and the last one included."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from unfold.widgets import UnfoldAdminTextInputWidget

EARLIEST, LATEST = date(1900, 1, 1), date(2999, 12, 31)
"""At the ends of the calendar, midnight in another zone may be no time."""
BEYOND = f"The day must be from {EARLIEST} to {LATEST}."
A_DAY = timedelta(days=1)


def _day(label: str) -> forms.DateField:
    bounds = [MinValueValidator(EARLIEST, BEYOND), MaxValueValidator(LATEST, BEYOND)]
    widget = UnfoldAdminTextInputWidget({"type": "date"})
    return forms.DateField(label=label, validators=bounds, widget=widget)


class DaysForm(forms.Form):
    """Days of a monitor's zone."""

    first = _day("From")
    last = _day("To")

    def clean(self) -> dict[str, Any]:
        fields = super().clean() or {}
        first, last = fields.get("first"), fields.get("last")
        if first and last and first > last:
            raise ValidationError("The last day must not be before the first.")
        return fields


def span_of_days(first: date, last: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """From the first midnight to the one after the last day, in UTC."""
    start, end = (datetime.combine(day, time(), zone) for day in (first, last + A_DAY))
    return start.astimezone(UTC), end.astimezone(UTC)


def days_of_span(start: datetime, end: datetime, zone: ZoneInfo) -> dict[str, date]:
    """The days that a form shows for a span of time; the day of its end is left out, but for the only one."""
    first, after = (each.astimezone(zone).date() for each in (start, end))
    return {"first": first, "last": max(first, after - A_DAY)}
