"""Asks workers for what the pages of settings show, and reads their answers."""

import json
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse

from drift_detector.tenancy.admin import actor
from drift_detector.throttling.request_throttle import Throttled
from monitors.jobs import services as jobs
from monitors.models import Job

SEE_OTHER = 303
ELSEWHERE = "__all__"
"""The field of an error that no field of the form is about, as Django's forms name it."""

type Errors = dict[str, list[str]]


def ask(request: HttpRequest, kind: Job.Kind, fields: Mapping[str, Any], **about: UUID) -> Job:
    """Ask a worker, in the name of the signed-in person.

    Raises:
        ValidationError: If too many of the tenant's jobs have no answer yet.
    """
    try:
        return jobs.request_job(kind=kind, fields=fields, requested_by=actor(request), **about)
    except Throttled as error:
        raise ValidationError(str(error.detail)) from error


def get_job(job_id: UUID, *kinds: Job.Kind) -> Job:
    """A job of one of these kinds, or 404."""
    return get_object_or_404(Job, id=job_id, kind__in=kinds)


def answer_of(job: Job) -> dict[str, Any]:
    """The body of a job's answer."""
    answer: dict[str, Any] = json.loads(job.answer) if job.answer else {}
    return answer


def errors_of(job: Job) -> Errors:
    """The errors of a failed job by field, in the service's words."""
    if job.status != Job.Status.FAILED:
        return {}
    document = answer_of(job)
    found: Errors = {}
    for each in document.get("errors", []):
        found.setdefault(each["field"], []).append(each["reason"])
    return found or {ELSEWHERE: [document.get("detail", "Something went wrong.")]}


def go_to(request: HttpRequest, name: str, *args: Any, query: str = "") -> HttpResponse:
    """Lead to another page, also from a request by which htmx looks whether a part of this one is there."""
    address = reverse(f"screens:{name}", args=args) + (f"?{query}" if query else "")
    if request.method == "GET" and request.headers.get("HX-Request"):
        return HttpResponse(headers={"HX-Redirect": address})
    answer = HttpResponseRedirect(address)
    answer.status_code = SEE_OTHER
    return answer


def flat_errors(errors: Mapping[str, Any]) -> Errors:
    """The reasons of a serializer by field, also of those that lie in lists and objects."""
    return {name: list(_reasons(found)) for name, found in errors.items()}


def _reasons(found: Any) -> Iterator[str]:
    if not isinstance(found, dict | list):
        yield str(found)
        return
    for each in found.values() if isinstance(found, dict) else found:
        yield from _reasons(each)
