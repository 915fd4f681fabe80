"""Adds details to the list of detections, on request, without the values of sensitive features."""

from collections.abc import Collection, Mapping
from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from algorithms.sensitive import KEPT
from detections.models import Detection
from drift_detector.api.pagination import NewestFirst

DETAILS = "details"
INCLUDE = OpenApiParameter(
    "include", enum=[DETAILS], description="Add the details; a page has at most 50 rows then."
)
HEAVY = (DETAILS, "slices")
"""The columns of a detection that lists leave out unless they are asked for."""
LARGEST_PAGE = 50
"""A detection of 300 features has details of 200 kB."""
HIDDEN = ("reference_summary", "current_summary", "fault")
MEASURED = ("ok", "drift", "insufficient_data", "no_data")


def includes_details(request: Request) -> bool:
    """True if a list of detections is asked for with details.

    Raises:
        ValidationError: If something else is asked for.
    """
    text = request.query_params.get("include")
    if text is None:
        return False
    if text != DETAILS:
        raise ValidationError({"include": [f"include must be {DETAILS}, not {text[:20]!r}."]})
    return True


class PagesWithDetails(NewestFirst):
    """Pages that are shorter where rows have details."""

    def get_page_size(self, request: Any) -> int | None:
        size = super().get_page_size(request)
        return min(size or LARGEST_PAGE, LARGEST_PAGE) if includes_details(request) else size


class DetailsField(serializers.ListField):
    """The details of a detection; also those of older runs lose the values of sensitive features."""

    def __init__(self, column: str = DETAILS, **options: Any) -> None:
        self.column = column
        super().__init__(child=serializers.DictField(), read_only=True, **options)

    def get_attribute(self, instance: Detection) -> Any:
        """The details of a detection that was read with its monitor."""
        return hide_values(getattr(instance, self.column), instance.monitor.sensitive_features)


def hide_values(
    details: Collection[Mapping[str, Any]], sensitive: Collection[str]
) -> list[Mapping[str, Any]]:
    """Stored details without the values of sensitive features."""
    hidden = frozenset(sensitive)
    return [_hidden(each) if each.get("feature") in hidden else each for each in details]


def _hidden(detail: Mapping[str, Any]) -> Mapping[str, Any]:
    explanation: Mapping[str, Any] = detail.get("explanation") or {}
    kept = {name: each for name, each in explanation.items() if name in KEPT}
    is_measured = detail.get("verdict") in MEASURED and "change" not in kept
    reason = detail.get("reason", "") if is_measured else ""
    return {**detail, **dict.fromkeys(HIDDEN), "explanation": kept, "reason": reason}
