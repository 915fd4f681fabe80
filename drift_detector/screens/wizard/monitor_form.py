"""The form of a new monitor: its fields become the body that `POST /monitors` takes."""

from collections.abc import Mapping
from datetime import datetime, time
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError

from algorithms.methods import DEFAULT_METHODS, METHODS, Method
from drift_detector.screens.asking import ELSEWHERE, Errors, flat_errors
from drift_detector.screens.schedule_form import ScheduleForm, schedule_initial
from drift_detector.screens.slices_field import SlicesField
from drift_detector.screens.wizard.column_rows import Choice
from drift_detector.screens.wizard.guesses import Guess
from monitors import services
from monitors.serializers import MonitorSerializer

OF_MODEL = UUID("5d0b1c34-6f0c-4f3c-8a4e-6f6c6d2f9a11")
"""The name space of the ids of models that no person has given one; the same data and name have the same."""
NO_COLUMN = ("", "none")
METHOD_CHOICES = tuple((method.value, METHODS[method].title) for method in Method)
FORM_FIELDS = {
    "reference_start": "reference_from",
    "reference_end": "reference_until",
    "reference_data_uri": ELSEWHERE,
    "csv_dialect": ELSEWHERE,
    "feature_columns": "features",
    "feature_kinds": "features",
    "sensitive_features": "features",
}
"""The field of the form that shows the errors of one of the API's, where it has another name."""
NEEDED = frozenset(
    {"name", "timezone", "schedule_cron", "reference_start", "reference_end", "methods"}
    | {"current_data_uri", "reference_data_uri"}
)
"""The fields of a body that the pages after the form read."""


