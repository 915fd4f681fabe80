"""The first step: where the data is. A worker lists folders and prefixes."""

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse

from drift_detector.screens.asking import (
    answer_of,
    ask,
    errors_of,
    get_job,
    go_to,
)
from drift_detector.screens.screen import Screen
from drift_detector.screens.wizard.wizard_steps import steps, trail
from drift_detector.tenancy.models import Quota
from drift_detector.tenancy.quotas import check_room
from monitors.models import Job
from monitors.sources import is_storable

LONGEST_PLACE = 1000
UNITS = ("B", "kB", "MB", "GB", "TB")


class PlacePage(Screen):
    """Lists a place, and takes the one that is chosen."""

    template_name = "screens/wizard/place.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        job = (
            get_job(self.kwargs["listing_id"], Job.Kind.BROWSE)
            if "listing_id" in self.kwargs
            else None
        )
        found = answer_of(job) if job and job.status == Job.Status.SUCCEEDED else None
        errors = errors_of(job) if job else {}
        shown = {
            "title": "New monitor",
            "trail": trail(),
            "steps": steps(1),
            "job": job,
            "place": job.fields["place"] if job else "",
            "listing": found,
            "entries": [_entry(each) for each in found["entries"]] if found else [],
            "crumbs": list(_crumbs(found["place"])) if found else [],
            "errors": [reason for reasons in errors.values() for reason in reasons],
        }
        return super().get_context_data(**(shown | kwargs))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Look into a place, or use it."""
        is_look = "look" in request.POST
        place = request.POST.get("look" if is_look else "use") or request.POST.get("place", "")
        place = place.strip()
        try:
            return self._look(request, place) if is_look else self._use(request, place)
        except ValidationError as error:
            shown = self.get_context_data(errors=error.messages, place=place, **kwargs)
            return self.render_to_response(shown)

    def _look(self, request: HttpRequest, place: str) -> HttpResponse:
        _check_place(place)
        job = ask(request, Job.Kind.BROWSE, {"place": place})
        return go_to(request, "new_monitor_place", job.id)

    def _use(self, request: HttpRequest, place: str) -> HttpResponse:
        if not place:
            raise ValidationError("Name a file, a folder or a pattern of files.")
        _check_place(place)
        check_room(Quota.BYTES_READ)
        job = ask(request, Job.Kind.SAMPLE, {"place": place, "data_timezone": "UTC"})
        return go_to(request, "new_monitor_columns", job.id)


def _check_place(place: str) -> None:
    if len(place) > LONGEST_PLACE:
        raise ValidationError(f"A place must have at most {LONGEST_PLACE} characters.")
    if not is_storable(place):
        raise ValidationError("A place must hold only characters that can be stored.")


def _entry(entry: dict[str, Any]) -> dict[str, Any]:
    size = entry["size"]
    return {**entry, "size": "" if size is None else _size(size)}


def _size(size: float) -> str:
    """Bytes in the largest unit that leaves a whole number: `12 kB`."""
    for unit in UNITS[:-1]:
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} {UNITS[-1]}"


def _crumbs(place: str) -> Iterator[str]:
    yield from (part for part in place.split("/") if part)
