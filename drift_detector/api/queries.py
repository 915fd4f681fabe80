"""Declares the query parameters of a handler, refuses all others, and documents them."""

from collections.abc import Callable, Iterable
from typing import Any, cast

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.views import APIView

from drift_detector.api.names import unknown_names

CURSOR = OpenApiParameter("cursor", str, description="The page, as `next` and `previous` name it.")
PAGE_SIZE = OpenApiParameter("page_size", int, description="Rows of a page: 1 to 200.")
ORDERING = OpenApiParameter(
    "ordering", str, description="The field to order by; with `-` before it, descending."
)
PAGING = (CURSOR, PAGE_SIZE, ORDERING)


def takes_query[F: Callable[..., Any]](*parameters: OpenApiParameter) -> Callable[[F], F]:
    """Declare the query parameters of a handler."""

    def declare(handler: F) -> F:
        cast("Any", handler).query_parameters = parameters
        return handler

    return declare


def check_query(view: APIView, request: Request) -> None:
    """Refuse query parameters that the handler does not know, or that come twice.

    Raises:
        ValidationError: By parameter.
    """
    known = known_parameters(view, request.method or "")
    sent = request.query_params
    wrong = unknown_names(sent, known, what="query parameter")
    wrong |= {
        name: f"{name} must be given once."
        for name, values in sent.lists()
        if len(values) > 1 and name in known
    }
    if wrong:
        raise ValidationError({name: [reason] for name, reason in wrong.items()})


def known_parameters(view: APIView, method: str) -> set[str]:
    """The names of all query parameters of a view's handler: its own, filters, and paging."""
    names = {each.name for each in _declared(view, method)}
    if _is_list(view):
        names |= {each.name for each in PAGING}
        filters = getattr(view, "filterset_class", None)
        names |= set(filters.base_filters) if filters else set()
    return names


def _declared(view: APIView, method: str) -> Iterable[OpenApiParameter]:
    handler = getattr(view, method.lower(), None)
    declared: Iterable[OpenApiParameter] = getattr(handler, "query_parameters", ())
    return declared


def _is_list(view: APIView) -> bool:
    return getattr(view, "action", None) == "list"


class QuerySchema(AutoSchema):
    """Documents what `takes_query` declares."""

    def get_override_parameters(self) -> list[Any]:
        ordering = [ORDERING] if _is_list(self.view) else []
        return [*super().get_override_parameters(), *_declared(self.view, self.method), *ordering]
