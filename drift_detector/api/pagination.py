"""Cursor pages: `{next, previous, results}`."""

from rest_framework.pagination import CursorPagination


class NewestFirst(CursorPagination):
    """Newest rows first; the id makes the order total, so no row is skipped or doubled between pages."""

    ordering = ("-created_at", "-id")
    page_size_query_param = "page_size"
    max_page_size = 200
