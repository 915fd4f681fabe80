"""Cursor pages: `{next, previous, results}`."""

from rest_framework.pagination import CursorPagination


class NewestFirst(CursorPagination):
    """Newest rows first; the id makes the order of rows that were made at one instant certain."""

    ordering = ("-created_at", "-id")
    page_size_query_param = "page_size"
    max_page_size = 200