class MonitorForm(ScheduleForm):
    """Everything of a new monitor but its columns, which have a table."""

    name = forms.CharField(max_length=200, label="Name")
    timestamp_column = forms.ChoiceField(required=False, label="Time column")
    data_timezone = forms.CharField(
        max_length=64,
        label="Time zone of times that name none",
        widget=forms.TextInput(attrs={"list": "zones"}),
    )
    reference_from = forms.DateField(
        required=False, label="From", widget=forms.DateInput(attrs={"type": "date"})
    )
    reference_until = forms.DateField(
        required=False,
        label="Until",
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="This day is not included. Both empty: all of the data.",
    )
    current_data_uri = forms.CharField(
        required=False,
        max_length=1000,
        label="New data comes to",
        help_text="Empty: the same place as the reference.",
    )
    methods = forms.MultipleChoiceField(
        choices=METHOD_CHOICES,
        required=False,
        label="Methods",
        widget=forms.CheckboxSelectMultiple,
    )
    slices = SlicesField()
    prediction_column = forms.ChoiceField(required=False, label="Predictions")
    label_column = forms.ChoiceField(required=False, label="Labels")
    score_column = forms.ChoiceField(required=False, label="Scores")
    positive_label = forms.CharField(
        required=False,
        max_length=200,
        label="Positive label",
        help_text="Empty for more than two classes.",
    )
    model_id = forms.UUIDField(
        required=False, label="Model", help_text="The id of the deployed model. Empty: a new one."
    )

    def __init__(self, *args: Any, sample: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sample = sample
        self.column_errors: list[str] = []
        columns = sample["columns"]
        times = [(each["name"], each["name"]) for each in columns if each["is_time"]]
        self._choose("timestamp_column", [*times, ("", "none: each check reads all of it")])
        names = [NO_COLUMN, *((each["name"], each["name"]) for each in columns)]
        for role in ("prediction_column", "label_column", "score_column"):
            self._choose(role, names)

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    def body(self, choice: Choice) -> dict[str, Any]:
        """The body of `POST /monitors`."""
        cleaned, place = self.cleaned_data, self.sample["place"]
        as_they_are = (
            *("name", "timestamp_column", "data_timezone", "slices"),
            *("prediction_column", "label_column", "score_column", "positive_label"),
        )
        return {
            **{name: cleaned[name] for name in as_they_are},
            **self.schedule_fields(),
            "model_id": str(cleaned["model_id"] or uuid5(OF_MODEL, f"{place} {cleaned['name']}")),
            "reference_data_uri": place,
            "current_data_uri": cleaned["current_data_uri"] or place,
            "reference_start": self._midnight("reference_from"),
            "reference_end": self._midnight("reference_until"),
            "csv_dialect": self.sample["csv_dialect"],
            "methods": _methods(cleaned["methods"]),
            "feature_columns": list(choice.features),
            "feature_kinds": dict(choice.kinds),
            "sensitive_features": sorted(choice.sensitive),
        }

    def _midnight(self, name: str) -> str | None:
        """The beginning of a day in the monitor's zone, which is known by then."""
        day = self.cleaned_data[name]
        if day is None or not self.cleaned_data["timestamp_column"]:
            return None
        try:
            zone = ZoneInfo(self.cleaned_data["timezone"])
        except (KeyError, ValueError, OSError):
            zone = ZoneInfo("UTC")  # the field of the zone has an error of its own
        return datetime.combine(day, time(), zone).isoformat()

    def check(self, choice: Choice) -> dict[str, Any] | None:
        """The body, checked as the API checks it; None with the errors at their fields."""
        if not self.is_valid():
            return None
        if not choice.features:
            self.show({"feature_columns": ["Tick at least one column."]})
            return None
        body = self.body(choice)
        serializer = MonitorSerializer(data=body)
        if not serializer.is_valid():
            self.show(flat_errors(serializer.errors))
            return None
        try:
            services.check_name_is_free(body["name"])
        except ValidationError as error:
            self.show(error.message_dict)
            return None
        return body

    def show(self, errors: Errors) -> None:
        """Show the service's reasons at the fields of the form."""
        for name, reasons in errors.items():
            field = FORM_FIELDS.get(name, name)
            if field == "features":
                self.column_errors += reasons
            else:
                self.add_error(field if field in self.fields else None, reasons)


def first_values(guess: Guess, free_name: str) -> dict[str, Any]:
    """The form's values before a person has changed them."""
    start, end = guess.reference or (None, None)
    return {
        "name": free_name,
        "timestamp_column": guess.timestamp_column,
        "data_timezone": "UTC",
        "reference_from": start.date() if start else None,
        "reference_until": end.date() if end else None,
        "every": guess.every,
        "at": time(0),
        "weekday": 1,
        "timezone": "UTC",
        "window": guess.window,
        "methods": [method.value for method in DEFAULT_METHODS],
        "positive_label": "1",
        **guess.roles,
    }


def is_of_this_form(body: Mapping[str, Any]) -> bool:
    """True if this form made a body; a request of the API may leave fields out."""
    return body.keys() >= NEEDED


def values_of_body(body: Mapping[str, Any]) -> dict[str, Any]:
    """The form's values for a body that was sent before."""
    zone = ZoneInfo(body["timezone"])
    defaults = [method.value for method in DEFAULT_METHODS]
    is_elsewhere = body["current_data_uri"] != body["reference_data_uri"]
    return {
        **body,
        **schedule_initial(dict(body)),
        "reference_from": _day(body["reference_start"], zone),
        "reference_until": _day(body["reference_end"], zone),
        "current_data_uri": body["current_data_uri"] if is_elsewhere else "",
        "methods": defaults if body["methods"] is None else body["methods"],
    }


def _day(text: str | None, zone: ZoneInfo) -> Any:
    return datetime.fromisoformat(text).astimezone(zone).date() if text else None


def _methods(ticked: list[str]) -> list[str] | None:
    """None stands for the default methods of the day, also where none is ticked."""
    is_default = set(ticked) in (set(), {method.value for method in DEFAULT_METHODS})
    return None if is_default else ticked
