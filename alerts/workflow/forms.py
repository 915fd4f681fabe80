"""The forms of the admin's actions on alerts; the services check what is typed."""

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from alerts.models import Alert
from alerts.workflow.assignees import list_assignees

LONGEST_NOTE = 5000
NONE = ("", "---------")
REASONS = {
    Alert.Reason.REAL: "real: the drift matters",
    Alert.Reason.EXPECTED: "expected: a known change",
    Alert.Reason.DATA_BUG: "data_bug: a fault in the data",
    Alert.Reason.NOISE: "noise: nothing has changed",
}


def _note(*, required: bool = False) -> forms.CharField:
    rows = UnfoldAdminTextareaWidget(attrs={"rows": 4})
    return forms.CharField(required=required, max_length=LONGEST_NOTE, widget=rows)


def _reason(*, required: bool) -> forms.ChoiceField:
    choices = [NONE, *((reason.value, words) for reason, words in REASONS.items())]
    words = "The service learns from reasons which alerts are worth it."
    return forms.ChoiceField(
        choices=choices, required=required, widget=UnfoldAdminSelectWidget, help_text=words
    )


class AcknowledgeForm(forms.Form):
    reason = _reason(required=False)
    note = _note()


class SnoozeForm(forms.Form):
    until = forms.DateTimeField(
        label="Until (UTC)",
        widget=UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"}),
        help_text="At most 366 days ahead. Then people are notified again.",
    )
    note = _note()


class AssignForm(forms.Form):
    assignee = forms.ChoiceField(
        required=False, widget=UnfoldAdminSelectWidget, help_text="Empty: no one."
    )
    note = _note()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [(name, name) for name in list_assignees()]
        self.fields["assignee"].choices = [NONE, *names]  # type: ignore[attr-defined]


class ResolveForm(forms.Form):
    reason = _reason(required=True)
    note = _note()


class CommentForm(forms.Form):
    note = _note(required=True)


FORMS: dict[str, type[forms.Form]] = {
    "acknowledge": AcknowledgeForm,
    "snooze": SnoozeForm,
    "assign": AssignForm,
    "resolve": ResolveForm,
    "comment": CommentForm,
}
DONE = {
    "acknowledge": "acknowledged",
    "snooze": "snoozed",
    "assign": "assigned",
    "resolve": "resolved",
    "comment": "commented",
}
"""What an action has done to an alert, in words."""
