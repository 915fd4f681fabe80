"""One shape for every error: RFC 9457 problem details, with the field and the reason."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied
from django.core.exceptions import ValidationError as DjangoValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.views.defaults import page_not_found
from rest_framework import status
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.fields import get_error_detail
from rest_framework.response import Response
from rest_framework.views import exception_handler

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"


class Conflict(APIException):
    """The request is right by itself, but not in the state things are in."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"


class PayloadTooLarge(APIException):
    """The body is larger than the service takes."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "payload_too_large"


def handle_exception(error: Exception, context: dict[str, Any]) -> Response:
    """DRF's exception handler: the answer is a problem document."""
    if isinstance(error, DjangoValidationError):  # what services raise
        error = ValidationError(get_error_detail(error))
    response = exception_handler(error, context)
    if response is None:
        log.exception("request_failed", path=context["request"].path)
        return Response(
            problem(500, "Something went wrong on our side; it has been logged."),
            500,
            content_type=MEDIA_TYPE,
        )
    detail, errors = _explain(error)
    detail = _utf8(detail)
    response.data = problem(response.status_code, detail, errors)
    response.content_type = MEDIA_TYPE
    return response


def problem(code: int, detail: str, errors: list[dict[str, str]] | None = None) -> dict[str, Any]:
    """The document itself; `errors` has one entry per field that is wrong."""
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(code).phrase,
        "status": code,
    }
    document["detail"] = detail
    if errors:
        document["errors"] = errors
    return document


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404: people in the admin get a page, everybody else a problem."""
    if request.path.startswith(reverse("admin:index")):
        return page_not_found(request, exception)
    return JsonResponse(
        problem(404, f"There is nothing at {request.path}."), status=404, content_type=MEDIA_TYPE
    )


def server_error(request: HttpRequest) -> JsonResponse:
    """Django's handler500."""
    return JsonResponse(
        problem(500, "Something went wrong on our side."), status=500, content_type=MEDIA_TYPE
    )


def bad_request(request: HttpRequest, exception: Exception | None = None) -> JsonResponse:
    """Django's handler400."""
    return JsonResponse(
        problem(400, "The request could not be read."), status=400, content_type=MEDIA_TYPE
    )


def document_problems(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """drf-spectacular hook: every operation may answer with a problem."""
    schema = {
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
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = schema
    answer = {
        "description": "What is wrong, and with which field.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for path in result.get("paths", {}).values():
        for operation in path.values():
            operation["responses"].setdefault("4XX", answer)
    return result


def _explain(error: Exception) -> tuple[str, list[dict[str, str]]]:
    if isinstance(error, ValidationError):
        errors = list(_flatten(error.detail))
        return "; ".join(f"{each['field']}: {each['reason']}" for each in errors), errors
    if isinstance(error, Http404):
        return "There is no such object.", []
    if isinstance(error, PermissionDenied):
        return "This is not allowed.", []
    return str(getattr(error, "detail", error)), []


def _flatten(detail: Any, path: str = "") -> Iterator[dict[str, str]]:
    if isinstance(detail, dict):
        for name, inner in detail.items():
            step = (
                f"[{name}]" if isinstance(name, int) else f".{name}"
            )  # DRF keys the items of a list by number
            yield from _flatten(inner, f"{path}{step}".removeprefix("."))
    elif isinstance(detail, list) and any(isinstance(inner, dict | list) for inner in detail):
        for index, inner in enumerate(detail):
            yield from _flatten(inner, f"{path}[{index}]")
    else:
        reasons = detail if isinstance(detail, list) else [detail]
        yield from (
            {"field": _utf8(path or "body"), "reason": _utf8(str(reason))} for reason in reasons
        )


def _utf8(text: str) -> str:
    """Reasons quote what was sent, and JSON can bring lone surrogates, which no answer can hold."""
    return text.encode(errors="replace").decode()
