"""Declares the query parameters of a handler, refuses all others, and documents them."""

from collections.abc import Callable, Iterable
from typing import Any, cast

from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView

from drift_detector.api.fields import STORABLE_TEXT
from drift_detector.api.names import unknown_names
from drift_detector.api.pagination import LARGEST_PAGE, orderings

CURSOR = OpenApiParameter(
    "cursor",
    {"type": "string", "format": "cursor", "minLength": 1},
    description="The page, as `next` and `previous` name it.",
)
PAGE_SIZE = OpenApiParameter(
    "page_size",
    {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": 50},
    description=f"Rows of a page: 1 to {LARGEST_PAGE}.",
)
PAGING = (CURSOR, PAGE_SIZE)


def name_schema(longest: int) -> dict[str, Any]:
    """The JSON Schema of a name, without the character NUL, up to a length."""
    return {"type": "string", "minLength": 1, "maxLength": longest, "pattern": STORABLE_TEXT}


def takes_query[F: Callable[..., Any]](*parameters: OpenApiParameter) -> Callable[[F], F]:
    """Declare the query parameters of a handler."""

    def declare(handler: F) -> F:
        cast("Any", handler).query_parameters = parameters
        return handler

    return declare


def check_query(view: APIView, request: Request) -> None:
    """Refuse query parameters that the handler does not know, that come twice, or that are empty.

    Raises:
        ValidationError: By parameter.
    """
    known = known_parameters(view, request.method or "")
    wrong = unknown_names(request.query_params, known, what="query parameter")
    for name, values in request.query_params.lists():
        if name in known and (reason := _wrong_values(name, values)):
            wrong[name] = reason
    if wrong:
        raise ValidationError({name: [reason] for name, reason in wrong.items()})


def _wrong_values(name: str, values: list[str]) -> str:
    """The reason why a parameter's values are refused; empty if they are not."""
    if len(values) > 1:
        return f"{name} must be given once."
    return "" if values[0] else f"{name} must not be empty."


def known_parameters(view: APIView, method: str) -> set[str]:
    """The names of all query parameters of a view's handler: its own, filters, and paging."""
    names = {each.name for each in documented_parameters(view, method)}
    filters = getattr(view, "filterset_class", None)
    if _is_list(view) and filters:
        names |= set(filters.base_filters)
    return names


def documented_parameters(view: APIView, method: str) -> list[OpenApiParameter]:
    """The parameters of a view's handler without the filters: those that it declares, and paging."""
    handler = getattr(view, getattr(view, "action", None) or method.lower(), None)
    declared: Iterable[OpenApiParameter] = getattr(handler, "query_parameters", ())
    parameters = [*(PAGING if _is_list(view) else ()), *declared]
    return [*parameters, _ordering(view)] if CURSOR in parameters else parameters


def _ordering(view: APIView) -> OpenApiParameter:
    schema = {"type": "string", "enum": orderings(view)}
    words = "The field to order by; with `-` before it, descending."
    return OpenApiParameter("ordering", schema, description=words)


def _is_list(view: APIView) -> bool:
    return getattr(view, "action", None) == "list"
