"""Cursor pages: `{next, previous, results}`."""

from typing import Any

from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import CursorPagination

from drift_detector.api.names import unknown_names

LARGEST_PAGE = 200


class NewestFirst(CursorPagination):
    """Newest rows first, or as `ordering` asks; rows that are equal are ordered by their id.

    A view names the fields that it can be ordered by in `ordering_fields`; none of them may be null.
    """

    ordering = ("-created_at", "-id")
    page_size_query_param = "page_size"
    max_page_size = LARGEST_PAGE

    def get_ordering(self, request: Any, queryset: Any, view: Any) -> tuple[str, ...]:
        wanted = request.query_params.get("ordering")
        if wanted is None:
            return self.ordering
        if unknown := unknown_names([wanted], orderings(view), what="ordering"):
            raise ValidationError({"ordering": [unknown[wanted]]})
        return (wanted, "-id" if wanted.startswith("-") else "id")

    def get_page_size(self, request: Any) -> int | None:
        text = request.query_params.get("page_size")
        if text is None:
            return self.page_size
        if not _is_page_size(text):
            reason = (
                f"page_size must be a whole number from 1 to {LARGEST_PAGE}, not {text[:20]!r}."
            )
            raise ValidationError({"page_size": [reason]})
        return int(text)

    def decode_cursor(self, request: Any) -> Any:
        try:
            cursor = super().decode_cursor(request)
        except NotFound as error:
            raise _bad_cursor() from error
        if cursor is not None and "\0" in str(cursor.position or ""):
            raise _bad_cursor()
        return cursor


def orderings(view: Any) -> list[str]:
    """The values that `ordering` takes in the lists of a view."""
    fields = getattr(view, "ordering_fields", ("created_at",))
    return [f"{sign}{field}" for field in fields for sign in ("", "-")]


def _is_page_size(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= LARGEST_PAGE


def _bad_cursor() -> ValidationError:
    return ValidationError({"cursor": ["cursor must be one that `next` or `previous` names."]})
