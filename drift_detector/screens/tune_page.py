"""The page that tunes a monitor: limits beside what is usual, methods, schedule, alert rules, and what was learnt."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from alerts.learning import suggestions
from alerts.learning.selectors import list_open_suggestions
from alerts.models import Suggestion
from detections.backtests.services import NoBacktest
from drift_detector.scheduling.zones import zone_names
from drift_detector.screens.asking import (
    ELSEWHERE,
    Errors,
    ask,
    errors_of,
    flat_errors,
    get_job,
    go_to,
)
from drift_detector.screens.budget_words import taken_in_words
from drift_detector.screens.power_rows import card_in_words
from drift_detector.screens.screen import Crumb, Screen, id_or_404, zone_of
from drift_detector.screens.tune_form import (
    WAYS,
    Fields,
    TuneForm,
    fields_of,
    initial_of,
    performance_rows,
    read_all,
)
from drift_detector.screens.tune_limits import PER_PAGE, LimitInputs, limit_rows, method_rows
from drift_detector.tenancy.admin import actor
from monitors import services
from monitors.budgets.expectations import added_by
from monitors.models import Job, Monitor
from monitors.selectors import get_current_baseline
from monitors.serializers import MonitorSerializer

SHOWN_AT = {"open_after": "warning_runs"}
"""The place of the errors of a field that has no input of its own name."""
OF_TABLES = ("tolerances", "thresholds", "importances", "sensitive_features", "methods")


class TunePage(Screen):
    """Shows a monitor's settings, and saves what is changed with the API's checks."""

    template_name = "screens/tune.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The form; while a worker looks whether the sources fit, its progress."""
        monitor = get_object_or_404(Monitor, id=kwargs["pk"])
        job = self._job(monitor)
        if job is not None and job.status == Job.Status.SUCCEEDED:
            messages.success(request, "The changes are saved.")
            return go_to(request, "tune", monitor.id)
        if job is not None and not job.is_finished:
            return self.render_to_response(self.get_context_data(monitor=monitor, job=job))
        return self.render_to_response(self.get_context_data(**self._filled(monitor, job)))

    def _job(self, monitor: Monitor) -> Job | None:
        job_id = self.request.GET.get("job")
        if not job_id:
            return None
        job = get_job(id_or_404(job_id), Job.Kind.UPDATE_MONITOR)
        return job if job.monitor_id == monitor.id else None

    def _filled(self, monitor: Monitor, job: Job | None) -> Fields:
        """The form of the monitor as it is, or as a change that was refused would have left it."""
        fields = fields_of(monitor) | (dict(job.fields) if job else {})
        initial, errors = initial_of(fields), errors_of(job) if job else {}
        form = TuneForm(initial if errors else None, initial=initial)
        table_errors = _show(form, errors)
        return self._shown(monitor, form, LimitInputs(fields), fields, table_errors)

    def _shown(
        self,
        monitor: Monitor,
        form: TuneForm,
        inputs: LimitInputs,
        fields: Fields,
        table_errors: Errors,
    ) -> Fields:
        sent = self.request.POST if self.request.method == "POST" else None
        limit_errors = [reason for name in OF_TABLES for reason in table_errors.get(name, [])]
        return self._features(monitor, inputs) | {
            "monitor": monitor,
            "form": form,
            "method_rows": method_rows(inputs, form["methods"].value() or []),
            "performance_rows": performance_rows(fields, sent),
            "ways": WAYS,
            "table_errors": table_errors,
            "limit_errors": limit_errors,
            "zones": sorted(zone_names()),
            "schedule": form.next_times,
        }

    def _features(self, monitor: Monitor, inputs: LimitInputs) -> Fields:
        """The page of features that is asked for, by what the current baseline says of them."""
        baseline, words = get_current_baseline(monitor.id), self.request.GET.get("q", "")
        rows = limit_rows(monitor, baseline, inputs, words) if baseline else []
        page = Paginator(rows, PER_PAGE).get_page(self.request.GET.get("page"))
        card = baseline.calibration if baseline else None
        return {
            "baseline": baseline,
            "sentence": card_in_words(card) if card else "",
            "words": words,
            "rows": page,
            "earlier": _address(words, page.number - 1) if page.has_previous() else "",
            "later": _address(words, page.number + 1) if page.has_next() else "",
        }

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        monitor: Monitor = kwargs["monitor"]
        shared = {
            "title": "Tune",
            "trail": [
                Crumb("Monitors", reverse("admin:monitors_monitor_changelist")),
                Crumb(monitor.name, reverse("screens:monitor", args=[monitor.id])),
                Crumb("Tune"),
            ],
            "zone": zone_of(monitor),
            "budget": taken_in_words(added_by(monitor)),
            "suggestions": list_open_suggestions(monitor.id),
        }
        return super().get_context_data(**(shared | kwargs))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Save the form, take a suggestion over, or learn suggestions."""
        locked = Monitor.objects.select_for_update(no_key=True)
        monitor = get_object_or_404(locked, id=kwargs["pk"])
        if "accept" in request.POST:
            return _accept(request, monitor)
        if "learn" in request.POST:
            return _learn(request, monitor)
        return self._save(request, monitor)

    def _save(self, request: HttpRequest, monitor: Monitor) -> HttpResponse:
        before = fields_of(monitor)
        form = TuneForm(request.POST, initial=initial_of(before))
        changes, inputs, reasons = read_all(form, request.POST, before)
        table_errors: Errors = {"performance_limits": reasons} if reasons else {}
        if form.is_valid() and not inputs.errors and not reasons:
            answer = self._change(request, monitor, form, changes, table_errors)
            if answer is not None:
                return answer
        shown = self._shown(monitor, form, inputs, before, table_errors)
        return self.render_to_response(self.get_context_data(**shown))

    def _change(
        self,
        request: HttpRequest,
        monitor: Monitor,
        form: TuneForm,
        changes: Fields,
        table_errors: Errors,
    ) -> HttpResponse | None:
        """Save at once, or when a worker has looked at the sources; None with the reasons against it."""
        try:
            job = change_monitor(request, monitor, changes)
        except ValidationError as error:
            by_field = (
                error.message_dict if hasattr(error, "error_dict") else {ELSEWHERE: error.messages}
            )
            table_errors |= _show(form, by_field)
            return None
        if job is not None:
            return go_to(request, "tune", monitor.id, query=f"job={job.id}")
        messages.success(request, "The changes are saved." if changes else "Nothing was changed.")
        return go_to(request, "tune", monitor.id)


def _address(words: str, page: int) -> str:
    return f"?{urlencode({'q': words, 'page': page})}#limits"


def change_monitor(request: HttpRequest, monitor: Monitor, changes: Fields) -> Job | None:
    """Change a monitor as `PATCH` does: at once, or by a job if the change is about its sources.

    Args:
        request: Of the person who changes it.
        monitor: Locked.
        changes: The body.

    Raises:
        ValidationError: By field, if the change is refused.
    """
    serializer = MonitorSerializer(monitor, data=changes, partial=True)
    if not serializer.is_valid():
        raise ValidationError(flat_errors(serializer.errors))
    checked = serializer.validated_data
    if services.source_fields(monitor, checked) != services.source_fields(monitor):
        return ask(request, Job.Kind.UPDATE_MONITOR, changes, monitor_id=monitor.id)
    if checked:
        services.update_monitor(monitor=monitor, **checked)
    return None


def _show(form: TuneForm, errors: Errors) -> Errors:
    """Show the service's reasons at the fields of the form; returns those that belong to tables."""
    left: Errors = {}
    if errors:
        form.is_valid()
    for name, reasons in errors.items():
        if name in (*OF_TABLES, "performance_limits"):
            left[name] = reasons
        else:
            at = SHOWN_AT.get(name, name)
            form.add_error(at if at in form.fields else None, reasons)
    return left


def _accept(request: HttpRequest, monitor: Monitor) -> HttpResponse:
    suggestion_id = id_or_404(request.POST["accept"])
    found = get_object_or_404(Suggestion, id=suggestion_id, monitor_id=monitor.id)
    try:
        accepted = suggestions.accept_suggestion(suggestion_id=found.id, by=actor(request))
        messages.success(request, f"Applied: {accepted.summary}")
    except suggestions.NotAcceptable as error:
        messages.error(request, str(error))
    return go_to(request, "tune", monitor.id)


def _learn(request: HttpRequest, monitor: Monitor) -> HttpResponse:
    try:
        found = suggestions.learn(monitor=monitor, by=actor(request))
        words = (
            f"{len(found)} suggestions are tested or offered."
            if found
            else ("The reasons that people gave suggest nothing yet.")
        )
        messages.info(request, words)
    except NoBacktest as error:
        messages.error(request, str(error))
    return go_to(request, "tune", monitor.id)
