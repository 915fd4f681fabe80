"""The form of a schedule and its window, for new monitors and those that are tuned."""

from datetime import timedelta
from typing import Any

from django import forms

from drift_detector.api.fields import IsoDurationField
from drift_detector.formats import duration
from drift_detector.screens.schedule_words import (
    EVERY,
    WEEKDAYS,
    choices_of,
    cron_of,
    schedule_in_words,
)
from monitors.models import Monitor

WINDOWS = (
    ("PT1H", "the last hour"),
    ("PT6H", "the last 6 hours"),
    ("P1D", "the last day"),
    ("P7D", "the last 7 days"),
    ("P14D", "the last 14 days"),
    ("P28D", "the last 28 days"),
    ("P30D", "the last 30 days"),
)
LAGS = (
    ("PT0S", "at once"),
    ("PT15M", "15 minutes"),
    ("PT1H", "1 hour"),
    ("PT6H", "6 hours"),
    ("P1D", "1 day"),
    ("P2D", "2 days"),
    ("P7D", "7 days"),
)
ISO = IsoDurationField()


class ScheduleForm(forms.Form):
    """The schedule of a monitor, and the window that each check reads."""

    every = forms.ChoiceField(choices=EVERY, label="Check")
    at = forms.TimeField(
        required=False, label="At", widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    weekday = forms.TypedChoiceField(choices=WEEKDAYS, coerce=int, required=False, label="On")
    schedule_cron = forms.CharField(
        required=False,
        max_length=200,
        label="Cron expression",
        help_text="Minute, hour, day of month, month, day of week.",
    )
    timezone = forms.CharField(
        max_length=64, label="Time zone", widget=forms.TextInput(attrs={"list": "zones"})
    )
    window = forms.ChoiceField(choices=WINDOWS, label="Each check reads")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        keep_choice(self, "window")

    def schedule_fields(self) -> dict[str, Any]:
        """The chosen schedule as the API takes it."""
        cleaned = self.cleaned_data
        return {
            "schedule_cron": cron_of(cleaned),
            "timezone": cleaned["timezone"],
            "window": cleaned["window"],
        }

    @property
    def next_times(self) -> dict[str, Any]:
        """The schedule of the form, as it stands, in words."""
        values = {name: self[name].value() for name in ("every", "weekday", "schedule_cron")}
        at = self["at"].value()
        parsed = forms.TimeField(required=False)
        try:
            values["at"] = parsed.clean(str(at)) if at else None
        except forms.ValidationError:
            values["at"] = None
        known = dict(EVERY)
        if values["every"] not in known:
            values["every"] = "day"
        return schedule_in_words(cron_of(values), str(self["timezone"].value() or ""))


def schedule_initial(fields: dict[str, Any]) -> dict[str, Any]:
    """The form's values for fields as the API writes them."""
    return choices_of(fields["schedule_cron"]) | {
        "timezone": fields["timezone"],
        "window": fields["window"],
    }


def monitor_schedule(monitor: Monitor) -> dict[str, Any]:
    """The schedule of a monitor as the API writes it."""
    return {
        "schedule_cron": monitor.schedule_cron,
        "timezone": monitor.timezone,
        "window": ISO.to_representation(monitor.window),
    }


def keep_choice(form: forms.Form, name: str) -> None:
    """Offer the length that a monitor has already, where it is none of the usual ones."""
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)
    value = form.get_initial_for_field(field, name)
    if value and value not in dict(field.choices):  # type: ignore[arg-type]
        field.choices = [*field.choices, (value, _in_words(value))]  # type: ignore[misc]


def _in_words(value: str) -> str:
    span: timedelta = ISO.to_internal_value(value)
    return duration(span)
