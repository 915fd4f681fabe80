"""The second step: the columns that a worker has seen, what is watched of them, and when."""

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, QueryDict

from drift_detector.formats import counted
from drift_detector.scheduling.zones import zone_names
from drift_detector.screens.asking import (
    ELSEWHERE,
    answer_of,
    ask,
    errors_of,
    get_job,
    go_to,
)
from drift_detector.screens.schedule_form import ScheduleForm
from drift_detector.screens.screen import Screen
from drift_detector.screens.wizard.column_rows import (
    MOST_SHOWN,
    Choice,
    choice_of_fields,
    choice_of_form,
    column_rows,
    first_choice,
)
from drift_detector.screens.wizard.guesses import Guess, guess
from drift_detector.screens.wizard.monitor_form import (
    MonitorForm,
    first_values,
    is_of_this_form,
    values_of_body,
)
from drift_detector.screens.wizard.wizard_steps import steps, trail
from drift_detector.tenancy.models import Quota
from drift_detector.tenancy.quotas import check_room
from monitors.jobs.sampled_values import forget_values
from monitors.models import Job, Monitor

REMEMBERED = "new_monitor"
"""The session's name for the last check of each sample, so that the back button loses nothing."""
MOST_REMEMBERED = 5


class ColumnsPage(Screen):
    """Shows a sample, and takes what is chosen of it."""

    template_name = "screens/wizard/columns.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        job = get_job(self.kwargs["sample_id"], Job.Kind.SAMPLE)
        shown: dict[str, Any] = {
            "title": "New monitor",
            "trail": trail(),
            "steps": steps(2),
            "job": job,
            "place": job.fields["place"],
            "errors": [reason for reasons in errors_of(job).values() for reason in reasons],
        }
        if job.status == Job.Status.SUCCEEDED:
            shown |= kwargs.pop("filled", None) or self._filled(answer_of(job))
        return super().get_context_data(**(shown | kwargs))

    def _filled(self, sample: dict[str, Any]) -> dict[str, Any]:
        """The form as it was sent before, else as it is guessed."""
        guessed, before = guess(sample), self._job_before()
        if before is None:
            values = first_values(guessed, free_name(guessed.name))
            return _shown(
                sample, guessed, MonitorForm(initial=values, sample=sample), first_choice(guessed)
            )
        errors = errors_of(before)
        values, choice = values_of_body(before.fields), choice_of_fields(before.fields)
        form = MonitorForm(values if errors else None, initial=values, sample=sample)
        if errors:
            form.is_valid()
            form.show(errors)
        return _shown(sample, guessed, form, choice)

    def _job_before(self) -> Job | None:
        """The job that was asked for with an earlier state of this form."""
        remembered = self.request.session.get(REMEMBERED, {})
        job_id = self.request.GET.get("from") or remembered.get(str(self.kwargs["sample_id"]))
        try:
            known = UUID(str(job_id)) if job_id else None
        except ValueError:
            return None
        kinds = (Job.Kind.PREVIEW, Job.Kind.CREATE_MONITOR)
        job = Job.objects.filter(id=known, kind__in=kinds).first() if known else None
        return job if job is not None and is_of_this_form(job.fields) else None

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Check the form as the API does, and ask for the power card of what it says."""
        job = get_job(self.kwargs["sample_id"], Job.Kind.SAMPLE)
        sample = answer_of(job)
        guessed = guess(sample)
        choice = choice_of_form(request.POST, sample, guessed)
        form = MonitorForm(request.POST, sample=sample)
        preview = self._ask(request, form, choice, job)
        if preview is None:
            filled = _shown(sample, guessed, form, choice)
            return self.render_to_response(self.get_context_data(filled=filled))
        self._remember(preview)
        return go_to(request, "new_monitor_check", job.id, preview.id)

    def _ask(
        self, request: HttpRequest, form: MonitorForm, choice: Choice, sampled: Job
    ) -> Job | None:
        body = form.check(choice)
        if body is None:
            return None
        check_room(Quota.BYTES_READ)
        try:
            preview = ask(request, Job.Kind.PREVIEW, body)
        except ValidationError as error:
            form.show({ELSEWHERE: error.messages})
            return None
        forget_values(places=[sampled.fields["place"]], columns=choice.sensitive)
        return preview

    def _remember(self, preview: Job) -> None:
        known = dict(self.request.session.get(REMEMBERED, {}))
        known.pop(str(self.kwargs["sample_id"]), None)
        known[str(self.kwargs["sample_id"])] = str(preview.id)
        self.request.session[REMEMBERED] = dict([*known.items()][-MOST_REMEMBERED:])


def _shown(
    sample: dict[str, Any], guessed: Guess, form: MonitorForm, choice: Choice
) -> dict[str, Any]:
    rows = column_rows(sample, guessed, choice)
    hidden = sample["columns"][MOST_SHOWN:]
    return {
        "sample": sample,
        "form": form,
        "rows": rows,
        "hidden": counted(len(hidden), "column") if hidden else "",
        "ticked": sum(row.is_feature for row in rows),
        "zones": sorted(zone_names()),
        "schedule": form.next_times,
        "dialect": _dialect(sample["csv_dialect"]),
        "has_advanced_errors": any(form.errors.get(name) for name in ADVANCED),
    }


ADVANCED = ("data_timezone", "current_data_uri", "methods", "slices", "model_id", "positive_label")


def _dialect(dialect: dict[str, str]) -> str:
    """The way in which CSV is read, where it is not the usual one."""
    delimiters = {";": "semicolons", "\t": "tabs", "|": "pipes"}
    words = []
    if "delimiter" in dialect:
        words.append(f"values divided by {delimiters[dialect['delimiter']]}")
    if "decimal" in dialect:
        words.append("decimal commas")
    if "encoding" in dialect:
        words.append(f"the encoding {dialect['encoding']}")
    return ", ".join(words)


def free_name(name: str) -> str:
    """The name, with a number if another monitor has it."""
    taken = set(Monitor.objects.filter(name__startswith=name).values_list("name", flat=True))
    numbered = (f"{name} {number}" for number in range(2, len(taken) + 3))
    return next(each for each in (name, *numbered) if each not in taken)


class SchedulePart(Screen):
    """The words and the next times of a schedule, while it is chosen."""

    template_name = "screens/wizard/_schedule.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        form = ScheduleForm(self.request.GET or QueryDict("every=day&timezone=UTC"))
        return {"schedule": form.next_times}
