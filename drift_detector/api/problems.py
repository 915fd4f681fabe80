"""Renders every error as RFC 9457 problem details, with the field and the reason."""

import sys
from collections.abc import Iterable, Iterator
from math import ceil
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.urls import reverse
from django.utils import timezone
from psycopg.errors import QueryCanceled
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError, ValidationError
from rest_framework.fields import get_error_detail

from drift_detector.api.problem_documents import MEDIA_TYPE, problem
from drift_detector.tenancy.quotas import OverQuota, QuotaStanding
from drift_detector.tenancy.site import error_page

log = structlog.get_logger(__name__)

EXPIRED_FORM = "The form is too old, or the browser takes no cookies. Go back, load the page again and repeat it."

PROBLEM_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "quota": {
            "type": "object",
            "description": "Of an answer 429: the quota that has no room. Without `until`, some must be removed.",
            "required": ["quota", "limit", "used", "until"],
            "properties": {
                "quota": {"type": "string"},
                "limit": {"type": "integer"},
                "used": {"type": "integer"},
                "until": {"type": ["string", "null"], "format": "date-time"},
            },
        },
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "reason"],
                "properties": {"field": {"type": "string"}, "reason": {"type": "string"}},
            },
        },
    },
}
MEANINGS = {
    400: "The body, a field or a query parameter is wrong. Nothing was written.",
    401: "There is no valid key or session.",
    403: "The scope that the operation needs is missing; `detail` names it.",
    404: "There is no such object in your tenant.",
    406: "The answer cannot have a media type of `Accept`.",
    409: "The request conflicts with the state.",
    411: "The body has no length, and comes through a server that does not mark its end.",
    413: "The body is larger than the limit of the service.",
    415: "The media type of the body is not one that the path takes.",
    429: "A limit of requests or a quota is used up; `detail` says which, and until when. Nothing was written.",
    500: "The fault is ours, and it is logged.",
    503: "The database took too long, or is away. The request can be sent again.",
}
HEADERS: dict[str, Any] = {
    "RateLimit-Policy": {
        "description": "The limits that the request falls under: `q` requests in `w` seconds; by "
        "draft-ietf-httpapi-ratelimit-headers-11.",
        "schema": {"type": "string"},
        "example": '"key";q=6000;w=60, "tenant";q=12000;w=60',
    },
    "RateLimit": {
        "description": "Of each limit, the requests `r` that have room now, and the seconds `t` until all of it, or "
        "the next request, has room again.",
        "schema": {"type": "string"},
        "example": '"key";r=5999;t=1, "tenant";r=11998;t=1',
    },
    "Retry-After": {
        "description": "Seconds until the request has room. A quota that no time ends has none.",
        "schema": {"type": "integer", "minimum": 0},
    },
}
RATE_HEADERS = {
    name: {"$ref": f"#/components/headers/{name}"} for name in ("RateLimit-Policy", "RateLimit")
}
RETRY_HEADERS = {"Retry-After": {"$ref": "#/components/headers/Retry-After"}}
COMPONENTS = {
    f"Problem{status}": {
        "description": meaning,
        "headers": RATE_HEADERS | RETRY_HEADERS if status == 429 else RATE_HEADERS,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, meaning in MEANINGS.items()
}
CONFLICT: dict[tuple[int, str], Any] = {
    (409, MEDIA_TYPE): {"$ref": "#/components/schemas/Problem"},
}
"""The answers of an operation that can conflict with the state, for `extend_schema`."""


class Unavailable(APIException):
    """The database cancelled a statement that took too long, or cannot be reached."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_code = "unavailable"


class Conflict(APIException):
    """The request is valid, but conflicts with the current state."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


class PayloadTooLarge(APIException):
    """The body is larger than the limit of the service."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "payload_too_large"


class QuotaUsedUp(APIException):
    """A tenant's quota has no room; `wait` becomes `Retry-After`."""

    status_code = status.HTTP_429_TOO_MANY_REQUESTS
    default_code = "over_quota"

    def __init__(self, standing: QuotaStanding, detail: str) -> None:
        super().__init__(detail)
        self.standing = standing
        if standing.until:
            self.wait = max(1, ceil((standing.until - timezone.now()).total_seconds()))


def describe_quota(standing: QuotaStanding) -> dict[str, Any]:
    """A quota as the API shows it."""
    until = standing.until.isoformat().replace("+00:00", "Z") if standing.until else None
    return {
        "quota": standing.quota.value,
        "limit": standing.limit,
        "used": standing.used,
        "until": until,
    }


def handle_exception(error: Exception, context: dict[str, Any]) -> JsonResponse:
    """Answer with a problem document; DRF's exception handler.

    It is JSON whatever the view renders: the OpenAPI document is YAML, too, and its page HTML.
    """
    from rest_framework.views import exception_handler  # imports parsers, and they this module

    error = _as_known_to_drf(error)
    response = exception_handler(error, context)
    if response is None:
        return _unexpected(context)
    detail, errors = _explain(error)
    document = problem(response.status_code, _utf8(detail), errors)
    if isinstance(error, QuotaUsedUp):
        document["quota"] = describe_quota(error.standing)
    return _json(document, headers=dict(response.items()))


def problem_of(error: Exception) -> dict[str, Any] | None:
    """The problem document of a refusal, for an answer that is given later.

    Returns:
        None for an error that refuses nothing, as it is a fault of ours.
    """
    known = _as_known_to_drf(error)
    if not isinstance(known, APIException):
        return None
    detail, errors = _explain(known)
    return problem(known.status_code, _utf8(detail), errors)


def _as_known_to_drf(error: Exception) -> Exception:
    """The error as DRF would raise it, for those of Django and of the database."""
    if isinstance(error, DjangoValidationError):  # services raise it
        return ValidationError(get_error_detail(error))
    if isinstance(error, RequestDataTooBig):
        return PayloadTooLarge("The body is larger than the limit of the service.")
    if isinstance(error, UnreadablePostError):
        return ParseError("The body ends early, or its chunks are malformed.")
    if isinstance(error, OverQuota):
        return QuotaUsedUp(error.standing, str(error))
    if isinstance(error, OperationalError):
        return Unavailable(reason_unavailable(error))
    return error


def reason_unavailable(error: OperationalError) -> str:
    """A sentence about a statement that was cancelled, or about a database that is away; it is logged, too."""
    log.warning("database_unavailable", error=str(error))
    if isinstance(error.__cause__, QueryCanceled):
        return "The database took too long to answer; ask for less, or try again later."
    return "The database cannot be reached; try again later."


def _unexpected(context: dict[str, Any]) -> JsonResponse:
    log.exception("request_failed", path=context["request"].path)
    return _json(problem(500, "Something went wrong on our side; it has been logged."))


def _json(document: dict[str, Any], headers: dict[str, str] | None = None) -> JsonResponse:
    further = {name: value for name, value in (headers or {}).items() if name != "Content-Type"}
    return JsonResponse(
        document,
        status=document["status"],
        content_type=MEDIA_TYPE,
        headers=further,
        json_dumps_params={"ensure_ascii": False},
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404 with a page in the admin and a problem elsewhere; Django's handler404."""
    if _is_for_people(request):
        nothing = "There is nothing at this address, or it belongs to another tenant."
        return error_page(request, 404, _said(exception) or nothing)
    return _problem_response(404, f"There is nothing at {request.path}.")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403 with a page in the admin and a problem elsewhere; Django's handler403."""
    said = _said(exception) if _is_for_people(request) else ""
    return page_or_problem(request, 403, said or "This is not allowed.")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer 403 to a form without a valid token; Django's `CSRF_FAILURE_VIEW`."""
    log.warning("csrf_refused", reason=reason)
    return page_or_problem(request, 403, EXPIRED_FORM)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500, or 503 where the database cancelled or is away; Django's handler500."""
    error = sys.exception()
    if isinstance(error, OperationalError):
        return page_or_problem(request, 503, reason_unavailable(error))
    return page_or_problem(request, 500, "Something went wrong on our side; it has been logged.")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 400; Django's handler400."""
    reason = str(exception or "") if _is_for_people(request) else ""
    return page_or_problem(request, 400, reason or "The request could not be read.")


def _said(exception: Exception) -> str:
    """The sentence of an error of ours; Django's own are of its resolver and of its models."""
    said = exception.args[0] if exception.args else ""
    is_ours = isinstance(said, str) and not said.endswith("matches the given query.")
    return said if is_ours else ""


def _is_for_people(request: HttpRequest) -> bool:
    return request.path.startswith(reverse("admin:index"))


def page_or_problem(request: HttpRequest, code: int, reason: str) -> HttpResponse:
    """A page in the admin, a problem elsewhere."""
    if _is_for_people(request):
        return error_page(request, code, reason)
    return _problem_response(code, reason)


def _problem_response(code: int, detail: str) -> JsonResponse:
    return _json(problem(code, detail))


def problem_reference(status: int) -> dict[str, str]:
    """The reference to the documented problem of a status."""
    return {"$ref": f"#/components/responses/Problem{status}"}


def _explain(error: Exception) -> tuple[str, list[dict[str, str]]]:
    if isinstance(error, ValidationError):
        errors = list(_flatten(error.detail))
        sentences = [f"{each['field']}: {each['reason']}" for each in errors]
        return "; ".join(sentences), errors
    if isinstance(error, Http404):
        return "There is no such object.", []
    if isinstance(error, PermissionDenied):
        return "This is not allowed.", []
    return str(getattr(error, "detail", error)), []


def _flatten(detail: Any, path: str = "") -> Iterator[dict[str, str]]:
    members = _members(detail)
    if members is None:
        yield from _reasons(detail, path)
        return
    for name, inner in members:
        yield from _flatten(inner, _path_of(path, name))


def _members(detail: Any) -> Iterable[tuple[str | int, Any]] | None:
    """The errors of an object's fields or of a list's items; None where the reasons are given."""
    if isinstance(detail, dict):
        return detail.items()
    if isinstance(detail, list) and any(isinstance(inner, dict | list) for inner in detail):
        return enumerate(detail)
    return None


def _reasons(detail: Any, path: str) -> Iterator[dict[str, str]]:
    field = _utf8(path or "body")
    for reason in detail if isinstance(detail, list) else [detail]:
        yield {"field": field, "reason": _utf8(str(reason))}


def _path_of(path: str, name: str | int) -> str:
    # DRF keys the items of a list by their number.
    step = f"[{name}]" if isinstance(name, int) else f".{name}"
    return f"{path}{step}".removeprefix(".")


def _utf8(text: str) -> str:
    """Replace lone surrogates: a reason can quote them from the request, but UTF-8 cannot hold them."""
    return text.encode(errors="replace").decode()
