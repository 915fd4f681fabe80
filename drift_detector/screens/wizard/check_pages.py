"""The third step: the power card of the monitor that would be saved. The fourth: it is saved, and tried on history."""

from datetime import UTC, date, datetime, time
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from detections.backtests.selectors import list_backtests
from drift_detector.screens.asking import (
    answer_of,
    ask,
    get_job,
    go_to,
)
from drift_detector.screens.backtest_form import fitting_span
from drift_detector.screens.budget_words import taken_in_words
from drift_detector.screens.days_form import A_DAY, EARLIEST, days_of_span
from drift_detector.screens.power_rows import card_in_words, power_chart, power_rows
from drift_detector.screens.schedule_words import schedule_in_words
from drift_detector.screens.screen import Screen, zone_of
from drift_detector.screens.wizard.wizard_steps import steps, trail
from drift_detector.tenancy.models import Quota
from drift_detector.tenancy.quotas import check_room
from monitors.models import Baseline, Job, Monitor
from monitors.selectors import get_latest_baseline
from monitors.serializers import MonitorSerializer


class CheckPage(Screen):
    """Shows the power card of a preview, and saves the monitor once."""

    template_name = "screens/wizard/check.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The card; a preview that failed leads back to the form with its reasons."""
        self.job = get_job(kwargs["preview_id"], Job.Kind.PREVIEW)
        if self.job.status == Job.Status.FAILED:
            return _back(request, kwargs["sample_id"], self.job)
        return self.render_to_response(self.get_context_data())

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        job = self.job
        shown: dict[str, Any] = {
            "title": "New monitor",
            "trail": trail(),
            "steps": steps(3),
            "job": job,
            "sample_id": self.kwargs["sample_id"],
            "fields": job.fields,
            "schedule": schedule_in_words(job.fields["schedule_cron"], job.fields["timezone"]),
        }
        if job.status == Job.Status.SUCCEEDED:
            shown |= _card_of_preview(job)
        return super().get_context_data(**(shown | kwargs))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Ask for the monitor; its job's id is made of the preview's, so asking twice is asking once."""
        self.job = get_job(kwargs["preview_id"], Job.Kind.PREVIEW)
        once = uuid5(NAMESPACE_OID, f"monitor of {self.job.id}")
        if not Job.objects.filter(id=once).exists():
            check_room(Quota.MONITORS)
        try:
            ask(request, Job.Kind.CREATE_MONITOR, self.job.fields, job_id=once)
        except ValidationError as error:
            return self.render_to_response(self.get_context_data(errors=error.messages))
        return go_to(request, "new_monitor_start", kwargs["sample_id"], once)


def _back(request: HttpRequest, sample: Any, job: Job) -> HttpResponse:
    return go_to(request, "new_monitor_columns", sample, query=f"from={job.id}")


def _card_of_preview(job: Job) -> dict[str, Any]:
    serializer = MonitorSerializer(data=job.fields)
    serializer.is_valid(raise_exception=True)
    answer = answer_of(job)
    return {
        "rows": answer["rows"],
        "budget": taken_in_words(answer["budget"]) if "budget" in answer else "",
        **_card(Monitor(**serializer.validated_data), answer["calibration"], answer["features"]),
    }


def _card(monitor: Monitor, card: dict[str, Any], features: dict[str, str]) -> dict[str, Any]:
    rows = power_rows(monitor, card, features)
    return {"power": rows, "chart": power_chart(rows), "sentence": card_in_words(card)}


class StartPage(Screen):
    """Shows that the monitor is made, its baseline is built, and offers a backtest on history."""

    template_name = "screens/wizard/start.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The state; a refusal leads back to the form with its reasons."""
        self.job = get_job(kwargs["creation_id"], Job.Kind.CREATE_MONITOR)
        if self.job.status == Job.Status.FAILED:
            return _back(request, kwargs["sample_id"], self.job)
        return self.render_to_response(self.get_context_data())

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "title": "New monitor",
            "trail": trail(),
            "steps": steps(4),
            "job": self.job,
            "fields": self.job.fields,
        }
        if self.job.status == Job.Status.SUCCEEDED:
            monitor = get_object_or_404(Monitor, id=self.job.monitor_id)
            shown |= self._standing(monitor)
        return super().get_context_data(**(shown | kwargs))

    def _standing(self, monitor: Monitor) -> dict[str, Any]:
        """The monitor with its baseline, and the card once there is one."""
        baseline = get_latest_baseline(monitor)
        shown: dict[str, Any] = {
            "monitor": monitor,
            "zone": zone_of(monitor),
            "baseline": baseline,
            "schedule": schedule_in_words(monitor.schedule_cron, monitor.timezone),
        }
        if baseline is None or baseline.status != Baseline.Status.READY:
            return shown
        card = _card(monitor, baseline.calibration or {}, baseline.features)
        backtest = list_backtests(monitor.id).first()
        return shown | card | {"days": self._history(monitor), "backtest": backtest}

    def _history(self, monitor: Monitor) -> dict[str, date] | None:
        """The days after the reference that the data holds, for a backtest; all of them if there is none after."""
        sampled = get_job(self.kwargs["sample_id"], Job.Kind.SAMPLE)
        span = answer_of(sampled).get("spans", {}).get(monitor.timestamp_column)
        if span is None:
            return None
        first, last = (_possible(datetime.fromisoformat(span[end])) for end in ("first", "last"))
        start = max(first, monitor.reference_end or first)
        fitting = fitting_span(monitor, start + monitor.window, last + monitor.window + A_DAY)
        return days_of_span(*fitting, zone_of(monitor))


def _possible(at: datetime) -> datetime:
    """A time of the past: data names the ends of the calendar for what has no beginning or end."""
    return min(max(at, datetime.combine(EARLIEST, time(), UTC)), timezone.now())
