"""The fields of a form that choose references in time, holidays, and which comparison decides."""

from collections.abc import Mapping
from typing import Any

from django import forms

from algorithms.method_results import Reference
from monitors.models import Monitor
from monitors.time_references.reference_checks import LONGEST_CALENDAR
from monitors.time_references.reference_kinds import CHOSEN

OF_REFERENCES = ("references_in_time", "holidays", "judged_by")
"""The fields of a monitor that these inputs stand for."""
JUDGES = (
    (Monitor.JudgedBy.EITHER.value, "any comparison"),
    (Monitor.JudgedBy.REFERENCES_IN_TIME.value, "earlier times, where there are rows of them"),
)
COUNTS = {Reference.DAY_OF_MONTH.value: "months", Reference.MONTH_OF_YEAR.value: "years"}
"""The kinds that are a number in the form, with the name of that number."""
NONE = "0: no such comparison."

type Entry = dict[str, Any]


class TimeReferencesForm(forms.Form):
    """The earlier times that windows are compared with, beside earlier weeks."""

    trailing_length = forms.CharField(
        required=False,
        max_length=40,
        label="Also compare with a trailing time of",
        help_text="ISO 8601, such as P28D for 28 days. Empty: no such comparison.",
    )
    trailing_offset = forms.CharField(
        required=False,
        max_length=40,
        label="which ends so long before the window",
        help_text="ISO 8601; empty: just before it.",
    )
    previous = forms.BooleanField(required=False, label="Also compare with the window before")
    day_of_month = forms.IntegerField(
        required=False,
        min_value=0,
        label="Also compare with the same day of this many months before",
        help_text=NONE,
    )
    month_of_year = forms.IntegerField(
        required=False,
        min_value=0,
        label="Also compare with the same month of this many years before",
        help_text=NONE,
    )
    holidays = forms.CharField(
        required=False,
        max_length=LONGEST_CALENDAR,
        label="Holidays of",
        help_text="A country, or a part of one, such as US-CA: holidays are compared with each other.",
    )
    judged_by = forms.ChoiceField(choices=JUDGES, required=False, label="Drift is found by")

    def references(self) -> Entry:
        """The chosen fields as the API takes them."""
        cleaned = self.cleaned_data
        entries = {kind.value: self._entry(kind.value) for kind in CHOSEN}
        return {
            "references_in_time": [entry for entry in entries.values() if entry is not None],
            "holidays": cleaned["holidays"],
            "judged_by": cleaned["judged_by"] or Monitor.JudgedBy.EITHER.value,
        }

    def _entry(self, kind: str) -> Entry | None:
        """The entry of a kind; None if it is not chosen."""
        cleaned = self.cleaned_data
        if kind in COUNTS:
            return {"kind": kind, COUNTS[kind]: cleaned[kind]} if cleaned[kind] else None
        if kind == Reference.PREVIOUS:
            return {"kind": kind} if cleaned["previous"] else None
        if not cleaned["trailing_length"]:
            return None
        offset = cleaned["trailing_offset"] or "PT0S"
        return {"kind": kind, "length": cleaned["trailing_length"], "offset": offset}


def references_initial(fields: Mapping[str, Any]) -> Entry:
    """The values of the inputs for fields as the API writes them."""
    chosen = {each["kind"]: each for each in fields["references_in_time"]}
    trailing = chosen.get(Reference.TRAILING.value, {})
    counts = {kind: chosen.get(kind, {}).get(name, 0) for kind, name in COUNTS.items()}
    return {
        "trailing_length": trailing.get("length", ""),
        "trailing_offset": trailing.get("offset", ""),
        "previous": Reference.PREVIOUS.value in chosen,
        "holidays": fields["holidays"],
        "judged_by": fields["judged_by"],
        **counts,
    }
