"""Renders every error as RFC 9457 problem details, with the field and the reason."""

from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.core.exceptions import ValidationError as DjangoValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.urls import reverse
from django.views.defaults import page_not_found
from rest_framework import status
from rest_framework.exceptions import APIException, ParseError, ValidationError
from rest_framework.fields import get_error_detail
from rest_framework.response import Response
from rest_framework.views import exception_handler

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
PROBLEM_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
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
PROBLEM_ANSWER = {
    "description": "What is wrong, and with which field.",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


class Conflict(APIException):
    """The request is valid, but conflicts with the current state."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


class PayloadTooLarge(APIException):
    """The body is larger than the limit of the service."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "payload_too_large"


def handle_exception(error: Exception, context: dict[str, Any]) -> Response:
    """Answer with a problem document; DRF's exception handler."""
    if isinstance(error, DjangoValidationError):  # services raise it
        error = ValidationError(get_error_detail(error))
    elif isinstance(error, RequestDataTooBig):
        error = PayloadTooLarge("The body is larger than the limit of the service.")
    elif isinstance(error, UnreadablePostError):
        error = ParseError("The body ends early, or its chunks are malformed.")
    response = exception_handler(error, context)
    if response is None:
        return _unexpected(context)
    detail, errors = _explain(error)
    response.data = problem(response.status_code, _utf8(detail), errors)
    response.content_type = MEDIA_TYPE
    return response


def _unexpected(context: dict[str, Any]) -> Response:
    log.exception("request_failed", path=context["request"].path)
    document = problem(500, "Something went wrong on our side; it has been logged.")
    return Response(document, 500, content_type=MEDIA_TYPE)


def problem(code: int, detail: str, errors: list[dict[str, str]] | None = None) -> dict[str, Any]:
    """Build a problem document.

    Args:
        code: The HTTP status.
        detail: The explanation for people.
        errors: One entry per wrong field.
    """
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(code).phrase,
        "status": code,
        "detail": detail,
    }
    if errors:
        document["errors"] = errors
    return document


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404 with a page in the admin and a problem elsewhere; Django's handler404."""
    if request.path.startswith(reverse("admin:index")):
        return page_not_found(request, exception)
    return _problem_response(404, f"There is nothing at {request.path}.")


def server_error(request: HttpRequest) -> JsonResponse:
    """Answer 500 with a problem; Django's handler500."""
    return _problem_response(500, "Something went wrong on our side.")


def bad_request(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
    """Answer 400 with a problem; Django's handler400."""
    return _problem_response(400, "The request could not be read.")


def _problem_response(code: int, detail: str) -> JsonResponse:
    return JsonResponse(problem(code, detail), status=code, content_type=MEDIA_TYPE)


def document_problems(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add the problem document to every operation; a hook of drf-spectacular."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM_SCHEMA
    for path in result.get("paths", {}).values():
        for operation in path.values():
            operation["responses"].setdefault("4XX", PROBLEM_ANSWER)
    return result


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
