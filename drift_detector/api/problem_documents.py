"""The documents and pages that explain errors; they need no part of DRF."""

from http import HTTPStatus
from typing import Any

MEDIA_TYPE = "application/problem+json"
PAGE = (
    '<!doctype html><html lang="en"><head><title>{title}</title></head><body>'
    '<h1>{title}</h1><p>{reason}</p><p><a href="{back}">Back to the admin</a></p></body></html>'
)


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
