"""Does what people ask of a monitor, by the same services as the API."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextInputWidget, UnfoldBooleanSwitchWidget

from detections.backtests.services import NoBacktest, request_backtest
from detections.ledger.runs import request_backfill, request_run
from drift_detector.formats import counted
from drift_detector.screens.days_form import DaysForm, span_of_days
from drift_detector.tenancy.quotas import OverQuota
from monitors.bad_windows.selectors import list_bad_windows
from monitors.bad_windows.services import mark_bad, unmark_bad
from monitors.baselines.builds import request_baseline
from monitors.models import Monitor

type Fields = Mapping[str, Any]


class Refused(Exception):
    """The request is not done; the text says why."""


class BadDaysForm(DaysForm):
    reason = forms.CharField(
        label="Reason", required=False, max_length=500, widget=UnfoldAdminTextInputWidget()
    )


class BadWindowForm(forms.Form):
    bad_window = forms.UUIDField()


class BackfillForm(DaysForm):
    alert = forms.BooleanField(
        label="Drift opens alerts and notifies people",
        required=False,
        widget=UnfoldBooleanSwitchWidget(),
    )


def run_now(monitor: Monitor, actor: str, fields: Fields) -> str:
    """Check the latest window."""
    request_run(monitor=monitor, requested_by=actor)
    return "A run over the latest window is queued."


def new_baseline(monitor: Monitor, actor: str, fields: Fields) -> str:
    """Build a new version of the baseline from the reference as it is now."""
    baseline = request_baseline(monitor=monitor)
    return f"Version {baseline.version} of the baseline is being built."


def backfill(monitor: Monitor, actor: str, fields: Fields) -> str:
    """Make a run for each past tick of some days that has none."""
    start, end = _span(monitor, fields)
    runs = request_backfill(
        monitor=monitor, start=start, end=end, requested_by=actor, alert=fields["alert"]
    )
    if not runs:
        return "Each tick of these days has a run already; nothing is queued."
    return f"{counted(len(runs), 'run')} of these days {_are(len(runs))} queued."


def backtest(monitor: Monitor, actor: str, fields: Fields) -> str:
    """Judge the past ticks of some days again, without runs and alerts."""
    start, end = _span(monitor, fields)
    request_backtest(monitor=monitor, start=start, end=end, requested_by=actor)
    return "The backtest is queued."


def mark_days_bad(monitor: Monitor, actor: str, fields: Fields) -> str:
    """Leave the rows of some days out of every reference."""
    start, end = _span(monitor, fields)
    mark_bad(monitor=monitor, start=start, end=end, reason=fields["reason"], by=actor)
    return "These days are marked as bad; nothing is compared with their rows."


def unmark_window(monitor: Monitor, actor: str, fields: Fields) -> str:
    """Let the rows of a window count in references again."""
    row = list_bad_windows(monitor.id).filter(id=fields["bad_window"]).first()
    if row is None:
        raise Refused("This window is not marked as bad any more.")
    unmark_bad(row)
    return "The window is not marked as bad any more."


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _span(monitor: Monitor, fields: Fields) -> tuple[datetime, datetime]:
    """The time of some days; the future is left out."""
    start, end = span_of_days(fields["first"], fields["last"], ZoneInfo(monitor.timezone))
    now = timezone.now()
    if start >= now:
        raise Refused("These days are in the future; they have no ticks yet.")
    return start, min(end, now)


type Action = Callable[[Monitor, str, Fields], str]

ACTIONS: Mapping[str, tuple[Action, type[forms.Form]]] = {
    "run": (run_now, forms.Form),
    "baseline": (new_baseline, forms.Form),
    "backfill": (backfill, BackfillForm),
    "backtest": (backtest, DaysForm),
    "bad": (mark_days_bad, BadDaysForm),
    "unmark": (unmark_window, BadWindowForm),
}


def act(monitor: Monitor, name: str, data: Any, actor: str) -> str:
    """Do one of the actions, all of it or nothing.

    Returns:
        A sentence that says what was done.

    Raises:
        Refused: If it cannot be done; the text says why.
    """
    if name not in ACTIONS:
        raise Refused("There is no such action.")
    if monitor.status == Monitor.Status.DISABLED:
        raise Refused("The monitor is disabled.")
    action, form_class = ACTIONS[name]
    form = form_class(data)
    if not form.is_valid():
        raise Refused(_errors(form))
    try:
        with transaction.atomic():
            return action(monitor, actor, form.cleaned_data)
    except ValidationError as error:
        raise Refused(" ".join(error.messages)) from error
    except (NoBacktest, OverQuota) as error:
        raise Refused(str(error)) from error


def _errors(form: forms.Form) -> str:
    """The errors of a form, each with the label of its field."""
    sentences = []
    for name, messages in form.errors.items():
        label = f"{form.fields[name].label}: " if name in form.fields else ""
        sentences += [f"{label}{message}" for message in messages]
    return " ".join(sentences)
