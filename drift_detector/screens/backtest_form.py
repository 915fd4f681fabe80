"""The form that starts a backtest, as the monitor is or with other settings."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from detections.backtests.selectors import list_backtests
from detections.backtests.services import NoBacktest, request_backtest
from detections.ledger.runs import list_ticks
from detections.models import Backtest
from detections.runs.selectors import get_last_judged_time
from drift_detector.screens.asking import ELSEWHERE, Errors, flat_errors, go_to
from drift_detector.screens.backtest_page import trail_of
from drift_detector.screens.days_form import DaysForm, days_of_span, span_of_days
from drift_detector.screens.screen import Crumb, Screen, id_or_404, zone_of
from drift_detector.screens.tune_form import (
    FOR_BACKTESTS,
    Fields,
    JudgementForm,
    changes_of,
    fields_of,
    judgement_initial,
)
from drift_detector.screens.tune_limits import (
    PER_PAGE,
    LimitInputs,
    limit_rows,
    method_rows,
    read_limits,
)
from drift_detector.tenancy.admin import actor
from drift_detector.tenancy.models import Scope
from monitors.models import Monitor
from monitors.selectors import get_current_baseline
from monitors.serializers import MonitorSerializer

LENGTH = timedelta(days=90)
"""The time of a backtest before a person chooses another."""


class NewBacktestPage(Screen):
    """Asks which ticks to judge again, and with which settings."""

    scope_to_post = Scope.RUNS_WRITE
    template_name = "screens/new_backtest.html"

    def _monitor(self) -> Monitor:
        return get_object_or_404(Monitor, id=id_or_404(self.request.GET.get("monitor")))

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The form as the monitor is."""
        monitor = self._monitor()
        fields = fields_of(monitor)
        span, judgement = (
            DaysForm(initial=_usual_span(monitor)),
            JudgementForm(initial=judgement_initial(fields)),
        )
        return self._show(monitor, span, judgement, LimitInputs(fields))

    def _show(
        self, monitor: Monitor, span: DaysForm, judgement: JudgementForm, inputs: LimitInputs
    ) -> HttpResponse:
        baseline = get_current_baseline(monitor.id)
        rows = limit_rows(monitor, baseline, inputs)[:PER_PAGE] if baseline else []
        shown = {
            "title": "New backtest",
            "trail": trail_of(monitor, Crumb("New backtest")),
            "monitor": monitor,
            "span": span,
            "form": judgement,
            "baseline": baseline,
            "rows": rows,
            "method_rows": method_rows(inputs, judgement["methods"].value() or []),
            "others": list_backtests(monitor.id)[:8],
        }
        return self.render_to_response(self.get_context_data(**shown))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Start the backtest, and one with the monitor's own settings to compare it with."""
        monitor = self._monitor()
        before = fields_of(monitor)
        span = DaysForm(request.POST if "first" in request.POST else _usual_span(monitor))
        if "policy" not in request.POST:  # the span alone: as the monitor is
            judgement, inputs = JudgementForm(judgement_initial(before)), LimitInputs(before)
        else:
            judgement, inputs = JudgementForm(request.POST), read_limits(request.POST, before)
        is_right = span.is_valid() and judgement.is_valid() and not inputs.errors
        if is_right:
            after = judgement.judgement() | inputs.fields
            changes = {name: after[name] for name in FOR_BACKTESTS}
            backtest = self._start(monitor, span, judgement, changes_of(changes, before))
            if backtest is not None:
                return go_to(request, "backtest", backtest.id)
        return self._show(monitor, span, judgement, inputs)

    def _start(
        self, monitor: Monitor, span: DaysForm, judgement: JudgementForm, changes: Fields
    ) -> Backtest | None:
        """The backtest; None with the reasons against it at the forms."""
        try:
            checked = _checked(monitor, changes)
            times = span_of_days(*_days(span), zone_of(monitor))
            return start_backtests(monitor, times, checked, actor(self.request))
        except ValidationError as error:
            by_field: Errors = (
                error.message_dict if hasattr(error, "error_dict") else {ELSEWHERE: error.messages}
            )
            for name, reasons in by_field.items():
                form = span if name in ("from", "to") else judgement
                at = {"from": "first", "to": "last"}.get(name, name)
                form.add_error(at if at in form.fields else None, reasons)
        except NoBacktest as error:
            span.add_error(None, str(error))
        return None


def _days(form: DaysForm) -> tuple[date, date]:
    return form.cleaned_data["first"], form.cleaned_data["last"]


def _checked(monitor: Monitor, changes: Mapping[str, Any]) -> Fields:
    serializer = MonitorSerializer(monitor, data=dict(changes), partial=True)
    if not serializer.is_valid():
        raise ValidationError(flat_errors(serializer.errors))
    return dict(serializer.validated_data)


def start_backtests(
    monitor: Monitor, span: tuple[datetime, datetime], changes: Fields, by: str
) -> Backtest:
    """Ask for a backtest with changes, and for one without them over the same ticks.

    Raises:
        NoBacktest: If the monitor has no timestamp column, or no baseline that is ready.
        ValidationError: If there is no tick in this time, or more than the settings allow.
        OverQuota: If the tenant may not have as many runs today.
    """
    start, end = span
    request = partial(request_backtest, monitor=monitor, start=start, end=end, requested_by=by)
    if changes and not _has_fresh_twin(monitor, start, end):
        request()
    return request(changes=changes)


def _has_fresh_twin(monitor: Monitor, start: datetime, end: datetime) -> bool:
    """True if the same ticks were judged with the settings that the monitor has now."""
    baseline = get_current_baseline(monitor.id)
    same = list_backtests(monitor.id).filter(start=start, end=end, changes={}, baseline=baseline)
    return same.filter(created_at__gte=monitor.updated_at).exclude(status="failed").exists()


def _usual_span(monitor: Monitor) -> dict[str, Any]:
    """The last months of the monitor's runs; without any, the last months before today."""
    last = get_last_judged_time(monitor.id) or timezone.now()
    end = last + monitor.window_lag + timedelta(days=1)
    start, end = fitting_span(monitor, end - LENGTH, end)
    return days_of_span(start, end, zone_of(monitor))


def fitting_span(monitor: Monitor, start: datetime, end: datetime) -> tuple[datetime, datetime]:
    """The last part of a time that has no more ticks than one backtest may replay."""
    while end - start > timedelta(days=1):
        try:
            list_ticks(monitor, start, end, most=settings.ENV.runs.max_backtest)
        except ValidationError:
            start = end - (end - start) / 2
        else:
            break
    return start, end
